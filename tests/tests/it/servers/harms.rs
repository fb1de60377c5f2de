//! The system is harmed in every run of the tests, with what fits into their time; in large it is in `long::harms`.

use super::harm::{
    harm_connections, harm_the_broker, harm_the_database, kill_services, repeat_every_message,
};
use super::wave::SMALL;

#[test]
fn services_that_are_killed_lose_nothing_and_repeat_nothing() {
    kill_services(SMALL);
}

#[test]
fn a_broker_that_is_killed_frozen_or_full_costs_only_time() {
    harm_the_broker(SMALL);
}

#[test]
fn a_database_that_is_killed_costs_only_time() {
    harm_the_database(SMALL);
}

#[test]
fn connections_that_are_cut_or_swallow_everything_cost_only_time() {
    harm_connections(SMALL);
}

#[test]
fn every_message_delivered_twice_changes_nothing_twice() {
    repeat_every_message(SMALL);
}
