//! The board: a picture in memory of where every migration stands, for admission, the stop rule, progress and *settled*.
//!
//! It is fed after each commit and built from the store at the start, so it holds nothing that a crash could lose. What must
//! never happen here: a decision that only the board remembers, or an order of iteration that is not the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use seatshift_messages::{CustomerId, MigrationId, SubscriptionId};
use tokio::sync::watch;

use crate::pause::Pause;
use crate::stop::{Outcomes, StopRule};
use crate::tracker::{Ledger, RowRef, Stage, VerdictKind};

/// Shared by everything in control.
#[derive(Debug)]
pub struct Board {
    state: Mutex<State>,
    /// Grows with every change.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    members: BTreeMap<MigrationId, Member>,
    lanes: BTreeMap<CustomerId, Lane>,
    by_subscription: BTreeMap<SubscriptionId, BTreeSet<MigrationId>>,
    /// May be admitted now, best first.
    ready: BTreeSet<Candidate>,
    /// Not before their day.
    later: BTreeSet<(Timestamp, Candidate)>,
    /// Hold their slot, and are not parked.
    active: BTreeSet<MigrationId>,
    checking: BTreeSet<MigrationId>,
    waiting: BTreeSet<MigrationId>,
    /// Rows that are to be told that they wait, each with whom they wait for.
    to_tell: BTreeMap<MigrationId, MigrationId>,
    outcomes: Outcomes,
    pause: Option<Pause>,
}

/// All migrations of one customer.
#[derive(Debug, Default)]
struct Lane {
    members: BTreeSet<MigrationId>,
    /// What the lane has put into `ready` or `later`.
    offers: Option<(Option<Timestamp>, Candidate)>,
    told: BTreeSet<MigrationId>,
}

/// A migration that could begin: wishes of operators first, then the nearest end date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    kind: Begins,
    end: Timestamp,
    index: u32,
    migration: MigrationId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begins {
    /// A rollback or retry of a closed migration.
    Wish,
    /// A row of the plan.
    Row,
}

/// What the board keeps of one migration.
#[derive(Debug, Clone)]
struct Member {
    row: RowRef,
    phase: Phase,
    standing: Option<VerdictKind>,
    /// With a standing *parked, waits for*: for whom.
    waits: bool,
    wish: bool,
    moved: u32,
    requested_at: Option<Timestamp>,
    verdict_at: Option<Timestamp>,
    superseded: bool,
    /// Somebody asked for it to be rolled back.
    rolled_back_by_person: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Checking,
    Running,
    Parked,
    Closed,
}

/// How far the whole is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Rows in runs; a row that is tried again counts once.
    pub rows: usize,
    pub waiting: usize,
    pub checking: usize,
    pub running: usize,
    /// Standing verdicts.
    pub verdicts: BTreeMap<VerdictKind, usize>,
    /// Users of the rows that are not skipped.
    pub users: u64,
    pub users_moved: u64,
    pub first_requested: Option<Timestamp>,
    pub last_verdict: Option<Timestamp>,
    pub paused: Option<Pause>,
}

/// Nothing more happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// Every row has a standing verdict.
    AllDone,
    /// Paused, and nothing is under way any more; rows still wait.
    Halted(Pause),
}

impl Board {
    pub(crate) fn new(stop: StopRule) -> Self {
        let state = State {
            members: BTreeMap::new(),
            lanes: BTreeMap::new(),
            by_subscription: BTreeMap::new(),
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            active: BTreeSet::new(),
            checking: BTreeSet::new(),
            waiting: BTreeSet::new(),
            to_tell: BTreeMap::new(),
            outcomes: Outcomes::new(stop),
            pause: None,
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

    /// A ledger as it now stands.
    pub(crate) fn note(&self, migration: MigrationId, ledger: &Ledger) {
        let Some(row) = &ledger.row else { return };
        self.state().note(migration, row, ledger);
        self.changed();
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>, window_from: Option<Timestamp>) {
        let mut state = self.state();
        state.pause = pause;
        if let Some(from) = window_from {
            state.outcomes.begin_anew(from);
        }
        drop(state);
        self.changed();
    }

    pub(crate) fn pause(&self) -> Option<Pause> {
        self.state().pause.clone()
    }

    /// Why the run should be stopped, where it should and something is left to be begun.
    pub(crate) fn goes_wrong(&self) -> Option<String> {
        let state = self.state();
        if state.pause.is_some() || state.waiting.is_empty() {
            return None;
        }
        state.outcomes.verdict()
    }

    /// The stop rule counts anew: another run begins.
    pub(crate) fn begin_window(&self, from: Timestamp) {
        self.state().outcomes.begin_anew(from);
    }

    /// The migrations that may begin now, best first, so that at most `most` are under way.
    pub(crate) fn grants(&self, most: usize, now: Timestamp) -> Vec<MigrationId> {
        let mut state = self.state();
        state.ripen(now);
        let free = most.saturating_sub(state.active.len());
        let rows = state.pause.is_none();
        let may = |candidate: &&Candidate| rows || candidate.kind == Begins::Wish;
        state.ready.iter().filter(may).take(free).map(|candidate| candidate.migration).collect()
    }

    /// When the next row may begin that may not yet.
    pub(crate) fn ripens(&self) -> Option<Timestamp> {
        self.state().later.first().map(|(at, _)| *at)
    }

    /// Rows to be told that they wait, each with whom they wait for.
    pub(crate) fn to_tell(&self) -> Vec<(MigrationId, MigrationId)> {
        self.state().to_tell.iter().map(|(row, holder)| (*row, *holder)).collect()
    }

    /// Rows whose facts are to be read again.
    pub(crate) fn checking(&self) -> Vec<(MigrationId, RowRef)> {
        let state = self.state();
        let row = |id: &MigrationId| state.members.get(id).map(|member| (*id, member.row.clone()));
        state.checking.iter().filter_map(row).collect()
    }

    pub(crate) fn is_checking(&self, migration: MigrationId) -> bool {
        self.state().checking.contains(&migration)
    }

    /// A migration of this subscription that was begun, or is to begin, and was not refused, rolled back or skipped.
    pub(crate) fn already(&self, subscription: SubscriptionId) -> Option<MigrationId> {
        let state = self.state();
        let ids = state.by_subscription.get(&subscription)?;
        let stands = |id: &&MigrationId| {
            state.members.get(id).is_some_and(|member| match member.standing {
                // What a person wanted back is moved again when a person says so (`retry`), not because a file changed.
                Some(VerdictKind::Refused | VerdictKind::RolledBack) if member.rolled_back_by_person => {
                    !member.superseded
                }
                Some(VerdictKind::Refused | VerdictKind::RolledBack | VerdictKind::Skipped) => false,
                Some(VerdictKind::Completed | VerdictKind::Accepted | VerdictKind::Parked) | None => true,
            })
        };
        ids.iter().rev().find(stands).copied()
    }

    /// The last migration of this subscription that was refused or rolled back, with its row.
    pub(crate) fn tried_before(&self, subscription: SubscriptionId) -> Option<MigrationId> {
        let state = self.state();
        let ids = state.by_subscription.get(&subscription)?;
        let tried = |id: &&MigrationId| {
            state.members.get(id).is_some_and(|member| {
                matches!(member.standing, Some(VerdictKind::Refused | VerdictKind::RolledBack))
            })
        };
        ids.iter().rev().find(tried).copied()
    }

    /// What is the end of it, where nothing more happens by itself.
    pub(crate) fn settled(&self) -> Option<Settled> {
        let state = self.state();
        if !state.active.is_empty() || !state.to_tell.is_empty() {
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
}

impl Progress {
    fn count(&mut self, member: &Member) {
        self.rows += 1;
        match member.phase {
            Phase::Waiting => self.waiting += 1,
            Phase::Checking => self.checking += 1,
            Phase::Running => self.running += 1,
            Phase::Parked | Phase::Closed => {}
        }
        if let Some(kind) = member.standing {
            *self.verdicts.entry(kind).or_default() += 1;
        }
        if member.standing != Some(VerdictKind::Skipped) {
            self.users += u64::from(member.row.users);
            self.users_moved += u64::from(member.moved);
        }
        self.first_requested = self.first_requested.into_iter().chain(member.requested_at).min();
        self.last_verdict = self.last_verdict.max(member.verdict_at);
    }
}

impl State {
    fn note(&mut self, migration: MigrationId, row: &RowRef, ledger: &Ledger) {
        let member = Member::of(row, ledger);
        let customer = row.customer;
        if let Some(subscription) = row.old_subscription {
            self.by_subscription.entry(subscription).or_default().insert(migration);
        }
        keep(&mut self.active, migration, matches!(member.phase, Phase::Checking | Phase::Running));
        keep(&mut self.checking, migration, member.phase == Phase::Checking);
        keep(&mut self.waiting, migration, member.phase == Phase::Waiting);
        self.outcomes.note(migration, ledger);
        self.members.insert(migration, member);
        self.lanes.entry(customer).or_default().members.insert(migration);
        self.arrange(customer);
    }

    /// Works out anew what a customer's lane offers, and who in it must be told that it waits.
    fn arrange(&mut self, customer: CustomerId) {
        let Some(lane) = self.lanes.get_mut(&customer) else { return };
        match lane.offers.take() {
            Some((None, candidate)) => drop(self.ready.remove(&candidate)),
            Some((Some(at), candidate)) => {
                self.later.remove(&(at, candidate));
                self.ready.remove(&candidate);
            }
            None => {}
        }
        for row in std::mem::take(&mut lane.told) {
            self.to_tell.remove(&row);
        }
        let members =
            || lane.members.iter().filter_map(|id| self.members.get(id).map(|member| (*id, member)));
        let holder = members().find(|(_, member)| member.holds_slot());
        match holder {
            None => {
                lane.offers = members().filter_map(|(id, member)| member.offer(id)).min();
                match lane.offers {
                    Some((None, candidate)) => drop(self.ready.insert(candidate)),
                    Some((Some(at), candidate)) => drop(self.later.insert((at, candidate))),
                    None => {}
                }
            }
            Some((holder, member)) if member.phase == Phase::Parked => {
                for (id, _) in members().filter(|(_, row)| row.phase == Phase::Waiting && !row.waits) {
                    self.to_tell.insert(id, holder);
                    lane.told.insert(id);
                }
            }
            Some(_) => {}
        }
    }

    /// Rows whose day has come.
    fn ripen(&mut self, now: Timestamp) {
        while let Some((at, candidate)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.ready.insert(candidate);
        }
    }
}

fn keep(set: &mut BTreeSet<MigrationId>, migration: MigrationId, wanted: bool) {
    if wanted {
        set.insert(migration);
    } else {
        set.remove(&migration);
    }
}

impl Member {
    fn of(row: &RowRef, ledger: &Ledger) -> Self {
        let phase = match ledger.stage {
            Stage::Waiting => Phase::Waiting,
            Stage::Checking => Phase::Checking,
            Stage::Running => Phase::Running,
            Stage::Parked { .. } => Phase::Parked,
            Stage::Unplanned
            | Stage::Completed
            | Stage::Accepted { .. }
            | Stage::Refused
            | Stage::RolledBack
            | Stage::Skipped => Phase::Closed,
        };
        let standing = ledger.standing().map(|verdict| verdict.kind);
        Member {
            row: row.clone(),
            phase,
            standing,
            waits: phase == Phase::Waiting && standing == Some(VerdictKind::Parked),
            wish: ledger.wish.is_some(),
            moved: ledger.known.moved.saturating_sub(ledger.known.restored + ledger.known.left),
            requested_at: ledger.known.requested_at,
            verdict_at: ledger.standing().map(|verdict| verdict.at),
            superseded: ledger.successor.is_some(),
            rolled_back_by_person: ledger.rollback,
        }
    }

    fn holds_slot(&self) -> bool {
        match self.phase {
            Phase::Checking | Phase::Running | Phase::Parked => true,
            Phase::Waiting | Phase::Closed => false,
        }
    }

    /// What this migration would begin if the slot were free.
    fn offer(&self, migration: MigrationId) -> Option<(Option<Timestamp>, Candidate)> {
        let kind = match self.phase {
            Phase::Waiting => Begins::Row,
            Phase::Closed if self.wish => Begins::Wish,
            Phase::Checking | Phase::Running | Phase::Parked | Phase::Closed => return None,
        };
        let end = self.row.commitment_end.unwrap_or(Timestamp::MAX);
        let not_before = self.row.not_before.filter(|_| kind == Begins::Row);
        Some((not_before, Candidate { kind, end, index: self.row.index, migration }))
    }
}
