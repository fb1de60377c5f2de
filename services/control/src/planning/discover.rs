//! Discovery in two passes: a cheap one over all customers, a deep one where there is something to move.
//!
//! Every retired or near-miss subscription ends in exactly one row, and every customer that cannot be read in one too.
//! What was read is kept as it comes, so that a discovery that was stopped goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use seatshift_catalog::{Match, recognise};
use seatshift_partner_center as pc;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::assess::{Answers, Case, assess, cheap_findings, same_sku, unreadable_row};
use super::cache::{CacheError, keep, recall};
use super::fingerprint::hex;
use super::plan::Plan;
use super::progress::Phase;
use super::read::{self, Desk, OfferBook, Scope, unread};
use super::reasons::{Finding, Reason};
use super::row::{PlanRow, PlanUser};
use super::seen::{Deep, Offers, SeenCustomer, SeenSubscription, SeenSubscriptions, Unread, UnreadKind};

/// Why there is no plan at all.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The list of customers cannot be read: nothing can be said about anybody.
    #[error("the list of customers cannot be read")]
    Customers(#[source] Box<pc::CallError>),
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// Finds what is to be moved and checks what can be checked before buying. Changes nothing.
pub async fn discover(desk: &Desk<'_>) -> Result<Plan, PlanError> {
    let now = desk.timer.now();
    let (customers, unlisted) = customers(desk).await?;
    desk.progress.expect(Phase::Subscriptions, customers.len() as u64);
    let at_once = desk.options.customers_at_once.max(1);
    let cheap = |customer: SeenCustomer| async move {
        let found = cheap_pass(desk, customer, now).await;
        desk.progress.done(Phase::Subscriptions, 1);
        found
    };
    let found: Vec<Found> = futures::stream::iter(customers.into_iter().map(cheap))
        .buffer_unordered(at_once)
        .try_collect()
        .await?;
    let mut found: Vec<Found> = found.into_iter().filter(|one| !one.is_empty()).collect();
    found.sort_by_key(|one| (one.soonest, one.customer.id)); // the closest end dates are read first
    desk.progress.expect(Phase::Details, found.len() as u64);
    let book = OfferBook::default();
    let deep = |one: Found| {
        let book = &book;
        async move {
            let rows = deep_pass(desk, book, one, now).await;
            desk.progress.done(Phase::Details, 1);
            rows
        }
    };
    let rows: Vec<(Vec<PlanRow>, Vec<PlanUser>)> =
        futures::stream::iter(found.into_iter().map(deep)).buffer_unordered(at_once).try_collect().await?;
    let (rows, users): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let mut plan = Plan {
        rows: rows.into_iter().flatten().collect(),
        users: users.into_iter().flatten().collect(),
        unlisted,
        sold: sold(&book.all().await),
    };
    plan.sort();
    Ok(plan)
}

fn sold(books: &BTreeMap<String, Arc<Offers>>) -> BTreeMap<String, BTreeSet<String>> {
    let available = |offers: &Arc<Offers>| {
        offers.values().filter(|offer| offer.available).map(|offer| offer.id.clone()).collect()
    };
    books.iter().map(|(country, offers)| (country.clone(), available(offers))).collect()
}

/// Customers that are kept together. A hundred thousand in one piece are more than control takes, or has room for.
const KEPT_TOGETHER: usize = 1000;
/// When the list was read, and how many pieces it has. Sorts behind them: a cache that writes some reads at a time, in the
/// order of their keys, writes it last.
const PIECES: &str = "customers/pieces";

/// Of the list that was read then: pieces of two lists never come together.
fn piece(read: Timestamp, number: usize) -> String {
    format!("customers/{read}/{number}")
}

/// The list of customers that was kept, when it was kept whole.
async fn kept_customers(desk: &Desk<'_>, now: Timestamp) -> Result<Option<Vec<SeenCustomer>>, CacheError> {
    let reuse = desk.options.reuse_reads;
    let pieces: Option<(Timestamp, usize)> = recall(desk.cache, PIECES, now, reuse).await?;
    let Some((read, pieces)) = pieces else { return Ok(None) };
    let mut customers = Vec::new();
    for number in 0..pieces {
        let known: Option<Vec<SeenCustomer>> = recall(desk.cache, &piece(read, number), now, reuse).await?;
        let Some(known) = known else { return Ok(None) };
        customers.extend(known);
    }
    Ok(Some(customers))
}

async fn keep_customers(
    desk: &Desk<'_>,
    now: Timestamp,
    customers: &[SeenCustomer],
) -> Result<(), CacheError> {
    let pieces = customers.chunks(KEPT_TOGETHER);
    let count = pieces.len();
    for (number, some) in pieces.enumerate() {
        keep(desk.cache, &piece(now, number), now, &some).await?;
    }
    keep(desk.cache, PIECES, now, &(now, count)).await
}

/// All customers of the partner, and what of the list cannot be read.
async fn customers(desk: &Desk<'_>) -> Result<(Vec<SeenCustomer>, Vec<String>), PlanError> {
    let now = desk.timer.now();
    if let Some(known) = kept_customers(desk, now).await? {
        return Ok((known, Vec::new()));
    }
    let (mut customers, mut unlisted, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = read::patiently(desk.timer, || desk.reader.customers(after.clone()))
            .await
            .map_err(|error| PlanError::Customers(Box::new(error)))?;
        desk.progress.done(Phase::Customers, page.items.len() as u64);
        for entry in &page.unreadable {
            let id = entry.id.as_deref().unwrap_or("without an id");
            unlisted.push(format!("customer {id}: {}", entry.problem));
        }
        customers.extend(page.items.into_iter().map(|one| SeenCustomer {
            id: one.id,
            name: one.name,
            domain: one.domain,
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    customers.sort_by_key(|customer: &SeenCustomer| customer.id);
    customers.dedup_by_key(|customer| customer.id);
    if unlisted.is_empty() {
        keep_customers(desk, now, &customers).await?;
    }
    Ok((customers, unlisted))
}

/// What the cheap pass found of a customer.
#[derive(Debug)]
struct Found {
    customer: SeenCustomer,
    subscriptions: Vec<SeenSubscription>,
    /// Retired and near-miss subscriptions.
    matches: BTreeMap<Uuid, Match>,
    /// The closest end date of one that might be moved.
    soonest: Option<Timestamp>,
    trouble: Option<Unread>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.matches.is_empty() && self.trouble.is_none()
    }
}

async fn cheap_pass(desk: &Desk<'_>, customer: SeenCustomer, now: Timestamp) -> Result<Found, CacheError> {
    let key = format!("subscriptions/{}", customer.id);
    let known: Option<SeenSubscriptions> = recall(desk.cache, &key, now, desk.options.reuse_reads).await?;
    let mut found =
        Found { customer, subscriptions: Vec::new(), matches: BTreeMap::new(), soonest: None, trouble: None };
    let seen = match known {
        Some(seen) => seen,
        None => match read::subscriptions(desk, found.customer.id).await {
            Ok(seen) => {
                if seen.unreadable == 0 {
                    keep(desk.cache, &key, desk.timer.now(), &seen).await?;
                }
                seen
            }
            Err(error) => {
                found.trouble = Some(unread("the list of subscriptions", &error));
                return Ok(found);
            }
        },
    };
    if seen.unreadable > 0 {
        let said = format!("{} of its entries cannot be understood", seen.unreadable);
        found.trouble =
            Some(Unread { what: "the list of subscriptions".to_owned(), kind: UnreadKind::Other, said });
    }
    found.matches = matches(&seen.subscriptions, desk);
    found.subscriptions = seen.subscriptions;
    let worth = found.candidates(desk, now);
    let ends =
        found.subscriptions.iter().filter(|one| worth.contains(&one.id)).filter_map(|one| one.commitment_end);
    found.soonest = ends.min();
    Ok(found)
}

/// Which subscriptions are retired, or look like it. Add-ons are moved with their base, never by themselves.
pub(super) fn matches(subscriptions: &[SeenSubscription], desk: &Desk<'_>) -> BTreeMap<Uuid, Match> {
    let recognised =
        |one: &SeenSubscription| (one.id, recognise(&one.offer, &one.offer_name, &desk.options.offers));
    subscriptions.iter().map(recognised).filter(|(_, matched)| *matched != Match::No).collect()
}

impl Found {
    /// Those that are worth a closer look.
    fn candidates(&self, desk: &Desk<'_>, now: Timestamp) -> Vec<Uuid> {
        let worth = |one: &&SeenSubscription| {
            self.matches.contains_key(&one.id) && cheap_findings(one, desk.options, now).is_empty()
        };
        self.subscriptions.iter().filter(worth).map(|one| one.id).collect()
    }
}

async fn deep_pass(
    desk: &Desk<'_>,
    book: &OfferBook,
    found: Found,
    now: Timestamp,
) -> Result<(Vec<PlanRow>, Vec<PlanUser>), CacheError> {
    if let Some(trouble) = &found.trouble {
        return Ok((unreadable_rows(&found, trouble, now), Vec::new()));
    }
    let candidates = found.candidates(desk, now);
    let (seen, offers) = read_kept(desk, book, &found, &candidates, now).await?;
    let (mut rows, mut users) = (Vec::new(), Vec::new());
    for one in found.subscriptions.iter().filter(|one| found.matches.contains_key(&one.id)) {
        let row_id = row_id(one.id);
        let deep = candidates.contains(&one.id).then_some(&seen);
        let assessed = assess(&Case { row_id: &row_id, ..found.case(one, deep, &offers, desk, now) });
        rows.push(assessed.row);
        users.extend(assessed.users);
    }
    Ok((rows, users))
}

static NOTHING_SAID: Answers = Answers { target: None, buy_seats: None, billing_cycle: None, moves: None };

impl Found {
    /// The case of one subscription, without the id of its row.
    fn case<'a>(
        &'a self,
        one: &'a SeenSubscription,
        deep: Option<&'a Deep>,
        offers: &'a Offers,
        desk: &Desk<'a>,
        now: Timestamp,
    ) -> Case<'a> {
        Case {
            row_id: "",
            customer: &self.customer,
            subscription: one,
            matched: self.matches.get(&one.id).copied().unwrap_or(Match::No),
            subscriptions: &self.subscriptions,
            retired: &self.matches,
            deep,
            offers,
            options: desk.options,
            now,
            answers: &NOTHING_SAID,
        }
    }
}

/// The deep read of a customer, or the one that was kept.
async fn read_kept(
    desk: &Desk<'_>,
    book: &OfferBook,
    found: &Found,
    candidates: &[Uuid],
    now: Timestamp,
) -> Result<(Deep, Arc<Offers>), CacheError> {
    if candidates.is_empty() {
        return Ok((Deep::default(), Arc::new(Offers::new())));
    }
    let key = format!("details/{}", found.customer.id);
    let known: Option<(Vec<Uuid>, Deep)> = recall(desk.cache, &key, now, desk.options.reuse_reads).await?;
    if let Some((of, deep)) = known
        && of == candidates
        && let Ok(offers) = book.of(desk, &deep.country).await?
        && (deep.users.is_some() || !needs_users(found, candidates, &deep, &offers, desk, now))
    {
        return Ok((deep, offers));
    }
    let needs_users = |deep: &Deep, offers: &Offers| needs_users(found, candidates, deep, offers, desk, now);
    let scope = Scope {
        customer: found.customer.id,
        subscriptions: &found.subscriptions,
        candidates,
        needs_users: &needs_users,
        only_users: None,
        known_links: &BTreeMap::new(),
        resume: true,
    };
    let (deep, offers) = read::deep(desk, book, &scope).await?;
    if deep.unread.is_none() {
        keep(desk.cache, &key, now, &(candidates, &deep)).await?;
    }
    Ok((deep, offers))
}

fn needs_users(
    found: &Found,
    candidates: &[Uuid],
    deep: &Deep,
    offers: &Offers,
    desk: &Desk<'_>,
    now: Timestamp,
) -> bool {
    let worth = found.subscriptions.iter().filter(|one| candidates.contains(&one.id));
    worth.into_iter().any(|one| !same_sku(&found.case(one, Some(deep), offers, desk, now), deep))
}

/// One row for the customer, or one for each subscription of it that was recognised all the same.
fn unreadable_rows(found: &Found, trouble: &Unread, now: Timestamp) -> Vec<PlanRow> {
    let reason = match trouble.kind {
        UnreadKind::Relation => Reason::RelationMissing,
        UnreadKind::Rights => Reason::RightsMissing,
        UnreadKind::Missing | UnreadKind::Other => Reason::CustomerUnreadable,
    };
    let finding = Finding::new(reason, format!("{} cannot be read: {}", trouble.what, trouble.said));
    let row = |id: Uuid| unreadable_row(&found.customer, &row_id(id), &finding, now);
    let mut rows = Vec::new();
    for one in found.subscriptions.iter().filter(|one| found.matches.contains_key(&one.id)) {
        let mut row = row(one.id);
        row.old_subscription_id = Some(one.id.into());
        row.old_offer_name.clone_from(&one.offer_name);
        row.old_status.clone_from(&one.status);
        row.old_seats = Some(one.quantity);
        rows.push(row);
    }
    if rows.is_empty() {
        rows.push(row(found.customer.id));
    }
    rows
}

/// The same for the same subscription, plan after plan. Begins with a letter, lest a spreadsheet takes it for a number.
fn row_id(id: Uuid) -> String {
    format!("r{}", hex(&Sha256::digest(id.as_bytes()), 10))
}
