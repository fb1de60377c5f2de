//! Harm to servers and connections.

use crate::servers::harm::{harm_connections, harm_the_broker, harm_the_database, repeat_every_message};
use crate::servers::wave::SMALL;

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
