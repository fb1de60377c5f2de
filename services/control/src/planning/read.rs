//! Reads a customer through the client and writes down the few facts that planning needs.
//!
//! The only room of planning that speaks to Microsoft. It reads each thing at most once, stops at the first thing that
//! cannot be read (the row says which), and asks for users only where somebody would be reassigned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::lock::Mutex;
use seatshift_partner_center as pc;
use uuid::Uuid;

use super::cache::{CacheError, ReadCache, keep, recall};
use super::options::PlanOptions;
use super::progress::{Phase, Progress};
use super::seen::*;

/// Users whose licenses are kept together: what a stop can lose at most.
const BLOCK: usize = 200;

/// What reading needs.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub reader: &'a pc::Reader,
    pub cache: &'a dyn ReadCache,
    pub timer: &'a dyn pc::Timer,
    pub progress: &'a dyn Progress,
    pub options: &'a PlanOptions,
}

/// Waits between tries of a read that fails for a passing reason, on top of the client's own short ones: one bad minute
/// must not cost a customer its row.
const WAITS: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_secs(90)];

/// Repeats a read while its failure passes by itself.
pub(super) async fn patiently<T, F>(timer: &dyn pc::Timer, read: impl Fn() -> F) -> Result<T, pc::CallError>
where
    F: Future<Output = Result<T, pc::CallError>>,
{
    for wait in WAITS {
        match read().await {
            Err(error) if passes(&error) => {
                let asked = match error.remedy {
                    pc::Remedy::Throttled { after } => after.unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                timer.sleep(wait.max(asked)).await;
            }
            answer => return answer,
        }
    }
    read().await
}

/// A read changes nothing, so one without an answer may simply be made again.
fn passes(error: &pc::CallError) -> bool {
    use pc::Remedy::{Conflict, Person, Refused, Retry, Throttled, UnknownOutcome, Wait};
    match error.remedy {
        Retry | Throttled { .. } | Wait | UnknownOutcome => true,
        Conflict | Refused | Person => false,
    }
}

/// A failed read, in words.
pub(super) fn unread(what: impl Into<String>, error: &pc::CallError) -> Unread {
    let kind = match (error.code, error.status) {
        (Some(20002), _) => UnreadKind::Relation,
        (_, Some(401 | 403)) => UnreadKind::Rights,
        (_, Some(404)) => UnreadKind::Missing,
        _ => UnreadKind::Other,
    };
    Unread { what: what.into(), kind, said: error.to_string() }
}

/// A list with entries that cannot be understood is no list to decide on.
fn incomplete(what: &str, unreadable: usize) -> Unread {
    let said = format!("{unreadable} of its entries cannot be understood");
    Unread { what: what.to_owned(), kind: UnreadKind::Other, said }
}

/// The price lists of countries, each read once.
#[derive(Debug, Default)]
pub(super) struct OfferBook(Mutex<BTreeMap<String, Arc<Offers>>>);

impl OfferBook {
    /// The offers of a country; of several who ask at once, one reads.
    pub(super) async fn of(
        &self,
        desk: &Desk<'_>,
        country: &str,
    ) -> Result<Result<Arc<Offers>, Unread>, CacheError> {
        let mut book = self.0.lock().await;
        if let Some(offers) = book.get(country) {
            return Ok(Ok(Arc::clone(offers)));
        }
        let key = format!("offers/{country}");
        let now = desk.timer.now();
        let known: Option<Offers> = recall(desk.cache, &key, now, desk.options.reuse_reads).await?;
        let offers = match known {
            Some(offers) => offers,
            None => match patiently(desk.timer, || desk.reader.offers(country)).await {
                Ok(listing) => {
                    let offers: Offers = listing
                        .items
                        .iter()
                        .map(|one| (one.id.as_str().to_lowercase(), offer(one)))
                        .collect();
                    keep(desk.cache, &key, now, &offers).await?;
                    offers
                }
                Err(error) => return Ok(Err(unread(format!("the price list of {country}"), &error))),
            },
        };
        let offers = Arc::new(offers);
        book.insert(country.to_owned(), Arc::clone(&offers));
        Ok(Ok(offers))
    }

    /// Every price list that was read.
    pub(super) async fn all(&self) -> BTreeMap<String, Arc<Offers>> {
        self.0.lock().await.clone()
    }
}

fn offer(one: &pc::Offer) -> SeenOffer {
    SeenOffer {
        id: one.id.as_str().to_lowercase(),
        name: one.name.clone(),
        sku: one.sku,
        minimum: one.minimum_quantity,
        maximum: one.maximum_quantity,
        limit_unit: one.limit_unit.clone(),
        limit: one.limit,
        is_add_on: one.is_add_on,
        is_trial: one.is_trial,
        available: one.is_available_for_purchase,
        cycles: one.billing_cycles.iter().map(|cycle| cycle.as_str().to_lowercase()).collect(),
        qualifications: one.customer_qualifications.iter().map(|one| one.to_lowercase()).collect(),
    }
}

pub(super) fn subscription(one: &pc::Subscription) -> SeenSubscription {
    SeenSubscription {
        id: one.id,
        offer: one.offer.as_str().to_lowercase(),
        offer_name: one.offer_name.clone(),
        nickname: one.friendly_name.clone(),
        quantity: one.quantity,
        status: one.status.as_str().to_lowercase(),
        auto_renew: one.auto_renew,
        is_trial: one.is_trial,
        by_use: one.billing_type == Some(pc::BillingType::Usage),
        billing_cycle: one
            .billing_cycle
            .as_ref()
            .map(|cycle| cycle.as_str().to_lowercase())
            .unwrap_or_default(),
        commitment_end: one.commitment_end,
        parent: one.parent,
        reseller: one.partner_id.clone().unwrap_or_default(),
        new_commerce: one.is_new_commerce(),
    }
}

/// The cheap read: one call for a customer.
pub(super) async fn subscriptions(
    desk: &Desk<'_>,
    customer: Uuid,
) -> Result<SeenSubscriptions, pc::CallError> {
    let listing = patiently(desk.timer, || desk.reader.subscriptions(customer)).await?;
    Ok(SeenSubscriptions {
        subscriptions: listing.items.iter().map(subscription).collect(),
        unreadable: listing.unreadable.len(),
    })
}

/// What a deep read is for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub customer: Uuid,
    pub subscriptions: &'a [SeenSubscription],
    /// Old subscriptions that might be moved.
    pub candidates: &'a [Uuid],
    /// Would anybody be reassigned? Asked once everything but users is known.
    pub needs_users: &'a (dyn Fn(&Deep, &Offers) -> bool + Sync),
    /// Read the licenses of these users only.
    pub only_users: Option<&'a BTreeSet<Uuid>>,
    /// SKUs of subscriptions that are known for certain: not asked again.
    pub known_links: &'a BTreeMap<Uuid, Uuid>,
    /// Goes on from kept reads, and keeps its own.
    pub resume: bool,
}

/// The deep read. What cannot be read is in [`Deep::unread`]; an error is the cache's.
pub(super) async fn deep(
    desk: &Desk<'_>,
    book: &OfferBook,
    scope: &Scope<'_>,
) -> Result<(Deep, Arc<Offers>), CacheError> {
    let mut seen = Deep::default();
    let mut offers = Arc::new(Offers::new());
    match read_all(desk, book, scope, &mut seen, &mut offers).await? {
        Ok(()) => {}
        Err(unread) => seen.unread = Some(unread),
    }
    Ok((seen, offers))
}

type Step<T> = Result<Result<T, Unread>, CacheError>;

macro_rules! step {
    ($read:expr) => {
        match $read {
            Ok(value) => value,
            Err(unread) => return Ok(Err(unread)),
        }
    };
}

async fn read_all(
    desk: &Desk<'_>,
    book: &OfferBook,
    scope: &Scope<'_>,
    seen: &mut Deep,
    offers: &mut Arc<Offers>,
) -> Step<()> {
    step!(read_customer(desk, scope.customer, seen).await);
    if !seen.country.is_empty() {
        *offers = step!(book.of(desk, &seen.country).await?);
    }
    step!(read_subscriptions(desk, scope, offers, seen).await);
    step!(read_skus(desk, scope.customer, seen).await);
    if !(scope.needs_users)(seen, offers) {
        return Ok(Ok(()));
    }
    let users = step!(read_users(desk, scope).await?);
    let ids: Vec<Uuid> = users.iter().map(|user| user.id).collect();
    seen.licenses = step!(read_licenses(desk, scope, &ids).await?);
    seen.all_licenses = scope.only_users.is_none();
    seen.users = Some(users);
    Ok(Ok(()))
}

async fn read_customer(desk: &Desk<'_>, id: Uuid, seen: &mut Deep) -> Result<(), Unread> {
    let customer = patiently(desk.timer, || desk.reader.customer(id))
        .await
        .map_err(|error| unread("the customer", &error))?;
    seen.country = customer.country.unwrap_or_default();
    seen.relationship = customer.relationship.map(|one| one.as_str().to_lowercase()).unwrap_or_default();
    let agreement = patiently(desk.timer, || desk.reader.agreement_signed(id)).await;
    seen.agreement_signed = agreement.map_err(|error| unread("the customer's agreement", &error))?.signed;
    const SEGMENTS: &str = "the customer's qualifications";
    let qualifications = patiently(desk.timer, || desk.reader.qualifications(id))
        .await
        .map_err(|error| unread(SEGMENTS, &error))?;
    if !qualifications.unreadable.is_empty() {
        return Err(incomplete(SEGMENTS, qualifications.unreadable.len()));
    }
    let approved = |one: &&pc::Qualification| {
        one.vetting.as_ref().is_none_or(|vetting| *vetting == pc::VettingStatus::Approved)
    };
    seen.qualifications =
        qualifications.items.iter().filter(approved).map(|one| one.kind.as_str().to_lowercase()).collect();
    Ok(())
}

/// Add-ons of the candidates, and the SKU of every subscription whose offer does not tell it.
async fn read_subscriptions(
    desk: &Desk<'_>,
    scope: &Scope<'_>,
    offers: &Offers,
    seen: &mut Deep,
) -> Result<(), Unread> {
    for &id in scope.candidates {
        let add_ons = patiently(desk.timer, || desk.reader.add_ons(scope.customer, id)).await;
        let add_ons = add_ons.map_err(|error| unread("the add-ons of the subscription", &error))?;
        if !add_ons.unreadable.is_empty() {
            return Err(incomplete("the list of add-ons", add_ons.unreadable.len()));
        }
        seen.add_ons.insert(id, add_ons.items.iter().map(subscription).collect());
    }
    for one in scope.subscriptions {
        if let Some(&sku) = scope.known_links.get(&one.id) {
            seen.links.insert(one.id, Some(sku));
            continue;
        }
        let candidate = scope.candidates.contains(&one.id);
        let silent = one.feeds_a_pool() && !one.by_use && super::assess::link(one, seen, offers).is_none();
        if candidate || silent {
            let sku = provisioned_sku(desk, scope.customer, one, &seen.country).await?;
            seen.links.insert(one.id, sku);
        }
    }
    Ok(())
}

/// The provisioning status says it; where it does not, the offer may still be readable though it is no longer listed.
async fn provisioned_sku(
    desk: &Desk<'_>,
    customer: Uuid,
    one: &SeenSubscription,
    country: &str,
) -> Result<Option<Uuid>, Unread> {
    match patiently(desk.timer, || desk.reader.provisioning_status(customer, one.id)).await {
        Ok(status) if status.sku.is_some() => return Ok(status.sku),
        Err(error) if !error.is_not_found() => {
            return Err(unread("the provisioning status of a subscription", &error));
        }
        _ => {}
    }
    if one.new_commerce || country.is_empty() {
        return Ok(None);
    }
    let id = pc::OfferId::new(&one.offer);
    match patiently(desk.timer, || desk.reader.offer(&id, country)).await {
        Ok(offer) => Ok(offer.sku),
        Err(error) if error.remedy == pc::Remedy::Refused || error.is_not_found() => Ok(None),
        Err(error) => Err(unread("the offer of a subscription", &error)),
    }
}

async fn read_skus(desk: &Desk<'_>, customer: Uuid, seen: &mut Deep) -> Result<(), Unread> {
    const WHAT: &str = "the list of the customer's licenses";
    let skus = patiently(desk.timer, || desk.reader.subscribed_skus(customer))
        .await
        .map_err(|error| unread(WHAT, &error))?;
    if !skus.unreadable.is_empty() {
        return Err(incomplete(WHAT, skus.unreadable.len()));
    }
    let sku = |one: &pc::SubscribedSku| {
        let assignable = one.plans.iter().filter(|plan| plan.target == pc::TargetType::User);
        let seen = SeenSku {
            sku: one.sku,
            part_number: one.part_number.clone(),
            active: one.active,
            warning: one.warning,
            consumed: one.consumed,
            plans: assignable.map(|plan| plan.id).collect(),
        };
        (one.sku, seen)
    };
    seen.skus = skus.items.iter().map(sku).collect();
    Ok(())
}

/// All users of the tenant, in id order.
async fn read_users(desk: &Desk<'_>, scope: &Scope<'_>) -> Step<Vec<SeenUser>> {
    const WHAT: &str = "the list of the customer's users";
    let key = format!("users/{}", scope.customer);
    let now = desk.timer.now();
    if scope.resume
        && let Some(users) = recall(desk.cache, &key, now, desk.options.reuse_reads).await?
    {
        return Ok(Ok(users));
    }
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page = step!(
            patiently(desk.timer, || desk.reader.users(scope.customer, after.clone()))
                .await
                .map_err(|error| unread(WHAT, &error))
        );
        if !page.unreadable.is_empty() {
            return Ok(Err(incomplete(WHAT, page.unreadable.len())));
        }
        users.extend(page.items.into_iter().map(|user| SeenUser {
            id: user.id,
            principal_name: user.principal_name,
            display_name: user.display_name,
            usage_location: user.usage_location,
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    users.sort_by_key(|user| user.id);
    users.dedup_by_key(|user| user.id);
    if scope.resume {
        keep(desk.cache, &key, now, &users).await?;
    }
    Ok(Ok(users))
}

/// Licenses of users, in blocks that are kept as they are done.
async fn read_licenses(
    desk: &Desk<'_>,
    scope: &Scope<'_>,
    users: &[Uuid],
) -> Step<BTreeMap<Uuid, SeenLicenses>> {
    let wanted: Vec<Uuid> =
        users.iter().copied().filter(|id| scope.only_users.is_none_or(|only| only.contains(id))).collect();
    desk.progress.expect(Phase::Users, wanted.len() as u64);
    let mut all = BTreeMap::new();
    for (at, block) in wanted.chunks(BLOCK).enumerate() {
        let key = format!("licenses/{}/{at}", scope.customer);
        let now = desk.timer.now();
        let known: Option<BTreeMap<Uuid, SeenLicenses>> =
            if scope.resume { recall(desk.cache, &key, now, desk.options.reuse_reads).await? } else { None };
        let read = match known.filter(|known| known.keys().eq(block)) {
            Some(known) => known,
            None => {
                let read = step!(read_block(desk, scope.customer, block).await);
                if scope.resume {
                    keep(desk.cache, &key, now, &read).await?;
                }
                read
            }
        };
        desk.progress.done(Phase::Users, block.len() as u64);
        all.extend(read);
    }
    Ok(Ok(all))
}

async fn read_block(
    desk: &Desk<'_>,
    customer: Uuid,
    block: &[Uuid],
) -> Result<BTreeMap<Uuid, SeenLicenses>, Unread> {
    let one = |user: Uuid| async move {
        match patiently(desk.timer, || desk.reader.user_licenses(customer, user)).await {
            Ok(listing) if !listing.unreadable.is_empty() => {
                Err(incomplete("the licenses of a user", listing.unreadable.len()))
            }
            Ok(listing) => {
                let on = listing.items.iter().map(|one| (one.sku, one.assigned_plans().collect()));
                Ok((user, on.collect::<SeenLicenses>()))
            }
            // Deleted since the list was read: holds nothing.
            Err(error) if error.is_not_found() => Ok((user, SeenLicenses::new())),
            Err(error) => Err(unread("the licenses of a user", &error)),
        }
    };
    let mut answers = futures::stream::iter(block.iter().copied().map(one))
        .buffer_unordered(desk.options.users_at_once.max(1));
    let mut read = BTreeMap::new();
    while let Some(answer) = answers.next().await {
        let (user, licenses) = answer?;
        read.insert(user, licenses);
    }
    Ok(read)
}
