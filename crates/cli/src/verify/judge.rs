//! Whether a verdict is still true. A plain function of what is claimed, what was asked for, and what was just read.

use std::collections::BTreeSet;

use seatshift_messages::{Instruction, VerdictReached};
use uuid::Uuid;

use super::claims::Claim;
use super::fresh::{Fresh, Seen};
use super::log::Story;

/// What became of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) differences: Vec<String>,
    pub(crate) old_status: String,
    pub(crate) new_status: String,
    pub(crate) users_checked: u32,
    pub(crate) users_wrong: u32,
    pub(crate) seats_used: Option<u32>,
    pub(crate) seats_spare: Option<i64>,
    /// Seats bought are not used + spare, or the pool has more holders than seats.
    pub(crate) seats_lost: bool,
}

/// Statuses under which a subscription is out of use.
const OUT_OF_USE: [&str; 4] = ["suspended", "deleted", "expired", "disabled"];

/// Judges one row.
pub(crate) fn judge(claim: &Claim, story: Option<&Story>, fresh: &Fresh) -> Finding {
    let nothing = Story::default();
    let story = story.unwrap_or(&nothing);
    let mut look = Look { claim, story, fresh, finding: Finding::default() };
    look.statuses();
    look.against_the_log();
    match claim.verdict.as_deref() {
        Some("completed") => look.completed(),
        Some("refused" | "rolled_back" | "skipped") => look.nothing_of_ours(),
        Some("accepted" | "parked") => look.as_it_was_told(),
        Some(other) => look.differs(format!("`{other}` is no verdict")),
        None => look.differs("the row has no verdict".to_owned()),
    }
    look.finding
}

struct Look<'a> {
    claim: &'a Claim,
    story: &'a Story,
    fresh: &'a Fresh,
    finding: Finding,
}

impl Look<'_> {
    fn differs(&mut self, what: String) {
        self.finding.differences.push(what);
    }

    fn old(&self) -> Option<&Seen> {
        self.claim.old_subscription.and_then(|id| self.fresh.subscriptions.get(&id))
    }

    /// The new subscription, by what was claimed or by what was published.
    fn new_id(&self) -> Option<Uuid> {
        self.claim
            .new_subscription
            .or_else(|| self.story.purchase.as_ref().map(|bought| bought.subscription.0))
    }

    fn statuses(&mut self) {
        self.finding.old_status = self.old().map(|seen| seen.status.clone()).unwrap_or_default();
        let new = self.new_id().and_then(|id| self.fresh.subscriptions.get(&id));
        self.finding.new_status = new.map(|seen| seen.status.clone()).unwrap_or_default();
    }

    fn against_the_log(&mut self) {
        let Some((said, _)) = &self.story.verdict else {
            if self.claim.verdict.is_some() {
                self.differs("the verdict was never published".to_owned());
            }
            return;
        };
        if self.claim.verdict.as_deref() != Some(said) {
            let claimed = self.claim.verdict.as_deref().unwrap_or("nothing");
            let what = format!("published was {said}, the report says {claimed}");
            self.differs(what);
        }
    }

    fn completed(&mut self) {
        let Some(instruction) = &self.story.instruction else {
            return self.differs("completed, and never asked for".to_owned());
        };
        let old = self.finding.old_status.clone();
        if !OUT_OF_USE.contains(&old.as_str()) {
            self.differs(format!("the old subscription is {}", or_missing(&old)));
        }
        self.bought(instruction);
        self.users(instruction, |look, user| look.moved(instruction, user));
        self.seats(instruction);
    }

    fn bought(&mut self, instruction: &Instruction) {
        let Some(new) = self.new_id().and_then(|id| self.fresh.subscriptions.get(&id)) else {
            return self.differs("the new subscription is not there".to_owned());
        };
        let (status, quantity, offer) = (new.status.clone(), new.quantity, new.offer.clone());
        if status != "active" {
            self.differs(format!("the new subscription is {status}"));
        }
        if offer != instruction.target.offer.as_str() {
            self.differs("the new subscription is of another offer".to_owned());
        }
        let wanted = self.claim.seats_bought.unwrap_or(instruction.target.quantity);
        if quantity != wanted || wanted != instruction.target.quantity {
            let planned = instruction.target.quantity;
            self.differs(format!("{quantity} seats, {wanted} reported, {planned} planned"));
        }
        // Never twice: of all subscriptions with this migration's mark, one is in force.
        let ours = self.ours(instruction).into_iter().filter(|(_, seen)| seen.status == "active").count();
        if ours > 1 {
            self.differs(format!("{ours} subscriptions of this migration are active"));
        }
    }

    /// Subscriptions that this migration bought: by id, and by the mark in their name.
    fn ours(&self, instruction: &Instruction) -> Vec<(Uuid, Seen)> {
        let known = self.new_id();
        let mark = &instruction.target.friendly_name;
        let is_ours = |id: &Uuid, seen: &Seen| Some(*id) == known || (!mark.is_empty() && seen.name == *mark);
        let found = self.fresh.subscriptions.iter().filter(|(id, seen)| is_ours(id, seen));
        found.map(|(id, seen)| (*id, seen.clone())).collect()
    }

    fn users(&mut self, instruction: &Instruction, right: impl Fn(&Self, Uuid) -> Option<String>) {
        if instruction.same_sku() {
            return;
        }
        let users: Vec<Uuid> =
            instruction.moves.iter().flat_map(|group| group.users.iter().map(|user| user.0)).collect();
        let mut first = None;
        for user in users {
            if self.fresh.gone.contains(&user) || !self.fresh.users.contains_key(&user) {
                continue;
            }
            self.finding.users_checked += 1;
            if let Some(why) = right(self, user) {
                self.finding.users_wrong += 1;
                first.get_or_insert(format!("user {user}: {why}"));
            }
        }
        if let Some(first) = first {
            let wrong = self.finding.users_wrong;
            let others = if wrong > 1 { format!(" (and {} more users)", wrong - 1) } else { String::new() };
            self.differs(format!("{first}{others}"));
        }
    }

    /// What is wrong with a user who should be on the new plan.
    fn moved(&self, instruction: &Instruction, user: Uuid) -> Option<String> {
        let held = self.fresh.users.get(&user)?;
        let (old, target) = (instruction.old.sku.0, instruction.target.sku.0);
        if held.contains_key(&old) {
            return Some("still holds the old license".to_owned());
        }
        let Some(on) = held.get(&target) else { return Some("does not hold the new license".to_owned()) };
        let group = instruction.moves.iter().find(|group| group.users.iter().any(|one| one.0 == user))?;
        let off: BTreeSet<Uuid> = group.exclude.iter().map(|plan| plan.0).collect();
        self.plans_differ(target, on, &off)
    }

    /// What is wrong with a user who should be as before.
    fn as_before(&self, instruction: &Instruction, user: Uuid) -> Option<String> {
        let held = self.fresh.users.get(&user)?;
        let (old, target) = (instruction.old.sku.0, instruction.target.sku.0);
        let Some(on) = held.get(&old) else { return Some("does not hold the old license".to_owned()) };
        if held.contains_key(&target) {
            return Some("holds the new license".to_owned());
        }
        let off: BTreeSet<Uuid> = self.claim.disabled_before.get(&user)?.iter().copied().collect();
        self.plans_differ(old, on, &off)
    }

    fn plans_differ(&self, sku: Uuid, on: &BTreeSet<Uuid>, off: &BTreeSet<Uuid>) -> Option<String> {
        let all = &self.fresh.pools.get(&sku)?.plans;
        let off: BTreeSet<Uuid> = off.intersection(all).copied().collect();
        let wrong = all.iter().filter(|plan| on.contains(*plan) == off.contains(*plan)).count();
        (wrong > 0).then(|| format!("{wrong} service plans are not as they should be"))
    }

    fn seats(&mut self, instruction: &Instruction) {
        let Some(bought) = self.claim.seats_bought else { return };
        let used = if instruction.same_sku() { 0 } else { instruction.users() };
        let used = u32::try_from(used).unwrap_or(u32::MAX);
        self.finding.seats_used = Some(used);
        self.finding.seats_spare = Some(i64::from(bought) - i64::from(used));
        let pool = self.fresh.pools.get(&instruction.target.sku.0);
        let over = pool.is_some_and(|pool| pool.consumed > pool.active);
        let standing =
            self.new_id().and_then(|id| self.fresh.subscriptions.get(&id)).map(|seen| seen.quantity);
        if over {
            self.differs("the pool has more holders than seats".to_owned());
        }
        self.finding.seats_lost = over || used > bought || standing != Some(bought);
    }

    /// Refused, rolled back, skipped: nothing of ours is in force, and users are as before.
    fn nothing_of_ours(&mut self) {
        let Some(instruction) = &self.story.instruction else {
            if self.story.purchase.is_some() {
                self.differs("something was bought that nobody asked for".to_owned());
            }
            return;
        };
        for (_, ours) in self.ours(instruction) {
            if matches!(ours.status.as_str(), "active" | "pending") {
                self.differs(format!("the new subscription is {}", ours.status));
            }
        }
        if let Some(old) = self.old() {
            let (status, quantity) = (old.status.clone(), old.quantity);
            if status == "suspended" {
                self.differs("the old subscription is suspended".to_owned());
            }
            if quantity != instruction.old.quantity && status == "active" {
                self.differs(format!(
                    "the old subscription has {quantity} seats, not {}",
                    instruction.old.quantity
                ));
            }
        } else {
            self.differs("the old subscription is not there".to_owned());
        }
        self.users(instruction, |look, user| look.as_before(instruction, user));
    }

    /// Accepted, parked: as it was told, and nobody without a license.
    fn as_it_was_told(&mut self) {
        if let Some((_, said)) = &self.story.verdict {
            self.compare(said);
        }
        if let Some(instruction) = &self.story.instruction {
            self.users(instruction, |look, user| {
                let held = look.fresh.users.get(&user)?;
                let any = [instruction.old.sku.0, instruction.target.sku.0]
                    .iter()
                    .any(|sku| held.contains_key(sku));
                (!any).then(|| "holds neither the old license nor the new one".to_owned())
            });
        }
    }

    fn compare(&mut self, said: &VerdictReached) {
        let told = [
            ("old", &said.stands.old_status, self.finding.old_status.clone()),
            ("new", &said.stands.new_status, self.finding.new_status.clone()),
        ];
        for (which, told, now) in told {
            if let Some(told) = told
                && !told.eq_ignore_ascii_case(&now)
            {
                self.differs(format!("the {which} subscription is {}, told was {told}", or_missing(&now)));
            }
        }
    }
}

fn or_missing(status: &str) -> &str {
    if status.is_empty() { "not there" } else { status }
}
