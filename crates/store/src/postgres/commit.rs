//! Group commit: lock and load the rows that a batch touches, apply its units in memory, write what changed.
//!
//! Four round trips for a batch of any size (begin, load, save, commit); records and dead letters, which are rare, take
//! their own. Two replicas may work on one migration at the same moment:
//!
//! - Rows that are there are locked by the load, in the order of their keys, so nobody waits in a circle.
//! - Rows that are not there cannot be locked. Both may set out to insert one; the database lets one do it, the other is
//!   told that the key is taken, and begins anew, now with a row to lock.
//!
//! What must never happen here: an answer other than what the database holds. So a connection that is lost while committing
//! is followed by a question (see [`super::marks`]), not by a guess.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use seatshift_messages::{Instruction, Service};
use uuid::Uuid;

use super::arrays::{Events, Ledgers, Records, Works};
use super::connections::Loan;
use super::errors::{failed, is_collision, leaves_connection_usable};
use super::marks::Mark;
use super::rows::{Loaded, LoadedColumns, RecordColumns};
use super::{PgStore, Room};
use crate::columns::nanoseconds;
use crate::tables::{LedgerKey, RecordKey, Tables, Touched, WorkKey};
use crate::{Committed, StoreError, Unit};

/// An instruction that was written, with its size, for the cache.
type Written = (LedgerKey, Arc<Instruction>, usize);

/// How often a batch is begun anew because another transaction was quicker; each time that other one got through.
const TRIES: u64 = 20;

/// Why a batch was not committed.
enum Hindered {
    /// Another transaction was quicker: once more.
    Again,
    Failed(StoreError),
}

impl From<StoreError> for Hindered {
    fn from(error: StoreError) -> Self {
        Hindered::Failed(error)
    }
}

impl PgStore {
    pub(super) async fn commit_units(&self, units: &[Unit]) -> Result<Vec<Committed>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_commit(units).await {
                Ok((committed, written)) => {
                    for (key, instruction, bytes) in written {
                        self.instructions.put(key, instruction, bytes);
                    }
                    return Ok(committed);
                }
                Err(Hindered::Again) if tries < TRIES => {
                    // The first two at once, then with growing patience: many may be at the same rows.
                    tokio::time::sleep(Duration::from_millis(5) * (tries.saturating_sub(2) as u32)).await;
                }
                Err(Hindered::Again) => {
                    let source = "other transactions keep being quicker".into();
                    return Err(StoreError::Unreachable { doing: "committing", source });
                }
                Err(Hindered::Failed(error)) => return Err(error),
            }
        }
    }

    async fn try_commit(&self, units: &[Unit]) -> Result<(Vec<Committed>, Vec<Written>), Hindered> {
        let Some(first) = units.first() else { return Ok((Vec::new(), Vec::new())) };
        let mut loan = self.begin().await?;
        let mark = self.marks.take(first.service);
        let attempt = self.write(&mut loan, units, &mark).await;
        let Done { committed, written, changed } = match attempt {
            Ok(done) => done,
            Err(hindered) => {
                self.undo(loan, mark).await;
                return Err(hindered);
            }
        };
        if !changed {
            self.undo(loan, mark).await;
            return Ok((committed, written));
        }
        match loan.commit().await {
            Ok(()) => {}
            Err(error) if leaves_connection_usable(&error) => {
                self.marks.give_back(mark);
                return Err(hindered(error));
            }
            Err(error) => {
                drop(loan);
                if !self.was_committed(&mark, error).await? {
                    return Err(Hindered::Again);
                }
            }
        }
        self.marks.give_back(mark);
        Ok((committed, written))
    }

    /// Where this fails too, the connection is closed, which comes to the same, only not at once.
    async fn undo(&self, mut loan: Loan, mark: Mark) {
        if loan.rollback().await.is_ok() {
            self.marks.give_back(mark);
        }
    }

    /// A connection with an open transaction. One that had been idle may have died meanwhile; nothing was asked of it yet,
    /// so that is no reason to fail.
    async fn begin(&self) -> Result<Loan, StoreError> {
        let mut loan = self.connections.take("committing").await?;
        match loan.begin().await {
            Err(error) if loan.reused && !leaves_connection_usable(&error) => {
                // Its place is free before another is asked for: there may be only one.
                drop(loan);
                loan = self.connections.take("committing").await?;
                loan.begin().await.map_err(loan.failed())?;
            }
            begun => begun.map_err(loan.failed())?,
        }
        Ok(loan)
    }

    /// Everything but the commit itself.
    async fn write(&self, loan: &mut Loan, units: &[Unit], mark: &Mark) -> Result<Done, Hindered> {
        let services: BTreeSet<Service> = units.iter().map(|unit| unit.service).collect();
        let rooms = services.iter().map(|service| self.room(*service)).collect::<Result<Vec<_>, _>>()?;
        let mut tables = Tables::default();
        for room in &rooms {
            load(loan, room, units, &mut tables).await?;
        }
        let home = self.home();
        load_records(loan, home, units, &mut tables).await?;
        let before = Before::of(&tables);
        let mut touched = Touched::default();
        let committed: Vec<_> = units.iter().map(|unit| tables.apply(unit, &mut touched)).collect();
        let done = units.iter().zip(&committed).filter(|(_, committed)| **committed == Committed::Done);
        let done: Vec<&Unit> = done.map(|(unit, _)| unit).collect();
        if done.is_empty() {
            return Ok(Done { committed, written: Vec::new(), changed: false });
        }
        save_records(loan, home, &tables, &touched, &before).await?;
        let mut written = Vec::new();
        for room in &rooms {
            let own: Vec<&Unit> = done.iter().copied().filter(|unit| unit.service == room.service).collect();
            append_dead_letters(loan, room, &own).await?;
            let changes = Changed { tables: &tables, touched: &touched, before: &before, done: &own };
            written.extend(self.save(loan, room, &changes, mark).await?);
        }
        Ok(Done { committed, written, changed: true })
    }

    /// Writes what changed of one service; its instructions are told for the cache.
    async fn save(
        &self,
        loan: &mut Loan,
        room: &Room,
        changed: &Changed<'_>,
        mark: &Mark,
    ) -> Result<Vec<Written>, Hindered> {
        let Changed { tables, touched, before, done } = *changed;
        let service = room.service;
        let consumed = touched.consumed.iter().filter(|key| key.0 == service);
        let consumed = consumed.filter_map(|key| Some((key.1.0, nanoseconds(*tables.consumed.get(key)?))));
        let (consumed, at): (Vec<Uuid>, Vec<i64>) = consumed.unzip();
        let works = Works::of(service, tables, touched, before);
        let ledgers = Ledgers::of(service, tables, touched, before)?;
        let events = Events::of(done);
        let (instructed, bodies): (Vec<Uuid>, Vec<&[u8]>) =
            ledgers.instructions.iter().map(|((_, migration), _, body)| (migration.0, &**body)).unzip();
        let query = sqlx::query(room.sql.save.clone())
            .bind(consumed)
            .bind(at)
            .bind(works.migration)
            .bind(works.part)
            .bind(works.version)
            .bind(works.body)
            .bind(works.due)
            .bind(works.lease_until)
            .bind(works.interrupted)
            .bind(works.fresh)
            .bind(works.gone_migration)
            .bind(works.gone_part)
            .bind(ledgers.migration)
            .bind(ledgers.customer)
            .bind(ledgers.version)
            .bind(ledgers.sequence)
            .bind(ledgers.stage)
            .bind(ledgers.instructed)
            .bind(ledgers.fresh)
            .bind(instructed)
            .bind(bodies)
            .bind(events.event)
            .bind(events.subject)
            .bind(events.bytes)
            .bind(events.published)
            .bind(self.marks.process)
            .bind(mark.slot)
            .bind(mark.count);
        loan.execute(query).await.map_err(hindered)?;
        let written = ledgers.instructions.into_iter();
        Ok(written.map(|(key, instruction, body)| (key, instruction, body.len())).collect())
    }
}

/// A batch that was written and not yet committed.
struct Done {
    committed: Vec<Committed>,
    written: Vec<Written>,
    /// False = all units were stale or known, and nothing was written.
    changed: bool,
}

/// What a batch changed.
struct Changed<'a> {
    tables: &'a Tables,
    touched: &'a Touched,
    before: &'a Before,
    /// The units of one service that were applied.
    done: &'a [&'a Unit],
}

fn hindered(error: sqlx::Error) -> Hindered {
    if is_collision(&error) { Hindered::Again } else { Hindered::Failed(failed("committing")(error)) }
}

/// Which rows were there.
pub(super) struct Before {
    pub(super) ledgers: BTreeSet<LedgerKey>,
    pub(super) work: BTreeSet<WorkKey>,
    pub(super) records: BTreeSet<RecordKey>,
}

impl Before {
    fn of(tables: &Tables) -> Self {
        Before {
            ledgers: tables.ledgers.keys().copied().collect(),
            work: tables.work.keys().cloned().collect(),
            records: tables.records.keys().cloned().collect(),
        }
    }
}

// --- load ---

async fn load(loan: &mut Loan, room: &Room, units: &[Unit], tables: &mut Tables) -> Result<(), Hindered> {
    let service = room.service;
    let own = || units.iter().filter(|unit| unit.service == service);
    let ledgers: BTreeSet<Uuid> =
        own().filter_map(|unit| unit.ledger.as_ref()).map(|write| write.migration.0).collect();
    let works: BTreeSet<(Uuid, &str)> = own()
        .flat_map(|unit| unit.work.iter().map(|change| change.row()))
        .map(|(migration, part)| (migration.0, part))
        .collect();
    let consumed: BTreeSet<Uuid> = own().filter_map(|unit| unit.consumed).map(|(event, _)| event.0).collect();
    if ledgers.is_empty() && works.is_empty() && consumed.is_empty() {
        return Ok(());
    }
    let (migrations, parts): (Vec<_>, Vec<_>) = works.into_iter().unzip();
    let query = sqlx::query_as(room.sql.load.clone())
        .bind(Vec::from_iter(ledgers))
        .bind(migrations)
        .bind(parts)
        .bind(Vec::from_iter(consumed));
    let rows: Vec<LoadedColumns> = loan.all(query).await.map_err(hindered)?;
    for row in rows {
        match row.read()? {
            Loaded::Ledger(migration, ledger) => drop(tables.ledgers.insert((service, migration), ledger)),
            Loaded::Work(migration, part, work) => drop(tables.work.insert((service, migration, part), work)),
            Loaded::Consumed(event, at) => drop(tables.consumed.insert((service, event), at)),
        }
    }
    Ok(())
}

async fn load_records(
    loan: &mut Loan,
    home: &Room,
    units: &[Unit],
    tables: &mut Tables,
) -> Result<(), Hindered> {
    let wanted: BTreeSet<(&str, &str)> =
        units.iter().flat_map(|unit| &unit.records).map(|write| (&*write.kind, &*write.key)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (kinds, keys): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let query = sqlx::query_as(home.sql.load_records.clone()).bind(kinds).bind(keys);
    let rows: Vec<RecordColumns> = loan.all(query).await.map_err(hindered)?;
    for row in rows {
        let (key, record) = row.read()?;
        tables.records.insert(key, record);
    }
    Ok(())
}

// --- save ---

async fn save_records(
    loan: &mut Loan,
    home: &Room,
    tables: &Tables,
    touched: &Touched,
    before: &Before,
) -> Result<(), Hindered> {
    if touched.records.is_empty() {
        return Ok(());
    }
    let rows = Records::of(tables, touched, before);
    let query = sqlx::query(home.sql.save_records.clone())
        .bind(rows.kind)
        .bind(rows.key)
        .bind(rows.version)
        .bind(rows.body)
        .bind(rows.fresh)
        .bind(rows.gone_kind)
        .bind(rows.gone_key);
    loan.execute(query).await.map(drop).map_err(hindered)
}

async fn append_dead_letters(loan: &mut Loan, room: &Room, done: &[&Unit]) -> Result<(), Hindered> {
    let letters: Vec<_> = done.iter().filter_map(|unit| unit.dead_letter.as_ref()).collect();
    if letters.is_empty() {
        return Ok(());
    }
    // PostgreSQL's text has no room for a zero, and the reason may quote what could not be read.
    let reasons: Vec<String> = letters.iter().map(|letter| letter.reason.replace('\0', "\u{FFFD}")).collect();
    let query = sqlx::query(room.sql.append_dead_letters.clone())
        .bind(letters.iter().map(|letter| nanoseconds(letter.at)).collect::<Vec<_>>())
        .bind(reasons)
        .bind(letters.iter().map(|letter| &*letter.bytes).collect::<Vec<_>>());
    loan.execute(query).await.map_err(hindered)?;
    Ok(())
}
