//! Small values that the tests speak with.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{
    Envelope, Event, EventId, Heading, Instruction, MigrationId, MigrationProgressed, MoveGroup,
    OldSubscription, Path, Policy, RunId, Service, Target,
};
use seatshift_store::{Committed, LedgerWrite, RecordWrite, Store, Unit, WorkChange, WorkRow};
use uuid::Uuid;

pub(crate) const HERE: Service = Service::Reassignment;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn migration(n: u128) -> MigrationId {
    Uuid::from_u128(0xA000 + n).into()
}

pub(crate) fn event_id(n: u128) -> EventId {
    Uuid::from_u128(0xE000 + n).into()
}

pub(crate) fn event(n: u32, migration: MigrationId) -> Envelope {
    let heading = Heading {
        id: event_id(n.into()),
        source: HERE,
        subject: migration.0,
        time: at(0),
        sequence: n.into(),
        causation: None,
        customer: None,
    };
    Event::MigrationProgressed(Box::new(MigrationProgressed { moved: n, of: 100 })).seal(heading)
}

pub(crate) fn instruction(users: u128) -> Arc<Instruction> {
    Arc::new(Instruction {
        run: RunId(Uuid::from_u128(1)),
        row: "row-1".into(),
        country: "DE".into(),
        old: OldSubscription {
            subscription: Uuid::from_u128(2).into(),
            offer: "old-offer".into(),
            sku: Uuid::from_u128(3).into(),
            quantity: 7,
            commitment_end: at(1_000_000),
        },
        target: Target {
            path: Path::Legacy,
            offer: "new-offer".into(),
            sku: Uuid::from_u128(4).into(),
            quantity: 7,
            billing_cycle: "monthly".into(),
            reseller: None,
            friendly_name: "moved".into(),
        },
        moves: vec![MoveGroup {
            exclude: vec![],
            users: (0..users).map(|n| Uuid::from_u128(100 + n).into()).collect(),
        }],
        add_ons: vec![],
        policy: Policy::default(),
        retries: None,
    })
}

pub(crate) fn unit() -> Unit {
    Unit::new(HERE)
}

pub(crate) fn ledger(migration: MigrationId, expected: u64, stage: &str) -> LedgerWrite {
    LedgerWrite {
        migration,
        customer: Some(Uuid::from_u128(0xC0).into()),
        expected,
        sequence: expected + 1,
        stage: format!("\"{stage}\""),
        instruction: None,
    }
}

pub(crate) fn put(migration: MigrationId, part: &str, due: Option<Timestamp>) -> WorkChange {
    put_on(migration, part, None, due)
}

pub(crate) fn put_on(
    migration: MigrationId,
    part: &str,
    expected: Option<u64>,
    due: Option<Timestamp>,
) -> WorkChange {
    WorkChange::Put { migration, part: part.into(), expected, body: format!("{{\"{part}\":1}}"), due }
}

pub(crate) fn save(migration: MigrationId, part: &str, expected: u64, body: &str) -> WorkChange {
    WorkChange::Save { migration, part: part.into(), expected, body: body.into() }
}

pub(crate) fn wake(migration: MigrationId, part: &str, due: Timestamp) -> WorkChange {
    WorkChange::Wake { migration, part: part.into(), due }
}

pub(crate) fn remove(migration: MigrationId, part: &str, expected: Option<u64>) -> WorkChange {
    WorkChange::Remove { migration, part: part.into(), expected }
}

pub(crate) fn record(key: &str, expected: Option<u64>, body: Option<&str>) -> RecordWrite {
    RecordWrite { kind: "row".into(), key: key.into(), expected, body: body.map(Into::into) }
}

/// Commits one unit.
pub(crate) async fn commit(store: &dyn Store, unit: Unit) -> Committed {
    store.commit(vec![unit]).await.unwrap()[0]
}

/// Commits one unit with these changes of work.
pub(crate) async fn change(store: &dyn Store, work: Vec<WorkChange>) -> Committed {
    commit(store, Unit { work, ..unit() }).await
}

/// Claims everything that is due, for a minute.
pub(crate) async fn claim(store: &dyn Store, now: i64) -> Vec<WorkRow> {
    store.claim_work(HERE, at(now), at(now + 60), 100).await.unwrap()
}

pub(crate) fn parts(rows: &[WorkRow]) -> Vec<&str> {
    rows.iter().map(|row| row.part.as_str()).collect()
}

/// The only work row of a migration.
pub(crate) async fn only_row(store: &dyn Store, migration: MigrationId) -> WorkRow {
    let mut rows = store.work(HERE, migration).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}
