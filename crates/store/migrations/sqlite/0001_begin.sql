-- The first schema. Times are nanoseconds since 1970, ids are 16 bytes, `service` is a service's name.
-- `strict`: a value of the wrong type is refused when written, not found when read.

-- What each service has consumed.
create table inbox (
    service text not null,
    event blob not null,
    at integer not null,
    primary key (service, event)
) strict, without rowid;

-- Written once, never changed, never removed; the ledgers of all services share one row.
create table instruction (
    id integer primary key,
    migration blob not null,
    body blob not null
) strict;

create index instruction_migration on instruction (migration);

-- Where each service stands with each migration.
create table ledger (
    service text not null,
    migration blob not null,
    customer blob,
    version integer not null,
    sequence integer not null,
    stage text not null,
    instruction integer references instruction (id),
    primary key (service, migration)
) strict, without rowid;

-- Work that comes due, and the memory of work that is done (`due` is null).
create table work (
    service text not null,
    migration blob not null,
    part text not null,
    version integer not null,
    body text not null,
    due integer,
    -- Somebody holds it until then; after that, somebody held it and never said how it went.
    lease_until integer,
    interrupted integer not null default 0,
    primary key (service, migration, part)
) strict, without rowid;

create index work_due on work (service, due, migration, part) where due is not null;
create index work_held on work (service, lease_until) where lease_until is not null;

-- Every event of every service, append only, in the order of commits.
create table event_log (
    position integer primary key,
    service text not null,
    event blob not null,
    subject blob not null,
    bytes blob not null
) strict;

create index event_log_subject on event_log (subject);

-- Events that wait to be published: a row here is a promise, the bytes are in the log.
create table outbox (
    service text not null,
    position integer not null references event_log (position),
    lease_until integer,
    primary key (service, position)
) strict, without rowid;

-- Control's own records.
create table record (
    kind text not null,
    key text not null,
    version integer not null,
    body text not null,
    primary key (kind, key)
) strict, without rowid;

-- Messages that could not be read.
create table dead_letter (
    position integer primary key,
    service text not null,
    at integer not null,
    reason text not null,
    bytes blob not null
) strict;

-- What was asked of Microsoft, for people.
create table call_log (
    position integer primary key,
    at integer not null,
    migration blob,
    customer blob,
    family text not null,
    operation text not null,
    changing integer not null,
    status integer,
    code integer,
    request_id blob not null,
    correlation_id blob not null,
    microseconds integer not null,
    attempt integer not null
) strict;

create index call_log_migration on call_log (migration) where migration is not null;

-- Kept beside the log, so that a count does not read all of it.
create table call_count (
    family text primary key,
    calls integer not null,
    throttled integer not null,
    failed integer not null
) strict, without rowid;
