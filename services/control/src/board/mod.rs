//! The board: a picture in memory of where every migration stands, for admission, the stop rule, progress and *settled*.
//!
//! It is fed after each commit and built from the store at the start, so it holds nothing that a crash could lose; where
//! there are replicas it also follows what they commit. What must never happen here: a decision that only the board
//! remembers, a picture that goes backwards, or an order of iteration that is not the same every time.

mod lane;
mod member;
mod progress;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use seatshift_messages::{CustomerId, MigrationId, SubscriptionId};
use tokio::sync::watch;

use self::lane::{Begins, Candidate, Few, Offers};
use self::member::{Member, Moment, Phase};
use self::table::Table;
use crate::pause::Pause;
use crate::silence::{SilenceLimits, SilentMigration};
use crate::stop::{Outcomes, StopRule};
use crate::tracker::{Ledger, VerdictKind};

pub use progress::{Progress, Settled};

/// Shared by everything in control.
#[derive(Debug)]
pub struct Board {
    state: Mutex<State>,
    /// Grows with every change.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    members: Table<MigrationId, Member>,
    /// Each customer's migrations, of which one at a time is under way.
    lanes: Table<CustomerId, Few>,
    by_subscription: Table<SubscriptionId, Few>,
    /// May be admitted now, best first.
    ready: Table<Candidate, ()>,
    /// Not before their day.
    later: BTreeSet<(Moment, Candidate)>,
    /// How many hold their slot and are not parked.
    active: usize,
    checking: Table<MigrationId, ()>,
    /// How many wait for their turn.
    waiting: usize,
    /// Rows that are to be told that they wait, each with whom they wait for.
    to_tell: BTreeMap<MigrationId, MigrationId>,
    /// Migrations that a ledger promises and that are not there, each with the one that it tries again.
    promised: BTreeMap<MigrationId, MigrationId>,
    /// Ledgers that cannot be read, each as of a version, with its customer. Nobody knows what is under way there.
    unreadable: BTreeMap<MigrationId, (u64, Option<CustomerId>)>,
    outcomes: Outcomes,
    pause: Option<Pause>,
    window_from: Option<Timestamp>,
    /// When the last pause ended: what stood still for it is not silent.
    resumed_at: Option<Timestamp>,
    /// Up to which change of the store the picture is whole.
    position: u64,
}

/// What `apply` needs to know of a row that is in a run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The plan, or the part of it that was applied, stopped it: this `apply` may take it up.
    pub(crate) stopped_by_plan: bool,
}

impl Board {
    pub(crate) fn new(stop: StopRule) -> Self {
        let state = State {
            members: Table::new(),
            lanes: Table::new(),
            by_subscription: Table::new(),
            ready: Table::new(),
            later: BTreeSet::new(),
            active: 0,
            checking: Table::new(),
            waiting: 0,
            to_tell: BTreeMap::new(),
            promised: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            outcomes: Outcomes::new(stop),
            pause: None,
            window_from: None,
            resumed_at: None,
            position: 0,
        };
        Board { state: Mutex::new(state), changes: watch::channel(0).0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way through a change that others would see.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// To be woken at every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A ledger as it stood at this version of its row. Telling it twice, or the wrong way round, does no harm.
    pub(crate) fn note(&self, migration: MigrationId, version: u64, ledger: &Ledger) {
        if self.state().note(migration, version, ledger) {
            self.changed();
        }
    }

    /// A ledger that cannot be read as it stands. Its customer gets nothing new, for it may be under way; all others do.
    /// True when that is news.
    pub(crate) fn note_unreadable(
        &self,
        migration: MigrationId,
        version: u64,
        customer: Option<CustomerId>,
    ) -> bool {
        let news = self.state().note_unreadable(migration, version, customer);
        if news {
            self.changed();
        }
        news
    }

    /// How many ledgers cannot be read.
    pub(crate) fn unreadable(&self) -> usize {
        self.state().unreadable.len()
    }

    /// Whether a ledger was noted as it stood at this version of its row, or later.
    pub(crate) fn knows(&self, migration: MigrationId, version: u64) -> bool {
        let state = self.state();
        let known = state.members.get(&migration).is_some_and(|known| known.version >= version);
        known || state.unreadable.get(&migration).is_some_and(|(known, _)| *known >= version)
    }

    /// The pause as it stands, since when the stop rule counts, and when the last pause ended.
    pub(crate) fn set_pause(
        &self,
        pause: Option<Pause>,
        window_from: Option<Timestamp>,
        resumed_at: Option<Timestamp>,
    ) {
        let mut state = self.state();
        let before = (state.pause.clone(), state.window_from, state.resumed_at);
        state.pause = pause;
        state.begin_window(window_from);
        state.resumed_at = resumed_at.or(state.resumed_at);
        let changed = before != (state.pause.clone(), state.window_from, state.resumed_at);
        drop(state);
        if changed {
            self.changed();
        }
    }

    pub(crate) fn pause(&self) -> Option<Pause> {
        self.state().pause.clone()
    }

    /// The picture is whole up to this change of the store.
    pub(crate) fn reached(&self, position: u64) {
        let mut state = self.state();
        if position > state.position {
            state.position = position;
            drop(state);
            self.changed();
        }
    }

    /// Up to which change of the store the picture is whole; 0 where nobody else writes.
    pub fn position(&self) -> u64 {
        self.state().position
    }

    /// Why the run should be stopped, where it should and something is left to be begun.
    pub(crate) fn goes_wrong(&self) -> Option<String> {
        let state = self.state();
        if state.pause.is_some() || state.waiting == 0 {
            return None;
        }
        state.outcomes.verdict()
    }

    /// The stop rule counts anew: another run begins.
    pub(crate) fn begin_window(&self, from: Timestamp) {
        self.state().begin_window(Some(from));
    }

    /// The migrations that may begin now, best first and at most so many, so that no more than `in_flight` are under way.
    pub(crate) fn grants(&self, in_flight: usize, most: usize, now: Timestamp) -> Vec<MigrationId> {
        let mut state = self.state();
        state.ripen(now);
        let free = in_flight.saturating_sub(state.active).min(most);
        let rows = state.pause.is_none();
        let may = |candidate: &&Candidate| rows || candidate.kind == Begins::Wish;
        state.ready.keys().take_while(may).take(free).map(|candidate| candidate.migration).collect()
    }

    /// When the next row may begin that may not yet.
    pub(crate) fn ripens(&self) -> Option<Timestamp> {
        self.state().later.first().and_then(|(at, _)| at.get())
    }

    /// Rows to be told that they wait, each with whom they wait for; at most so many.
    pub(crate) fn to_tell(&self, most: usize) -> Vec<(MigrationId, MigrationId)> {
        self.state().to_tell.iter().take(most).map(|(row, holder)| (*row, *holder)).collect()
    }

    /// Rows whose facts are to be read again, the first so many.
    pub(crate) fn checking(&self, most: usize) -> Vec<MigrationId> {
        self.state().checking.keys().take(most).copied().collect()
    }

    pub(crate) fn is_checking(&self, migration: MigrationId) -> bool {
        self.state().checking.contains(&migration)
    }

    /// Migrations that a ledger promises and that are not there, each with the one that it tries again.
    pub(crate) fn promised(&self) -> Vec<(MigrationId, MigrationId)> {
        self.state().promised.iter().map(|(new, before)| (*new, *before)).collect()
    }

    /// What is known of a row that is in a run; none where its ledger is not there.
    pub(crate) fn taken(&self, migration: MigrationId) -> Option<Taken> {
        let state = self.state();
        let member = state.members.get(&migration)?;
        Some(Taken { stopped_by_plan: member.stopped_by_plan })
    }

    /// A migration of this subscription that was begun, or is to begin, and was not refused, rolled back or skipped.
    pub(crate) fn already(&self, subscription: SubscriptionId) -> Option<MigrationId> {
        self.state().last_of(subscription, Member::stands)
    }

    /// The last migration of this subscription that was refused or rolled back, with its row.
    pub(crate) fn tried_before(&self, subscription: SubscriptionId) -> Option<MigrationId> {
        self.state().last_of(subscription, |member| {
            matches!(member.standing, Some(VerdictKind::Refused | VerdictKind::RolledBack))
        })
    }

    /// What is the end of it, where nothing more happens by itself.
    pub(crate) fn settled(&self) -> Option<Settled> {
        let state = self.state();
        if state.active > 0 || !state.to_tell.is_empty() {
            return None;
        }
        if state.ready.is_empty() && state.later.is_empty() {
            return Some(Settled::AllDone);
        }
        let wishes = state.ready.first().is_some_and(|candidate| candidate.kind == Begins::Wish);
        state.pause.clone().filter(|_| !wishes).map(Settled::Halted)
    }

    pub fn progress(&self) -> Progress {
        let state = self.state();
        let mut progress = Progress { paused: state.pause.clone(), ..Progress::default() };
        for member in state.members.values().filter(|member| !member.superseded) {
            progress.count(member);
        }
        progress
    }

    /// Migrations under way of which nothing was heard for too long, though nothing was paused: longest silent first.
    pub(crate) fn silent(&self, now: Timestamp, limits: &SilenceLimits) -> Vec<SilentMigration> {
        let state = self.state();
        if state.pause.is_some() {
            return Vec::new();
        }
        let since =
            |member: &Member| Some(member.heard_at.get()?.max(state.resumed_at.unwrap_or(Timestamp::MIN)));
        let mut silent: Vec<SilentMigration> = state
            .members
            .iter()
            .filter(|(_, member)| member.phase == Phase::Running)
            .filter_map(|(migration, member)| {
                Some(SilentMigration { migration: *migration, since: since(member)?, awaits: member.awaits })
            })
            .filter(|silent| now.duration_since(silent.since) > limits.of(silent.awaits))
            .collect();
        silent.sort_by_key(|silent| (silent.since, silent.migration));
        silent
    }

    /// Customers with an old subscription that ends within so long and from which they were not moved: whatever is open, parked
    /// or set aside, and what was refused, skipped or rolled back while its end is still to come.
    pub(crate) fn customers_at_risk(&self, now: Timestamp, within: SignedDuration) -> usize {
        let state = self.state();
        let at_risk = |member: &Member| {
            let moved = matches!(member.standing, Some(VerdictKind::Completed | VerdictKind::Accepted));
            let left = member.end.get().map(|end| end.duration_since(now));
            let open = member.phase != Phase::Closed;
            let soon = left.is_some_and(|left| left < within && (open || !left.is_negative()));
            soon && (open || !moved) && !member.superseded
        };
        let any = |few: &Few| few.as_slice().iter().filter_map(|id| state.members.get(id)).any(at_risk);
        state.lanes.iter().filter(|(_, few)| any(few)).count()
    }
}

impl State {
    fn begin_window(&mut self, from: Option<Timestamp>) {
        if let Some(from) = from
            && self.window_from != Some(from)
        {
            self.window_from = Some(from);
            self.outcomes.begin_anew(from);
        }
    }

    /// True when something is other than it was.
    fn note(&mut self, migration: MigrationId, version: u64, ledger: &Ledger) -> bool {
        // Only heard of from others.
        let Some(row) = &ledger.row else { return false };
        let before = self.members.get(&migration);
        if before.is_some_and(|known| known.version >= version) {
            return false;
        }
        let before = before.map(|known| known.phase);
        self.withdraw(row.customer);
        self.unreadable.remove(&migration);
        let member = Member::of(row, version, ledger);
        if let Some(subscription) = row.old_subscription {
            self.by_subscription.or_insert(subscription, Few::One(migration)).insert(migration);
        }
        self.count(before, member.phase);
        if member.phase == Phase::Checking {
            self.checking.insert(migration, ());
        } else {
            self.checking.remove(&migration);
        }
        self.promised.remove(&migration);
        if let Some(successor) = ledger.successor
            && !self.members.contains(&successor)
        {
            self.promised.insert(successor, migration);
        }
        self.outcomes.note(migration, ledger);
        self.members.insert(migration, member);
        self.lanes.or_insert(row.customer, Few::One(migration)).insert(migration);
        self.offer(row.customer);
        true
    }

    fn note_unreadable(
        &mut self,
        migration: MigrationId,
        version: u64,
        customer: Option<CustomerId>,
    ) -> bool {
        let known = self.members.get(&migration).map(|known| known.version);
        let known = known.max(self.unreadable.get(&migration).map(|(version, _)| *version));
        if known.is_some_and(|known| known >= version) {
            return false;
        }
        if let Some(customer) = customer {
            self.withdraw(customer);
        }
        self.unreadable.insert(migration, (version, customer));
        true
    }

    fn count(&mut self, before: Option<Phase>, now: Phase) {
        let active = |phase: Phase| matches!(phase, Phase::Checking | Phase::Running);
        let waiting = |phase: Phase| phase == Phase::Waiting;
        self.active += usize::from(active(now));
        self.active -= usize::from(before.is_some_and(active));
        self.waiting += usize::from(waiting(now));
        self.waiting -= usize::from(before.is_some_and(waiting));
    }

    fn last_of(&self, subscription: SubscriptionId, wanted: impl Fn(&Member) -> bool) -> Option<MigrationId> {
        let ids = self.by_subscription.get(&subscription)?.as_slice();
        ids.iter().rev().find(|id| self.members.get(id).is_some_and(&wanted)).copied()
    }

    /// What a customer's lane offers, and who in it must be told that it waits.
    fn offers(&self, customer: CustomerId) -> Offers {
        if self.unreadable.values().any(|(_, one)| *one == Some(customer)) {
            return Offers::default();
        }
        let ids = self.lanes.get(&customer).map_or(&[][..], Few::as_slice);
        let members = || ids.iter().filter_map(|id| self.members.get(id).map(|member| (*id, member)));
        match members().find(|(_, member)| member.holds_slot()) {
            None => {
                let begins = members().filter_map(|(id, member)| member.offer(id)).min();
                Offers { begins, told: Vec::new() }
            }
            Some((holder, member)) if member.phase == Phase::Parked => {
                let waits = |row: &Member| row.phase == Phase::Waiting && !row.waits;
                let told = members().filter(|(_, row)| waits(row)).map(|(id, _)| (id, holder)).collect();
                Offers { begins: None, told }
            }
            Some(_) => Offers::default(),
        }
    }

    /// Before a member of the lane changes: what it offers as it is, is offered no more.
    fn withdraw(&mut self, customer: CustomerId) {
        let Offers { begins, told } = self.offers(customer);
        if let Some((not_before, candidate)) = begins {
            // Its day may have come.
            self.ready.remove(&candidate);
            if let Some(at) = not_before {
                self.later.remove(&(at, candidate));
            }
        }
        for (row, _) in told {
            self.to_tell.remove(&row);
        }
    }

    /// After it has changed.
    fn offer(&mut self, customer: CustomerId) {
        let Offers { begins, told } = self.offers(customer);
        match begins {
            Some((None, candidate)) => self.ready.insert(candidate, ()),
            Some((Some(at), candidate)) => drop(self.later.insert((at, candidate))),
            None => {}
        }
        self.to_tell.extend(told);
    }

    /// Rows whose day has come.
    fn ripen(&mut self, now: Timestamp) {
        let now = Moment::of(Some(now));
        while let Some((at, candidate)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.ready.insert(candidate, ());
        }
    }
}
