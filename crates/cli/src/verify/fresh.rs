//! A fresh read of everything that a verdict speaks of. Nothing is remembered from before, nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use jiff::SignedDuration;
use seatshift_host::Clock;
use seatshift_partner_center::{CallError, Reader, Remedy, SubscribedSku, Subscription, TargetType};
use uuid::Uuid;

/// Users of one customer read at the same time.
const AT_ONCE: usize = 8;

/// One customer, as it is.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) subscriptions: BTreeMap<Uuid, Seen>,
    pub(crate) pools: BTreeMap<Uuid, Pool>,
    /// Licenses of the users that were asked for: SKU to the service plans that are on.
    pub(crate) users: BTreeMap<Uuid, BTreeMap<Uuid, BTreeSet<Uuid>>>,
    /// Users who are not there any more.
    pub(crate) gone: BTreeSet<Uuid>,
    /// What could not be read, in words.
    pub(crate) unread: Vec<String>,
}

/// A subscription.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) status: String,
    pub(crate) quantity: u32,
    pub(crate) offer: String,
    pub(crate) name: String,
}

/// The pool of a SKU.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    pub(crate) active: i64,
    pub(crate) consumed: i64,
    /// Service plans that a user can have.
    pub(crate) plans: BTreeSet<Uuid>,
}

/// Tries of one read, where its failure passes by itself.
const TRIES: u32 = 8;
/// The first wait between two tries; it doubles.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// Who reads, and what waits between two tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eyes<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) clock: &'a dyn Clock,
}

impl Eyes<'_> {
    /// An outage or a used-up quota says nothing about a verdict: it is waited for.
    async fn patiently<T>(&self, read: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            let error = match read().await {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            let asked = match error.remedy {
                Remedy::Throttled { after } => after.and_then(|after| SignedDuration::try_from(after).ok()),
                Remedy::Retry | Remedy::Wait | Remedy::Conflict | Remedy::UnknownOutcome => None,
                Remedy::Refused | Remedy::Person => return Err(error),
            };
            self.clock.sleep(asked.unwrap_or(wait).max(wait)).await;
            wait = wait.saturating_mul(2);
        }
        read().await
    }
}

/// Reads one customer; `users` = whose licenses are looked at.
pub(crate) async fn read(eyes: Eyes<'_>, customer: Uuid, users: &BTreeSet<Uuid>) -> Fresh {
    let Eyes { reader, .. } = eyes;
    let mut fresh = Fresh::default();
    match eyes.patiently(async || reader.subscriptions(customer).await).await {
        Ok(listing) => {
            if !listing.is_complete() {
                fresh.unread.push("some subscriptions cannot be understood".to_owned());
            }
            fresh.subscriptions = listing.items.iter().map(|one| (one.id, seen(one))).collect();
        }
        Err(error) => fresh.unread.push(format!("subscriptions: {error}")),
    }
    if users.is_empty() {
        return fresh;
    }
    read_pools(eyes, customer, &mut fresh).await;
    let licenses = futures::stream::iter(users.iter().copied())
        .map(|user| async move {
            (user, eyes.patiently(async || reader.user_licenses(customer, user).await).await)
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    for (user, read) in licenses {
        match read {
            Ok(listing) if listing.is_complete() => {
                let held = listing.items.iter().map(|one| (one.sku, one.assigned_plans().collect()));
                fresh.users.insert(user, held.collect());
            }
            Ok(_) => fresh.unread.push(format!("licenses of user {user}: not all can be understood")),
            Err(error) if is_gone(&error) => drop(fresh.gone.insert(user)),
            Err(error) => fresh.unread.push(format!("licenses of user {user}: {error}")),
        }
    }
    fresh
}

/// The pools of one customer, unless they were read already.
pub(crate) async fn read_pools(eyes: Eyes<'_>, customer: Uuid, fresh: &mut Fresh) {
    if !fresh.pools.is_empty() {
        return;
    }
    match eyes.patiently(async || eyes.reader.subscribed_skus(customer).await).await {
        Ok(listing) => fresh.pools = listing.items.iter().map(|sku| (sku.sku, pool(sku))).collect(),
        Err(error) => fresh.unread.push(format!("license pools: {error}")),
    }
}

fn is_gone(error: &CallError) -> bool {
    error.code == Some(60002) || error.status == Some(404)
}

fn seen(one: &Subscription) -> Seen {
    Seen {
        status: one.status.to_string(),
        quantity: one.quantity,
        offer: one.offer.as_str().to_lowercase(),
        name: one.friendly_name.clone(),
    }
}

fn pool(sku: &SubscribedSku) -> Pool {
    let plans = sku.plans.iter().filter(|plan| plan.target != TargetType::Tenant);
    Pool { active: sku.active, consumed: sku.consumed, plans: plans.map(|plan| plan.id).collect() }
}
