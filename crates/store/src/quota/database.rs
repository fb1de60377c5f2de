//! The shared quota in PostgreSQL.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::query_as;

use super::{Ask, BucketRow, Grant, Leased, Mode, ModeRow, Rule, SealedToken, sql};
use crate::columns::{damaged, signed, unsigned};
use crate::postgres::connections::Connections;
use crate::{Held, PgOptions, StoreError};

/// How long a 429 that does not say blocks.
const UNSAID: Duration = Duration::from_secs(10);
/// Nothing is waited for longer than this: the next question is asked then at the latest.
const LONGEST: Duration = Duration::from_secs(3600);

/// One quota for all processes on this database. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct PgQuota {
    connections: Connections,
}

/// Place, three lanes, tokens left, rate, seconds blocked, mode, its version.
type LeaseColumns = (i64, i32, i32, i32, f64, f64, f64, String, i64);

impl PgQuota {
    /// On connections of its own, so that no call waits behind commits. Two are enough: a gate asks one question at a time.
    pub async fn connect(options: &PgOptions) -> Result<Self, StoreError> {
        let quota = PgQuota { connections: Connections::new(options, 2)? };
        quota.mode().await?;
        Ok(quota)
    }

    /// Asks for tokens of many buckets, each at most once. Grants come in the order of the asks.
    ///
    /// When the answer is lost the tokens are spent: none is granted twice.
    pub async fn lease(&self, asks: &[Ask]) -> Result<Leased, StoreError> {
        if asks.iter().map(|ask| &ask.key).collect::<BTreeSet<_>>().len() != asks.len() {
            return Err(damaged("question for quota", "one bucket is asked twice"));
        }
        if asks.is_empty() {
            return Ok(Leased { grants: Vec::new(), mode: self.mode().await? });
        }
        let mut grants: Vec<Option<Grant>> = vec![None; asks.len()];
        let mut mode = None;
        // A bucket that is asked for the first time is made, and asked again.
        for _ in 0..3 {
            let open: Vec<usize> = (0..asks.len()).filter(|place| grants[*place].is_none()).collect();
            let rows = self.ask(&open.iter().map(|place| &asks[*place]).collect::<Vec<_>>()).await?;
            for row in rows {
                mode = Some(read_mode(&row.7, row.8)?);
                let place = usize::try_from(row.0 - 1).ok().and_then(|index| open.get(index).copied());
                let place = place.ok_or_else(|| damaged("grant", "it is nobody's"))?;
                grants[place] = Some(grant(&asks[place], &row));
            }
            let missing: Vec<&Ask> =
                asks.iter().zip(&grants).filter(|(_, grant)| grant.is_none()).map(|(ask, _)| ask).collect();
            match (missing.is_empty(), mode) {
                (true, Some(mode)) => {
                    return Ok(Leased { grants: grants.into_iter().flatten().collect(), mode });
                }
                _ => self.make(missing).await?,
            }
        }
        Err(damaged("bucket", "it was made and is not there"))
    }

    /// Gives tokens back that were granted and not used. (Asking again can bring them along, see [`Ask::unused`].)
    pub async fn give_back(&self, unused: &[(String, u32, Rule)]) -> Result<(), StoreError> {
        let query = sqlx::query(sql::GIVE_BACK)
            .bind(unused.iter().map(|(key, ..)| key.as_str()).collect::<Vec<_>>())
            .bind(unused.iter().map(|(_, count, _)| small(*count)).collect::<Vec<_>>())
            .bind(unused.iter().map(|(.., rule)| rule.burst).collect::<Vec<_>>());
        let mut loan = self.connections.take("giving quota back").await?;
        loan.execute(query).await.map(drop).map_err(loan.failed())
    }

    /// A 429. `after`: what `Retry-After` said, by the process's clock. Answers how long the bucket is blocked now; every
    /// other process learns of it with its next question.
    pub async fn throttled(
        &self,
        key: &str,
        rule: &Rule,
        after: Option<Duration>,
    ) -> Result<Duration, StoreError> {
        for _ in 0..2 {
            let query = query_as(sql::THROTTLED)
                .bind(key)
                .bind(after.unwrap_or(UNSAID).min(LONGEST).as_secs_f64())
                .bind(rule.floor)
                .bind(rule.burst)
                .bind(rule.scale);
            let mut loan = self.connections.take("noting a throttling").await?;
            let row: Option<(f64,)> = loan.optional(query).await.map_err(loan.failed())?;
            drop(loan);
            match row {
                Some((blocked,)) => return Ok(seconds(blocked * rule.scale)),
                None => self.make_one(key, rule).await?,
            }
        }
        Err(damaged("bucket", "it was made and is not there"))
    }

    /// Whether changing calls may be made. Every lease tells it too.
    pub async fn mode(&self) -> Result<ModeRow, StoreError> {
        let mut loan = self.connections.take("reading the mode").await?;
        let (mode, version): (String, i64) = loan.one(query_as(sql::MODE)).await.map_err(loan.failed())?;
        read_mode(&mode, version)
    }

    /// Sets the mode; control's right alone. When this ends well it is committed: a gate that asks from now on sees it, and
    /// one that acts on an older answer does so for no longer than its answers may be old.
    pub async fn set_mode(&self, mode: Mode) -> Result<ModeRow, StoreError> {
        let mut loan = self.connections.take("setting the mode").await?;
        let query = query_as(sql::SET_MODE).bind(name(mode));
        let (version,): (i64,) = loan.one(query).await.map_err(loan.failed())?;
        Ok(ModeRow { mode, version: unsigned(version)? })
    }

    /// Buckets whose key begins with this, for people and metrics.
    pub async fn buckets(&self, prefix: &str) -> Result<Vec<BucketRow>, StoreError> {
        let mut loan = self.connections.take("reading buckets").await?;
        let query = query_as(sql::BUCKETS).bind(starting_with(prefix));
        let rows: Vec<(String, f64, f64, i64, i64)> = loan.all(query).await.map_err(loan.failed())?;
        let row = |(key, per_minute, blocked, granted, throttled): (String, f64, f64, i64, i64)| {
            Ok(BucketRow {
                key,
                per_minute,
                blocked: (blocked > 0.0).then(|| seconds(blocked)),
                granted: unsigned(granted)?,
                throttled: unsigned(throttled)?,
            })
        };
        rows.into_iter().map(row).collect()
    }

    /// Forgets buckets with this beginning of the key that nobody has asked for in an hour; control's right alone. For
    /// customers', which grow in number and learn nothing.
    pub async fn clean(&self, prefix: &str) -> Result<u64, StoreError> {
        let mut loan = self.connections.take("cleaning buckets").await?;
        let query = sqlx::query(sql::CLEAN).bind(starting_with(prefix));
        loan.execute(query).await.map_err(loan.failed())
    }

    /// The refresh token of this name.
    pub async fn load_refresh_token(&self, name: &str) -> Result<Option<SealedToken>, StoreError> {
        let mut loan = self.connections.take("reading the refresh token").await?;
        let query = query_as(sql::TOKEN).bind(name);
        let row: Option<(i64, Vec<u8>)> = loan.optional(query).await.map_err(loan.failed())?;
        row.map(|(version, bytes)| Ok(SealedToken { version: unsigned(version)?, bytes })).transpose()
    }

    /// Replaces the refresh token, if `expected` is still its version (0 = there is none yet). Answers the new version;
    /// none = somebody else has replaced it meanwhile: read again.
    pub async fn store_refresh_token(
        &self,
        name: &str,
        expected: u64,
        bytes: &[u8],
    ) -> Result<Option<u64>, StoreError> {
        let statement = if expected == 0 { sql::STORE_TOKEN } else { sql::REPLACE_TOKEN };
        let query = query_as(statement).bind(name).bind(signed(expected)).bind(bytes);
        let mut loan = self.connections.take("keeping the refresh token").await?;
        let row: Option<(i64,)> = loan.optional(query).await.map_err(loan.failed())?;
        row.map(|(version,)| unsigned(version)).transpose()
    }

    /// As [`crate::PgStore::lock`]: one process at a time, over all services.
    pub async fn lock(&self, name: &str) -> Result<Option<Held>, StoreError> {
        crate::postgres::take_lock(&self.connections, name).await
    }

    async fn ask(&self, asks: &[&Ask]) -> Result<Vec<LeaseColumns>, StoreError> {
        let rules = |of: fn(&Rule) -> f64| asks.iter().map(|ask| of(&ask.rule)).collect::<Vec<_>>();
        let counts = |of: fn(&Ask) -> u32| asks.iter().map(|ask| small(of(ask))).collect::<Vec<_>>();
        let query = query_as(sql::LEASE)
            .bind(asks.iter().map(|ask| ask.key.as_str()).collect::<Vec<_>>())
            .bind(rules(|rule| rule.floor))
            .bind(rules(|rule| rule.ceiling))
            .bind(rules(|rule| rule.burst))
            .bind(rules(|rule| rule.reserve))
            .bind(rules(|rule| rule.hold.as_secs_f64()))
            .bind(rules(|rule| rule.scale))
            .bind(counts(|ask| ask.wanted[0]))
            .bind(counts(|ask| ask.wanted[1]))
            .bind(counts(|ask| ask.wanted[2]))
            .bind(counts(|ask| ask.unused))
            .bind(counts(|ask| ask.fine));
        let mut loan = self.connections.take("asking for quota").await?;
        loan.all(query).await.map_err(loan.failed())
    }

    async fn make(&self, asks: Vec<&Ask>) -> Result<(), StoreError> {
        let query = sqlx::query(sql::MAKE)
            .bind(asks.iter().map(|ask| ask.key.as_str()).collect::<Vec<_>>())
            .bind(asks.iter().map(|ask| ask.rule.start).collect::<Vec<_>>())
            .bind(asks.iter().map(|ask| ask.rule.room(ask.rule.start)).collect::<Vec<_>>());
        let mut loan = self.connections.take("making a bucket").await?;
        loan.execute(query).await.map(drop).map_err(loan.failed())
    }

    async fn make_one(&self, key: &str, rule: &Rule) -> Result<(), StoreError> {
        let ask = Ask { key: key.to_owned(), rule: *rule, wanted: [0; 3], unused: 0, fine: 0 };
        self.make(vec![&ask]).await
    }
}

/// What the row says, with the waits worked out.
fn grant(ask: &Ask, row: &LeaseColumns) -> Grant {
    let (_, first, second, third, tokens, per_minute, blocked, ..) = *row;
    let granted = [first, second, third].map(|count| u32::try_from(count).unwrap_or(0));
    let blocked = (blocked > 0.0).then(|| seconds(blocked * ask.rule.scale));
    let kept = (ask.rule.room(per_minute) - 1.0) * ask.rule.reserve;
    let mut wait = [None; 3];
    for (lane, wait) in wait.iter_mut().enumerate() {
        if granted[lane] < ask.wanted[lane] {
            let missing = 1.0 + kept * lane as f64 - tokens;
            let filled = seconds(missing / ask.rule.flow(per_minute));
            // Never zero: a question that is asked again at once would find the same.
            *wait = Some((blocked.unwrap_or_default() + filled).max(Duration::from_millis(1)));
        }
    }
    Grant { granted, wait, blocked, per_minute }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST).min(LONGEST)
}

fn small(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// For `like`.
fn starting_with(prefix: &str) -> String {
    prefix.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_") + "%"
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Running => "running",
        Mode::Draining => "draining",
        Mode::Paused => "paused",
    }
}

fn read_mode(text: &str, version: i64) -> Result<ModeRow, StoreError> {
    let mode = [Mode::Running, Mode::Draining, Mode::Paused].into_iter().find(|mode| name(*mode) == text);
    let mode = mode.ok_or_else(|| damaged("mode", format!("`{text}` is none")))?;
    Ok(ModeRow { mode, version: unsigned(version)? })
}
