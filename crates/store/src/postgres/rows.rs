//! Rows as PostgreSQL hands them out, and what they say.

use jiff::Timestamp;
use seatshift_messages::{CustomerId, EventId, MigrationId, Service};
use sqlx::FromRow;
use uuid::Uuid;

use crate::columns::{damaged, moment, nanoseconds, signed, unsigned};
use crate::tables::{Kept, Ledger, Record, RecordKey, Work};
use crate::{
    Backlog, CallCount, CallRow, EventRow, LedgerChange, LedgerRow, LoggedCall, LoggedDeadLetter, OutboxRow,
    RecordRow, StoreError, WorkRow,
};

/// Column by column, as the statements select them.
macro_rules! columns {
    ($( $name:ident { $( $column:ident: $type:ty ),* $(,)? } )*) => { $(
        #[derive(Debug)]
        pub(super) struct $name { $( pub(super) $column: $type ),* }

        impl<'r> FromRow<'r, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                let mut index = 0;
                let mut next = || { index += 1; index - 1 };
                Ok($name { $( $column: sqlx::Row::try_get(row, next())? ),* })
            }
        }
    )* };
}

columns! {
    LoadedColumns {
        kind: i16, id: Uuid, customer: Option<Uuid>, part: Option<String>, version: i64, sequence: Option<i64>,
        text: Option<String>, flag: Option<bool>, due: Option<i64>, lease_until: Option<i64>,
    }
    LedgerColumns {
        migration: Uuid, customer: Option<Uuid>, version: i64, sequence: i64, stage: String, instructed: bool,
    }
    ChangedColumns { change: i64, migration: Uuid, version: i64 }
    WorkColumns {
        migration: Uuid, part: String, version: i64, body: String, due: Option<i64>, lease_until: Option<i64>,
        interrupted: bool,
    }
    RecordColumns { kind: String, key: String, version: i64, body: String }
    OutboxColumns { position: i64, event: Uuid, bytes: Vec<u8> }
    EventColumns { position: i64, bytes: Vec<u8> }
    DeadLetterColumns { position: i64, at: i64, reason: String, bytes: Vec<u8> }
    BacklogColumns { outbox: i64, work_due: i64, oldest_due: Option<i64>, work_held: i64, dead_letters: i64 }
    CountColumns { family: String, calls: i64, throttled: i64, failed: i64 }
    CallColumns {
        position: i64, at: i64, migration: Option<Uuid>, customer: Option<Uuid>, family: String, operation: String,
        changing: bool, status: Option<i32>, code: Option<i64>, request_id: Uuid, correlation_id: Uuid,
        microseconds: i64, attempt: i64,
    }
}

/// One row of those that a batch touches.
pub(super) enum Loaded {
    Ledger(MigrationId, Ledger),
    Work(MigrationId, String, Work),
    Consumed(EventId, Timestamp),
}

impl LoadedColumns {
    pub(super) fn read(self) -> Result<Loaded, StoreError> {
        let missing = || damaged("row", "a column is empty");
        let text = self.text.ok_or_else(missing);
        Ok(match self.kind {
            0 => {
                let row = LedgerColumns {
                    migration: self.id,
                    customer: self.customer,
                    version: self.version,
                    sequence: self.sequence.ok_or_else(missing)?,
                    stage: text?,
                    instructed: self.flag.ok_or_else(missing)?,
                };
                let (migration, ledger) = row.read()?;
                Loaded::Ledger(migration, ledger)
            }
            1 => {
                let row = WorkColumns {
                    migration: self.id,
                    part: self.part.ok_or_else(missing)?,
                    version: self.version,
                    body: text?,
                    due: self.due,
                    lease_until: self.lease_until,
                    interrupted: self.flag.ok_or_else(missing)?,
                };
                let (migration, part, work) = row.read()?;
                Loaded::Work(migration, part, work)
            }
            _ => Loaded::Consumed(self.id.into(), moment(self.version)?),
        })
    }
}

/// In this engine an instruction is found by its migration.
const STORED: Kept = Kept::Stored(0);

impl LedgerColumns {
    pub(super) fn read(self) -> Result<(MigrationId, Ledger), StoreError> {
        let row = Ledger {
            customer: self.customer.map(CustomerId),
            version: unsigned(self.version)?,
            sequence: unsigned(self.sequence)?,
            stage: self.stage,
            instruction: if self.instructed { STORED } else { Kept::Nowhere },
        };
        Ok((self.migration.into(), row))
    }

    /// Without the instruction.
    pub(super) fn row(self) -> Result<LedgerRow, StoreError> {
        let (migration, Ledger { customer, version, sequence, stage, instruction: _ }) = self.read()?;
        Ok(LedgerRow { migration, customer, version, sequence, stage, instruction: None })
    }
}

impl ChangedColumns {
    pub(super) fn read(self) -> Result<LedgerChange, StoreError> {
        let (number, version) = (unsigned(self.change)?, unsigned(self.version)?);
        Ok(LedgerChange { number, migration: self.migration.into(), version })
    }
}

impl WorkColumns {
    pub(super) fn read(self) -> Result<(MigrationId, String, Work), StoreError> {
        let row = Work {
            version: unsigned(self.version)?,
            body: self.body,
            due: self.due.map(moment).transpose()?,
            lease: self.lease_until.map(moment).transpose()?,
            interrupted: self.interrupted,
        };
        Ok((self.migration.into(), self.part, row))
    }

    pub(super) fn row(self, service: Service) -> Result<WorkRow, StoreError> {
        let (migration, part, row) = self.read()?;
        let Work { version, body, due, interrupted, .. } = row;
        Ok(WorkRow { service, migration, part, version, body, due, interrupted })
    }
}

impl RecordColumns {
    pub(super) fn read(self) -> Result<(RecordKey, Record), StoreError> {
        Ok(((self.kind, self.key), Record { version: unsigned(self.version)?, body: self.body }))
    }

    pub(super) fn row(self) -> Result<RecordRow, StoreError> {
        Ok(RecordRow { kind: self.kind, key: self.key, version: unsigned(self.version)?, body: self.body })
    }
}

impl OutboxColumns {
    pub(super) fn row(self) -> Result<OutboxRow, StoreError> {
        Ok(OutboxRow { position: unsigned(self.position)?, id: self.event.into(), bytes: self.bytes.into() })
    }
}

impl EventColumns {
    pub(super) fn row(self) -> Result<EventRow, StoreError> {
        Ok(EventRow { position: unsigned(self.position)?, bytes: self.bytes.into() })
    }
}

impl DeadLetterColumns {
    pub(super) fn row(self, service: Service) -> Result<LoggedDeadLetter, StoreError> {
        let (position, at) = (unsigned(self.position)?, moment(self.at)?);
        Ok(LoggedDeadLetter { position, service, at, reason: self.reason, bytes: self.bytes.into() })
    }
}

impl BacklogColumns {
    pub(super) fn row(self, oldest_event: Option<Timestamp>) -> Result<Backlog, StoreError> {
        Ok(Backlog {
            outbox: unsigned(self.outbox)?,
            oldest_event,
            work_due: unsigned(self.work_due)?,
            oldest_due: self.oldest_due.map(moment).transpose()?,
            work_held: unsigned(self.work_held)?,
            dead_letters: unsigned(self.dead_letters)?,
        })
    }
}

impl CountColumns {
    pub(super) fn row(self) -> Result<CallCount, StoreError> {
        let (calls, throttled, failed) =
            (unsigned(self.calls)?, unsigned(self.throttled)?, unsigned(self.failed)?);
        Ok(CallCount { family: self.family, calls, throttled, failed })
    }
}

impl CallColumns {
    /// A call as it is written; its position is the database's to give.
    pub(super) fn of(call: CallRow) -> Self {
        CallColumns {
            position: 0,
            at: nanoseconds(call.at),
            migration: call.migration.map(Uuid::from),
            customer: call.customer.map(Uuid::from),
            family: call.family,
            operation: call.operation,
            changing: call.changing,
            status: call.status.map(i32::from),
            code: call.code.map(i64::from),
            request_id: call.request_id,
            correlation_id: call.correlation_id,
            microseconds: signed(call.microseconds),
            attempt: i64::from(call.attempt),
        }
    }

    pub(super) fn row(self) -> Result<LoggedCall, StoreError> {
        fn small<N, T: TryFrom<N>>(number: N) -> Result<T, StoreError>
        where
            T::Error: std::error::Error + Send + Sync + 'static,
        {
            T::try_from(number).map_err(|error| damaged("call", error))
        }
        let call = CallRow {
            at: moment(self.at)?,
            migration: self.migration.map(Into::into),
            customer: self.customer.map(Into::into),
            family: self.family,
            operation: self.operation,
            changing: self.changing,
            status: self.status.map(small).transpose()?,
            code: self.code.map(small).transpose()?,
            request_id: self.request_id,
            correlation_id: self.correlation_id,
            microseconds: unsigned(self.microseconds)?,
            attempt: small(self.attempt)?,
        };
        Ok(LoggedCall { position: unsigned(self.position)?, call })
    }
}
