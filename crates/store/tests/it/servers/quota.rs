//! The shared quota: two processes, one budget.

use std::time::{Duration, Instant};

use futures::future::join_all;
use seatshift_messages::Service;
use seatshift_store::quota::{Ask, Grant, Mode, PgQuota, Rule};

use super::Database;

/// Nothing flows in while a test runs.
const SLOW: Rule = Rule { burst: 0.1, ..Rule::published(100.0) };

fn ask(key: &str, wanted: [u32; 3]) -> Ask {
    Ask { key: key.into(), rule: SLOW, wanted, unused: 0, fine: 0 }
}

async fn two() -> (PgQuota, PgQuota, Database) {
    let database = Database::borrowed().await;
    let one = PgQuota::connect(&database.options(&[Service::Purchase])).await.unwrap();
    let other = PgQuota::connect(&database.options(&[Service::Suspension])).await.unwrap();
    (one, other, database)
}

async fn grant(quota: &PgQuota, ask: Ask) -> Grant {
    quota.lease(&[ask]).await.unwrap().grants.remove(0)
}

#[tokio::test]
async fn what_one_took_the_other_does_not_get() {
    let (one, other, _database) = two().await;
    assert_eq!(grant(&one, ask("orders", [7, 0, 0])).await.granted, [7, 0, 0]);
    let rest = grant(&other, ask("orders", [7, 0, 0])).await;
    assert_eq!(rest.granted, [3, 0, 0], "the burst is ten");
    let wait = rest.wait[0].unwrap();
    assert!(
        wait > Duration::from_millis(400) && wait < Duration::from_millis(800),
        "{wait:?}: 1.5 flow in a second"
    );
    assert_eq!(
        grant(&other, ask("users", [1, 0, 0])).await.granted,
        [1, 0, 0],
        "buckets do not know each other"
    );
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_questions() {
    let (one, _other, _database) = two().await;
    for _ in 0..2 {
        let asks = [ask("z", [1, 0, 0]), ask("a", [2, 0, 0]), ask("m", [3, 0, 0])];
        let granted: Vec<_> =
            one.lease(&asks).await.unwrap().grants.iter().map(|grant| grant.granted[0]).collect();
        assert_eq!(granted, [1, 2, 3]);
    }
    assert!(
        one.lease(&[ask("a", [1, 0, 0]), ask("a", [1, 0, 0])]).await.is_err(),
        "else it would be granted twice"
    );
    assert!(one.lease(&[]).await.unwrap().grants.is_empty());
}

#[tokio::test]
async fn a_reserve_is_left_to_compensation() {
    let (one, other, _database) = two().await;
    // 10 tokens, 9 x 0.2 kept from the second lane, twice that from the third.
    let all = grant(&one, ask("licenses", [0, 99, 99])).await;
    assert_eq!(all.granted, [0, 8, 0]);
    assert!(all.wait[2].unwrap() > all.wait[1].unwrap());
    assert_eq!(all.wait[0], None, "it had not asked");
    assert_eq!(grant(&other, ask("licenses", [1, 9, 9])).await.granted, [1, 0, 0]);
}

#[tokio::test]
async fn unused_tokens_are_granted_again() {
    let (one, other, _database) = two().await;
    assert_eq!(grant(&one, ask("orders", [10, 0, 0])).await.granted[0], 10);
    assert_eq!(grant(&other, ask("orders", [10, 0, 0])).await.granted[0], 0);
    one.give_back(&[("orders".into(), 4, SLOW)]).await.unwrap();
    assert_eq!(grant(&other, ask("orders", [10, 0, 0])).await.granted[0], 4);
    assert_eq!(grant(&one, Ask { unused: 2, ..ask("orders", [10, 0, 0]) }).await.granted[0], 2);
    // More than fits is not kept.
    assert_eq!(grant(&one, Ask { unused: 900, ..ask("orders", [99, 0, 0]) }).await.granted[0], 10);
    let row = one.buckets("ord").await.unwrap().remove(0);
    assert_eq!((row.key.as_str(), row.throttled), ("orders", 0));
    assert!(one.buckets("o_d").await.unwrap().is_empty(), "a beginning, not a pattern");
}

#[tokio::test]
async fn a_throttling_blocks_all_and_is_one_lesson() {
    let (one, other, _database) = two().await;
    let before = grant(&other, ask("users", [1, 0, 0])).await;
    assert_eq!((before.per_minute, before.blocked), (100.0, None));
    let minute = Some(Duration::from_secs(60));
    for quota in [&one, &other, &one] {
        let blocked = quota.throttled("users", &SLOW, minute).await.unwrap();
        assert!(blocked > Duration::from_secs(58) && blocked <= Duration::from_secs(60), "{blocked:?}");
    }
    let after = grant(&other, ask("users", [5, 5, 5])).await;
    assert_eq!(after.granted, [0, 0, 0]);
    assert!((after.per_minute - 70.0).abs() < 1e-6, "lowered once: {}", after.per_minute);
    assert!(after.blocked.unwrap() > Duration::from_secs(57));
    assert!(after.wait[0].unwrap() >= after.blocked.unwrap());
    // Answers of calls from before teach nothing while it lasts.
    let late = grant(&one, Ask { fine: 50, ..ask("users", [1, 0, 0]) }).await;
    assert!((late.per_minute - 70.0).abs() < 1e-6);
    assert_eq!(one.buckets("users").await.unwrap()[0].throttled, 3);
    // A bucket that nobody had asked for is blocked as well.
    one.throttled("new", &SLOW, None).await.unwrap();
    assert_eq!(grant(&other, ask("new", [1, 0, 0])).await.granted, [0, 0, 0]);
}

#[tokio::test]
async fn patience_grows_with_throttlings_in_a_row_and_good_answers_end_it() {
    let (one, other, _database) = two().await;
    // A second of the process is a millisecond here, so that blocks pass by themselves.
    let quick = Rule { scale: 1_000.0, ..SLOW };
    let short = Some(Duration::from_secs(10));
    let mut blocks = vec![];
    for _ in 0..3 {
        blocks.push(one.throttled("users", &quick, short).await.unwrap().as_secs_f64().round());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(blocks, [10.0, 12.0, 14.0]);
    let good = Ask { fine: 10, rule: quick, ..ask("users", [1, 0, 0]) };
    let grown = grant(&other, good).await;
    assert!(grown.blocked.is_none() && grown.granted[0] == 1);
    let lowered = 100.0 * 0.7_f64.powi(3);
    assert!(
        (grown.per_minute - (lowered + 10.0 * 0.02 * 100.0 / lowered)).abs() < 1e-6,
        "{}",
        grown.per_minute
    );
    assert_eq!(one.throttled("users", &quick, short).await.unwrap().as_secs_f64().round(), 10.0);
}

#[tokio::test]
async fn the_rate_stays_between_floor_and_ceiling() {
    let (one, _other, _database) = two().await;
    let quick = Rule { scale: 100_000.0, ..SLOW };
    for _ in 0..12 {
        one.throttled("users", &quick, Some(Duration::from_secs(1))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(one.buckets("users").await.unwrap()[0].per_minute, SLOW.floor);
    let good = Ask { fine: 1_000_000, ..ask("users", [0, 0, 0]) };
    assert_eq!(grant(&one, good).await.per_minute, SLOW.ceiling);
    // A lower ceiling in the settings holds at once.
    let lower = Rule { ceiling: 50.0, ..SLOW };
    assert_eq!(grant(&one, Ask { rule: lower, ..ask("users", [0, 0, 0]) }).await.per_minute, 50.0);
}

/// A minute of the processes is a second here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn together_they_never_exceed_the_limit_of_any_minute() {
    let (one, other, _database) = two().await;
    let rule = Rule { burst: 0.2, scale: 60.0, hold: Duration::ZERO, ..Rule::published(300.0) };
    let begun = Instant::now();
    let asking = [one.clone(), other.clone(), one, other].map(|quota| {
        tokio::spawn(async move {
            let mut granted: Vec<(Duration, Duration, u32)> = vec![];
            while begun.elapsed() < Duration::from_millis(1_700) {
                let from = begun.elapsed();
                let grant = grant(&quota, Ask { rule, ..ask("licenses", [20, 0, 0]) }).await;
                granted.push((from, begun.elapsed(), grant.granted[0]));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            granted
        })
    });
    let granted: Vec<_> = join_all(asking).await.into_iter().flat_map(Result::unwrap).collect();
    let minute = Duration::from_secs(1);
    for (start, ..) in &granted {
        let within = granted.iter().filter(|(from, until, _)| from >= start && *until <= *start + minute);
        let sum: u32 = within.map(|(.., count)| count).sum();
        assert!(sum <= 300, "{sum} in the minute from {start:?}");
    }
    let all: u32 = granted.iter().map(|(.., count)| count).sum();
    assert!(all > 200, "only {all}: the budget is to be used");
}

#[tokio::test]
async fn a_pause_is_seen_with_the_next_question() {
    let (one, other, _database) = two().await;
    let before = other.lease(&[ask("users", [1, 0, 0])]).await.unwrap().mode;
    for mode in [Mode::Paused, Mode::Draining, Mode::Running] {
        let set = one.set_mode(mode).await.unwrap();
        let seen = other.lease(&[ask("users", [0, 0, 0])]).await.unwrap().mode;
        assert_eq!((seen, seen.mode), (set, mode));
        assert_eq!(other.mode().await.unwrap(), set);
    }
    assert_eq!(other.mode().await.unwrap().version, before.version + 3);
}

#[tokio::test]
async fn of_two_new_refresh_tokens_the_first_stands() {
    let (one, other, _database) = two().await;
    assert_eq!(one.load_refresh_token("partner").await.unwrap(), None);
    assert_eq!(one.store_refresh_token("partner", 0, b"first").await.unwrap(), Some(1));
    assert_eq!(other.store_refresh_token("partner", 0, b"late").await.unwrap(), None);
    let read = other.load_refresh_token("partner").await.unwrap().unwrap();
    assert_eq!((read.version, read.bytes.as_slice()), (1, &b"first"[..]));
    assert_eq!(other.store_refresh_token("partner", 1, b"second").await.unwrap(), Some(2));
    assert_eq!(one.store_refresh_token("partner", 1, b"late").await.unwrap(), None);
    assert_eq!(one.load_refresh_token("partner").await.unwrap().unwrap().bytes, b"second");
    assert_eq!(one.load_refresh_token("other").await.unwrap(), None);
    assert!(!format!("{read:?}").contains("102"), "no byte of it is printed");
}

#[tokio::test]
async fn idle_buckets_of_customers_are_forgotten_and_learned_rates_are_not() {
    let (one, _other, database) = two().await;
    for key in ["customer/1", "customer/2", "family/users"] {
        grant(&one, ask(key, [1, 0, 0])).await;
    }
    let old = "update quota.bucket set filled = filled - interval '2 hours' where key <> 'customer/2'";
    sqlx::query(old).execute(&mut database.admin().await).await.unwrap();
    assert_eq!(one.clean("customer/").await.unwrap(), 1);
    let left: Vec<_> = one.buckets("").await.unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(left, ["customer/2", "family/users"]);
}
