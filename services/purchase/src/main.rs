//! `seatshift-purchase`: the process of the distributed mode around [`Purchasing`]. Any number of it may run.

use std::process::ExitCode;
use std::sync::Arc;

use seatshift_edge::{Replica, replica};
use seatshift_host::{Horizons, Program, start};
use seatshift_messages::Service;
use seatshift_purchase::{Purchasing, Waits};

const PROGRAM: Program = Program {
    service: Service::Purchase,
    about: "Buys the new subscription, and suspends it again when a migration turns round",
    version: env!("CARGO_PKG_VERSION"),
    check: replica::check,
};

fn main() -> ExitCode {
    seatshift_host::main(PROGRAM, async |base| {
        let edge = Replica::connect(&base).await?;
        let participant = Purchasing::new(edge.client.clone(), Horizons::default(), Waits::default());
        let parts = base.parts(edge.longest_call)?;
        let (_, running) = start(Arc::new(participant), parts, base.stopping.clone());
        Ok(edge.assembly(running))
    })
}
