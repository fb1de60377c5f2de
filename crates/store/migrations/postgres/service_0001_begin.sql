-- A service's own schema; the search path is set to it. Times are nanoseconds since 1970.

-- What the service has consumed. Cleaned by age: a block range index costs next to nothing and finds the oldest.
create table inbox (
    event uuid primary key,
    at bigint not null
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);

create index inbox_at on inbox using brin (at) with (pages_per_range = 32, autosummarize = on);

-- Written once, never changed, never removed.
create table instruction (
    migration uuid primary key,
    body bytea not null
);

-- Where the service stands with each migration. Never removed.
create table ledger (
    migration uuid primary key,
    customer uuid,
    version bigint not null,
    sequence bigint not null,
    stage text not null,
    -- Whether there is an instruction.
    instructed boolean not null,
    -- In control: grows with every change, in the order of commits.
    change bigint
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Work that comes due, and the memory of work that is done (`due` is null). A claim changes no indexed column and finds
-- room on the page, so that it costs no index entry.
create table work (
    migration uuid not null,
    part text collate "C" not null,
    version bigint not null,
    body text not null,
    due bigint,
    -- Somebody holds it until then; after that, somebody held it and never said how it went.
    lease_until bigint,
    interrupted boolean not null,
    primary key (migration, part)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

create index work_due on work (due, migration, part) where due is not null;

-- Every event of the service (of all services in control's schema), append only.
create sequence event_position;

create table event_log (
    position bigint primary key,
    event uuid not null,
    subject uuid not null,
    bytes bytea not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05);

-- Events that wait to be published: a row here is a promise, the bytes are in the log.
create table outbox (
    position bigint primary key,
    lease_until bigint
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);

-- Control's own records.
create table record (
    kind text collate "C" not null,
    key text collate "C" not null,
    version bigint not null,
    body text not null,
    primary key (kind, key)
) with (fillfactor = 80);

-- Messages that could not be read.
create table dead_letter (
    position bigint generated always as identity primary key,
    at bigint not null,
    reason text not null,
    bytes bytea not null
);

-- The last commit of each writer of each process: after a lost connection it says whether that commit happened.
create table mark (
    process uuid not null,
    slot integer not null,
    count bigint not null,
    at timestamptz not null,
    primary key (process, slot)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
