//! Which offer is bought, and whether it can be: checked before any money is spent.

use seatshift_catalog::{Match, Segment, replacement, sku_name};
use seatshift_messages::OfferId;
use uuid::Uuid;

use super::users::Movers;
use super::{Case, path};
use crate::planning::reasons::{Finding, Reason};
use crate::planning::row::PlanRow;
use crate::planning::seen::{Deep, SeenOffer};

/// The target of a row.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub id: OfferId,
    pub reason: String,
    /// None = not in the country's list.
    pub offer: Option<&'a SeenOffer>,
    pub sku: Option<Uuid>,
}

impl Chosen<'_> {
    pub(super) fn new_commerce(&self) -> bool {
        self.id.as_str().contains(':')
    }

    pub(super) fn name(&self) -> String {
        self.offer.map(|offer| offer.name.clone()).unwrap_or_default()
    }
}

/// A person's choice first, then the rules; none with a finding where nobody says.
pub(super) fn choose<'a>(
    case: &Case<'a>,
    deep: &Deep,
    segment: Segment,
    findings: &mut Vec<Finding>,
) -> Option<Chosen<'a>> {
    let old = case.subscription;
    let (id, reason) = match (&case.answers.target, case.matched) {
        (Some(target), _) => (target.clone(), "chosen in the plan".to_owned()),
        (None, Match::NearMiss(like)) => {
            let words =
                format!("`{}` resembles the retired `{}` and is not the same", old.offer_name, like.name);
            findings.push(Finding::new(Reason::NearMiss, words));
            return None;
        }
        (None, matched) => {
            let retired = matched.offer()?;
            let rule =
                replacement(retired, &old.offer, segment, &deep.country, old.quantity, &case.options.offers);
            let Some(rule) = rule else {
                let words = format!("No replacement is known in the {segment} segment in {}", deep.country);
                findings.push(Finding::new(Reason::NoTarget, words));
                return None;
            };
            (OfferId::new(&rule.offer), rule.reason)
        }
    };
    let offer = case.offers.get(id.as_str());
    let chosen = Chosen { id, reason, offer, sku: offer.and_then(|offer| offer.sku) };
    check(&chosen, deep, findings);
    Some(chosen)
}

fn check(chosen: &Chosen<'_>, deep: &Deep, findings: &mut Vec<Finding>) {
    let mut find = |reason, words: String| findings.push(Finding::new(reason, words));
    if chosen.new_commerce() {
        find(Reason::NewCommerceLater, "The new offer belongs to new commerce".to_owned());
        return;
    }
    let Some(offer) = chosen.offer.filter(|offer| offer.available) else {
        find(Reason::TargetNotSold, format!("The offer {} is not sold in {}", chosen.id, deep.country));
        return;
    };
    if offer.is_add_on || offer.is_trial || offer.sku.is_none() {
        find(Reason::TargetUnsuitable, format!("`{}` is a trial, an add-on, or has no licenses", offer.name));
    }
    let lacking: Vec<&str> = offer
        .qualifications
        .iter()
        .filter(|one| !deep.qualifications.contains(*one))
        .map(String::as_str)
        .collect();
    if !lacking.is_empty() {
        let words = format!("`{}` is only for customers qualified as {}", offer.name, lacking.join(", "));
        find(Reason::SegmentMismatch, words);
    }
}

/// Fills in the target's columns and says how many seats are to be bought.
pub(super) fn fill(
    case: &Case<'_>,
    chosen: &Chosen<'_>,
    same_sku: bool,
    movers: &Movers<'_>,
    row: &mut PlanRow,
    findings: &mut Vec<Finding>,
) -> Option<u32> {
    row.target_offer_id = Some(chosen.id.clone());
    row.target_offer_name = chosen.name();
    row.target_reason = format!("{}{}", chosen.reason, product(chosen));
    row.path = Some(path(chosen, same_sku));
    let offer = chosen.offer?;
    row.new_billing_cycle = billing_cycle(case, offer, findings);
    let seats = seats(case, offer, same_sku, movers, findings)?;
    row.buy_seats = Some(seats);
    find_purchase_limit(case, offer, findings);
    Some(seats)
}

fn product(chosen: &Chosen<'_>) -> String {
    chosen.sku.map(|sku| format!(" ({})", sku_name(sku))).unwrap_or_default()
}

/// Carried over from the old subscription, where the new offer has it.
fn billing_cycle(case: &Case<'_>, offer: &SeenOffer, findings: &mut Vec<Finding>) -> String {
    let wanted = case.answers.billing_cycle.as_deref().unwrap_or(&case.subscription.billing_cycle);
    if matches!(wanted, "monthly" | "annual") && offer.cycles.iter().any(|cycle| cycle == wanted) {
        return wanted.to_owned();
    }
    let words =
        format!("It is billed `{wanted}`, and `{}` can be billed {}", offer.name, offer.cycles.join(" or "));
    findings.push(Finding::new(Reason::BillingCycle, words));
    String::new()
}

/// Everyone who moves and the spare seats; the old quantity where nobody moves because the license stays the same.
fn seats(
    case: &Case<'_>,
    offer: &SeenOffer,
    same_sku: bool,
    movers: &Movers<'_>,
    findings: &mut Vec<Finding>,
) -> Option<u32> {
    let moving = u32::try_from(movers.moving().count()).ok()?;
    let own = if same_sku {
        case.subscription.quantity.max(offer.minimum)
    } else if movers.known() {
        moving.max(offer.minimum).saturating_add(case.options.spare_seats)
    } else {
        return None;
    };
    let seats = case.answers.buy_seats.unwrap_or(own);
    let least = if same_sku { offer.minimum } else { offer.minimum.max(moving) };
    if seats < least || seats > offer.maximum {
        let words = format!("{seats} seats are outside of what can be ordered: {least} to {}", offer.maximum);
        findings.push(Finding::new(Reason::QuantityLimit, words));
    }
    Some(seats)
}

/// `Concurrent` counts what stands, suspended included, until it is deleted; `Lifetime` counts what ever was.
fn find_purchase_limit(case: &Case<'_>, offer: &SeenOffer, findings: &mut Vec<Finding>) {
    let lifetime = offer.limit_unit.eq_ignore_ascii_case("lifetime");
    if offer.limit == 0 || !(lifetime || offer.limit_unit.eq_ignore_ascii_case("concurrent")) {
        return;
    }
    let counts = |one: &&crate::planning::seen::SeenSubscription| {
        one.offer == offer.id && (lifetime || one.status != "deleted")
    };
    let there = case.subscriptions.iter().filter(counts).count();
    if there >= usize::try_from(offer.limit).unwrap_or(usize::MAX) {
        let words =
            format!("`{}` may be had {} time(s), and the customer has {there}", offer.name, offer.limit);
        findings.push(Finding::new(Reason::PurchaseLimit, words));
    }
}
