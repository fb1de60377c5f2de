//! The engine's clock, as the client sees it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use seatshift_host::Clock;
use seatshift_partner_center::Timer;

/// A client's timer that runs on the engine's clock.
#[derive(Debug, Clone)]
pub struct ClockTimer(pub Arc<dyn Clock>);

impl Timer for ClockTimer {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX))
    }

    fn is_right(&self) -> bool {
        self.0.is_right()
    }
}
