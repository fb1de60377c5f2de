//! Every harm, with hundreds of migrations in flight.

use crate::servers::harm::{
    harm_connections, harm_the_broker, harm_the_database, kill_services, repeat_every_message,
};
use crate::servers::wave::LARGE;

#[test]
fn services_that_are_killed_lose_nothing_and_repeat_nothing() {
    kill_services(LARGE);
}

#[test]
fn a_broker_that_is_killed_frozen_or_full_costs_only_time() {
    harm_the_broker(LARGE);
}

#[test]
fn a_database_that_is_killed_costs_only_time() {
    harm_the_database(LARGE);
}

#[test]
fn connections_that_are_cut_or_swallow_everything_cost_only_time() {
    harm_connections(LARGE);
}

#[test]
fn every_message_delivered_twice_changes_nothing_twice() {
    repeat_every_message(LARGE);
}
