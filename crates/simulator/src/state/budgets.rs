//! Calls allowed a minute: token buckets on virtual time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use uuid::Uuid;

use crate::lock;

/// What a budget is for. The first four are documented per tenant, so a call that names a customer draws on that
/// customer's; nothing is documented for the others, which share one bucket for the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Customers,
    Subscriptions,
    Orders,
    Offers,
    Users,
    Licenses,
    Skus,
}

impl Family {
    pub(crate) const ALL: [Self; 7] = [
        Self::Customers,
        Self::Subscriptions,
        Self::Orders,
        Self::Offers,
        Self::Users,
        Self::Licenses,
        Self::Skus,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Orders => "orders",
            Self::Offers => "offers",
            Self::Users => "users",
            Self::Licenses => "licenses",
            Self::Skus => "skus",
        }
    }

    fn per_customer(self) -> bool {
        matches!(self, Self::Customers | Self::Subscriptions | Self::Orders | Self::Offers)
    }

    /// 500 where the contract has it (section 2.2); for the rest a number that gets in nobody's way.
    fn default_per_minute(self) -> u32 {
        if self.per_customer() { 500 } else { 3000 }
    }
}

#[derive(Debug)]
pub(crate) struct Budgets {
    per_minute: BTreeMap<Family, u32>,
    buckets: Mutex<BTreeMap<(Family, Option<Uuid>), Bucket>>,
}

/// Counted in thousandths of a call, so that it refills to the millisecond without fractions.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    milli: i64,
    filled_at: Timestamp,
}

impl Budgets {
    pub(crate) fn new(configured: &BTreeMap<String, u32>) -> Self {
        let of =
            |family: Family| configured.get(family.name()).copied().unwrap_or(family.default_per_minute());
        let per_minute = Family::ALL.into_iter().map(|family| (family, of(family))).collect();
        Self { per_minute, buckets: Mutex::default() }
    }

    pub(crate) fn per_minute(&self, family: Family) -> u32 {
        self.per_minute.get(&family).copied().unwrap_or(500)
    }

    /// Takes one call out of the budget; else the whole virtual seconds after which one is left again. A refused call
    /// counts against the budget as well, down to a tenth of it below zero.
    pub(crate) fn take(&self, family: Family, customer: Option<Uuid>, now: Timestamp) -> Result<(), u32> {
        let limit = i64::from(self.per_minute(family).max(1));
        let full = limit * 1000;
        let key = (family, customer.filter(|_| family.per_customer()));
        let mut buckets = lock(&self.buckets);
        let bucket = buckets.entry(key).or_insert(Bucket { milli: full, filled_at: now });
        let passed_ms = now.duration_since(bucket.filled_at).as_millis().clamp(0, 600_000);
        let gained = i64::try_from(passed_ms).unwrap_or_default() * limit / 60;
        if gained > 0 {
            bucket.milli = full.min(bucket.milli + gained);
            bucket.filled_at = now;
        }
        if bucket.milli >= 1000 {
            bucket.milli -= 1000;
            return Ok(());
        }
        bucket.milli = (bucket.milli - 1000).max(-full / 10);
        // Milliseconds to one whole call, rounded up to seconds.
        let missing_ms = (1000 - bucket.milli) * 60 / limit;
        Err(u32::try_from((missing_ms + 999) / 1000).unwrap_or(60))
    }
}
