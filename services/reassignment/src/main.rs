//! `seatshift-reassignment`: the process of the distributed mode around [`Reassigning`]. Any number of it may run.

use std::process::ExitCode;
use std::sync::Arc;

use seatshift_edge::{Replica, replica};
use seatshift_host::{Horizons, Program, start};
use seatshift_messages::Service;
use seatshift_reassignment::Reassigning;

const PROGRAM: Program = Program {
    service: Service::Reassignment,
    about: "Moves each user's license to the new plan, and back when a migration turns round",
    version: env!("CARGO_PKG_VERSION"),
    check: replica::check,
};

fn main() -> ExitCode {
    seatshift_host::main(PROGRAM, async |base| {
        let edge = Replica::connect(&base).await?;
        let participant = Reassigning::new(edge.client.clone(), Horizons::default());
        let parts = base.parts(edge.longest_call)?;
        let (_, running) = start(Arc::new(participant), parts, base.stopping.clone());
        Ok(edge.assembly(running))
    })
}
