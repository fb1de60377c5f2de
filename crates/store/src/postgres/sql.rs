//! Every statement of the PostgreSQL engine.
//!
//! Many rows travel as **arrays**, one a column, and are unfolded with `unnest`: one round trip for a whole batch. Names are
//! qualified with the schema of the service, which is filled in when the store is opened (`{s}`): no search path to go wrong.

use seatshift_messages::Service;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Statements with their names, each for one schema.
macro_rules! statements {
    ($( $(#[$doc:meta])* $name:ident = $text:expr; )*) => {
        /// All statements on the schema of one service.
        #[derive(Debug)]
        pub(super) struct Statements { $( $(#[$doc])* pub(super) $name: SqlStr, )* }

        impl Statements {
            pub(super) fn on(service: Service) -> Self {
                Statements { $( $name: on(service, $text), )* }
            }

            #[cfg(test)]
            pub(super) fn named(&self) -> Vec<(&'static str, &str)> {
                vec![$( (stringify!($name), self.$name.as_str()), )*]
            }
        }
    };
}

/// The placeholders are ours, the values names out of a fixed list.
fn on(service: Service, text: &str) -> SqlStr {
    let fragments = match service {
        Service::Control => [
            ("{turn}", TURN),
            ("{in_turn}", "cross join turn"),
            ("{change}", "nextval('control.ledger_change')"),
        ],
        Service::Purchase | Service::Reassignment | Service::Suspension => {
            [("{turn}", ""), ("{in_turn}", ""), ("{change}", "null::bigint")]
        }
    };
    let text = fragments.iter().fold(text.to_owned(), |text, (name, fragment)| text.replace(name, fragment));
    AssertSqlSafe(text.replace("{s}", service.name()).into_boxed_str()).into_sql_str()
}

/// All of control's writers pass here one by one, and keep the turn until their commit is visible: what they number is
/// numbered in the order of commits. What may wait for another writer comes before it, or they would wait in a circle.
const TURN: &str = "
turn as materialized (
    select pg_advisory_xact_lock(1397047636, 1)
    from (select count(*) from inbox_new) as inbox
    cross join (select count(*) from work_new) as work
),";

statements! {
    // --- commit ---

    /// Everything that a batch touches, locked in the order of its keys: ledgers (0), work (1), inbox (2).
    load = "
with ledgers as (
    select migration, customer, version, sequence, stage, instructed
    from {s}.ledger
    where migration = any($1::uuid[])
    order by migration
    for update
),
works as (
    select work.migration, work.part, work.version, work.body, work.due, work.lease_until, work.interrupted
    from unnest($2::uuid[], $3::text[]) as wanted (migration, part)
    join {s}.work as work
        on work.migration = wanted.migration
        and work.part = wanted.part
    order by work.migration, work.part
    for update of work
)
select 0::smallint, migration, customer, null::text, version, sequence, stage, instructed, null::bigint, null::bigint
from ledgers
union all
select 1::smallint, migration, null::uuid, part, version, null::bigint, body, interrupted, due, lease_until
from works
union all
select 2::smallint, event, null::uuid, null::text, at, null::bigint, null::text, null::boolean, null::bigint, null::bigint
from {s}.inbox
where event = any($4::uuid[])";

    /// What changed. Rows that were not there are inserted: where another writer was quicker that is a violated key, and
    /// the batch begins anew.
    save = "
with inbox_new as (
    insert into {s}.inbox (event, at)
    select event, at
    from unnest($1::uuid[], $2::bigint[]) as rows (event, at)
    returning 1
),
work_in as (
    select *
    from unnest(
        $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::boolean[], $10::boolean[]
    ) as rows (migration, part, version, body, due, lease_until, interrupted, fresh)
),
work_new as (
    insert into {s}.work (migration, part, version, body, due, lease_until, interrupted)
    select migration, part, version, body, due, lease_until, interrupted
    from work_in
    where fresh
    returning 1
),
work_changed as (
    update {s}.work as work set
        version = work_in.version,
        body = work_in.body,
        due = work_in.due,
        lease_until = work_in.lease_until,
        interrupted = work_in.interrupted
    from work_in
    where not work_in.fresh
        and work.migration = work_in.migration
        and work.part = work_in.part
),
work_gone as (
    delete from {s}.work as work
    using unnest($11::uuid[], $12::text[]) as gone (migration, part)
    where work.migration = gone.migration
        and work.part = gone.part
),
{turn}
ledger_in as (
    select *
    from unnest($13::uuid[], $14::uuid[], $15::bigint[], $16::bigint[], $17::text[], $18::boolean[], $19::boolean[])
        as rows (migration, customer, version, sequence, stage, instructed, fresh)
),
ledger_new as (
    insert into {s}.ledger (migration, customer, version, sequence, stage, instructed, change)
    select migration, customer, version, sequence, stage, instructed, {change}
    from ledger_in
    {in_turn}
    where fresh
),
ledger_changed as (
    update {s}.ledger as ledger set
        customer = ledger_in.customer,
        version = ledger_in.version,
        sequence = ledger_in.sequence,
        stage = ledger_in.stage,
        instructed = ledger_in.instructed,
        change = {change}
    from ledger_in
    {in_turn}
    where not ledger_in.fresh
        and ledger.migration = ledger_in.migration
),
instruction_new as (
    insert into {s}.instruction (migration, body)
    select migration, body
    from unnest($20::uuid[], $21::bytea[]) as rows (migration, body)
    on conflict do nothing
),
event_in as materialized (
    select nextval('{s}.event_position') as position, event, subject, bytes, published
    from unnest($22::uuid[], $23::uuid[], $24::bytea[], $25::boolean[]) with ordinality
        as rows (event, subject, bytes, published, place)
    {in_turn}
    where published
        -- Heard: once, also when the inbox has forgotten it.
        or not exists (
            select 1
            from {s}.event_log as logged
            where logged.subject = rows.subject
                and logged.event = rows.event
        )
    order by place
),
event_new as (
    insert into {s}.event_log (position, event, subject, bytes)
    select position, event, subject, bytes
    from event_in
),
outbox_new as (
    insert into {s}.outbox (position)
    select position
    from event_in
    where published
)
insert into {s}.mark (process, slot, count, at)
values ($26, $27, $28, now())
on conflict (process, slot) do update set
    count = excluded.count,
    at = excluded.at";

    /// Waits for a transaction of this writer that is still under way, then tells the last that was committed.
    last_mark = "
insert into {s}.mark as mark (process, slot, count, at)
values ($1, $2, -1, now())
on conflict (process, slot) do update set
    at = excluded.at
returning mark.count";

    clean_marks = "
delete from {s}.mark
where at < now() - interval '7 days'";

    load_records = "
select record.kind, record.key, record.version, record.body
from unnest($1::text[], $2::text[]) as wanted (kind, key)
join {s}.record as record
    on record.kind = wanted.kind
    and record.key = wanted.key
order by record.kind, record.key
for update of record";

    save_records = "
with rows as (
    select *
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::boolean[])
        as rows (kind, key, version, body, fresh)
),
record_new as (
    insert into {s}.record (kind, key, version, body)
    select kind, key, version, body
    from rows
    where fresh
),
record_changed as (
    update {s}.record as record set
        version = rows.version,
        body = rows.body
    from rows
    where not rows.fresh
        and record.kind = rows.kind
        and record.key = rows.key
)
delete from {s}.record as record
using unnest($6::text[], $7::text[]) as gone (kind, key)
where record.kind = gone.kind
    and record.key = gone.key";

    append_dead_letters = "
insert into {s}.dead_letter (at, reason, bytes)
select at, reason, bytes
from unnest($1::bigint[], $2::text[], $3::bytea[]) with ordinality as rows (at, reason, bytes, place)
order by place";

    // --- ledgers and inbox ---

    ledgers = "
select migration, customer, version, sequence, stage, instructed
from {s}.ledger
where migration = any($1::uuid[])
order by migration";

    changed_ledgers = "
select change, migration, version
from {s}.ledger
where change > $1
order by change
limit $2";

    last_change = "
select max(change)
from {s}.ledger";

    instructions = "
select migration, body
from {s}.instruction
where migration = any($1::uuid[])";

    consumed = "
select event
from {s}.inbox
where event = any($1::uuid[])
order by event";

    clean_inbox = "
delete from {s}.inbox
where event in (
    select event
    from {s}.inbox
    where at < $1
    limit $2
)";

    // --- work ---

    claim_work = "
with picked as (
    select migration, part
    from {s}.work
    where due <= $1
        and (lease_until is null or lease_until <= $1)
    order by due, migration, part
    limit $3
    for update skip locked
)
update {s}.work as work set
    interrupted = work.interrupted or work.lease_until is not null,
    lease_until = $2
from picked
where work.migration = picked.migration
    and work.part = picked.part
returning work.migration, work.part, work.version, work.body, work.due, work.lease_until, work.interrupted";

    /// A held row counts from the end of its lease; one that is due later than the first free one cannot come before it.
    next_due = "
with free as (
    select due
    from {s}.work
    where due is not null
        and lease_until is null
    order by due
    limit 1
)
select min(moment)
from (
    select due as moment
    from free
    union all
    select greatest(due, lease_until)
    from {s}.work
    where due <= coalesce((select due from free), 9223372036854775807)
        and lease_until is not null
) as moments";

    work = "
select migration, part, version, body, due, lease_until, interrupted
from {s}.work
where migration = $1
order by part";

    cut_off_work = "
update {s}.work set
    interrupted = true,
    lease_until = null
where lease_until is not null";

    // --- outbox ---

    /// Clears, then claims. Not waited for on disk: a claim or a clearing that a power cut takes back means one more
    /// publication, and readers drop it.
    exchange_outbox = "
with quick as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
),
cleared as (
    delete from {s}.outbox
    using quick
    where position = any($1::bigint[])
),
picked as (
    select position
    from {s}.outbox
    where (lease_until is null or lease_until <= $2)
        and position <> all ($1::bigint[])
    order by position
    limit $4
    for update skip locked
),
claimed as (
    update {s}.outbox as outbox set
        lease_until = $3
    from picked
    cross join quick
    where outbox.position = picked.position
    returning outbox.position
)
select event_log.position, event_log.event, event_log.bytes
from claimed
join {s}.event_log as event_log
    on event_log.position = claimed.position
order by event_log.position";

    release_outbox = "
update {s}.outbox set
    lease_until = null
where position = any($1::bigint[])";

    cut_off_outbox = "
update {s}.outbox set
    lease_until = null
where lease_until is not null";

    oldest_outbox = "
select event_log.bytes
from {s}.outbox as outbox
join {s}.event_log as event_log
    on event_log.position = outbox.position
order by outbox.position
limit 1";

    /// Walks through what waits, which is little as long as all is well.
    backlog = "
select
    (select count(*) from {s}.outbox),
    (select count(*) from {s}.work where due <= $1 and (lease_until is null or lease_until <= $1)),
    (select min(due) from {s}.work where due <= $1 and (lease_until is null or lease_until <= $1)),
    (select count(*) from {s}.work where due is not null and lease_until > $1),
    (select count(*) from {s}.dead_letter)";

    // --- records, logs ---

    records = "
select kind, key, version, body
from {s}.record
where kind = $1
    and key > $2
order by key
limit $3";

    records_from_the_first = "
select kind, key, version, body
from {s}.record
where kind = $1
order by key
limit $2";

    record = "
select kind, key, version, body
from {s}.record
where kind = $1
    and key = $2";

    events = "
select position, bytes
from {s}.event_log
where position > $1
order by position
limit $2";

    events_of = "
select position, bytes
from {s}.event_log
where subject = $3
    and position > $1
order by position
limit $2";

    dead_letters = "
select position, at, reason, bytes
from {s}.dead_letter
order by position
limit $1";

    remove_dead_letter = "
delete from {s}.dead_letter
where position = $1";
}

// --- the call log, which all services share ---

/// Nothing is decided by it, so the disk is not waited for.
pub(super) const APPEND_CALLS: &str = "
with quick as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
),
rows as (
    select *
    from unnest(
        $1::bigint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::integer[], $8::bigint[],
        $9::uuid[], $10::uuid[], $11::bigint[], $12::bigint[]
    ) with ordinality as rows (
        at, migration, customer, family, operation, changing, status, code, request_id, correlation_id, microseconds,
        attempt, place
    )
    cross join quick
),
logged as (
    insert into quota.call_log (
        at, migration, customer, family, operation, changing, status, code, request_id, correlation_id, microseconds,
        attempt
    )
    select
        at, migration, customer, family, operation, changing, status, code, request_id, correlation_id, microseconds,
        attempt
    from rows
    order by place
)
insert into quota.call_count as total (family, calls, throttled, failed)
select
    family,
    count(*),
    count(*) filter (where status = 429),
    count(*) filter (where status is null or status >= 500)
from rows
group by family
order by family
on conflict (family) do update set
    calls = total.calls + excluded.calls,
    throttled = total.throttled + excluded.throttled,
    failed = total.failed + excluded.failed";

pub(super) const CALLS: &str = "
select
    position, at, migration, customer, family, operation, changing, status, code, request_id,
    correlation_id, microseconds, attempt
from quota.call_log
where position > $1
order by position
limit $2";

pub(super) const CALLS_OF: &str = "
select
    position, at, migration, customer, family, operation, changing, status, code, request_id,
    correlation_id, microseconds, attempt
from quota.call_log
where migration = $3
    and position > $1
order by position
limit $2";

pub(super) const CALL_COUNTS: &str = "
select family, calls, throttled, failed
from quota.call_count
order by family";

pub(super) const CLEAN_CALLS: &str = "
delete from quota.call_log
where position in (
    select position
    from quota.call_log
    where at < $1
    limit $2
)";

/// A name for this process, from the database: nothing here draws random numbers.
pub(super) const PROCESS: &str = "
select gen_random_uuid()";

#[cfg(test)]
mod tests {
    mod servers {
        use seatshift_messages::Service;
        use seatshift_servers::Shared;
        use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

        use super::super::*;
        use crate::PgStore;

        /// Those that walk through what waits, or run once in a while.
        const SELDOM: &[&str] = &["backlog", "cut_off_work", "cut_off_outbox", "clean_marks"];

        /// Only control's changes are numbered, and only its log is read by subject.
        const OF_CONTROL: &[&str] = &["changed_ledgers", "last_change", "events_of"];

        /// Tables that grow with the number of migrations, or with what waits.
        const BIG: &[&str] = &[
            "inbox",
            "instruction",
            "ledger",
            "work",
            "event_log",
            "outbox",
            "record",
            "call_log",
            "bucket",
        ];

        #[tokio::test]
        async fn no_frequent_statement_walks_through_a_whole_table() {
            let shared = Shared::attach().unwrap();
            let name = shared.fresh_database().unwrap();
            let url = shared.postgres.admin_url(&name);
            PgStore::prepare(&url, &Default::default()).await.unwrap();
            let mut admin = PgConnection::connect(&url).await.unwrap();
            // Plans for any arguments; a walk through a table only where there is no other way.
            admin
                .execute("set plan_cache_mode = force_generic_plan; set enable_seqscan = off")
                .await
                .unwrap();
            let mut walks = Vec::new();
            for service in [Service::Control, Service::Purchase] {
                let statements = Statements::on(service);
                let own = statements.named().into_iter().filter(|(name, _)| {
                    !SELDOM.contains(name) && (service == Service::Control || !OF_CONTROL.contains(name))
                });
                let shared = [
                    ("calls", CALLS),
                    ("calls of", CALLS_OF),
                    ("append calls", APPEND_CALLS),
                    ("clean calls", CLEAN_CALLS),
                ];
                for (name, statement) in own.chain(shared).chain(crate::quota::frequent_statements()) {
                    let plan = plan(&mut admin, statement).await;
                    // Whether something was heard before is asked only where something is heard: in control.
                    let hears = service == Service::Control || name != "save";
                    for table in BIG.iter().filter(|table| hears || **table != "event_log") {
                        if plan.iter().any(|step| step.contains(&format!("Seq Scan on {table}"))) {
                            walks.push(format!("{name} walks through {table}: {plan:#?}"));
                        }
                    }
                }
            }
            admin.close().await.unwrap();
            shared.postgres.drop_database(&name).unwrap();
            assert!(walks.is_empty(), "{}", walks.join("\n"));
        }

        async fn plan(admin: &mut PgConnection, statement: &str) -> Vec<String> {
            let prepare = format!("prepare it as {statement}");
            admin.execute(AssertSqlSafe(prepare)).await.unwrap();
            let arguments: i32 = sqlx::query_scalar(
                "select coalesce(array_length(parameter_types, 1), 0) from pg_prepared_statements where name = 'it'",
            )
            .fetch_one(&mut *admin)
            .await
            .unwrap();
            let nulls = vec!["null"; usize::try_from(arguments).unwrap()].join(", ");
            let call = if nulls.is_empty() { "it".to_owned() } else { format!("it({nulls})") };
            let explain = AssertSqlSafe(format!("explain execute {call}"));
            let rows = sqlx::raw_sql(explain).fetch_all(&mut *admin).await.unwrap();
            let plan = rows.iter().map(|row| sqlx::Row::get(row, 0)).collect();
            admin.execute("deallocate it").await.unwrap();
            plan
        }
    }
}
