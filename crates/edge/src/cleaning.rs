//! What grows with every call and every event, and may be forgotten after a while: the inbox, the call log, the buckets of
//! customers. Ledgers, instructions and the event log never are.
//!
//! Each replica sweeps by itself, at a moment of its own; two at once do no harm. In chunks, each a transaction, so that
//! nobody waits long behind one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_host::{Base, Clock, Counters};
use seatshift_messages::Service;
use seatshift_store::quota::PgQuota;
use seatshift_store::{PgStore, StoreError};
use tokio_util::sync::CancellationToken;

/// Far beyond any redelivery. What was put among the dead letters was not consumed, so a late replay does not need it; and
/// of anything older the ledger's stage knows that it was acted on.
const INBOX: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Twice the longest time in which a migration can be undone: Microsoft's support asks for the ids of calls.
const CALLS: SignedDuration = SignedDuration::from_hours(24 * 180);
/// Rows of one statement.
const CHUNK: u32 = 5_000;
/// Real time, like the next two.
const EVERY: Duration = Duration::from_secs(3600);
/// The first sweep of a process begins within this.
const FIRST: Duration = Duration::from_secs(600);
const BETWEEN_CHUNKS: Duration = Duration::from_millis(50);

/// Where it is forgotten. The seam for tests.
#[async_trait]
pub(crate) trait Attic: Send + Sync {
    /// At most so many consumed events from before this moment. How many it was.
    async fn inbox(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
    /// The same of logged calls.
    async fn calls(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
    /// Customers' buckets that nobody has asked for in an hour.
    async fn buckets(&self) -> Result<u64, StoreError>;
}

/// Store and quota of a process.
pub(crate) struct Shared {
    pub(crate) store: Arc<PgStore>,
    pub(crate) quota: Arc<PgQuota>,
}

#[async_trait]
impl Attic for Shared {
    async fn inbox(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.store.clean(before, most).await
    }

    async fn calls(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.store.clean_calls(before, most).await
    }

    async fn buckets(&self) -> Result<u64, StoreError> {
        self.quota.clean("customer/").await
    }
}

/// The one who sweeps.
pub(crate) struct Cleaning<A> {
    attic: A,
    clock: Arc<dyn Clock>,
    cleaned: Counters,
    /// What is shared by all is control's to clean.
    control: bool,
    first: Duration,
}

impl Cleaning<Shared> {
    pub(crate) fn of(base: &Base, quota: Arc<PgQuota>) -> Self {
        Cleaning {
            attic: Shared { store: base.store.clone(), quota },
            clock: base.clock.clone(),
            cleaned: base.meters.counters(
                "rows_cleaned",
                "Rows that were old enough to be forgotten",
                "kind",
            ),
            control: base.service == Service::Control,
            first: FIRST.mul_f64(base.ids.fraction()),
        }
    }
}

impl<A: Attic> Cleaning<A> {
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let sweeping = async {
            self.clock.pause(self.first).await;
            loop {
                // By a wrong clock everything may look old.
                if self.clock.is_right()
                    && let Err(error) = self.sweep().await
                {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "old rows could not be cleaned; again in an hour"
                    );
                }
                self.clock.pause(EVERY).await;
            }
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = sweeping => {}
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let before = |kept| self.clock.now().checked_sub(kept).unwrap_or(Timestamp::MIN);
        self.all("inbox", || self.attic.inbox(before(INBOX), CHUNK)).await?;
        if self.control {
            self.all("calls", || self.attic.calls(before(CALLS), CHUNK)).await?;
            self.count("buckets", self.attic.buckets().await?);
        }
        Ok(())
    }

    /// One chunk after the other, until one is not full.
    async fn all<F>(&self, kind: &'static str, mut chunk: impl FnMut() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<u64, StoreError>>,
    {
        loop {
            let gone = chunk().await?;
            self.count(kind, gone);
            if gone < u64::from(CHUNK) {
                return Ok(());
            }
            self.clock.pause(BETWEEN_CHUNKS).await;
        }
    }

    fn count(&self, kind: &'static str, gone: u64) {
        if gone > 0 {
            self.cleaned.add(kind, gone);
            tracing::info!(kind, rows = gone, "old rows are cleaned");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use seatshift_host::{Meters, VirtualClock};

    use super::*;

    /// Rows by their age in days.
    #[derive(Default)]
    struct Rows {
        inbox: Vec<i64>,
        calls: Vec<i64>,
        buckets: u64,
        chunks: u32,
        away: u32,
    }

    struct Fake {
        rows: Arc<Mutex<Rows>>,
        began: Timestamp,
    }

    impl Fake {
        fn forget(&self, of: fn(&mut Rows) -> &mut Vec<i64>, before: Timestamp, most: u32) -> u64 {
            let days = self.began.duration_since(before).as_hours() / 24;
            let mut rows = self.rows.lock().unwrap();
            rows.chunks += 1;
            let (rows, most) = (of(&mut rows), most as usize);
            let (before, mut old) = (rows.len(), 0);
            rows.retain(|age| {
                old += usize::from(*age > days);
                *age <= days || old > most
            });
            (before - rows.len()) as u64
        }
    }

    #[async_trait]
    impl Attic for Fake {
        async fn inbox(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
            {
                let mut rows = self.rows.lock().unwrap();
                if let Some(left) = rows.away.checked_sub(1) {
                    rows.away = left;
                    return Err(StoreError::NotPrepared { what: "the cable is out".into() });
                }
            }
            Ok(self.forget(|rows| &mut rows.inbox, before, most))
        }

        async fn calls(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
            Ok(self.forget(|rows| &mut rows.calls, before, most))
        }

        async fn buckets(&self) -> Result<u64, StoreError> {
            Ok(std::mem::take(&mut self.rows.lock().unwrap().buckets))
        }
    }

    /// Sweeps for so many hours; answers what is left, and the figures.
    async fn after(hours: u64, control: bool, rows: Rows) -> (Rows, String) {
        let clock = VirtualClock::starting("2019-09-01T00:00:00Z".parse().unwrap());
        let (rows, meters) = (Arc::new(Mutex::new(rows)), Meters::new());
        let cleaning = Cleaning {
            attic: Fake { rows: rows.clone(), began: clock.now() },
            clock: Arc::new(clock),
            cleaned: meters.counters("rows_cleaned", "Rows", "kind"),
            control,
            first: Duration::from_secs(60),
        };
        let stopping = CancellationToken::new();
        let ((), ()) = tokio::join!(cleaning.run(stopping.clone()), async {
            tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
            stopping.cancel();
        });
        let rows = Arc::into_inner(rows).unwrap().into_inner().unwrap();
        (rows, meters.text())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_forgotten_in_chunks_and_nothing_that_is_not() {
        let inbox = [vec![31; 12_000], vec![29; 100]].concat();
        let (rows, figures) = after(1, false, Rows { inbox, calls: vec![400], ..Rows::default() }).await;
        assert_eq!((rows.inbox, rows.chunks), (vec![29; 100], 3));
        assert_eq!(rows.calls, [400], "the call log is control's to clean");
        assert!(figures.contains("seatshift_rows_cleaned_total{kind=\"inbox\"} 12000"), "{figures}");
    }

    #[tokio::test(start_paused = true)]
    async fn control_also_forgets_old_calls_and_the_buckets_of_customers() {
        let (rows, _) = after(1, true, Rows { calls: vec![100, 181], buckets: 7, ..Rows::default() }).await;
        assert_eq!((rows.calls, rows.buckets), (vec![100], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_was_away_is_swept_an_hour_later() {
        let (rows, _) = after(1, false, Rows { inbox: vec![31], away: 1, ..Rows::default() }).await;
        assert_eq!(rows.inbox, [31]);
        let (rows, _) = after(2, false, Rows { inbox: vec![31], away: 1, ..Rows::default() }).await;
        assert!(rows.inbox.is_empty());
    }
}
