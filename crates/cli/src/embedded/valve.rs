//! Control's valve over the client's quota gate.

use async_trait::async_trait;
use seatshift_control::{Turned, Valve};
use seatshift_partner_center::TokenBuckets;
use seatshift_partner_center::buckets::Mode;

/// Pauses and resumes every changing call of this process.
#[derive(Debug, Clone)]
pub struct GateValve(pub TokenBuckets);

#[async_trait]
impl Valve for GateValve {
    async fn pause(&self, drain: bool) {
        if drain { self.0.pause_draining() } else { self.0.pause() }
    }

    async fn resume(&self) {
        self.0.resume();
    }

    fn stands(&self) -> Option<Turned> {
        Some(match self.0.mode() {
            Mode::Running => Turned::Open,
            Mode::Draining => Turned::Draining,
            Mode::Paused => Turned::Shut,
        })
    }
}
