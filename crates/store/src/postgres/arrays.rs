//! A batch's changes as columns: one array for each, as `unnest` wants them. All are in the order of their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use seatshift_messages::{Instruction, Service};
use uuid::Uuid;

use super::commit::Before;
use crate::columns::{damaged, nanoseconds, signed};
use crate::tables::{Kept, LedgerKey, Tables, Touched};
use crate::{StoreError, Unit};

/// Work rows to write, and those that are gone.
#[derive(Default)]
pub(super) struct Works<'a> {
    pub(super) migration: Vec<Uuid>,
    pub(super) part: Vec<&'a str>,
    pub(super) version: Vec<i64>,
    pub(super) body: Vec<&'a str>,
    pub(super) due: Vec<Option<i64>>,
    pub(super) lease_until: Vec<Option<i64>>,
    pub(super) interrupted: Vec<bool>,
    pub(super) fresh: Vec<bool>,
    pub(super) gone_migration: Vec<Uuid>,
    pub(super) gone_part: Vec<&'a str>,
}

impl<'a> Works<'a> {
    pub(super) fn of(service: Service, tables: &'a Tables, touched: &'a Touched, before: &Before) -> Self {
        let mut rows = Works::default();
        for key in touched.work.iter().filter(|key| key.0 == service) {
            let there = before.work.contains(key);
            match tables.work.get(key) {
                Some(row) => {
                    rows.migration.push(key.1.0);
                    rows.part.push(&key.2);
                    rows.version.push(signed(row.version));
                    rows.body.push(&row.body);
                    rows.due.push(row.due.map(nanoseconds));
                    rows.lease_until.push(row.lease.map(nanoseconds));
                    rows.interrupted.push(row.interrupted);
                    rows.fresh.push(!there);
                }
                None if there => {
                    rows.gone_migration.push(key.1.0);
                    rows.gone_part.push(&key.2);
                }
                None => {}
            }
        }
        rows
    }
}

/// Ledger rows to write.
#[derive(Default)]
pub(super) struct Ledgers<'a> {
    pub(super) migration: Vec<Uuid>,
    pub(super) customer: Vec<Option<Uuid>>,
    pub(super) version: Vec<i64>,
    pub(super) sequence: Vec<i64>,
    pub(super) stage: Vec<&'a str>,
    pub(super) instructed: Vec<bool>,
    pub(super) fresh: Vec<bool>,
    /// Those that came with this batch, with their bytes.
    pub(super) instructions: Vec<(LedgerKey, Arc<Instruction>, Vec<u8>)>,
}

impl<'a> Ledgers<'a> {
    pub(super) fn of(
        service: Service,
        tables: &'a Tables,
        touched: &Touched,
        before: &Before,
    ) -> Result<Self, StoreError> {
        let mut rows = Ledgers::default();
        for key in touched.ledgers.iter().filter(|key| key.0 == service) {
            let Some(row) = tables.ledgers.get(key) else { continue };
            rows.migration.push(key.1.0);
            rows.customer.push(row.customer.map(|customer| customer.0));
            rows.version.push(signed(row.version));
            rows.sequence.push(signed(row.sequence));
            rows.stage.push(&row.stage);
            rows.instructed.push(!matches!(row.instruction, Kept::Nowhere));
            rows.fresh.push(!before.ledgers.contains(key));
            if let Kept::Here(instruction) = &row.instruction {
                let body = serde_json::to_vec(instruction).map_err(|error| damaged("instruction", error))?;
                rows.instructions.push((*key, Arc::clone(instruction), body));
            }
        }
        Ok(rows)
    }
}

/// Events to log, in the order of their units; what is heard twice in one batch is in here once.
#[derive(Default)]
pub(super) struct Events {
    pub(super) event: Vec<Uuid>,
    pub(super) subject: Vec<Uuid>,
    pub(super) bytes: Vec<Vec<u8>>,
    /// Goes to the outbox too.
    pub(super) published: Vec<bool>,
}

impl Events {
    pub(super) fn of(done: &[&Unit]) -> Self {
        let mut rows = Events::default();
        let mut known = BTreeSet::new();
        for unit in done {
            let heard = unit.heard.iter().filter(|event| known.insert(event.id)).map(|event| (event, false));
            for (event, published) in heard.chain(unit.events.iter().map(|event| (event, true))) {
                rows.event.push(event.id.0);
                rows.subject.push(event.subject);
                rows.bytes.push(event.to_bytes());
                rows.published.push(published);
            }
        }
        rows
    }
}

/// Records to write, and those that are gone.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub(super) kind: Vec<&'a str>,
    pub(super) key: Vec<&'a str>,
    pub(super) version: Vec<i64>,
    pub(super) body: Vec<&'a str>,
    pub(super) fresh: Vec<bool>,
    pub(super) gone_kind: Vec<&'a str>,
    pub(super) gone_key: Vec<&'a str>,
}

impl<'a> Records<'a> {
    pub(super) fn of(tables: &'a Tables, touched: &'a Touched, before: &Before) -> Self {
        let mut rows = Records::default();
        for key in &touched.records {
            let there = before.records.contains(key);
            match tables.records.get(key) {
                Some(row) => {
                    rows.kind.push(&key.0);
                    rows.key.push(&key.1);
                    rows.version.push(signed(row.version));
                    rows.body.push(&row.body);
                    rows.fresh.push(!there);
                }
                None if there => {
                    rows.gone_kind.push(&key.0);
                    rows.gone_key.push(&key.1);
                }
                None => {}
            }
        }
        rows
    }
}
