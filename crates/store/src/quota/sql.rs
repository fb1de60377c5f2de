//! Every statement of the shared quota.
//!
//! Each question is **one** statement, so that no process that is frozen can hold a bucket. The time is asked after the row
//! is locked (`clock_timestamp()`, not `now()`), so that a wait for the row counts as time in which the bucket filled.

/// Makes buckets that are not there: full.
pub(super) const MAKE: &str = "
insert into quota.bucket (key, rate, tokens, filled, blocked_until, in_a_row, granted, throttled)
select key, rate, tokens, clock_timestamp(), '-infinity', 0, 0, 0
from unnest($1::text[], $2::float8[], $3::float8[]) as rows (key, rate, tokens)
order by key
on conflict do nothing";

/// Tokens for many buckets. What came back and what was learned goes in first; the lanes are served in their order.
/// Answers place, granted (three lanes), tokens left, rate, seconds blocked, mode, its version. The disk is not waited for: what a
/// crash of the database forgets is which tokens were given out within its last second; the mode is written by another
/// statement.
pub(super) const LEASE: &str = "
with quick as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
),
asks as (
    select *
    from unnest(
        $1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
        $8::integer[], $9::integer[], $10::integer[], $11::integer[], $12::integer[]
    ) with ordinality as rows (
        key, floor, ceiling, burst, reserve, hold, scale, first, second, third, unused, fine, place
    )
),
locked as (
    select asks.*, bucket.rate, bucket.tokens, bucket.filled, bucket.blocked_until, bucket.in_a_row
    from asks
    join quota.bucket as bucket
        on bucket.key = asks.key
    order by bucket.key
    for update of bucket
),
timed as materialized (
    select locked.*, clock_timestamp() as at
    from locked
    cross join quick
),
learned as (
    select
        *,
        at < blocked_until as blocked,
        least(ceiling, greatest(floor, case
            when at < blocked_until then rate
            else rate + fine * 0.02 * ceiling / greatest(rate, 1)
        end)) as new_rate
    from timed
),
filling as (
    select
        *,
        least(
            greatest(new_rate * burst, 1),
            tokens
                + greatest(extract(epoch from at - filled)::float8, 0) * scale
                    * rate * (1 - burst) / (60 + hold)
                + unused
        ) as there,
        (greatest(new_rate * burst, 1) - 1) * reserve as kept
    from learned
),
first_lane as (
    select *, case when blocked then 0 else least(first, greatest(floor(there + 1e-6), 0)) end as first_got
    from filling
),
second_lane as (
    select
        *,
        case when blocked then 0 else least(second, greatest(floor(there - first_got - kept + 1e-6), 0)) end as second_got
    from first_lane
),
third_lane as (
    select
        *,
        case
            when blocked then 0
            else least(third, greatest(floor(there - first_got - second_got - 2 * kept + 1e-6), 0))
        end as third_got
    from second_lane
),
taken as (
    update quota.bucket as bucket set
        rate = lanes.new_rate,
        tokens = lanes.there - lanes.first_got - lanes.second_got - lanes.third_got,
        filled = greatest(lanes.filled, lanes.at),
        in_a_row = case when lanes.fine > 0 and not lanes.blocked then 0 else lanes.in_a_row end,
        granted = greatest(bucket.granted + lanes.first_got + lanes.second_got + lanes.third_got - lanes.unused, 0)
    from third_lane as lanes
    where bucket.key = lanes.key
    returning
        lanes.place, lanes.first_got::integer, lanes.second_got::integer, lanes.third_got::integer, bucket.tokens,
        bucket.rate,
        case when lanes.blocked then extract(epoch from lanes.blocked_until - lanes.at)::float8 else 0 end as wait
)
select taken.*, gate.mode, gate.version
from taken
cross join quota.gate as gate
order by taken.place";

/// A 429: -30 % and nothing for a while. Those that come in while it lasts are the same lesson. Answers seconds blocked.
pub(super) const THROTTLED: &str = "
update quota.bucket as bucket set
    (rate, in_a_row, blocked_until, filled, tokens) = (
        select
            lesson.rate,
            lesson.in_a_row,
            lesson.until,
            greatest(bucket.filled, lesson.until),
            -- What has gathered would all go out at the moment the block ends; half of it is enough to begin with.
            least(bucket.tokens, greatest(lesson.rate * $4, 1) / 2)
        from (
            select
                counted.*,
                greatest(
                    bucket.blocked_until,
                    clock_timestamp() + make_interval(secs => ($2 + case
                        when counted.in_a_row < 2 then 0
                        else least(power(2, least(counted.in_a_row - 1, 6)), 60)
                    end) / $5)
                ) as until
            from (
                select
                    case when first then greatest($3, bucket.rate * 0.7) else bucket.rate end as rate,
                    case when first then bucket.in_a_row + 1 else bucket.in_a_row end as in_a_row
                from (select clock_timestamp() >= bucket.blocked_until as first) as incident
            ) as counted
        ) as lesson
    ),
    throttled = bucket.throttled + 1
where key = $1
returning extract(epoch from blocked_until - clock_timestamp())::float8";

/// Tokens that were not used.
pub(super) const GIVE_BACK: &str = "
with rows as (
    select *
    from unnest($1::text[], $2::integer[], $3::float8[]) as rows (key, unused, burst)
),
locked as (
    select bucket.key, rows.unused, rows.burst
    from rows
    join quota.bucket as bucket
        on bucket.key = rows.key
    order by bucket.key
    for update of bucket
)
update quota.bucket as bucket set
    tokens = least(greatest(bucket.rate * locked.burst, 1), bucket.tokens + locked.unused),
    granted = greatest(bucket.granted - locked.unused, 0)
from locked
where bucket.key = locked.key";

pub(super) const MODE: &str = "
select mode, version
from quota.gate";

pub(super) const SET_MODE: &str = "
update quota.gate set
    mode = $1,
    version = version + 1,
    at = now()
returning version";

pub(super) const BUCKETS: &str = "
select
    key,
    rate,
    extract(epoch from greatest(blocked_until, clock_timestamp()) - clock_timestamp())::float8,
    granted,
    throttled
from quota.bucket
where key like $1
order by key";

/// Buckets that nobody has asked for in an hour are as good as full, and full is the same as not being there. What a
/// family has learned is kept.
pub(super) const CLEAN: &str = "
delete from quota.bucket
where key like $1
    and filled < clock_timestamp() - interval '1 hour'";

pub(super) const TOKEN: &str = "
select version, sealed
from quota.token
where name = $1";

/// Answers a row when it was the version that stood.
pub(super) const STORE_TOKEN: &str = "
insert into quota.token as token (name, version, sealed, at)
select $1, 1, $3, now()
where $2 = 0
on conflict do nothing
returning version";

pub(super) const REPLACE_TOKEN: &str = "
update quota.token set
    version = version + 1,
    sealed = $3,
    at = now()
where name = $1
    and version = $2
returning version";
