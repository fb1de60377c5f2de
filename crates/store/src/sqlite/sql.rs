//! Every statement of the SQLite engine.
//!
//! Many small rows travel as **one** JSON array of arrays, read with `json_each`: one statement and one step to the
//! database's thread for a whole batch, and its text never changes, so it stays prepared. Ids are hexadecimal in there.
//! `cross join` is SQLite's way to say: walk the list and look each row up, never the other way round.

pub(super) const BEGIN: &str = "begin immediate";
pub(super) const DURABLE: &str = "pragma synchronous = full";
pub(super) const QUICK: &str = "pragma synchronous = normal";

// --- opening ---

pub(super) const WRITE_AHEAD: &str = "pragma journal_mode = wal";
pub(super) const APPLICATION: &str = "pragma application_id";
pub(super) const SCHEMA_VERSION: &str = "pragma user_version";
pub(super) const COUNT_TABLES: &str = "
select count(*)
from sqlite_schema";

// --- commit: the rows that a batch touches ---

pub(super) const LOAD_INBOX: &str = "
select inbox.service, inbox.event, inbox.at
from json_each($1) as wanted
cross join inbox
    on inbox.service = wanted.value ->> 0
    and inbox.event = unhex(wanted.value ->> 1)";

pub(super) const LOAD_LEDGERS: &str = "
select
    ledger.service, ledger.migration, ledger.customer, ledger.version, ledger.sequence, ledger.stage,
    ledger.instruction
from json_each($1) as wanted
cross join ledger
    on ledger.service = wanted.value ->> 0
    and ledger.migration = unhex(wanted.value ->> 1)
order by ledger.service, ledger.migration";

pub(super) const LOAD_WORK: &str = "
select
    work.service, work.migration, work.part, work.version, work.body, work.due, work.lease_until,
    work.interrupted
from json_each($1) as wanted
cross join work
    on work.service = wanted.value ->> 0
    and work.migration = unhex(wanted.value ->> 1)
    and work.part = wanted.value ->> 2";

pub(super) const LOAD_RECORDS: &str = "
select record.kind, record.key, record.version, record.body
from json_each($1) as wanted
cross join record
    on record.kind = wanted.value ->> 0
    and record.key = wanted.value ->> 1";

// --- commit: what changed ---

pub(super) const SAVE_INBOX: &str = "
insert into inbox (service, event, at)
select value ->> 0, unhex(value ->> 1), value ->> 2
from json_each($1)";

pub(super) const FIND_INSTRUCTION: &str = "
select id
from instruction
where migration = $1
    and body = $2";

pub(super) const SAVE_INSTRUCTION: &str = "
insert into instruction (migration, body)
values ($1, $2)
returning id";

pub(super) const SAVE_LEDGERS: &str = "
insert into ledger (service, migration, customer, version, sequence, stage, instruction)
select
    value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5,
    value ->> 6
from json_each($1)
where true
on conflict (service, migration) do update set
    customer = excluded.customer,
    version = excluded.version,
    sequence = excluded.sequence,
    stage = excluded.stage,
    instruction = excluded.instruction";

pub(super) const SAVE_WORK: &str = "
insert into work (service, migration, part, version, body, due, lease_until, interrupted)
select
    value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7
from json_each($1)
where true
on conflict (service, migration, part) do update set
    version = excluded.version,
    body = excluded.body,
    due = excluded.due,
    lease_until = excluded.lease_until,
    interrupted = excluded.interrupted";

pub(super) const REMOVE_WORK: &str = "
delete from work
where (service, migration, part) in (
    select work.service, work.migration, work.part
    from json_each($1) as gone
    cross join work
        on work.service = gone.value ->> 0
        and work.migration = unhex(gone.value ->> 1)
        and work.part = gone.value ->> 2
)";

pub(super) const SAVE_RECORDS: &str = "
insert into record (kind, key, version, body)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3
from json_each($1)
where true
on conflict (kind, key) do update set
    version = excluded.version,
    body = excluded.body";

pub(super) const REMOVE_RECORDS: &str = "
delete from record
where (kind, key) in (
    select value ->> 0, value ->> 1
    from json_each($1)
)";

pub(super) const LAST_EVENT: &str = "
select coalesce(max(position), 0)
from event_log";

/// The event ids of one subject are few.
pub(super) const LOGGED: &str = "
select exists (
    select 1
    from event_log
    where subject = $1
        and event = $2
)";

pub(super) const APPEND_EVENT: &str = "
insert into event_log (service, event, subject, bytes)
values ($1, $2, $3, $4)";

/// Whatever this transaction logged waits to be published.
pub(super) const FILL_OUTBOX: &str = "
insert into outbox (service, position)
select service, position
from event_log
where position > $1";

pub(super) const APPEND_DEAD_LETTER: &str = "
insert into dead_letter (service, at, reason, bytes)
values ($1, $2, $3, $4)";

// --- ledgers and inbox ---

pub(super) const READ_INSTRUCTIONS: &str = "
select instruction.id, instruction.body
from json_each($1) as wanted
cross join instruction
    on instruction.id = wanted.value";

pub(super) const CONSUMED: &str = "
select inbox.event
from json_each($2) as wanted
cross join inbox
    on inbox.service = $1
    and inbox.event = unhex(wanted.value)
order by inbox.event";

// --- work ---

pub(super) const CLAIM_WORK: &str = "
update work set
    interrupted = interrupted or lease_until is not null,
    lease_until = $3
where (service, migration, part) in (
    select service, migration, part
    from work
    where service = $1
        and due <= $2
        and (lease_until is null or lease_until <= $2)
    order by due, migration, part
    limit $4
)
returning service, migration, part, version, body, due, lease_until, interrupted";

/// A held row counts from the end of its lease.
pub(super) const NEXT_DUE: &str = "
select min(moment)
from (
    select moment
    from (
        select due as moment
        from work
        where service = $1
            and due is not null
            and lease_until is null
        order by due
        limit 1
    )
    union all
    select min(max(due, lease_until))
    from work indexed by work_held
    where service = $1
        and due is not null
        and lease_until is not null
)";

pub(super) const WORK: &str = "
select service, migration, part, version, body, due, lease_until, interrupted
from work
where service = $1
    and migration = $2
order by part";

pub(super) const CUT_OFF_WORK: &str = "
update work set
    interrupted = 1,
    lease_until = null
where lease_until is not null";

// --- outbox ---

pub(super) const CLAIM_OUTBOX: &str = "
update outbox set
    lease_until = $3
where service = $1
    and position in (
        select position
        from outbox
        where service = $1
            and (lease_until is null or lease_until <= $2)
        order by position
        limit $4
    )
returning position";

pub(super) const READ_OUTBOX: &str = "
select event_log.position, event_log.event, event_log.bytes
from json_each($1) as wanted
cross join event_log
    on event_log.position = wanted.value
order by event_log.position";

pub(super) const CLEAR_OUTBOX: &str = "
delete from outbox
where service = $1
    and position in (
        select value
        from json_each($2)
    )";

pub(super) const RELEASE_OUTBOX: &str = "
update outbox set
    lease_until = null
where service = $1
    and position in (
        select value
        from json_each($2)
    )";

pub(super) const CUT_OFF_OUTBOX: &str = "
update outbox set
    lease_until = null
where lease_until is not null";

// --- records, logs ---

pub(super) const RECORDS: &str = "
select kind, key, version, body
from record
where kind = $1
    and ($2 is null or key > $2)
order by key
limit $3";

pub(super) const RECORD: &str = "
select kind, key, version, body
from record
where kind = $1
    and key = $2";

pub(super) const EVENTS: &str = "
select position, bytes
from event_log
where position > $1
order by position
limit $2";

pub(super) const EVENTS_OF: &str = "
select position, bytes
from event_log
where position > $1
    and subject = $3
order by position
limit $2";

pub(super) const APPEND_CALL: &str = "
insert into call_log (
    at, migration, customer, family, operation, changing, status, code, request_id, correlation_id,
    microseconds, attempt
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

pub(super) const ADD_COUNT: &str = "
insert into call_count (family, calls, throttled, failed)
values ($1, $2, $3, $4)
on conflict (family) do update set
    calls = calls + excluded.calls,
    throttled = throttled + excluded.throttled,
    failed = failed + excluded.failed";

pub(super) const CALLS: &str = "
select
    position, at, migration, customer, family, operation, changing, status, code, request_id,
    correlation_id, microseconds, attempt
from call_log
where position > $1
order by position
limit $2";

pub(super) const CALLS_OF: &str = "
select
    position, at, migration, customer, family, operation, changing, status, code, request_id,
    correlation_id, microseconds, attempt
from call_log
where position > $1
    and migration = $3
order by position
limit $2";

pub(super) const CALL_COUNTS: &str = "
select family, calls, throttled, failed
from call_count
order by family";

pub(super) const DEAD_LETTERS: &str = "
select position, service, at, reason, bytes
from dead_letter
order by position
limit $1";

pub(super) const REMOVE_DEAD_LETTER: &str = "
delete from dead_letter
where service = $1
    and position = $2";

/// Walks through what waits, which is little as long as all is well.
pub(super) const BACKLOG: &str = "
select
    (select count(*) from outbox where service = $1),
    (select count(*) from work where service = $1 and due <= $2 and (lease_until is null or lease_until <= $2)),
    (select min(due) from work where service = $1 and due <= $2 and (lease_until is null or lease_until <= $2)),
    (select count(*) from work where service = $1 and lease_until > $2 and due is not null),
    (select count(*) from dead_letter where service = $1)";

pub(super) const OLDEST_OUTBOX: &str = "
select event_log.bytes
from outbox
cross join event_log
    on event_log.position = outbox.position
where outbox.service = $1
order by outbox.position
limit 1";

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};

    use super::*;

    /// All that run while a migration is under way.
    const FREQUENT: &[(&str, &str)] = &[
        ("load inbox", LOAD_INBOX),
        ("load ledgers", LOAD_LEDGERS),
        ("load work", LOAD_WORK),
        ("load records", LOAD_RECORDS),
        ("find instruction", FIND_INSTRUCTION),
        ("remove work", REMOVE_WORK),
        ("remove records", REMOVE_RECORDS),
        ("last event", LAST_EVENT),
        ("logged", LOGGED),
        ("fill outbox", FILL_OUTBOX),
        ("read instructions", READ_INSTRUCTIONS),
        ("consumed", CONSUMED),
        ("claim work", CLAIM_WORK),
        ("next due", NEXT_DUE),
        ("work", WORK),
        ("claim outbox", CLAIM_OUTBOX),
        ("read outbox", READ_OUTBOX),
        ("clear outbox", CLEAR_OUTBOX),
        ("release outbox", RELEASE_OUTBOX),
        ("backlog", BACKLOG),
        ("oldest of the outbox", OLDEST_OUTBOX),
        ("record", RECORD),
        ("events of", EVENTS_OF),
        ("calls of", CALLS_OF),
    ];

    /// Tables that grow with the number of migrations.
    const BIG: &[&str] = &["inbox", "instruction", "ledger", "work", "event_log", "record", "call_log"];

    #[tokio::test]
    async fn no_frequent_statement_walks_through_a_whole_table() {
        let mut file = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        file.execute(include_str!("../../migrations/sqlite/0001_begin.sql")).await.unwrap();
        for (name, statement) in FREQUENT {
            let explain = format!("explain query plan {statement}");
            let plan = sqlx::query(AssertSqlSafe(explain)).fetch_all(&mut file).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(3)).collect();
            for table in BIG {
                let walks = plan.iter().any(|step| {
                    step.starts_with(&format!("SCAN {table}"))
                        || step.starts_with(&format!("SEARCH {table} ")) && step.ends_with("KEY (service=?)")
                });
                assert!(!walks, "{name} walks through {table}: {plan:#?}");
            }
        }
    }
}
