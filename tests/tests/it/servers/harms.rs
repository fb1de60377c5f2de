//! Services are killed in every run of the tests; what takes longer is in `long`.

use super::harm::kill_services;
use super::wave::SMALL;

#[test]
fn services_that_are_killed_lose_nothing_and_repeat_nothing() {
    kill_services(SMALL);
}
