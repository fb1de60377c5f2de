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
        Self::gathering(store, Duration::ZERO)
    }

    /// The same, with lines that wait so long (real time) for others that are written with them.
    pub fn gathering(store: Arc<dyn Store>, moment: Duration) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, mut queue) = mpsc::unbounded_channel();
        let writing = async move {
            let mut batch = Vec::new();
            while queue.recv_many(&mut batch, BATCH).await > 0 {
                if !moment.is_zero() && batch.len() < BATCH && !queue.is_closed() {
                    tokio::time::sleep(moment).await;
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
