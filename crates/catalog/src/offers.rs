//! The 24 retired offers, the offers known to stay, and how a subscription's offer is told from both.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

use crate::names::{normalise, similarity};
use crate::partner::PartnerOffers;

/// Names at least this alike are worth a question: five wrong letters in a name of seventy.
const ALIKE: f64 = 0.92;

/// The product that a retired offer sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Dynamics 365 for Sales Enterprise Edition.
    Sales,
    /// Dynamics 365 Customer Engagement Plan Enterprise Edition.
    CustomerEngagementPlan,
}

/// Who may buy: prices and offers differ, and must not be crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    Commercial,
    Faculty,
    Students,
    Government,
    /// No retired offer names it; it is the customer's own, who holds a commercial offer.
    Nonprofit,
}

impl Segment {
    pub const ALL: [Segment; 5] =
        [Segment::Commercial, Segment::Faculty, Segment::Students, Segment::Government, Segment::Nonprofit];

    pub fn name(self) -> &'static str {
        match self {
            Segment::Commercial => "commercial",
            Segment::Faculty => "faculty",
            Segment::Students => "students",
            Segment::Government => "government",
            Segment::Nonprofit => "nonprofit",
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Segment {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Segment::ALL.into_iter().find(|segment| segment.name() == text.trim().to_lowercase()).ok_or(())
    }
}

impl Family {
    pub const ALL: [Family; 2] = [Family::Sales, Family::CustomerEngagementPlan];

    pub fn name(self) -> &'static str {
        match self {
            Family::Sales => "sales",
            Family::CustomerEngagementPlan => "customer_engagement_plan",
        }
    }
}

/// One of the 24. Nobody outside Microsoft has published its id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredOffer {
    /// Exact English name.
    pub name: String,
    pub family: Family,
    pub segment: Segment,
}

/// An offer that was on sale when the catalogue was recorded: not one of the 24, whatever its name resembles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StayingOffer {
    /// Lower case.
    pub id: String,
    pub name: String,
    pub sku: Uuid,
    pub segment: Segment,
    #[serde(default)]
    pub trial: bool,
}

/// What an offer is to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The partner's own file names this id as retired.
    ExactById(&'static RetiredOffer),
    /// Its English name is one of the 24, spelling aside.
    ExactByName(&'static RetiredOffer),
    /// It resembles this one of the 24: a person must say.
    NearMiss(&'static RetiredOffer),
    /// It stays.
    No,
}

impl Match {
    /// The retired offer that was recognised or resembled.
    pub fn offer(self) -> Option<&'static RetiredOffer> {
        match self {
            Match::ExactById(offer) | Match::ExactByName(offer) | Match::NearMiss(offer) => Some(offer),
            Match::No => None,
        }
    }

    /// The word of the plan's `match` column.
    pub fn name(self) -> &'static str {
        match self {
            Match::ExactById(_) => "id",
            Match::ExactByName(_) => "name",
            Match::NearMiss(_) => "near_miss",
            Match::No => "no",
        }
    }
}

struct Known {
    retired: Vec<RetiredOffer>,
    by_name: BTreeMap<String, usize>,
    staying: BTreeMap<String, StayingOffer>,
    staying_names: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferFile<T> {
    offer: Vec<T>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let retired: OfferFile<RetiredOffer> =
        toml::from_str(include_str!("../data/retired.toml")).expect("shipped data is read by the tests");
    let staying: OfferFile<StayingOffer> =
        toml::from_str(include_str!("../data/staying.toml")).expect("shipped data is read by the tests");
    Known {
        by_name: retired.offer.iter().enumerate().map(|(at, offer)| (normalise(&offer.name), at)).collect(),
        retired: retired.offer,
        staying_names: staying.offer.iter().map(|offer| (normalise(&offer.name), offer.id.clone())).collect(),
        staying: staying.offer.into_iter().map(|offer| (offer.id.clone(), offer)).collect(),
    }
});

/// The 24, in the order of Microsoft's page.
pub fn retired_offers() -> &'static [RetiredOffer] {
    &KNOWN.retired
}

/// One of the 24 by its name, spelling aside.
pub(crate) fn retired_by_name(name: &str) -> Option<&'static RetiredOffer> {
    KNOWN.by_name.get(&normalise(name)).map(|at| &KNOWN.retired[*at])
}

/// An offer of the recorded catalogue by its id, in any case.
pub fn staying_offer(id: &str) -> Option<&'static StayingOffer> {
    KNOWN.staying.get(&id.trim().to_ascii_lowercase())
}

/// What this offer is: by the partner's file first, then by what is known of its id, then by its English name.
///
/// A known id whose name says the opposite is a near miss: one of the two is wrong, and nobody here can tell which.
pub fn recognise(offer_id: &str, offer_name: &str, partner: &PartnerOffers) -> Match {
    let id = offer_id.trim().to_ascii_lowercase();
    if let Some(offer) = partner.retired(&id) {
        return Match::ExactById(offer);
    }
    if partner.stays(&id) {
        return Match::No;
    }
    let by_name = retired_by_name(offer_name);
    match (KNOWN.staying.contains_key(&id), by_name) {
        (true, Some(offer)) => Match::NearMiss(offer),
        (true, None) => Match::No,
        (false, Some(offer)) => Match::ExactByName(offer),
        (false, None) => near_miss(&normalise(offer_name)),
    }
}

fn near_miss(name: &str) -> Match {
    if KNOWN.staying_names.contains_key(name) {
        return Match::No;
    }
    let words: Vec<&str> = name.split(' ').collect();
    let has = |word: &str| words.contains(&word);
    if has("professional") || has("pro") {
        return Match::No; // the Professional editions and the offers for users of CRM Pro were not retired
    }
    let named = has("sales") || name.contains("customer engagement plan");
    let qualified = name.contains("qualified offer") || has("crmol") || has("crm");
    let by_words = named && qualified && has("basic");
    // Most names of a tenant are far too short to be alike: no distance is measured for them.
    let shortest = KNOWN.by_name.keys().map(String::len).min().unwrap_or(0);
    if !by_words && (name.len() as f64) < shortest as f64 * ALIKE {
        return Match::No;
    }
    match nearest(name) {
        Some((offer, likeness)) if by_words || likeness >= ALIKE => Match::NearMiss(offer),
        _ => Match::No,
    }
}

/// The most similar of the 24; of two equally similar ones the first of Microsoft's page.
fn nearest(name: &str) -> Option<(&'static RetiredOffer, f64)> {
    let mut best: Option<(&'static RetiredOffer, f64)> = None;
    for offer in &KNOWN.retired {
        let likeness = similarity(name, &normalise(&offer.name));
        if best.is_none_or(|(_, most)| likeness > most) {
            best = Some((offer, likeness));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN_ID: &str = "11111111-aaaa-4bbb-8ccc-000000000001";

    fn seen(name: &str) -> Match {
        recognise(UNKNOWN_ID, name, &PartnerOffers::default())
    }

    #[test]
    fn there_are_24_retired_offers_with_24_different_names() {
        assert_eq!(retired_offers().len(), 24);
        assert_eq!(KNOWN.by_name.len(), 24);
        for segment in [Segment::Commercial, Segment::Faculty, Segment::Students, Segment::Government] {
            assert_eq!(retired_offers().iter().filter(|offer| offer.segment == segment).count(), 6);
        }
    }

    #[test]
    fn every_retired_name_is_recognised_without_the_word_edition() {
        for offer in retired_offers() {
            assert_eq!(seen(&offer.name), Match::ExactByName(offer));
            assert_eq!(
                seen(&offer.name.replace("Enterprise Edition", "Enterprise")),
                Match::ExactByName(offer)
            );
            assert_eq!(seen(&offer.name.to_uppercase()), Match::ExactByName(offer));
        }
    }

    #[test]
    fn no_offer_of_the_recorded_catalogue_is_retired_or_asks() {
        for offer in KNOWN.staying.values() {
            assert_eq!(
                recognise(&offer.id.to_uppercase(), &offer.name, &PartnerOffers::default()),
                Match::No
            );
            assert_eq!(seen(&offer.name), Match::No, "{} by its name alone", offer.name);
        }
    }

    #[test]
    fn a_name_that_only_resembles_a_retired_one_asks() {
        for name in [
            "Dynamics 365 for Sales Enterprise CRMOL Basic (Qualified Offer) (Nonprofit Staff Pricing)",
            "Dynamics 365 for Sales Enterprise Edition CRMOL Bsic (Qualifed Offer)",
            "Dynamics 365 Customer Engagement Plan CRMOL Basic (Qualified Offer)",
            "Dynamics 365 for Sales CRM Basic",
        ] {
            assert!(matches!(seen(name), Match::NearMiss(_)), "{name}: {:?}", seen(name));
        }
    }

    #[test]
    fn other_products_are_left_alone() {
        for name in [
            "Office 365 E3",
            "Azure Active Directory Basic",
            "Dynamics 365 for Marketing",
            "Exchange Online",
            "",
        ] {
            assert_eq!(seen(name), Match::No, "{name}");
        }
    }

    #[test]
    fn a_known_id_under_a_retired_name_asks() {
        let id = "E5AEEDC5-E2F0-4099-AA45-95802034D7F8";
        let name = "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualified Offer)";
        assert!(matches!(recognise(id, name, &PartnerOffers::default()), Match::NearMiss(_)));
    }
}
