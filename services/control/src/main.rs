//! `seatshift-control`: the process of the distributed mode around control, with its HTTP API. Any number of it may run.

use std::process::ExitCode;

use seatshift_control::process;
use seatshift_host::Program;
use seatshift_messages::Service;

const PROGRAM: Program = Program {
    service: Service::Control,
    about: "Admits migrations, says what stands, carries out what operators want",
    version: env!("CARGO_PKG_VERSION"),
    check: process::check,
};

fn main() -> ExitCode {
    seatshift_host::main(PROGRAM, process::assemble)
}
