//! Control's valve over the client's quota gate.

use seatshift_control::Valve;
use seatshift_partner_center::TokenBuckets;

/// Pauses and resumes every changing call of this process.
#[derive(Debug, Clone)]
pub struct GateValve(pub TokenBuckets);

impl Valve for GateValve {
    fn pause(&self, drain: bool) {
        if drain { self.0.pause_draining() } else { self.0.pause() }
    }

    fn resume(&self) {
        self.0.resume();
    }
}
