//! What every test of the other rooms begins with.

use seatshift_servers::Shared;

#[test]
fn each_test_gets_a_vhost_and_a_database_of_its_own() {
    let shared = Shared::attach().unwrap();
    let [one, other] = [shared.fresh_vhost().unwrap(), shared.fresh_vhost().unwrap()];
    assert_ne!(one, other);
    shared.rabbit.delete_vhost(&one).unwrap();
    shared.rabbit.delete_vhost(&other).unwrap();

    let [one, other] = [shared.fresh_database().unwrap(), shared.fresh_database().unwrap()];
    assert_ne!(one, other);
    shared.postgres.query(&one, "create table t ()").unwrap();
    assert!(shared.postgres.query(&other, "select * from t").is_err());
    shared.postgres.drop_database(&one).unwrap();
    shared.postgres.drop_database(&other).unwrap();
}
