//! The partner's own `offers.toml`: ids of retired offers, ids that stay, and rules for targets.
//!
//! ```toml
//! [[retired]]                      # the id under which this partner sees one of the 24
//! id = "00000000-0000-4000-8000-000000000001"
//! name = "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualified Offer)"
//!
//! [[staying]]                      # an offer whose name resembles a retired one, and which stays
//! id = "00000000-0000-4000-8000-000000000002"
//!
//! [[rule]]                         # the first rule that fits wins; a rule with `offer` comes before one with `family`
//! family = "sales"                 # or: offer = "<id of the old offer>"
//! segment = "faculty"              # left out = every segment
//! country = "SE"                   # left out = every country
//! seats_from = 1                   # left out = any number; so for seats_to
//! target = "00000000-0000-4000-8000-000000000003"
//! reason = "Agreed with Licensing on 2019-02-01"
//! ```
//!
//! A bad entry is a [`FileProblem`] with its line; the good entries count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::offers::{Family, RetiredOffer, Segment, retired_by_name, staying_offer};

/// What is wrong with one entry, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Counted from 1.
    pub line: usize,
    pub cause: String,
    pub remedy: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}. {}", self.line, self.cause, self.remedy)
    }
}

/// An id under which the partner sees one of the 24.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredId {
    pub id: String,
    pub offer: &'static RetiredOffer,
}

/// A rule for targets. What is left out fits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRule {
    /// Id of the old offer, lower case.
    pub offer: Option<String>,
    pub family: Option<Family>,
    pub segment: Option<Segment>,
    /// ISO 3166, upper case.
    pub country: Option<String>,
    pub seats_from: Option<u32>,
    pub seats_to: Option<u32>,
    /// Lower case.
    pub target: String,
    pub reason: Option<String>,
}

/// What the partner knows of offers. The default knows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerOffers {
    retired: BTreeMap<String, &'static RetiredOffer>,
    staying: BTreeSet<String>,
    rules: Vec<PartnerRule>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    retired: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    staying: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    rule: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetired {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStaying {
    id: String,
    #[serde(default, rename = "name")]
    _name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    offer: Option<String>,
    family: Option<String>,
    segment: Option<String>,
    country: Option<String>,
    seats_from: Option<u32>,
    seats_to: Option<u32>,
    target: String,
    reason: Option<String>,
}

/// Cause and remedy; the line is added where it is known.
type Bad = (String, String);

impl PartnerOffers {
    /// Reads the file's text. What is wrong is listed; what is right counts.
    pub fn parse(text: &str) -> (PartnerOffers, Vec<FileProblem>) {
        let raw: Raw = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                let problem = FileProblem {
                    line: line_of(text, error.span()),
                    cause: format!("the file is not as expected: {}", error.message()),
                    remedy:
                        "It may hold the tables [[retired]], [[staying]] and [[rule]]; nothing of it was read"
                            .to_owned(),
                };
                return (PartnerOffers::default(), vec![problem]);
            }
        };
        let mut offers = PartnerOffers::default();
        let mut problems = Vec::new();
        let mut note = |span: Range<usize>, (cause, remedy): Bad| {
            problems.push(FileProblem { line: line_of(text, Some(span)), cause, remedy });
        };
        for entry in raw.retired {
            let span = entry.span();
            if let Err(bad) = offers.add_retired(entry.into_inner()) {
                note(span, bad);
            }
        }
        for entry in raw.staying {
            let span = entry.span();
            if let Err(bad) = offers.add_staying(entry.into_inner()) {
                note(span, bad);
            }
        }
        for entry in raw.rule {
            let span = entry.span();
            if let Err(bad) = offers.add_rule(entry.into_inner()) {
                note(span, bad);
            }
        }
        problems.sort_by_key(|problem| problem.line);
        (offers, problems)
    }

    /// The retired offer that the file gives this id to.
    pub fn retired(&self, id: &str) -> Option<&'static RetiredOffer> {
        self.retired.get(&id.trim().to_ascii_lowercase()).copied()
    }

    /// The file says that this id stays.
    pub fn stays(&self, id: &str) -> bool {
        self.staying.contains(&id.trim().to_ascii_lowercase())
    }

    /// Every target that a rule names.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.target.as_str())
    }

    /// The first rule for this old offer, else the first for its family.
    pub fn rule(
        &self,
        old_offer: &str,
        family: Family,
        segment: Segment,
        country: &str,
        seats: u32,
    ) -> Option<&PartnerRule> {
        let old_offer = old_offer.trim().to_ascii_lowercase();
        let fits = |rule: &&PartnerRule| {
            rule.segment.is_none_or(|one| one == segment)
                && rule.country.as_deref().is_none_or(|one| one.eq_ignore_ascii_case(country))
                && rule.seats_from.is_none_or(|first| seats >= first)
                && rule.seats_to.is_none_or(|last| seats <= last)
        };
        let by_offer = self.rules.iter().filter(|rule| rule.offer.as_ref() == Some(&old_offer)).find(fits);
        by_offer.or_else(|| self.rules.iter().filter(|rule| rule.family == Some(family)).find(fits))
    }

    fn add_retired(&mut self, table: toml::Table) -> Result<(), Bad> {
        let RawRetired { id, name } = entry(table, "[[retired]] needs `id` and `name`")?;
        let id = offer_id(&id)?;
        let offer = retired_by_name(&name).ok_or_else(|| {
            bad(
                format!("`{name}` is not one of the 24 retired offers"),
                "Write the exact English name from Microsoft's list",
            )
        })?;
        if let Some(known) = staying_offer(&id) {
            return Err(bad(
                format!("{id} is `{}`, which is still sold", known.name),
                "Take the offerId of the customer's old subscription",
            ));
        }
        match self.retired.insert(id.clone(), offer) {
            Some(other) if other != offer => {
                self.retired.insert(id.clone(), other);
                Err(bad(format!("{id} is named twice, as different offers"), "Keep one of the two"))
            }
            _ => Ok(()),
        }
    }

    fn add_staying(&mut self, table: toml::Table) -> Result<(), Bad> {
        let RawStaying { id, .. } = entry(table, "[[staying]] needs `id`")?;
        let id = offer_id(&id)?;
        if self.retired.contains_key(&id) {
            return Err(bad(format!("{id} is named as retired and as staying"), "Keep one of the two"));
        }
        self.staying.insert(id);
        Ok(())
    }

    fn add_rule(&mut self, table: toml::Table) -> Result<(), Bad> {
        let raw: RawRule = entry(table, "[[rule]] needs `target`, and `offer` or `family`")?;
        if raw.offer.is_some() == raw.family.is_some() {
            return Err(bad("a rule needs either `offer` or `family`", "Give one of the two"));
        }
        if let (Some(from), Some(to)) = (raw.seats_from, raw.seats_to)
            && from > to
        {
            return Err(bad(format!("seats_from {from} is above seats_to {to}"), "Swap the two"));
        }
        let target = offer_id(&raw.target)?;
        if self.retired.contains_key(&target) {
            return Err(bad(
                format!("the target {target} is itself retired"),
                "Name an offer that is still sold",
            ));
        }
        self.rules.push(PartnerRule {
            offer: raw.offer.as_deref().map(offer_id).transpose()?,
            family: raw.family.as_deref().map(family).transpose()?,
            segment: raw.segment.as_deref().map(segment).transpose()?,
            country: raw.country.as_deref().map(country).transpose()?,
            seats_from: raw.seats_from,
            seats_to: raw.seats_to,
            target,
            reason: raw.reason,
        });
        Ok(())
    }
}

fn entry<T: serde::de::DeserializeOwned>(table: toml::Table, needs: &str) -> Result<T, Bad> {
    table.try_into().map_err(|error: toml::de::Error| bad(error.message(), needs))
}

fn bad(cause: impl Into<String>, remedy: impl Into<String>) -> Bad {
    (cause.into(), remedy.into())
}

/// A GUID, or new commerce's `product:sku:availability`.
fn offer_id(text: &str) -> Result<String, Bad> {
    let id = text.trim().to_ascii_lowercase();
    let new_commerce = id.split(':').count() == 3 && id.split(':').all(|part| !part.is_empty());
    if uuid::Uuid::try_parse(&id).is_ok() || new_commerce {
        return Ok(id);
    }
    Err(bad(
        format!("`{text}` is not an offer id"),
        "Write a GUID, or product:sku:availability of new commerce",
    ))
}

fn family(text: &str) -> Result<Family, Bad> {
    let known = Family::ALL.into_iter().find(|family| family.name() == text);
    known.ok_or_else(|| {
        bad(format!("`{text}` is not a family"), "Write \"sales\" or \"customer_engagement_plan\"")
    })
}

fn segment(text: &str) -> Result<Segment, Bad> {
    text.parse().map_err(|()| {
        bad(
            format!("`{text}` is not a segment"),
            "Write \"commercial\", \"faculty\", \"students\", \"government\" or \"nonprofit\"",
        )
    })
}

fn country(text: &str) -> Result<String, Bad> {
    let code = text.trim().to_ascii_uppercase();
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(code);
    }
    Err(bad(format!("`{text}` is not a country"), "Write two letters, such as \"SE\""))
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let at = span.map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offers::{Match, recognise, retired_offers};

    const ID: &str = "00000000-0000-4000-8000-00000000000A";

    fn one_problem(text: &str) -> FileProblem {
        let (_, problems) = PartnerOffers::parse(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].clone()
    }

    #[test]
    fn an_id_of_the_file_is_recognised_whatever_the_name_says() {
        let name = &retired_offers()[3].name;
        let (offers, problems) =
            PartnerOffers::parse(&format!("[[retired]]\nid = \"{ID}\"\nname = \"{name}\"\n"));
        assert_eq!(problems, Vec::new());
        let seen = recognise(&ID.to_lowercase(), "Dynamics 365 für Vertrieb", &offers);
        assert_eq!(seen, Match::ExactById(&retired_offers()[3]));
    }

    #[test]
    fn an_offer_that_the_file_keeps_is_not_asked_about() {
        let (offers, _) = PartnerOffers::parse(&format!("[[staying]]\nid = \"{ID}\"\n"));
        let name = "Dynamics 365 for Sales Basic (Qualified Offer) of our own";
        assert!(matches!(recognise(ID, name, &PartnerOffers::default()), Match::NearMiss(_)));
        assert_eq!(recognise(ID, name, &offers), Match::No);
    }

    #[test]
    fn a_rule_for_one_offer_comes_before_a_rule_for_its_family() {
        let text = format!(
            "[[rule]]\nfamily = \"sales\"\ntarget = \"00000000-0000-4000-8000-000000000001\"\n\
             [[rule]]\noffer = \"{ID}\"\ncountry = \"se\"\ntarget = \"00000000-0000-4000-8000-000000000002\"\n"
        );
        let (offers, problems) = PartnerOffers::parse(&text);
        assert_eq!(problems, Vec::new());
        let target = |country| {
            offers.rule(ID, Family::Sales, Segment::Faculty, country, 5).map(|rule| rule.target.clone())
        };
        assert_eq!(target("SE").unwrap(), "00000000-0000-4000-8000-000000000002");
        assert_eq!(target("NO").unwrap(), "00000000-0000-4000-8000-000000000001");
        assert!(offers.rule(ID, Family::CustomerEngagementPlan, Segment::Faculty, "NO", 5).is_none());
    }

    #[test]
    fn a_bad_entry_names_its_line_and_the_good_ones_count() {
        let text = format!(
            "[[staying]]\nid = \"{ID}\"\n\n[[rule]]\nfamily = \"marketing\"\ntarget = \"{ID}\"\n\n[[rule]]\nfamily = \"sales\"\ntarget = \"{ID}\"\n"
        );
        let (offers, problems) = PartnerOffers::parse(&text);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 4);
        assert!(problems[0].cause.contains("`marketing` is not a family"), "{}", problems[0]);
        assert_eq!(offers.targets().count(), 1);
        assert!(offers.stays(ID));
    }

    #[test]
    fn each_kind_of_mistake_is_told_apart() {
        let target = format!("target = \"{ID}\"");
        for (text, cause) in [
            ("[[rule]]\nfamily = \"sales\"\ntarget = \"F2\"\n".to_owned(), "`F2` is not an offer id"),
            (format!("[[rule]]\n{target}\n"), "either `offer` or `family`"),
            (format!("[[rule]]\nfamily = \"sales\"\nsegment = \"school\"\n{target}\n"), "is not a segment"),
            (format!("[[rule]]\nfamily = \"sales\"\ncountry = \"Sweden\"\n{target}\n"), "is not a country"),
            (
                format!("[[rule]]\nfamily = \"sales\"\nseats_from = 9\nseats_to = 2\n{target}\n"),
                "above seats_to",
            ),
            (format!("[[rule]]\nfamily = \"sales\"\ntraget = \"{ID}\"\n"), "traget"),
            (format!("[[retired]]\nid = \"{ID}\"\nname = \"Office\"\n"), "not one of the 24"),
            ("[[rules]]\n".to_owned(), "rules"),
            ("[[rule]\n".to_owned(), "not as expected"),
        ] {
            let problem = one_problem(&text);
            assert!(problem.cause.contains(cause), "{text}: {problem}");
            assert!(!problem.remedy.is_empty());
        }
    }

    #[test]
    fn an_offer_that_is_still_sold_cannot_be_declared_retired() {
        let name = &retired_offers()[0].name;
        let text = format!("[[retired]]\nid = \"E5AEEDC5-E2F0-4099-AA45-95802034D7F8\"\nname = \"{name}\"\n");
        assert!(one_problem(&text).cause.contains("which is still sold"));
    }
}
