//! The faulty buses do what they are for, lose nothing, and repeat themselves for one seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use seatshift_bus::faults::{Duplicating, Reordering};
use seatshift_bus::{Bus, Confirm, LocalBus};
use seatshift_messages::Service::Control;

use crate::given::*;

const EVENTS: u32 = 200;

fn duplicating(seed: u64) -> Duplicating {
    Duplicating::new(Arc::new(LocalBus::new(16)), seed, 4)
}

fn reordering(seed: u64) -> Reordering {
    Reordering::new(Arc::new(LocalBus::new(16)), seed, 4)
}

/// Numbers in the order of their delivery, until nothing comes any more.
async fn drain(bus: &dyn Bus) -> Vec<u32> {
    let mut seen = Vec::new();
    let answers = publish(bus, (1..=EVENTS).map(progressed));
    while !seen_all(&seen) {
        for delivery in receive(bus, Control, 5).await {
            seen.push(number(&delivery));
            delivery.ack();
        }
    }
    while let Ok(rest) =
        tokio::time::timeout(std::time::Duration::from_secs(1), bus.receive(Control, 5)).await
    {
        for delivery in rest {
            seen.push(number(&delivery));
            delivery.ack();
        }
    }
    for answer in answers {
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
    seen
}

fn seen_all(seen: &[u32]) -> bool {
    (1..=EVENTS).all(|n| seen.contains(&n))
}

#[tokio::test(start_paused = true)]
async fn duplicating_delivers_some_events_twice_and_loses_none() {
    let seen = drain(&duplicating(1)).await;
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    seen.iter().for_each(|n| *counts.entry(*n).or_default() += 1);
    assert_eq!(counts.len(), EVENTS as usize);
    assert!(counts.values().all(|count| (1..=2).contains(count)));
    let twice = counts.values().filter(|count| **count == 2).count();
    assert!((25..=80).contains(&twice), "one in four of 200, about; it was {twice}");
}

#[tokio::test(start_paused = true)]
async fn reordering_changes_the_order_and_loses_and_doubles_none() {
    let mut seen = drain(&reordering(1)).await;
    let in_order: Vec<_> = (1..=EVENTS).collect();
    assert_ne!(seen, in_order);
    let far = seen.iter().zip(1..).filter(|(n, place)| n.abs_diff(*place) > 5).count();
    assert!(far > 10, "some come much later than they were sent; it was {far}");
    seen.sort_unstable();
    assert_eq!(seen, in_order);
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_the_same_faults_and_another_gives_others() {
    assert_eq!(drain(&duplicating(7)).await, drain(&duplicating(7)).await);
    assert_ne!(drain(&duplicating(7)).await, drain(&duplicating(8)).await);
    assert_eq!(drain(&reordering(7)).await, drain(&reordering(7)).await);
    assert_ne!(drain(&reordering(7)).await, drain(&reordering(8)).await);
}

#[tokio::test(start_paused = true)]
async fn the_same_events_are_duplicated_in_whatever_order_they_are_published() {
    let mut twice = Vec::new();
    for events in [(1..=EVENTS).collect::<Vec<_>>(), (1..=EVENTS).rev().collect()] {
        let bus = Duplicating::new(Arc::new(LocalBus::new(1_000)), 3, 4);
        let _answers = publish(&bus, events.into_iter().map(progressed));
        let mut seen = numbers(&receive(&bus, Control, 1_000).await);
        seen.sort_unstable();
        twice.push(seen);
    }
    assert_eq!(twice[0], twice[1]);
}

#[tokio::test(start_paused = true)]
async fn faults_can_be_stacked() {
    let both = Reordering::new(Arc::new(duplicating(5)), 6, 3);
    let mut seen = drain(&both).await;
    seen.dedup();
    assert!(seen.len() > EVENTS as usize);
    assert!(seen_all(&seen));
}

mod keeps_the_promises {
    use super::*;

    /// Reordering may break only the promises about order.
    fn reordered(prefetch: usize) -> Arc<dyn Bus> {
        Arc::new(Reordering::new(Arc::new(LocalBus::new(prefetch)), 11, 3))
    }

    #[tokio::test(start_paused = true)]
    async fn of_delivery() {
        use crate::promises::*;
        an_event_reaches_everyone_it_is_for_and_nobody_else(&reordered).await;
        nothing_is_lost_or_doubled_when_all_goes_well(&reordered).await;
        what_is_given_back_comes_again(&reordered).await;
        what_is_dropped_comes_again(&reordered).await;
        no_more_than_the_prefetch_is_out(&reordered).await;
        competing_receivers_share_the_events(&reordered).await;
        a_confirmed_event_was_safe(&reordered).await;
    }
}
