//! Walks of one user through a small world in which answers are lost and calls land late: whatever happens, nobody is left
//! without a license, and whoever was moved and moved back stands as before.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use seatshift_host::Sent;
use seatshift_messages::{ServicePlanId, SwapMode, UserId};
use uuid::Uuid;

use crate::user::{Change, Next, Rules, Seen, forward, settle, undo};
use crate::work::{Before, Standing, UserRow};

const HORIZON: SignedDuration = SignedDuration::from_mins(5);

fn plan(n: u128) -> ServicePlanId {
    ServicePlanId(Uuid::from_u128(n))
}

/// How a call fares.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    LostBefore,
    LostAfter,
    /// Lands when this much time has passed.
    LostLate(i64),
}

/// Microsoft's side of one user.
#[derive(Debug, Clone)]
struct World {
    now: Timestamp,
    user: Seen,
    late: Vec<(Timestamp, Change)>,
    exclude: Vec<ServicePlanId>,
    before: Before,
    gap: bool,
}

impl World {
    fn new(had_target: bool) -> Self {
        let user = Seen { old: Some(vec![plan(1)]), new: had_target.then(|| vec![plan(9)]) };
        World {
            now: Timestamp::from_second(1_551_427_200).unwrap(),
            before: Before {
                disabled: vec![plan(1)],
                had_target,
                target_disabled: user.new.clone().unwrap_or_default(),
            },
            user,
            late: Vec::new(),
            exclude: vec![plan(2)],
            gap: false,
        }
    }

    fn apply(&mut self, change: Change) {
        let (exclude, before) = (self.exclude.clone(), self.before.clone());
        // What Microsoft refuses: to remove what the user does not hold.
        match change {
            Change::Swap if self.user.old.is_none() => return,
            Change::SwapBack if self.user.new.is_none() => return,
            _ => {}
        }
        match change {
            Change::Swap => self.user = Seen { old: None, new: Some(exclude) },
            Change::AssignTarget => self.user.new = Some(exclude),
            Change::RemoveOld => self.user.old = None,
            Change::SwapBack => self.user = Seen { old: Some(before.disabled), new: None },
            Change::AssignOld => self.user.old = Some(before.disabled),
            Change::RemoveTarget => self.user.new = None,
            Change::RestoreBoth => {
                self.user = Seen { old: Some(before.disabled), new: Some(before.target_disabled) };
            }
        }
        self.gap |= self.user == Seen::default();
    }

    fn pass(&mut self, wait: SignedDuration) {
        self.now = self.now.checked_add(wait).unwrap();
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = later;
        due.into_iter().for_each(|(_, change)| self.apply(change));
    }

    fn rules(&self, swap: SwapMode) -> Rules {
        Rules { now: self.now, horizon: HORIZON, swap }
    }

    fn call(&mut self, row: &mut UserRow, change: Change, fate: Fate) {
        let id = row.sent.map_or(Uuid::from_u128(5), |sent| sent.request_id);
        row.sent = Some(Sent::new(id, self.now));
        match fate {
            Fate::Answered => {
                self.apply(change);
                row.sent = None;
            }
            Fate::LostBefore => row.lost(self.now),
            Fate::LostAfter => {
                row.lost(self.now);
                self.apply(change);
            }
            Fate::LostLate(seconds) => {
                row.lost(self.now);
                let at = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
                self.late.push((at, change));
            }
        }
        self.pass(SignedDuration::from_secs(10));
    }
}

type Step = fn(&mut UserRow, &Seen, Rules) -> Next;

/// Goes one way until it rests; `steps` bounds how far (the migration may turn back in the middle).
fn go(world: &mut World, row: &mut UserRow, step: Step, swap: SwapMode, fates: &mut Vec<Fate>, steps: usize) {
    for _ in 0..steps {
        match step(row, &world.user.clone(), world.rules(swap)) {
            Next::Rest => return,
            Next::Change(change) => world.call(row, change, fates.pop().unwrap_or(Fate::Answered)),
            Next::Look(at) => world.pass(at.duration_since(world.now)),
        }
    }
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Answered),
        Just(Fate::LostBefore),
        Just(Fate::LostAfter),
        (1..240_i64).prop_map(Fate::LostLate),
    ]
}

fn any_swap() -> impl Strategy<Value = SwapMode> {
    prop_oneof![Just(SwapMode::OneCall), Just(SwapMode::AddThenRemove)]
}

proptest! {
    #[test]
    fn a_user_arrives_whatever_answers_are_lost(
        mut fates in prop::collection::vec(any_fate(), 0..8), swap in any_swap(), had_target: bool,
    ) {
        let mut world = World::new(had_target);
        let mut row = UserRow::new(UserId(Uuid::nil()), world.exclude.clone());
        go(&mut world, &mut row, forward, swap, &mut fates, 64);
        world.pass(SignedDuration::from_hours(1));
        prop_assert_eq!(row.standing, Standing::Moved);
        prop_assert!(world.user.old.is_none() && world.user.new.is_some(), "stands as {:?}", world.user);
        prop_assert!(!world.gap, "without a license for a moment");
    }

    #[test]
    fn a_user_moved_back_stands_as_before_whatever_answers_are_lost(
        mut fates in prop::collection::vec(any_fate(), 0..12), swap in any_swap(), had_target: bool, turn_after in 0..6_usize,
    ) {
        let mut world = World::new(had_target);
        let before = world.user.clone();
        let mut row = UserRow::new(UserId(Uuid::nil()), world.exclude.clone());
        go(&mut world, &mut row, forward, swap, &mut fates, turn_after);
        go(&mut world, &mut row, settle, swap, &mut fates, 64);
        prop_assert!(world.late.is_empty(), "undo would begin while a call is on its way");
        go(&mut world, &mut row, undo, swap, &mut fates, 64);
        world.pass(SignedDuration::from_hours(1));
        prop_assert!(!world.gap, "without a license for a moment");
        prop_assert_eq!(world.user, before);
    }
}

fn row(standing: Standing) -> UserRow {
    let before = Some(Before { disabled: vec![plan(1)], ..Before::default() });
    UserRow { standing, before, ..UserRow::new(UserId(Uuid::nil()), vec![]) }
}

fn rules() -> Rules {
    World::new(false).rules(SwapMode::OneCall)
}

#[test]
fn whoever_holds_neither_because_of_us_is_mended_at_once() {
    let mut begun = row(Standing::Begun);
    assert_eq!(forward(&mut begun, &Seen::default(), rules()), Next::Change(Change::AssignTarget));
    let mut undoing = UserRow { undoing: true, ..row(Standing::Moved) };
    assert_eq!(undo(&mut undoing, &Seen::default(), rules()), Next::Change(Change::AssignOld));
}

#[test]
fn whoever_lost_the_old_license_before_we_came_is_left_alone() {
    let mut untouched = UserRow::new(UserId(Uuid::nil()), vec![]);
    assert_eq!(forward(&mut untouched, &Seen::default(), rules()), Next::Rest);
    assert_eq!(untouched.standing, Standing::NotHolding);
    assert_eq!(undo(&mut untouched, &Seen::default(), rules()), Next::Rest);
}

#[test]
fn whoever_was_on_the_target_before_we_came_is_not_moved_back() {
    let mut already = UserRow::new(UserId(Uuid::nil()), vec![]);
    let seen = Seen { old: None, new: Some(vec![]) };
    assert_eq!(forward(&mut already, &seen, rules()), Next::Rest);
    assert_eq!(already.standing, Standing::AlreadyThere);
    assert_eq!(undo(&mut already, &seen, rules()), Next::Rest);
}

#[test]
fn whoever_somebody_else_has_changed_since_is_left_as_they_are() {
    for seen in [Seen { old: Some(vec![]), new: Some(vec![]) }, Seen::default()] {
        let mut moved = row(Standing::Moved);
        assert_eq!(undo(&mut moved, &seen, rules()), Next::Rest);
        assert_eq!(moved.standing, Standing::Left, "seen {seen:?}");
    }
}

#[test]
fn an_unanswered_swap_is_not_given_up_before_its_horizon() {
    let rules = rules();
    let sent = Some(Sent::new(Uuid::nil(), rules.now));
    let mut waiting = UserRow { sent, lost_at: Some(rules.now), ..row(Standing::Begun) };
    let still_old = Seen { old: Some(vec![]), new: None };
    let settles = rules.now.checked_add(HORIZON).unwrap();
    assert_eq!(settle(&mut waiting, &still_old, rules), Next::Look(settles));
    assert!(waiting.sent.is_some());
    assert_eq!(settle(&mut waiting, &still_old, Rules { now: settles, ..rules }), Next::Rest);
    assert!(waiting.sent.is_none() && waiting.lost_at.is_none());
}
