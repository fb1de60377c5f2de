//! Which offer replaces a retired one.
//!
//! The partner's rules come first, then the shipped defaults; where neither speaks there is no target and the row asks.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::offers::{Family, RetiredOffer, Segment};
use crate::partner::PartnerOffers;

/// A target and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Lower case.
    pub offer: String,
    /// In words, for the plan's `target_reason`.
    pub reason: String,
    /// From the partner's own file.
    pub of_the_partner: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplacementFile {
    rule: Vec<ShippedRule>,
    alternative: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShippedRule {
    family: Family,
    segment: Segment,
    target: String,
    reason: String,
    seats_from: Option<u32>,
    seats_to: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alternative {
    family: Family,
    segment: Segment,
    targets: Vec<String>,
}

static SHIPPED: LazyLock<ReplacementFile> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/replacements.toml")).expect("shipped data is read by the tests")
});

/// The offer that replaces `retired` for a customer of this segment and country (ISO 3166) who needs `seats`.
/// `old_offer` is the id of the old subscription's offer.
pub fn replacement(
    retired: &RetiredOffer,
    old_offer: &str,
    segment: Segment,
    country: &str,
    seats: u32,
    partner: &PartnerOffers,
) -> Option<Replacement> {
    if let Some(rule) = partner.rule(old_offer, retired.family, segment, country, seats) {
        return Some(Replacement {
            offer: rule.target.clone(),
            reason: rule.reason.clone().unwrap_or_else(|| "named in the partner's offers file".to_owned()),
            of_the_partner: true,
        });
    }
    let in_tier = |rule: &&ShippedRule| {
        seats >= rule.seats_from.unwrap_or(0) && rule.seats_to.is_none_or(|last| seats <= last)
    };
    SHIPPED
        .rule
        .iter()
        .filter(|rule| rule.family == retired.family && rule.segment == segment)
        .find(in_tier)
        .map(|rule| Replacement {
            offer: rule.target.clone(),
            reason: rule.reason.clone(),
            of_the_partner: false,
        })
}

/// Other offers that Microsoft's page names for this family and segment: for a person to choose from. Includes the tiers
/// of the same plan.
pub fn alternatives(family: Family, segment: Segment) -> Vec<String> {
    let rules = SHIPPED.rule.iter().filter(|rule| rule.family == family && rule.segment == segment);
    let mut offers: Vec<String> = rules.map(|rule| rule.target.clone()).collect();
    for named in SHIPPED.alternative.iter().filter(|one| one.family == family && one.segment == segment) {
        for target in &named.targets {
            if !offers.contains(target) {
                offers.push(target.clone());
            }
        }
    }
    offers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offers::{retired_offers, staying_offer};

    fn target(at: usize, segment: Segment, seats: u32) -> Option<String> {
        let partner = PartnerOffers::default();
        replacement(&retired_offers()[at], "", segment, "SE", seats, &partner).map(|found| found.offer)
    }

    fn name(offer: Option<String>) -> String {
        staying_offer(&offer.unwrap()).unwrap().name.clone()
    }

    #[test]
    fn sales_goes_to_sales_professional_in_its_segment() {
        assert_eq!(name(target(0, Segment::Commercial, 5)), "Dynamics 365 for Sales Professional");
        let nonprofit = name(target(0, Segment::Nonprofit, 5));
        assert_eq!(nonprofit, "Dynamics 365 for Sales Professional (Nonprofit Staff Pricing)");
    }

    #[test]
    fn the_customer_engagement_plan_goes_to_its_tier_by_seats() {
        for (seats, tier) in [
            (1, "Tier 1"),
            (99, "Tier 1"),
            (100, "Tier 2"),
            (249, "Tier 2"),
            (250, "Tier 3"),
            (499, "Tier 3"),
            (500, "Tier 4"),
            (999, "Tier 4"),
            (1000, "Tier 5"),
            (90_000, "Tier 5"),
        ] {
            let name = name(target(12, Segment::Commercial, seats));
            assert!(name.contains(tier), "{seats} seats: {name}");
        }
    }

    #[test]
    fn nothing_is_guessed_for_the_other_segments() {
        for segment in [Segment::Faculty, Segment::Students, Segment::Government] {
            assert_eq!(target(0, segment, 5), None);
            assert_eq!(target(12, segment, 5), None);
        }
    }

    #[test]
    fn every_shipped_target_is_an_offer_of_the_recorded_catalogue_in_its_segment() {
        for rule in &SHIPPED.rule {
            assert_eq!(staying_offer(&rule.target).unwrap().segment, rule.segment, "{}", rule.target);
        }
        for one in &SHIPPED.alternative {
            for target in &one.targets {
                assert_eq!(staying_offer(target).unwrap().segment, one.segment, "{target}");
            }
        }
    }

    #[test]
    fn the_partners_rule_comes_before_the_shipped_one() {
        let text = "[[rule]]\nfamily = \"sales\"\nsegment = \"commercial\"\ntarget = \"58CD6573-6784-4467-B2FC-1A06BB874ED6\"\n";
        let (partner, problems) = PartnerOffers::parse(text);
        assert_eq!(problems, Vec::new());
        let found = replacement(&retired_offers()[0], "", Segment::Commercial, "SE", 5, &partner).unwrap();
        assert_eq!(found.offer, "58cd6573-6784-4467-b2fc-1a06bb874ed6");
        assert!(found.of_the_partner);
    }
}
