//! Reads one row's customer afresh before anything is bought: is it still what a person has approved?
//!
//! As few calls as are safe. With the plan's users at hand only their licenses are read: when each of them still holds the
//! license and the pool counts no others, nobody has come or gone. Otherwise everybody is read, to say who.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_catalog::Match;
use seatshift_messages::Instruction;
use seatshift_partner_center::CallError;
use uuid::Uuid;

use super::assess::{Admission, Answers, Assessment, Case, assess, cheap_findings, same_sku};
use super::cache::CacheError;
use super::discover::matches;
use super::fingerprint::{Facet, Fingerprint};
use super::read::{self, Desk, OfferBook, Scope};
use super::reasons::{Finding, Readiness, Reason};
use super::row::{PlanRow, PlanUser};
use super::seen::{Deep, Offers, SeenCustomer, SeenSubscription};

/// What a fresh look at a row says.
#[derive(Debug)]
pub enum Recheck {
    /// As approved: this is to be done.
    Same(Box<Instruction>),
    /// Something else than what was approved; what, in words. Nothing may be bought.
    Changed(Vec<String>),
    /// Nothing a person approved has changed, and it still cannot be moved (an answer is missing, time ran out, ...).
    NotReady(Finding),
    /// The customer's subscriptions cannot be read now.
    Unreadable(Box<CallError>),
}

/// Looks at rows again, one at a time or several at once. Price lists are read once for all.
#[derive(Debug, Default)]
pub struct Rechecker(OfferBook);

impl Rechecker {
    /// `users`: the row's lines of `plan-users.csv`, empty when there are none.
    pub async fn recheck(
        &self,
        desk: &Desk<'_>,
        row: &PlanRow,
        users: &[PlanUser],
        admission: &Admission,
    ) -> Result<Recheck, CacheError> {
        let (Some(customer), Some(id)) = (row.customer_id, row.old_subscription_id) else {
            return Ok(Recheck::Changed(vec!["the row names no subscription".to_owned()]));
        };
        let Ok(approved) = row.fingerprint.parse::<Fingerprint>() else {
            return Ok(Recheck::Changed(vec![
                "the fingerprint of the row cannot be read: plan again".to_owned(),
            ]));
        };
        let seen = match read::subscriptions(desk, customer.0).await {
            Ok(seen) => seen,
            Err(error) => return Ok(Recheck::Unreadable(Box::new(error))),
        };
        if seen.unreadable > 0 {
            let words = format!("{} subscriptions of the customer cannot be understood", seen.unreadable);
            return Ok(Recheck::NotReady(Finding::new(Reason::CustomerUnreadable, words)));
        }
        let mut retired = matches(&seen.subscriptions, desk);
        let Some(subscription) = seen.subscriptions.iter().find(|one| one.id == id.0) else {
            return Ok(Recheck::Changed(vec!["the old subscription is not there any more".to_owned()]));
        };
        let matched = *retired.entry(id.0).or_insert(Match::No);
        if matched == Match::No {
            return Ok(Recheck::Changed(vec![
                "the old subscription is not of a retired offer any more".to_owned(),
            ]));
        }
        let look = Look {
            desk,
            row,
            users,
            customer: SeenCustomer {
                id: customer.0,
                name: row.customer_name.clone(),
                domain: row.customer_domain.clone(),
            },
            subscription,
            subscriptions: &seen.subscriptions,
            retired: &retired,
            matched,
            answers: answers(row, users),
        };
        let fresh = look.assess(&self.0).await?;
        Ok(look.judge(fresh, &approved, admission))
    }
}

/// What the row says that planning could not know. A target is always taken from the row: that is what was approved.
fn answers(row: &PlanRow, users: &[PlanUser]) -> Answers {
    let asked = Reason::of_code(&row.reason_code)
        .is_some_and(|reason| reason.answer() == super::reasons::Answer::Users);
    let told = row.readiness == Readiness::Ask
        && (asked || !row.shares_sku_with.trim().is_empty())
        && !users.is_empty();
    let said = |user: &PlanUser| user.user_id.zip(user.moves).map(|(id, moves)| (id.0, moves));
    let refused = users.iter().any(|user| user.moves == Some(false));
    Answers {
        target: row.target_offer_id.clone(),
        buy_seats: row.buy_seats,
        billing_cycle: Some(row.new_billing_cycle.trim().to_lowercase()).filter(|cycle| !cycle.is_empty()),
        moves: (told || refused).then(|| users.iter().filter_map(said).collect()),
    }
}

/// One row under the glass.
struct Look<'a> {
    desk: &'a Desk<'a>,
    row: &'a PlanRow,
    users: &'a [PlanUser],
    customer: SeenCustomer,
    subscription: &'a SeenSubscription,
    subscriptions: &'a [SeenSubscription],
    retired: &'a BTreeMap<Uuid, Match>,
    matched: Match,
    answers: Answers,
}

impl Look<'_> {
    async fn assess(&self, book: &OfferBook) -> Result<Assessment, CacheError> {
        let now = self.desk.timer.now();
        if !cheap_findings(self.subscription, self.desk.options, now).is_empty() {
            return Ok(assess(&self.case(None, &Offers::new())));
        }
        let planned: BTreeSet<Uuid> =
            self.users.iter().filter_map(|user| user.user_id).map(|id| id.0).collect();
        if !planned.is_empty() {
            let (deep, offers) = self.read(book, Some(&planned)).await?;
            if self.nobody_else(&deep, &planned) || deep.unread.is_some() || deep.users.is_none() {
                return Ok(assess(&self.case(Some(&deep), &offers)));
            }
        }
        let (deep, offers) = self.read(book, None).await?;
        Ok(assess(&self.case(Some(&deep), &offers)))
    }

    async fn read(
        &self,
        book: &OfferBook,
        only: Option<&BTreeSet<Uuid>>,
    ) -> Result<(Deep, std::sync::Arc<Offers>), CacheError> {
        let id = self.subscription.id;
        let links: BTreeMap<Uuid, Uuid> = self.row.sku.map(|sku| (id, sku.0)).into_iter().collect();
        let needs_users = |deep: &Deep, offers: &Offers| !same_sku(&self.case(Some(deep), offers), deep);
        let scope = Scope {
            customer: self.customer.id,
            subscriptions: self.subscriptions,
            candidates: &[id],
            needs_users: &needs_users,
            only_users: only,
            known_links: &links,
            resume: false,
        };
        read::deep(self.desk, book, &scope).await
    }

    /// The pool counts as many holders as are known, so there are no others.
    fn nobody_else(&self, deep: &Deep, planned: &BTreeSet<Uuid>) -> bool {
        let Some(sku) = self.row.sku else { return false };
        let holds = |id: &&Uuid| deep.licenses.get(*id).is_some_and(|licenses| licenses.contains_key(&sku.0));
        let holders = planned.iter().filter(holds).count();
        let consumed = deep.skus.get(&sku.0).map(|seen| seen.consumed);
        holders == planned.len() && consumed == i64::try_from(holders).ok()
    }

    fn case<'a>(&'a self, deep: Option<&'a Deep>, offers: &'a Offers) -> Case<'a> {
        Case {
            row_id: &self.row.row_id,
            customer: &self.customer,
            subscription: self.subscription,
            matched: self.matched,
            subscriptions: self.subscriptions,
            retired: self.retired,
            deep,
            offers,
            options: self.desk.options,
            now: self.desk.timer.now(),
            answers: &self.answers,
        }
    }

    fn judge(&self, fresh: Assessment, approved: &Fingerprint, admission: &Admission) -> Recheck {
        let stopped = fresh.findings.iter().find(|finding| finding.reason.readiness() != Readiness::Ready);
        let unread = |finding: &&Finding| {
            matches!(
                finding.reason,
                Reason::CustomerUnreadable | Reason::RightsMissing | Reason::RelationMissing
            )
        };
        if let Some(finding) = stopped.filter(unread) {
            return Recheck::NotReady(finding.clone());
        }
        let mut changed = self.changes(&fresh, approved);
        changed.extend(self.users_changed(&fresh, approved));
        match (changed.is_empty(), stopped, fresh.draft) {
            (false, _, _) => Recheck::Changed(changed),
            (true, Some(finding), _) => Recheck::NotReady(finding.clone()),
            (true, None, Some(draft)) => {
                let mut admission = *admission;
                if let Some(refused) = self.row.on_suspension_refused {
                    admission.policy.on_suspension_refused = refused;
                }
                Recheck::Same(Box::new(draft.instruct(&admission)))
            }
            (true, None, None) => {
                Recheck::NotReady(Finding::new(Reason::CustomerUnreadable, "Not everything could be read"))
            }
        }
    }

    /// A person may have chosen another target or told the users apart; those facts are theirs, not the customer's.
    fn changes(&self, fresh: &Assessment, approved: &Fingerprint) -> Vec<String> {
        let mut leave_out = Vec::new();
        if approved.differences(&fresh.fingerprint, &[]).contains(&Facet::Choice) {
            leave_out.extend([Facet::Choice, Facet::Target]);
        }
        let inside = fresh.row.path == Some(super::row::PlanPath::SameSku);
        if inside || self.answers.moves.is_some() {
            leave_out.extend([Facet::Pool, Facet::Users, Facet::Plans]);
        }
        let cheap_only = fresh.users.is_empty() && fresh.row.sku.is_none();
        let facets = approved.differences(&fresh.fingerprint, &leave_out);
        let told = |facet: &Facet| !cheap_only || is_cheap(*facet);
        facets.into_iter().filter(told).map(|facet| self.in_words(facet, &fresh.row)).collect()
    }

    fn in_words(&self, facet: Facet, now: &PlanRow) -> String {
        let then = self.row;
        let was = |old: String, new: String| format!("{}: {old} in the plan, {new} now", facet.in_words());
        match facet {
            Facet::Status => was(then.old_status.clone(), now.old_status.clone()),
            Facet::Seats => was(number(then.old_seats), number(now.old_seats)),
            Facet::End => was(number(then.commitment_end_date), number(now.commitment_end_date)),
            Facet::Users => was(number(then.users_to_move), number(now.users_to_move)),
            _ => format!("{} changed", facet.in_words()),
        }
    }

    /// The users whom the file names must still stand as it says.
    fn users_changed(&self, fresh: &Assessment, approved: &Fingerprint) -> Vec<String> {
        let now: BTreeMap<_, &PlanUser> = fresh.users.iter().map(|user| (user.user_id, user)).collect();
        let other_target = approved.differences(&fresh.fingerprint, &[]).contains(&Facet::Choice);
        let (mut gone, mut otherwise) = (0, 0);
        if fresh.draft.is_none() || fresh.row.path == Some(super::row::PlanPath::SameSku) {
            return Vec::new();
        }
        for user in self.users.iter().filter(|user| user.moves != Some(false)) {
            match now.get(&user.user_id) {
                None => gone += 1,
                Some(now) => {
                    let then_differs = !other_target && !same_ids(&now.disabled_then, &user.disabled_then);
                    otherwise +=
                        usize::from(!same_ids(&now.disabled_now, &user.disabled_now) || then_differs);
                }
            }
        }
        let mut words = Vec::new();
        if gone > 0 {
            words.push(format!("{gone} of the users to move do not hold the license any more"));
        }
        if otherwise > 0 {
            words.push(format!(
                "{otherwise} of the users to move have other services switched off than in the plan"
            ));
        }
        words
    }
}

fn is_cheap(facet: Facet) -> bool {
    matches!(facet, Facet::Status | Facet::Seats | Facet::Renewal | Facet::End | Facet::Terms)
}

fn number(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

fn same_ids(one: &str, other: &str) -> bool {
    let ids = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<BTreeSet<_>>();
    ids(one) == ids(other)
}
