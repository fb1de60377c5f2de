//! A bus over RabbitMQ with its sessions.

use std::ops::Deref;
use std::sync::Arc;

use seatshift_bus::{BusState, RabbitBus, RabbitOptions};
use tokio::task::JoinHandle;

/// A bus with its sessions, which end with it.
#[derive(Debug)]
pub(crate) struct Running {
    bus: Arc<RabbitBus>,
    pub(crate) sessions: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(options: RabbitOptions) -> Self {
        let (bus, run) = RabbitBus::start(options).unwrap();
        Running { bus, sessions: tokio::spawn(run) }
    }

    /// Waits until its state is as wished; fails the test after a while.
    pub(crate) async fn until(&self, what: &str, wished: impl Fn(&BusState) -> bool) -> BusState {
        for _ in 0..1_200 {
            let state = self.bus.state();
            if wished(&state) {
                return state;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never {what}: {:?}", self.bus.state());
    }

    pub(crate) async fn ready(options: RabbitOptions) -> Self {
        let running = Self::start(options);
        running.until("ready", BusState::is_ready).await;
        running
    }
}

impl Deref for Running {
    type Target = RabbitBus;

    fn deref(&self) -> &RabbitBus {
        &self.bus
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sessions.abort();
    }
}
