//! The call log: every call to Microsoft, written in batches beside the engine's own writing.
//!
//! No decision rests on it, so a crash may lose its last lines; nothing waits for it either. So where a transaction is worth
//! saving, lines gather for a moment first.

use std::sync::Arc;
use std::time::Duration;

use seatshift_messages::{CustomerId, MigrationId};
use seatshift_partner_center::{CallRecord, Observer};
use seatshift_store::{CallRow, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Lines written at a time.
const BATCH: usize = 256;
/// How often the same lines are tried, and how long is waited in between. Real time.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Where the client reports its calls.
#[derive(Debug, Clone)]
pub struct CallLog {
    lines: mpsc::UnboundedSender<CallRow>,
}

impl CallLog {
    /// The log and the task that writes it, which ends when every log is gone.
    pub fn new(store: Arc<dyn Store>) -> (Self, impl Future<Output = ()> + Send) {
        Self::gathering(store, Duration::ZERO, CancellationToken::new())
    }

    /// The same, with lines that wait so long (real time) for others that are written with them. Once it has `ended`, what was
    /// reported until then is written and nothing more: for a process that keeps clients to its last moment, as whoever
    /// serves other people's questions does.
    pub fn gathering(
        store: Arc<dyn Store>,
        moment: Duration,
        ended: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, mut queue) = mpsc::unbounded_channel();
        let writing = async move {
            let mut batch = Vec::new();
            loop {
                let taken = tokio::select! {
                    biased;
                    taken = queue.recv_many(&mut batch, BATCH) => taken,
                    () = ended.cancelled(), if !queue.is_closed() => {
                        queue.close();
                        continue;
                    }
                };
                if taken == 0 {
                    return;
                }
                if !moment.is_zero() && batch.len() < BATCH && !queue.is_closed() {
                    drop(tokio::time::timeout(moment, ended.cancelled()).await);
                    while batch.len() < BATCH
                        && let Ok(line) = queue.try_recv()
                    {
                        batch.push(line);
                    }
                }
                write(&*store, std::mem::take(&mut batch)).await;
            }
        };
        (CallLog { lines }, writing)
    }
}

/// An outage of a few seconds loses nothing; a longer one loses lines, not the process's memory.
async fn write(store: &dyn Store, lines: Vec<CallRow>) {
    for again in (0..TRIES).rev() {
        match store.append_calls(lines.clone()).await {
            Ok(()) => return,
            Err(error) if again == 0 => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, lines = lines.len(), "lines of the call log are lost");
            }
            Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    }
}

impl Observer for CallLog {
    fn observed(&self, call: CallRecord) {
        let row = CallRow {
            at: call.at,
            // The correlation id of everything done for a migration is the migration's own.
            migration: Some(MigrationId(call.correlation_id)),
            customer: call.customer.map(CustomerId),
            family: call.family.as_str().to_owned(),
            operation: call.operation.to_owned(),
            changing: call.changing,
            status: call.status,
            code: call.code,
            request_id: call.request_id,
            correlation_id: call.correlation_id,
            microseconds: call.microseconds,
            attempt: call.attempt,
        };
        // The writer is gone only while the process stops.
        self.lines.send(row).ok();
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use seatshift_partner_center::{Family, Purpose};
    use seatshift_store::MemoryStore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_whose_service_has_ended_writes_what_it_has_and_ends_though_a_client_is_left() {
        let store = Arc::new(MemoryStore::new());
        let ended = CancellationToken::new();
        let (log, writing) = CallLog::gathering(store.clone(), Duration::from_secs(9), ended.clone());
        for _ in 0..BATCH + 1 {
            log.observed(CallRecord {
                at: Timestamp::UNIX_EPOCH,
                customer: None,
                family: Family::Orders,
                operation: "place_order",
                changing: true,
                purpose: Purpose::Forward,
                status: None,
                code: None,
                request_id: uuid::Uuid::nil(),
                correlation_id: uuid::Uuid::nil(),
                microseconds: 1,
                attempt: 1,
            });
        }
        ended.cancel();
        tokio::time::timeout(Duration::from_secs(1), writing).await.expect("it ends");
        assert_eq!(store.calls(0, 1_000, None).await.unwrap().len(), BATCH + 1);
        assert!(log.lines.is_closed());
    }
}
