//! The local gate: quota, learning, pause.

use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;
use seatshift_partner_center::buckets::{Limit, Limits, Mode};
use seatshift_partner_center::{Answer, Ask, Family, Gate, Purpose, Timer, TokenBuckets};
use uuid::Uuid;

use crate::script::{CUSTOMER, PausedTimer};

fn ask(family: Family, changing: bool, purpose: Purpose) -> Ask {
    Ask { family, customer: Some(CUSTOMER), changing, purpose }
}

fn change() -> Ask {
    ask(Family::Licenses, true, Purpose::Forward)
}

fn gate() -> (Arc<PausedTimer>, TokenBuckets) {
    gate_with(Limits::default())
}

fn gate_with(limits: Limits) -> (Arc<PausedTimer>, TokenBuckets) {
    let timer = PausedTimer::new();
    let clock: Arc<dyn Timer> = Arc::clone(&timer) as _;
    (timer, TokenBuckets::with_limits(clock, limits))
}

/// One limit for everything, no reserve, customers out of the way.
fn flat(limit: Limit) -> Limits {
    let customer = Limit::published(1e9);
    Limits { families: Default::default(), unpublished: limit, customer, reserve: 0.0 }
}

#[tokio::test(start_paused = true)]
async fn no_minute_sees_more_calls_than_the_published_limit() {
    let (timer, gate) = gate_with(flat(Limit::published(500.0)));
    let mut times = Vec::new();
    for _ in 0..1200 {
        gate.permit(ask(Family::Orders, false, Purpose::Read)).await;
        times.push(timer.elapsed());
    }
    for (first, start) in times.iter().enumerate() {
        let end = *start + Duration::from_secs(60);
        let within = times[first..].iter().take_while(|time| **time < end).count();
        assert!(within <= 500, "{within} calls in the minute from {start:?}");
    }
    assert!(timer.elapsed() < Duration::from_secs(160), "and the limit is used: {:?}", timer.elapsed());
    assert_eq!(gate.granted(), 1200);
}

#[tokio::test(start_paused = true)]
async fn one_customer_does_not_take_everything() {
    let customer = Limit::published(60.0);
    let (timer, gate) = gate_with(Limits { customer, ..Limits::default() });
    for _ in 0..12 {
        gate.permit(change()).await;
    }
    assert!(timer.elapsed() > Duration::from_secs(5));
    let before = timer.elapsed();
    gate.permit(Ask { customer: Some(Uuid::from_u128(1)), ..change() }).await;
    assert_eq!(timer.elapsed(), before, "another one is not held up");
}

#[tokio::test(start_paused = true)]
async fn retry_after_stops_the_whole_family_and_no_other() {
    let (timer, gate) = gate();
    let after = Some(Duration::from_secs(57));
    gate.answered(&change(), Answer::Throttled { after });
    gate.permit(ask(Family::Orders, true, Purpose::Forward)).await;
    assert_eq!(timer.elapsed(), Duration::ZERO);
    gate.permit(Ask { customer: None, ..ask(Family::Licenses, false, Purpose::Compensation) }).await;
    assert!(timer.elapsed() >= Duration::from_secs(57), "{:?}", timer.elapsed());
    assert_eq!(gate.throttled(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_429s_at_once_are_one_lesson_and_good_answers_give_back() {
    let limit = Limit { start: 1000.0, floor: 100.0, ceiling: 2000.0 };
    let (_timer, gate) = gate_with(flat(limit));
    for _ in 0..50 {
        gate.answered(&change(), Answer::Throttled { after: Some(Duration::from_secs(1)) });
    }
    assert_eq!(gate.per_minute(Family::Licenses), Some(700.0));
    for _ in 0..700 {
        gate.answered(&change(), Answer::Fine);
    }
    assert_eq!(gate.per_minute(Family::Licenses), Some(700.0), "answers to calls from before teach nothing");
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..700 {
        gate.answered(&change(), Answer::Fine);
    }
    let grown = gate.per_minute(Family::Licenses).unwrap();
    assert!(
        (735.0..=740.0).contains(&grown),
        "a minute of good answers gives a fiftieth of the ceiling: {grown}"
    );
    for _ in 0..100 {
        gate.answered(&change(), Answer::Throttled { after: None });
        tokio::time::sleep(Duration::from_secs(100)).await;
    }
    assert_eq!(gate.per_minute(Family::Licenses), Some(100.0), "and never below the floor");
}

#[tokio::test(start_paused = true)]
async fn it_finds_the_limit_that_nobody_published() {
    // A service that allows 300 a minute, counted in whole minutes, and says how long to stay away.
    let (timer, gate) = gate_with(flat(Limit { start: 1000.0, floor: 20.0, ceiling: 3000.0 }));
    let (mut minute, mut used, mut good, mut bad) = (0, 0, 0, 0);
    while timer.elapsed() < Duration::from_secs(3600) {
        gate.permit(change()).await;
        let now = timer.elapsed().as_secs();
        if now / 60 != minute {
            (minute, used) = (now / 60, 0);
        }
        used += 1;
        if used > 300 {
            bad += 1;
            gate.answered(&change(), Answer::Throttled { after: Some(Duration::from_secs(60 - now % 60)) });
        } else {
            good += 1;
            gate.answered(&change(), Answer::Fine);
        }
    }
    assert!(good > 60 * 300 * 8 / 10, "{good} of 18000 possible calls were made");
    assert!(bad < 40, "{bad} calls were turned down in an hour");
}

#[tokio::test(start_paused = true)]
async fn while_paused_no_change_is_permitted_and_resume_lets_it_through() {
    let (_timer, gate) = gate();
    gate.pause();
    assert_eq!(gate.mode(), Mode::Paused);
    let mut waiting = tokio::spawn({
        let gate = gate.clone();
        async move { gate.permit(change()).await }
    });
    assert!(
        tokio::time::timeout(Duration::from_secs(3600), &mut waiting).await.is_err(),
        "an hour, no permit"
    );
    assert_eq!(gate.granted(), 0);
    gate.permit(ask(Family::Licenses, false, Purpose::Read)).await;
    assert_eq!(gate.granted(), 1, "reads go on");
    gate.resume();
    waiting.await.unwrap();
    assert_eq!(gate.granted(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_reaches_those_who_wait_for_quota() {
    let (_timer, gate) = gate_with(flat(Limit::published(60.0)));
    while gate.permit(change()).now_or_never().is_some() {}
    let mut waiting = tokio::spawn({
        let gate = gate.clone();
        async move { gate.permit(change()).await }
    });
    tokio::task::yield_now().await;
    let granted = gate.granted();
    gate.pause();
    assert!(tokio::time::timeout(Duration::from_secs(600), &mut waiting).await.is_err());
    assert_eq!(gate.granted(), granted);
    gate.resume();
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_permission_does_not_stand_while_paused() {
    let (_timer, gate) = gate();
    gate.permit(change()).await;
    assert!(gate.stands(&change()));
    gate.pause();
    assert!(!gate.stands(&change()));
    assert!(gate.stands(&ask(Family::Licenses, false, Purpose::Read)));
    gate.pause_draining();
    assert!(gate.stands(&change()), "what has begun is finished");
    assert_eq!(gate.mode(), Mode::Draining);
    gate.permit(change()).await;
}

#[tokio::test(start_paused = true)]
async fn compensation_finds_tokens_where_forward_work_finds_none() {
    let limits = Limits { reserve: 0.2, ..flat(Limit::published(500.0)) };
    let (_timer, gate) = gate_with(limits);
    while gate.permit(ask(Family::Licenses, false, Purpose::Plan)).now_or_never().is_some() {}
    let after_plan = gate.granted();
    while gate.permit(change()).now_or_never().is_some() {}
    let after_forward = gate.granted();
    while gate.permit(ask(Family::Licenses, true, Purpose::Compensation)).now_or_never().is_some() {}
    let all = gate.granted();
    assert!(after_plan < after_forward && after_forward < all, "{after_plan} {after_forward} {all}");
    assert_eq!(all, 50, "a tenth of a minute at once");
    assert!(all - after_forward >= 9);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_first_goes_first_and_whoever_leaves_takes_nothing_along() {
    let (_timer, gate) = gate_with(flat(Limit::published(60.0)));
    while gate.permit(change()).now_or_never().is_some() {}
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let waiters: Vec<_> = (0..5)
        .map(|number| {
            let (gate, order) = (gate.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                gate.permit(change()).await;
                order.lock().unwrap().push(number);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    waiters[1].abort();
    for (number, waiter) in waiters.into_iter().enumerate() {
        assert_eq!(waiter.await.is_ok(), number != 1);
    }
    assert_eq!(*order.lock().unwrap(), [0, 2, 3, 4]);
}
