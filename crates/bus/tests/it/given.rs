//! Small values that the tests speak with.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use seatshift_bus::{Bus, Confirm, Delivery, Outgoing};
use seatshift_messages::{
    AskedBy, Cause, Envelope, Event, Heading, LicensesRestored, MigrationProgressed, RetryRequested,
    RollbackRequested, RunId, RunPaused, Service,
};
use uuid::Uuid;

/// Opens a bus with this prefetch.
pub(crate) type Open<'a> = &'a (dyn Fn(usize) -> Arc<dyn Bus> + Sync);

pub(crate) fn sealed(n: u32, event: Event) -> Outgoing {
    let heading = Heading {
        id: Uuid::from_u128(u128::from(n)).into(),
        source: event.owner(),
        subject: Uuid::from_u128(7),
        time: Timestamp::UNIX_EPOCH,
        sequence: u64::from(n),
        causation: None,
        customer: None,
    };
    let envelope = event.seal(heading);
    Outgoing { id: envelope.id, bytes: envelope.to_bytes().into() }
}

/// Is for control.
pub(crate) fn progressed(n: u32) -> Outgoing {
    sealed(n, Event::MigrationProgressed(Box::new(MigrationProgressed { moved: n, of: 1_000 })))
}

/// Is for all three participants.
pub(crate) fn rollback(n: u32) -> Outgoing {
    sealed(n, Event::RollbackRequested(Box::new(RollbackRequested { asked: asked() })))
}

/// Is for the one that is named.
pub(crate) fn retry(n: u32, participant: Service) -> Outgoing {
    sealed(n, Event::RetryRequested(Box::new(RetryRequested { participant, parking: 1, asked: asked() })))
}

/// Is for control and purchase.
pub(crate) fn restored(n: u32) -> Outgoing {
    let restored = LicensesRestored { cause: Cause::new("test", "a test"), restored: 1, left: 0 };
    sealed(n, Event::LicensesRestored(Box::new(restored)))
}

/// Is for nobody inside.
pub(crate) fn paused(n: u32) -> Outgoing {
    let paused = RunPaused { run: RunId(Uuid::from_u128(7)), drain: false, asked: asked() };
    sealed(n, Event::RunPaused(Box::new(paused)))
}

fn asked() -> AskedBy {
    AskedBy { by: "operator".into(), reason: None }
}

/// Number of the event in a delivery.
pub(crate) fn number(delivery: &Delivery) -> u32 {
    u32::try_from(Envelope::from_bytes(&delivery.bytes).unwrap().id.0.as_u128()).unwrap()
}

pub(crate) fn numbers(deliveries: &[Delivery]) -> Vec<u32> {
    deliveries.iter().map(number).collect()
}

/// Publishes without awaiting the answers.
pub(crate) fn publish(bus: &dyn Bus, events: impl IntoIterator<Item = Outgoing>) -> Vec<Answer> {
    events.into_iter().map(|event| Answer(bus.publish(event))).collect()
}

/// The bus's answer to a publication.
pub(crate) struct Answer(futures::future::BoxFuture<'static, Confirm>);

impl Answer {
    /// What it is by now, if it is known.
    pub(crate) fn now(&mut self) -> Option<Confirm> {
        (&mut self.0).now_or_never()
    }

    pub(crate) async fn awaited(self) -> Confirm {
        within(self.0).await
    }
}

/// Receives, and fails the test when nothing comes.
pub(crate) async fn receive(bus: &dyn Bus, service: Service, limit: usize) -> Vec<Delivery> {
    within(bus.receive(service, limit)).await
}

/// Receives this many, by whatever number of tries, without settling them.
pub(crate) async fn receive_all(bus: &dyn Bus, service: Service, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(receive(bus, service, count - all.len()).await);
    }
    all
}

/// Nothing comes for this service.
pub(crate) async fn silent(bus: &dyn Bus, service: Service) -> bool {
    tokio::time::timeout(Duration::from_secs(1), bus.receive(service, 1)).await.is_err()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("the bus keeps silent")
}
