//! Control's memory as a [`Store`] that can be read, so that reports, status and verification are the same code in both
//! modes.
//!
//! Written is only what planning keeps for itself. Everything else is control's own, and an attempt to write it is a mistake
//! of this program: it is refused here, and control would refuse it too.

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_control::api::wire::{
    Call, FamilyCalls, LedgerEntry, Ledgers, LoggedEvent, Record, RecordChange, WorkEntry,
};
use seatshift_messages::{EventId, MigrationId, Service};
use seatshift_store::{
    Backlog, CallCount, CallRow, Committed, EventRow, LedgerRow, LoggedCall, LoggedDeadLetter, OutboxRow,
    RecordRow, Store, StoreError, Unit, WorkRow,
};
use uuid::Uuid;

use super::client::{Api, ApiError, Ask};

/// Asked for at once, at most.
const LEDGERS: usize = 1000;
/// Records written or removed at once.
const WRITTEN: usize = 500;
/// As long as they may be together; one can have some megabytes, and goes alone.
const WRITTEN_BYTES: usize = 2 << 20;

/// See the head of the module.
#[derive(Debug, Clone)]
pub(crate) struct RemoteStore {
    api: Api,
}

impl RemoteStore {
    pub(super) fn new(api: Api) -> Self {
        RemoteStore { api }
    }
}

/// This is not told to clients, and not done for them.
#[derive(Debug, thiserror::Error)]
#[error("control keeps that to itself")]
struct ControlsOwn;

fn own<T>(doing: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Unreachable { doing, source: Box::new(ControlsOwn) })
}

fn failed(doing: &'static str) -> impl Fn(ApiError) -> StoreError {
    move |error| StoreError::Unreachable { doing, source: Box::new(error) }
}

fn not_json(source: serde_json::Error) -> StoreError {
    StoreError::Damaged { what: "question to control", source: Box::new(source) }
}

/// The changes of records, where a unit holds nothing else.
fn records_of(unit: Unit) -> Option<Vec<RecordChange>> {
    let Unit { service, consumed, ledger, work, events, heard, records, dead_letter } = unit;
    let nothing_else = consumed.is_none()
        && ledger.is_none()
        && work.is_empty()
        && events.is_empty()
        && heard.is_none()
        && dead_letter.is_none()
        && service == Service::Control
        && records.iter().all(|record| record.expected.is_none());
    let change = |record: seatshift_store::RecordWrite| RecordChange {
        kind: record.kind,
        key: record.key,
        body: record.body,
    };
    nothing_else.then(|| records.into_iter().map(change).collect())
}

/// As many changes together as one request may carry.
fn pieces(changes: &[RecordChange]) -> impl Iterator<Item = &[RecordChange]> {
    let length = |change: &RecordChange| change.body.as_ref().map_or(0, String::len);
    let mut rest = changes;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(WRITTEN).take_while(|change| {
            bytes += length(change);
            bytes <= WRITTEN_BYTES
        });
        let (some, others) = rest.split_at(fit.count().max(1).min(rest.len()));
        rest = others;
        (!some.is_empty()).then_some(some)
    })
}

#[async_trait]
impl Store for RemoteStore {
    /// Only records that planning keeps for itself, each by itself: the last one counts, so repeating it does no harm.
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError> {
        let count = units.len();
        let mut changes = Vec::new();
        for unit in units {
            let Some(records) = records_of(unit) else { return own("writing through control") };
            changes.extend(records);
        }
        for some in pieces(&changes) {
            let ask = Ask::post(&["v1", "records"], some).map_err(not_json)?;
            self.api.tell(ask.again()).await.map_err(failed("writing records through control"))?;
        }
        Ok(vec![Committed::Done; count])
    }

    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError> {
        if service != Service::Control {
            return own("reading another service's ledgers through control");
        }
        let mut rows = Vec::with_capacity(ids.len());
        for some in ids.chunks(LEDGERS) {
            let wanted = Ledgers { ids: some.to_vec() };
            let ask = Ask::post(&["v1", "ledgers"], &wanted).map_err(not_json)?.again();
            let page: Vec<LedgerEntry> =
                self.api.ask(ask).await.map_err(failed("reading ledgers through control"))?;
            rows.extend(page.into_iter().map(LedgerRow::from));
        }
        rows.sort_by_key(|row| row.migration);
        Ok(rows)
    }

    async fn consumed(&self, _: Service, _: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        own("looking into an inbox")
    }

    async fn claim_work(
        &self,
        _: Service,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<WorkRow>, StoreError> {
        own("taking up work")
    }

    async fn next_due(&self, _: Service) -> Result<Option<Timestamp>, StoreError> {
        own("looking for work")
    }

    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError> {
        let id = migration.to_string();
        let ask = Ask::get(&["v1", "migrations", &id, "work", service.name()]);
        let entries: Vec<WorkEntry> = self.api.ask(ask).await.map_err(|error| match error {
            // Each service's memory is its own, there as in the database.
            unknown if unknown.is_unknown() => StoreError::NotPrepared { what: unknown.to_string() },
            other => failed("reading work through control")(other),
        })?;
        let row = |entry: WorkEntry| WorkRow {
            service,
            migration,
            part: entry.part,
            version: entry.version,
            body: entry.body,
            due: entry.due,
            interrupted: false,
        };
        Ok(entries.into_iter().map(row).collect())
    }

    async fn claim_outbox(
        &self,
        _: Service,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        own("taking events to publish")
    }

    async fn clear_outbox(&self, _: Service, _: &[u64]) -> Result<(), StoreError> {
        own("clearing an outbox")
    }

    async fn release_outbox(&self, _: Service, _: &[u64]) -> Result<(), StoreError> {
        own("giving back events to publish")
    }

    async fn backlog(&self, _: Service, _: Timestamp) -> Result<Backlog, StoreError> {
        own("counting what waits")
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        own("taking over")
    }

    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let mut rows: Vec<RecordRow> = Vec::new();
        while rows.len() < limit {
            let behind = rows.last().map(|row| row.key.as_str()).or(after);
            let ask = Ask::get(&["v1", "records", kind]);
            let ask = ask.query("after", behind).query("limit", Some(limit - rows.len()));
            let page: Vec<Record> =
                self.api.ask(ask).await.map_err(failed("reading records through control"))?;
            if page.is_empty() {
                break;
            }
            rows.extend(page.into_iter().map(|record| of_kind(kind, record)));
        }
        Ok(rows)
    }

    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError> {
        match self.api.ask(Ask::get(&["v1", "records", kind, key])).await {
            Ok(record) => Ok(Some(of_kind(kind, record))),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(failed("reading a record through control")(error)),
        }
    }

    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<Uuid>,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut rows: Vec<EventRow> = Vec::new();
        while rows.len() < limit {
            let behind = rows.last().map_or(after, |row| row.position);
            let ask = Ask::get(&["v1", "events"]).query("after", Some(behind)).query("of", subject);
            let ask = ask.query("limit", Some(limit - rows.len()));
            let page: Vec<LoggedEvent> =
                self.api.ask(ask).await.map_err(failed("reading events through control"))?;
            if page.is_empty() {
                break;
            }
            let row = |event: LoggedEvent| EventRow {
                position: event.position,
                bytes: event.event.into_bytes().into(),
            };
            rows.extend(page.into_iter().map(row));
        }
        Ok(rows)
    }

    async fn append_calls(&self, _: Vec<CallRow>) -> Result<(), StoreError> {
        own("writing the call log")
    }

    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        let mut rows: Vec<LoggedCall> = Vec::new();
        while rows.len() < limit {
            let behind = rows.last().map_or(after, |row| row.position);
            let ask = Ask::get(&["v1", "calls"]).query("after", Some(behind)).query("of", migration);
            let ask = ask.query("limit", Some(limit - rows.len()));
            let page: Vec<Call> = self.api.ask(ask).await.map_err(failed("reading calls through control"))?;
            if page.is_empty() {
                break;
            }
            rows.extend(page.into_iter().map(LoggedCall::from));
        }
        Ok(rows)
    }

    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError> {
        let ask = Ask::get(&["v1", "call-counts"]);
        let counts: Vec<FamilyCalls> =
            self.api.ask(ask).await.map_err(failed("counting calls through control"))?;
        Ok(counts.into_iter().map(CallCount::from).collect())
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        own("looking at dead letters as they are stored")
    }

    async fn remove_dead_letter(&self, _: Service, _: u64) -> Result<(), StoreError> {
        own("removing dead letters as they are stored")
    }
}

fn of_kind(kind: &str, record: Record) -> RecordRow {
    let Record { key, version, body } = record;
    RecordRow { kind: kind.to_owned(), key, version, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(length: usize) -> RecordChange {
        let body = (length > 0).then(|| "x".repeat(length));
        RecordChange { kind: "plan_read".to_owned(), key: "key".to_owned(), body }
    }

    #[test]
    fn short_records_go_together_and_long_ones_alone() {
        let lengths = [10, 20, WRITTEN_BYTES, 3 * WRITTEN_BYTES, 30];
        let changes: Vec<RecordChange> = lengths.into_iter().map(change).collect();
        assert_eq!(pieces(&changes).map(<[_]>::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
        let removed: Vec<RecordChange> = (0..=WRITTEN).map(|_| change(0)).collect();
        assert_eq!(pieces(&removed).map(<[_]>::len).collect::<Vec<_>>(), [WRITTEN, 1]);
        assert_eq!(pieces(&[]).count(), 0);
    }
}
