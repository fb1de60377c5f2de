//! Telling the 24 retired offers by their names, for nobody outside Microsoft knows their ids.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::catalogue::Catalogue;

/// What was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Dynamics 365 for Sales Enterprise Edition.
    Sales,
    /// Dynamics 365 Customer Engagement Plan Enterprise Edition.
    Plan,
}

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    Retired(Family),
    /// It speaks of the same things and is none of the 24.
    NearMiss,
}

/// None = a name that has nothing to do with the job.
#[must_use]
pub fn recognise(name: &str) -> Option<Recognised> {
    let name = normalise(name);
    if let Some(family) = RETIRED.get(&name) {
        return Some(Recognised::Retired(*family));
    }
    let speaks_of_it = family(&name).is_some() && name.contains("basic");
    let misspelt = name.replace(" edition", "");
    let near = speaks_of_it || RETIRED.keys().any(|other| few_edits(&misspelt, other));
    near.then_some(Recognised::NearMiss)
}

/// Case, commas and the word "Edition" after "Enterprise" do not count: the API of 2019 left them out.
fn normalise(name: &str) -> String {
    let name = name.to_lowercase().replace(',', "");
    name.split_whitespace().collect::<Vec<_>>().join(" ").replace("enterprise edition", "enterprise")
}

fn family(normalised: &str) -> Option<Family> {
    if normalised.contains("sales enterprise") {
        Some(Family::Sales)
    } else if normalised.contains("customer engagement plan") {
        Some(Family::Plan)
    } else {
        None
    }
}

static RETIRED: LazyLock<BTreeMap<String, Family>> = LazyLock::new(|| {
    let retired = Catalogue::shipped().offers.values().filter(|offer| offer.retired);
    retired
        .map(|offer| normalise(&offer.name))
        .filter_map(|name| family(&name).map(|family| (name, family)))
        .collect()
});

/// At most three letters inserted, left out or exchanged.
fn few_edits(a: &str, b: &str) -> bool {
    const FEW: usize = 3;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > FEW {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            corner = above;
        }
    }
    row[b.len()] <= FEW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_24_names_are_told_with_and_without_edition_commas_and_capitals() {
        let shown = "dynamics 365 for Sales, Enterprise CRMOL Basic (Qualified Offer)";
        assert_eq!(recognise(shown), Some(Recognised::Retired(Family::Sales)));
        for offer in Catalogue::shipped().offers.values().filter(|offer| offer.retired) {
            assert!(matches!(recognise(&offer.name), Some(Recognised::Retired(_))), "{}", offer.name);
        }
    }

    #[test]
    fn no_recorded_offer_that_stays_is_taken_for_a_retired_one_or_a_near_miss() {
        let shipped = Catalogue::shipped().offers.values();
        for offer in
            shipped.filter(|offer| !offer.retired && !offer.id.to_string().starts_with("5ea75a1f-2500"))
        {
            assert_eq!(recognise(&offer.name), None, "{}", offer.name);
        }
    }

    #[test]
    fn a_name_with_a_letter_too_many_or_a_word_missing_is_a_near_miss() {
        for shown in [
            "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualified Offers)",
            "Dynamics 365 Customer Engagement Plan Enterprise Edition CRMOL Basic",
            "Dynamics 365 for Sale Entreprise Edition CRMOL Basic (Qualified Offer)",
        ] {
            assert_eq!(recognise(shown), Some(Recognised::NearMiss), "{shown}");
        }
    }
}
