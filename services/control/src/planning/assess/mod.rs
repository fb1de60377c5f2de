//! From what was read of a customer to one row: pure, so that planning and re-checking cannot disagree.
//!
//! Each room answers one question (is it worth reading, which pool, which target, which users) and adds its findings. A
//! row is ready only when nobody found anything. What must never happen here: a target that is guessed, or a doubt that
//! ends as *ready*.

mod cheap;
mod draft;
mod facets;
mod pool;
mod target;
mod users;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use seatshift_catalog::{Match, Segment, alternatives};
use seatshift_messages::{CustomerId, OfferId, SkuId, SubscriptionId};
use uuid::Uuid;

pub(crate) use cheap::cheap_findings;
pub(crate) use draft::Draft;
pub use draft::{Admission, friendly_name, mark};
pub(crate) use pool::link;

use self::pool::Pool;
use self::target::Chosen;
use self::users::Movers;
use super::fingerprint::Fingerprint;
use super::options::{PlanOptions, UNDO_DAYS};
use super::reasons::{Finding, Readiness, Reason};
use super::row::{PlanPath, PlanRow, PlanUser};
use super::seen::{Deep, Offers, SeenCustomer, SeenSubscription, UnreadKind};

/// Everything that bears on one old subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub row_id: &'a str,
    pub customer: &'a SeenCustomer,
    pub subscription: &'a SeenSubscription,
    pub matched: Match,
    /// All subscriptions of the customer, this one included.
    pub subscriptions: &'a [SeenSubscription],
    /// Those among them that are retired for certain.
    pub retired: &'a BTreeMap<Uuid, Match>,
    /// None = the cheap pass found that nothing more needs to be read.
    pub deep: Option<&'a Deep>,
    pub offers: &'a Offers,
    pub options: &'a PlanOptions,
    pub now: Timestamp,
    pub answers: &'a Answers,
}

/// What a person filled in. Empty while planning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub target: Option<OfferId>,
    pub buy_seats: Option<u32>,
    pub billing_cycle: Option<String>,
    /// Who belongs to this subscription, by user; none = nobody said.
    pub moves: Option<BTreeMap<Uuid, bool>>,
}

/// What became of a case.
#[derive(Debug, Clone)]
pub(crate) struct Assessment {
    pub row: PlanRow,
    pub users: Vec<PlanUser>,
    pub findings: Vec<Finding>,
    /// What is to be done, where the row is ready.
    pub draft: Option<Draft>,
    pub fingerprint: Fingerprint,
}

/// Assesses one old subscription.
pub(crate) fn assess(case: &Case<'_>) -> Assessment {
    let mut row = basics(case);
    let mut findings = cheap_findings(case.subscription, case.options, case.now);
    let mut fingerprint = Fingerprint::default();
    facets::of_subscription(case.subscription, &mut fingerprint);
    let mut users = Vec::new();
    let mut draft = None;
    if let Some(deep) = case.deep {
        row.country.clone_from(&deep.country);
        customer_findings(deep, &mut findings);
        if deep.unread.is_none() {
            let seen = look_deeper(case, deep, &mut row, &mut findings, &mut fingerprint);
            users = seen.0;
            draft = seen.1;
        }
    }
    conclude(case, &mut row, &mut findings);
    row.fingerprint = fingerprint.to_string();
    let draft = draft.filter(|_| row.readiness == Readiness::Ready);
    Assessment { row, users, findings, draft, fingerprint }
}

fn look_deeper(
    case: &Case<'_>,
    deep: &Deep,
    row: &mut PlanRow,
    findings: &mut Vec<Finding>,
    fingerprint: &mut Fingerprint,
) -> (Vec<PlanUser>, Option<Draft>) {
    facets::of_customer(case, deep, fingerprint);
    let segment = segment(case.matched, deep);
    row.segment = segment.map(Segment::name).unwrap_or_default().to_owned();
    let pool = Pool::of(case, deep);
    let chosen = segment.and_then(|segment| target::choose(case, deep, segment, findings));
    let same_sku =
        chosen.is_some() && pool.sku.is_some() && chosen.as_ref().and_then(|one| one.sku) == pool.sku;
    add_on_findings(case, deep, row, findings);
    pool.fill(row);
    pool.find(case, same_sku, findings);
    let movers = Movers::of(case, deep, &pool, chosen.as_ref(), same_sku);
    movers.find(case, &pool, findings);
    movers.fill(row);
    let seats = match &chosen {
        Some(chosen) => target::fill(case, chosen, same_sku, &movers, row, findings),
        None => None,
    };
    if same_sku && let Some(seats) = seats {
        pool.find_overuse(case.subscription.quantity, seats, findings);
    }
    if let (Some(family), Some(segment)) = (case.matched.offer().map(|offer| offer.family), segment) {
        row.target_alternatives = alternatives(family, segment).join(" ");
    }
    facets::of_pool(&pool, &movers, same_sku, chosen.as_ref(), fingerprint);
    let draft = chosen.and_then(|chosen| draft::draft(case, deep, &pool, &chosen, &movers, row));
    if let Some(size) = draft.as_ref().and_then(Draft::too_large) {
        findings.push(Finding::new(
            Reason::TooLarge,
            format!("{} users make an instruction of {size} bytes", movers.moving().count()),
        ));
    }
    (movers.rows(case), draft)
}

/// The move stays inside one SKU, so that nobody is reassigned.
pub(crate) fn same_sku(case: &Case<'_>, deep: &Deep) -> bool {
    let chosen = segment(case.matched, deep).and_then(|one| target::choose(case, deep, one, &mut Vec::new()));
    let old = link(case.subscription, deep, case.offers);
    old.is_some() && chosen.and_then(|chosen| chosen.sku) == old
}

/// The columns that are known without reading more than the list of subscriptions.
fn basics(case: &Case<'_>) -> PlanRow {
    let old = case.subscription;
    let today = case.now.to_zoned(TimeZone::UTC).date();
    let end = old.commitment_end.map(|end| end.to_zoned(TimeZone::UTC).date());
    let undo = today.checked_add(UNDO_DAYS.days()).ok();
    PlanRow {
        row_id: case.row_id.to_owned(),
        customer_id: Some(CustomerId(case.customer.id)),
        customer_name: case.customer.name.clone(),
        customer_domain: case.customer.domain.clone(),
        reseller_mpn_id: old.reseller.clone(),
        old_subscription_id: Some(SubscriptionId(old.id)),
        old_offer_id: Some(OfferId::new(&old.offer)),
        old_offer_name: old.offer_name.clone(),
        old_nickname: old.nickname.clone(),
        matched: case.matched.name().to_owned(),
        old_status: old.status.clone(),
        auto_renew: old.auto_renew,
        commitment_end_date: end,
        days_left: end.map(|end| days_between(today, end)),
        billing_cycle: old.billing_cycle.clone(),
        old_seats: Some(old.quantity),
        undo_until_if_done_today: end.zip(undo).map(|(end, undo)| end.min(undo)),
        seen_at: Some(case.now),
        ..PlanRow::default()
    }
}

pub(super) fn days_between(from: jiff::civil::Date, to: jiff::civil::Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// The retired offer's own segment; a commercial one is nonprofit where the customer is.
fn segment(matched: Match, deep: &Deep) -> Option<Segment> {
    let segment = matched.offer()?.segment;
    let nonprofit = segment == Segment::Commercial && deep.qualifications.contains("nonprofit");
    Some(if nonprofit { Segment::Nonprofit } else { segment })
}

fn customer_findings(deep: &Deep, findings: &mut Vec<Finding>) {
    if let Some(unread) = &deep.unread {
        let reason = match unread.kind {
            UnreadKind::Relation => Reason::RelationMissing,
            UnreadKind::Rights => Reason::RightsMissing,
            UnreadKind::Missing | UnreadKind::Other => Reason::CustomerUnreadable,
        };
        findings.push(Finding::new(reason, format!("{} cannot be read: {}", unread.what, unread.said)));
        return;
    }
    if !matches!(deep.relationship.as_str(), "reseller" | "") {
        let words = format!("The customer's relation to you is `{}`, not reseller", deep.relationship);
        findings.push(Finding::new(Reason::RelationMissing, words));
    }
    if deep.country.is_empty() {
        findings.push(Finding::new(Reason::CountryUnknown, "The customer's country is not known"));
    }
    if !deep.agreement_signed {
        let words = "The customer has not accepted the Microsoft Customer Agreement; Microsoft refuses orders without it";
        findings.push(Finding::new(Reason::AgreementMissing, words));
    }
}

fn add_on_findings(case: &Case<'_>, deep: &Deep, row: &mut PlanRow, findings: &mut Vec<Finding>) {
    let add_ons = active_add_ons(case.subscription.id, case.subscriptions, deep);
    row.add_ons = add_ons.keys().map(Uuid::to_string).collect::<Vec<_>>().join(" ");
    if !add_ons.is_empty() {
        let names: Vec<&str> = add_ons.values().map(|one| one.offer_name.as_str()).collect();
        let words = format!("Suspending it would end its add-ons as well: {}", names.join("; "));
        findings.push(Finding::new(Reason::ActiveAddOns, words));
    }
}

/// Add-ons that are in use, by the list of subscriptions and by the base's own list: either may be the later one.
pub(super) fn active_add_ons<'a>(
    base: Uuid,
    subscriptions: &'a [SeenSubscription],
    deep: &'a Deep,
) -> BTreeMap<Uuid, &'a SeenSubscription> {
    let listed = subscriptions.iter().filter(|one| one.parent == Some(base));
    let own = deep.add_ons.get(&base).into_iter().flatten();
    listed.chain(own).filter(|one| one.feeds_a_pool()).map(|one| (one.id, one)).collect()
}

/// The gravest finding is the row's reason; the others are told with it.
fn conclude(case: &Case<'_>, row: &mut PlanRow, findings: &mut Vec<Finding>) {
    if findings.is_empty() && case.subscription.auto_renew == Some(true) {
        let words = "Auto renew was switched on by hand. The offer is retired all the same and cannot renew";
        findings.push(Finding::new(Reason::AutoRenewOn, words));
    }
    findings.sort_by_key(|finding| finding.reason);
    let Some(first) = findings.first() else { return };
    row.readiness = first.reason.readiness();
    row.reason_code = first.reason.code().to_owned();
    row.what_to_do = first.reason.what_to_do().to_owned();
    let words: Vec<String> =
        findings.iter().map(|finding| format!("{}.", finding.words.trim_end_matches('.'))).collect();
    row.reason = words.join(" Also: ");
}

/// A row for a customer, or a part of one, that cannot be read.
pub(crate) fn unreadable_row(
    customer: &SeenCustomer,
    row_id: &str,
    finding: &Finding,
    now: Timestamp,
) -> PlanRow {
    PlanRow {
        row_id: row_id.to_owned(),
        customer_id: Some(CustomerId(customer.id)),
        customer_name: customer.name.clone(),
        customer_domain: customer.domain.clone(),
        readiness: finding.reason.readiness(),
        reason_code: finding.reason.code().to_owned(),
        reason: format!("{}.", finding.words.trim_end_matches('.')),
        what_to_do: finding.reason.what_to_do().to_owned(),
        seen_at: Some(now),
        ..PlanRow::default()
    }
}

fn path(chosen: &Chosen<'_>, same_sku: bool) -> PlanPath {
    match (chosen.new_commerce(), same_sku) {
        (true, _) => PlanPath::NewCommerce,
        (false, true) => PlanPath::SameSku,
        (false, false) => PlanPath::Legacy,
    }
}

fn sku_id(sku: Option<Uuid>) -> Option<SkuId> {
    sku.map(SkuId)
}
