//! Who is counted in a gap and who is not, and by whom it was caused.

use std::time::{Duration, Instant};

use seatshift_simulator::books::{Actor, Figures};

use super::scribe::*;

const CLEAN: Figures = Figures {
    double_purchases: 0,
    users_in_gap: 0,
    early_suspensions: 0,
    services_lost: 0,
    bystanders_touched: 0,
    moved_wrongly: 0,
    left_wrongly: 0,
};

#[test]
fn the_lines_of_one_call_are_one_step_even_when_the_removal_is_written_first() {
    let mut log = Scribe::new(2, 2);
    log.buy(2);
    log.swap(user(0));
    log.swap(user(1));
    log.suspend(OLD, OLD_SKU, 2);
    let audit = log.judge(vec![row(2)]);
    assert_eq!(audit.figures, CLEAN, "{:#?}", audit.details);
}

#[test]
fn lines_of_other_customers_in_between_do_not_split_a_step() {
    let mut log = Scribe::new(1, 1);
    log.buy(1);
    log.swap(user(0));
    let elsewhere = seatshift_simulator::books::Change::Customer { customer: user(99) };
    let last = log.entries.len() - 1;
    let mut between = log.entries[last].clone();
    between.change = elsewhere;
    log.entries.insert(last, between);
    log.suspend(OLD, OLD_SKU, 1);
    assert_eq!(log.judge(vec![row(1)]).figures, CLEAN);
}

#[test]
fn all_holders_of_an_over_consumed_pool_are_in_the_gap() {
    let mut log = Scribe::new(3, 3);
    log.buy(2);
    for n in 0..3 {
        log.swap(user(n));
    }
    let audit = log.judge(vec![row(3)]);
    assert_eq!(audit.figures.users_in_gap, 3, "{:#?}", audit.details);
}

#[test]
fn who_had_no_service_at_the_start_is_not_counted() {
    // Three users on two seats: nobody can say which of them has service.
    let mut log = Scribe::new(2, 3);
    log.buy(3);
    log.engine(removed(user(0), OLD_SKU));
    log.engine(set(user(0), NEW_SKU));
    let audit = log.judge(vec![row(3)]);
    assert_eq!(audit.figures.users_in_gap, 0);
    assert_eq!(audit.details["users_in_gap"].examined, 0);
}

#[test]
fn what_an_administrator_or_the_clock_takes_away_is_not_the_engines_doing() {
    for actor in [Actor::Administrator, Actor::Clock] {
        let mut log = Scribe::new(2, 2);
        log.buy(2);
        log.swap(user(0));
        log.by(actor.clone(), removed(user(0), NEW_SKU));
        log.by(actor, units(OLD, OLD_SKU, 2, 0));
        log.engine(set(user(0), NEW_SKU));
        assert_eq!(log.judge(vec![row(2)]).figures.users_in_gap, 0);
    }
}

#[test]
fn a_user_given_back_service_is_protected_again() {
    let mut log = Scribe::new(2, 2);
    log.buy(2);
    log.swap(user(0));
    log.by(Actor::Administrator, removed(user(0), NEW_SKU));
    log.by(Actor::Administrator, set(user(0), NEW_SKU));
    log.engine(removed(user(0), NEW_SKU));
    assert_eq!(log.judge(vec![row(2)]).figures.users_in_gap, 1);
}

#[test]
fn one_user_is_counted_once_however_often_the_gap_opens() {
    let mut log = Scribe::new(1, 1);
    log.buy(1);
    log.swap(user(0));
    for _ in 0..3 {
        log.engine(removed(user(0), NEW_SKU));
        log.engine(set(user(0), NEW_SKU));
    }
    assert_eq!(log.judge(vec![row(1)]).figures.users_in_gap, 1);
}

#[test]
fn holders_who_are_no_rows_users_lose_service_too_when_their_pool_shrinks() {
    // A second subscription of the SKU stays, with one seat for the two who stay.
    let mut log = Scribe::new(2, 4);
    let staying = user(500);
    log.world(subscription(staying, (OLD_OFFER, OLD_SKU), 2, None));
    log.buy(2);
    log.swap(user(0));
    log.swap(user(1));
    log.call(vec![units(staying, OLD_SKU, 2, 1)]);
    log.suspend(OLD, OLD_SKU, 2);
    let audit = log.judge(vec![row(2)]);
    assert_eq!((audit.figures.users_in_gap, audit.figures.early_suspensions), (2, 1), "{:#?}", audit.details);
}

#[test]
fn the_new_side_can_be_suspended_early_too() {
    let mut log = Scribe::new(1, 1);
    log.buy(1);
    log.swap(user(0));
    log.suspend(NEW, NEW_SKU, 1);
    let figures = log.judge(vec![row(1)]).figures;
    assert_eq!((figures.early_suspensions, figures.users_in_gap), (1, 1));
}

#[test]
fn a_same_sku_move_is_judged_by_its_pool_alone() {
    for (seats, early) in [(3, 0), (2, 1)] {
        let mut log = Scribe::new(3, 3);
        let (order, new_offer) = (user(600), user(601));
        log.world(seatshift_simulator::books::Change::Offer {
            offer: new_offer,
            sku: OLD_SKU,
            add_on: false,
            retired: false,
            new_commerce: false,
        });
        log.engine(seatshift_simulator::books::Change::OrderPlaced {
            customer: CUSTOMER,
            order,
            offer: new_offer,
            quantity: seats,
        });
        let mut bought = subscription(NEW, (new_offer, OLD_SKU), seats, None);
        if let seatshift_simulator::books::Change::SubscriptionAdded { order: of, .. } = &mut bought {
            *of = order;
        }
        log.by(Actor::Clock, bought);
        log.by(Actor::Clock, units(NEW, OLD_SKU, 0, seats));
        log.suspend(OLD, OLD_SKU, 3);
        let mut row = row(0);
        row.target_offer = Some(new_offer);
        let figures = log.judge(vec![row]).figures;
        assert_eq!((figures.early_suspensions, figures.users_in_gap), (early, early * 3), "{seats} seats");
        assert_eq!(figures.left_wrongly, 0);
    }
}

#[test]
fn more_orders_than_approved_rows_are_double_purchases_and_a_retry_allows_one_more() {
    let mut log = Scribe::new(1, 1);
    log.buy(1);
    let order = user(700);
    let again = seatshift_simulator::books::Change::OrderPlaced {
        customer: CUSTOMER,
        order,
        offer: NEW_OFFER,
        quantity: 1,
    };
    log.engine(again);
    assert_eq!(log.judge(vec![row(1)]).figures.double_purchases, 1);
    let mut retried = row(1);
    retried.retries = 1;
    assert_eq!(log.judge(vec![retried]).figures.double_purchases, 0);
    let mut unapproved = row(1);
    unapproved.approved = false;
    assert_eq!(log.judge(vec![unapproved]).figures.double_purchases, 2, "nobody wanted any");
}

#[test]
fn seats_that_nobody_ordered_and_seats_that_never_came_are_astray() {
    let clean = |log: &Scribe| {
        let audit = log.judge(vec![row(1)]);
        (audit.seats.astray, audit.clean())
    };
    let mut log = Scribe::new(1, 1);
    log.buy(1);
    log.swap(user(0));
    log.suspend(OLD, OLD_SKU, 1);
    assert_eq!(clean(&log), (0, true));
    // One order, and a second subscription of it.
    let mut twice = subscription(user(701), (NEW_OFFER, NEW_SKU), 4, None);
    if let seatshift_simulator::books::Change::SubscriptionAdded { order, .. } = &mut twice {
        *order = uuid::Uuid::from_u128(0x23);
    }
    log.by(Actor::Clock, twice);
    assert_eq!(clean(&log), (4, false));
}

#[test]
fn an_order_on_its_way_and_one_that_was_suspended_are_accounted_for() {
    let mut log = Scribe::new(1, 1);
    log.buy(3);
    log.suspend(NEW, NEW_SKU, 3);
    let order = user(700);
    log.engine(seatshift_simulator::books::Change::OrderPlaced {
        customer: CUSTOMER,
        order,
        offer: NEW_OFFER,
        quantity: 2,
    });
    let seats = log.judge(vec![row(1)]).seats;
    assert_eq!((seats.ordered, seats.standing, seats.undone), (5, 0, 3));
    assert_eq!((seats.on_their_way, seats.astray), (2, 0));
}

#[test]
fn three_hundred_thousand_entries_take_little_time() {
    const USERS: u32 = 75_000;
    let mut log = Scribe::new(USERS, USERS);
    log.buy(USERS);
    for n in 0..USERS {
        log.swap(user(n));
    }
    log.suspend(OLD, OLD_SKU, USERS);
    let rows = vec![row(USERS)];
    let begun = Instant::now();
    let audit = log.judge(rows);
    assert_eq!(audit.figures, CLEAN);
    assert_eq!(audit.details["users_in_gap"].examined, u64::from(USERS));
    // Seconds even without optimisation; a walk over all users at every entry would take hours.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
