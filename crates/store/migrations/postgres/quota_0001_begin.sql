-- What all services share: Microsoft counts calls per partner. Times are the database's.

-- Token buckets. Every answer changes its row: room on the page, and no index but the key.
create table bucket (
    key text collate "C" primary key,
    -- Calls a minute, as learned.
    rate float8 not null,
    tokens float8 not null,
    filled timestamptz not null,
    blocked_until timestamptz not null,
    -- Throttlings since the last good answer.
    in_a_row integer not null,
    granted bigint not null,
    throttled bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);

-- Whether changing calls may be made.
create table gate (
    alone boolean primary key default true check (alone),
    mode text not null check (mode in ('running', 'draining', 'paused')),
    version bigint not null,
    at timestamptz not null
);

insert into gate (mode, version, at)
values ('running', 0, now());

-- Refresh tokens, sealed by their owner.
create table token (
    name text primary key,
    version bigint not null,
    sealed bytea not null,
    at timestamptz not null
);

-- What was asked of Microsoft, for people.
create table call_log (
    position bigint generated always as identity primary key,
    at bigint not null,
    migration uuid,
    customer uuid,
    family text not null,
    operation text not null,
    changing boolean not null,
    status integer,
    code bigint,
    request_id uuid not null,
    correlation_id uuid not null,
    microseconds bigint not null,
    attempt bigint not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05);

create index call_log_migration on call_log (migration, position) where migration is not null;
create index call_log_at on call_log using brin (at) with (pages_per_range = 32, autosummarize = on);

-- Kept beside the log, so that a count does not read all of it.
create table call_count (
    family text collate "C" primary key,
    calls bigint not null,
    throttled bigint not null,
    failed bigint not null
) with (fillfactor = 50);
