//! What every engine of the bus promises, run on each; what the in-process one promises beside; and the faulty ones.
//!
//! A new engine is one more module with an `open` and a `conformance!` line. Its `open` takes the prefetch.

#![allow(clippy::unwrap_used, reason = "a test that met an error has failed")]

mod alone;
mod faults;
mod given;
mod local;
mod promises;
mod running;
mod servers;
mod topology;

/// The one list of tests. The attribute says which clock an engine is tested under: one with a server needs the real one.
macro_rules! conformance {
    ($open:path, #[$test:meta]) => {
        crate::conformance! { $open, #[$test];
            an_event_reaches_everyone_it_is_for_and_nobody_else;
            an_event_for_nobody_is_safe_at_once;
            the_bytes_arrive_unchanged;
            nothing_is_lost_or_doubled_when_all_goes_well;
            what_is_given_back_comes_again;
            what_is_dropped_comes_again;
            what_is_given_back_comes_behind_what_waits;
            an_acknowledged_event_does_not_come_again;
            no_more_than_the_prefetch_is_out;
            no_more_than_the_limit_comes_at_once;
            a_receive_does_not_wait_to_fill_up;
            a_receive_waits_for_an_event;
            a_receive_that_is_given_up_loses_nothing;
            one_service_does_not_wait_for_another;
            competing_receivers_share_the_events;
            an_unreadable_event_reaches_control;
            an_event_is_published_whether_the_answer_is_awaited_or_not;
            a_confirmed_event_was_safe;
        }
    };
    ($open:path, #[$test:meta]; $( $name:ident; )*) => { $(
        #[$test]
        async fn $name() {
            crate::promises::$name(&$open).await;
        }
    )* };
}
pub(crate) use conformance;

mod on_local {
    use std::sync::Arc;

    use seatshift_bus::{Bus, LocalBus};

    fn open(prefetch: usize) -> Arc<dyn Bus> {
        Arc::new(LocalBus::new(prefetch))
    }
    crate::conformance!(open, #[tokio::test(start_paused = true)]);
}
