//! What the gate promises, with several replicas on one quota.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatshift_edge::SharedGate;
use seatshift_host::Meters;
use seatshift_partner_center::buckets::{Limit, Limits};
use seatshift_partner_center::{Answer, Ask, Family, Gate, Purpose};
use seatshift_store::quota::Mode;
use tokio::time::{Instant, advance, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::pool::Pool;

fn limits(per_minute: f64) -> Limits {
    let families = Family::GATED.map(|family| (family, Limit::published(per_minute)));
    Limits { families: families.into(), ..Limits::default() }
}

/// A replica whose keeper runs until the test ends.
fn replica(pool: &Arc<Pool>, limits: Limits, scale: u32) -> (SharedGate, CancellationToken) {
    let ended = CancellationToken::new();
    let (gate, keeper) =
        SharedGate::new(pool.clone(), limits, "partner", scale, &Meters::new(), ended.clone());
    tokio::spawn(keeper);
    (gate, ended)
}

fn ask(changing: bool) -> Ask {
    Ask { family: Family::Licenses, customer: None, changing, purpose: Purpose::Forward }
}

async fn is_permitted(gate: &SharedGate, ask: Ask) -> bool {
    timeout(Duration::from_secs(2), gate.permit(ask)).await.is_ok()
}

/// Moments of the calls that so many callers of each gate make in that time, in order.
async fn calls(gates: &[SharedGate], callers: usize, during: Duration) -> Vec<Instant> {
    let made = Arc::new(Mutex::new(Vec::new()));
    let end = Instant::now() + during;
    let mut running = tokio::task::JoinSet::new();
    for gate in gates.iter().flat_map(|gate| std::iter::repeat_n(gate, callers)) {
        let (gate, made) = (gate.clone(), made.clone());
        running.spawn(async move {
            while timeout_at(end, gate.permit(ask(false))).await.is_ok() {
                made.lock().unwrap().push(Instant::now());
                gate.answered(&ask(false), Answer::Fine);
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    while running.join_next().await.is_some() {}
    let mut made = made.lock().unwrap().clone();
    made.sort();
    made
}

#[tokio::test(start_paused = true)]
async fn one_replica_and_six_use_nearly_all_of_the_budget_and_never_more() {
    for (replicas, scale) in [(1, 1), (6, 1), (6, 10)] {
        let pool = Pool::new();
        let gates: Vec<_> = (0..replicas).map(|_| replica(&pool, limits(500.0), scale).0).collect();
        let minute = Duration::from_secs(60) / scale;
        let made = calls(&gates, 8, minute * 10).await;
        let used = made.len() as f64 / (10.0 * 500.0);
        assert!(used >= 0.95, "{replicas} replicas at scale {scale} use {used}");
        for (at, first) in made.iter().enumerate() {
            let within = made[at..].iter().take_while(|call| **call < *first + minute).count();
            assert!(within <= 502, "{within} calls in a minute, {replicas} replicas at scale {scale}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_are_served_by_few_questions() {
    let pool = Pool::new();
    let (gate, _keeper) = replica(&pool, limits(600_000.0), 1);
    let all = (0..500).map(|_| gate.permit(ask(true)));
    futures::future::join_all(all).await;
    assert!(pool.questions() <= 10, "{} questions for 500 calls", pool.questions());
}

#[tokio::test(start_paused = true)]
async fn a_second_after_a_pause_no_replica_changes_anything_and_reads_go_on() {
    let pool = Pool::new();
    let (one, _one) = replica(&pool, limits(60_000.0), 1);
    let (other, _other) = replica(&pool, limits(60_000.0), 1);
    assert!(is_permitted(&one, ask(true)).await && is_permitted(&other, ask(true)).await);
    one.set_mode(Mode::Paused).await;
    assert!(!one.stands(&ask(true)), "the one who pauses stops at once");
    advance(Duration::from_secs(1)).await;
    assert!(!other.stands(&ask(true)), "a permission given before is void");
    assert!(!is_permitted(&one, ask(true)).await && !is_permitted(&other, ask(true)).await);
    assert!(is_permitted(&other, ask(false)).await, "looking does no harm");
    assert_eq!(other.mode(), Some(Mode::Paused));
    one.set_mode(Mode::Running).await;
    assert!(is_permitted(&other, ask(true)).await && other.stands(&ask(true)));
}

#[tokio::test(start_paused = true)]
async fn draining_lets_what_has_begun_go_on() {
    let pool = Pool::new();
    let (gate, _keeper) = replica(&pool, limits(60_000.0), 1);
    gate.set_mode(Mode::Draining).await;
    assert!(is_permitted(&gate, ask(true)).await);
    assert_eq!(gate.mode(), Some(Mode::Draining));
}

#[tokio::test(start_paused = true)]
async fn with_the_database_away_nothing_is_changed() {
    let pool = Pool::new();
    let (gate, _keeper) = replica(&pool, limits(60_000.0), 1);
    assert!(is_permitted(&gate, ask(true)).await);
    pool.goes_away(true);
    sleep(Duration::from_secs(1)).await;
    assert!(!gate.stands(&ask(true)));
    assert!(!is_permitted(&gate, ask(true)).await);
    assert_eq!(gate.mode(), None, "what nobody has said is not known");
    pool.goes_away(false);
    sleep(Duration::from_secs(3)).await;
    assert!(is_permitted(&gate, ask(true)).await);
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_through_a_pause_or_an_outage_go_on_by_themselves() {
    let pool = Pool::new();
    let (gate, _keeper) = replica(&pool, limits(600_000.0), 1);
    let (operator, _operator) = replica(&pool, limits(600_000.0), 1);
    assert!(is_permitted(&gate, ask(true)).await);
    // Longer than anybody asks without calls.
    const LONG: u32 = 600;
    let long = Duration::from_secs(LONG.into());
    for outage in [false, true] {
        if outage {
            pool.goes_away(true);
        } else {
            operator.set_mode(Mode::Paused).await;
        }
        sleep(Duration::from_secs(2)).await;
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..300 {
            let gate = gate.clone();
            waiting.spawn(async move { gate.permit(ask(true)).await });
        }
        let before = pool.questions();
        sleep(long).await;
        assert!(waiting.try_join_next().is_none(), "nobody goes on by himself");
        let asked = pool.questions() - before;
        // The operator's replica has nothing to do: it asks now and then.
        let most = 2 * LONG + LONG / 15;
        assert!(asked <= most, "{asked} questions in {long:?}, for however many who wait");
        if outage {
            pool.goes_away(false);
        } else {
            operator.set_mode(Mode::Running).await;
        }
        let all = async { while waiting.join_next().await.is_some() {} };
        let soon = Duration::from_secs(3);
        assert!(timeout(soon, all).await.is_ok(), "after an outage: {outage}; {} still wait", waiting.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_stops_the_family_for_all_and_no_other() {
    let pool = Pool::new();
    let (one, _one) = replica(&pool, limits(60_000.0), 1);
    let (other, _other) = replica(&pool, limits(60_000.0), 1);
    assert!(is_permitted(&one, ask(false)).await && is_permitted(&other, ask(false)).await);
    one.answered(&ask(false), Answer::Throttled { after: Some(Duration::from_secs(30)) });
    sleep(Duration::from_secs(1)).await;
    assert!(!is_permitted(&one, ask(false)).await && !is_permitted(&other, ask(false)).await);
    let orders = Ask { family: Family::Orders, ..ask(false) };
    assert!(is_permitted(&other, orders).await);
    sleep(Duration::from_secs(30)).await;
    assert!(is_permitted(&other, ask(false)).await);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_withdrawn_takes_no_token() {
    let pool = Pool::new();
    // A bucket of one token, and one more in two minutes.
    let (gate, _keeper) = replica(&pool, limits(0.5), 1);
    drop(timeout(Duration::from_micros(1), gate.permit(ask(false))).await);
    sleep(Duration::from_secs(1)).await;
    assert!(is_permitted(&gate, ask(false)).await);
    assert!(!is_permitted(&gate, ask(false)).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_goes_back_for_the_others() {
    let pool = Pool::new();
    let (one, ended) = replica(&pool, limits(60.0), 1);
    // Nearly all of the small bucket is fetched by somebody who then goes away.
    let made = calls(std::slice::from_ref(&one), 4, Duration::from_secs(20)).await;
    ended.cancel();
    sleep(Duration::from_secs(1)).await;
    let (other, _other) = replica(&pool, limits(60.0), 1);
    let more = calls(&[other], 4, Duration::from_secs(40)).await;
    let both = made.len() + more.len();
    assert!((54..=61).contains(&both), "{both} calls in a minute of 60");
}

#[tokio::test(start_paused = true)]
async fn one_big_customer_does_not_take_everything() {
    let pool = Pool::new();
    let mut small = limits(100_000.0);
    small.customer = Limit::published(60.0);
    let (gate, _keeper) = replica(&pool, small, 1);
    let of = |customer| Ask { customer: Some(Uuid::from_u128(customer)), ..ask(false) };
    let mut made = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        made += u32::from(timeout(Duration::from_secs(5), gate.permit(of(1))).await.is_ok());
    }
    assert!((60..=102).contains(&made), "{made} calls for one customer in a minute");
    assert!(is_permitted(&gate, of(2)).await, "another customer does not wait");
}
