//! What every engine of the store promises, run on each, and what the one with a file promises beside.
//!
//! A new engine is one more `engine!` line.

#![allow(clippy::unwrap_used, reason = "a test that met an error has failed")]

mod given;
mod logs;
mod outbox;
mod records;
mod servers;
mod sqlite;
mod units;
mod work;

use std::sync::Arc;

use seatshift_store::{MemoryStore, SqliteStore, Store};

/// The one list of tests.
macro_rules! conformance {
    ($open:path) => {
        crate::conformance! { $open;
            units::what_is_written_is_read;
            units::a_stale_unit_changes_nothing;
            units::a_stale_part_spoils_its_whole_unit;
            units::a_duplicate_is_told_and_hinders_no_other;
            units::a_stale_unit_leaves_its_event_unconsumed;
            units::units_see_the_changes_of_the_units_before_them;
            units::a_change_sees_the_changes_before_it_in_its_unit;
            units::each_service_has_its_own_ledger_and_inbox;
            units::the_instruction_is_written_once_and_shared;
            units::only_the_service_that_was_told_has_the_instruction;
            units::a_known_customer_stays_known;
            units::ledgers_come_in_id_order_without_the_unknown;
            units::ledgers_are_read_without_their_instructions;
            units::of_racing_writers_one_wins;
            work::due_work_comes_oldest_first;
            work::held_work_is_not_handed_out_again;
            work::an_interrupted_lease_is_told;
            work::a_take_over_cuts_off_every_lease;
            work::writing_the_row_ends_its_lease;
            work::saving_an_intent_keeps_lease_and_due_time;
            work::a_wake_only_makes_it_earlier;
            work::a_wake_under_a_lease_waits_for_the_holder;
            work::a_wake_of_nothing_does_nothing;
            work::settled_work_is_remembered_and_never_due;
            work::removed_work_is_gone;
            work::the_next_due_time_is_told;
            work::claims_never_overlap;
            outbox::events_keep_their_order_of_commit;
            outbox::a_held_event_is_not_handed_out_until_its_lease_ends;
            outbox::a_published_event_leaves_the_outbox_and_stays_in_the_log;
            outbox::an_event_given_back_comes_again_in_its_place;
            outbox::each_service_publishes_its_own_events;
            outbox::a_take_over_frees_held_events;
            outbox::the_log_is_read_in_pages_and_by_subject;
            outbox::an_exchange_clears_gives_back_and_takes;
            outbox::an_event_that_was_heard_is_logged_once_and_not_published;
            records::records_come_in_key_order_and_in_pages;
            records::a_record_is_written_on_the_version_that_was_read;
            records::a_record_without_expectation_replaces_what_stands;
            records::a_removed_record_is_gone_and_begins_anew;
            logs::calls_are_logged_in_order_and_counted;
            logs::a_dead_letter_is_kept_with_its_reason;
            logs::what_waits_is_counted;
            logs::odd_text_and_far_times_come_back_as_they_went;
        }
    };
    ($open:path; $( $topic:ident :: $name:ident; )*) => { $(
        #[tokio::test]
        async fn $name() {
            let (store, _guard) = $open().await;
            crate::$topic::$name(store).await;
        }
    )* };
}
pub(crate) use conformance;

mod on_memory {
    async fn open() -> (std::sync::Arc<dyn super::Store>, ()) {
        (super::Arc::new(super::MemoryStore::new()), ())
    }
    crate::conformance!(open);
}

mod on_sqlite {
    async fn open() -> (std::sync::Arc<dyn super::Store>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = super::SqliteStore::open(dir.path().join("store.db")).await.unwrap();
        (super::Arc::new(store), dir)
    }
    crate::conformance!(open);
}
