//! What a running piece of work may do beside calling Microsoft: save its intents, look at the ledger, stop.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatshift_messages::MigrationId;
use seatshift_store::{Committed, Unit, WorkChange};
use std::future::Future;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::engine::Engine;
use crate::horizon::Sent;
use crate::participant::Participant;
use crate::places::Place;

/// The row was replaced or removed by a decision while the work ran, or is no longer ours to work on: stop, send nothing.
#[derive(Debug, thiserror::Error)]
#[error("this piece of work is no longer ours")]
pub struct Superseded;

/// One running piece of work's desk.
#[derive(Debug)]
pub struct Desk<P: Participant> {
    pub(crate) engine: Arc<Engine<P>>,
    pub(crate) migration: MigrationId,
    pub(crate) part: String,
    pub(crate) version: Mutex<u64>,
    pub(crate) lease_until: Timestamp,
    pub(crate) stopping: CancellationToken,
    pub(crate) place: Place,
}

impl<P: Participant> Desk<P> {
    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// A new intent: one attempt with a request id of its own. Save it before sending.
    pub fn intent(&self) -> Sent {
        Sent::new(self.engine.ids.request(), self.now())
    }

    /// A new request id.
    pub fn request_id(&self) -> Uuid {
        self.engine.ids.request()
    }

    /// Waits of a durable retry: doubles from `first` to `most`, with full jitter over the upper half.
    pub fn backoff(&self, attempt: u32, first: SignedDuration, most: SignedDuration) -> SignedDuration {
        crate::retry::delay(attempt, first, most, self.engine.ids.fraction())
    }

    /// Saves the work as it stands, durably, before a call is sent.
    ///
    /// # Errors
    /// When the row was replaced meanwhile; or when saving took so long (a store that was away) that the lease would not
    /// outlive the call any more. Then the intent stands and nothing was sent: whoever takes the row up next treats it as a
    /// call whose outcome is not known, which is safe.
    pub async fn save(&self, work: &P::Work) -> Result<(), Superseded> {
        let body = serde_json::to_string(work).expect("work holds only JSON values and text keys");
        let mut version = self.version.lock().await;
        let mut unit = Unit::new(P::SERVICE);
        unit.work.push(WorkChange::Save {
            migration: self.migration,
            part: self.part.clone(),
            expected: *version,
            body,
        });
        match self.engine.committer.commit(unit).await {
            Ok(Committed::Done) => {
                *version += 1;
                if self.may_send() { Ok(()) } else { Err(Superseded) }
            }
            Ok(Committed::Duplicate | Committed::Stale) | Err(_) => Err(Superseded),
        }
    }

    /// The same, while another has this one's place. For who has no permit in hand that would age meanwhile, and asks for
    /// those of its calls afterwards: there may be no time left then to use them ([`Desk::unless_stopping`]).
    ///
    /// # Errors
    /// As [`Desk::save`].
    pub async fn save_aside(&self, work: &P::Work) -> Result<(), Superseded> {
        self.place.aside(self.save(work), self.until_no_time()).await
    }

    /// The stage as it stands now: which way to go is read before each changing call.
    ///
    /// # Panics
    /// Where the stored stage cannot be read: the piece of work ends, nothing is sent, and its row stays.
    pub async fn stage(&self) -> P::Stage {
        match self.engine.load(self.migration).await {
            Ok(ledger) => ledger.stage,
            Err(unreadable) => panic!("{} {}: {unreadable}", P::SERVICE, self.migration),
        }
    }

    /// Whether enough of the lease is left for one more call, by a clock that can be relied on.
    pub fn may_send(&self) -> bool {
        self.engine.clock.is_right() && self.now() < self.send_until()
    }

    /// When that ends. For the permit of a call: it may wait for its token so long that somebody else has the row then.
    pub fn send_until(&self) -> Timestamp {
        self.lease_until.checked_sub(self.engine.limits.call_deadline).unwrap_or(Timestamp::MIN)
    }

    /// Awaits something that may take long (a permit, while paused), unless the service stops or the lease runs short: then
    /// none, and the work is to be given back as it stands ([`crate::Performed::Again`], at once), for whoever is there.
    pub async fn unless_stopping<T>(&self, wait: impl Future<Output = T> + Send) -> Option<T> {
        tokio::select! {
            biased;
            () = self.until_no_time() => None,
            value = wait => Some(value),
        }
    }

    async fn until_no_time(&self) {
        let latest = self.send_until().checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => {}
            () = self.engine.clock.sleep_until(latest) => {}
        }
    }
}
