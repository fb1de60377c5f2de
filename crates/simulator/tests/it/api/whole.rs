//! The simulator as a whole: replaying it, and serving it.

use serde_json::json;

use super::stage::{ALICE, BOB, NEW_OFFER, NEW_SKU, OLD, OLD_SKU, Stage};

pub(crate) async fn a_hostile_run(seed: u64) -> String {
    let stage = Stage::with(|world| {
        world["seed"] = seed.into();
        world["faults"] = json!({"level": "hostile"});
    })
    .await;
    for _ in 0..8 {
        stage.order(NEW_OFFER, 3).await;
        stage.pass(60).await;
        for user in [ALICE, BOB] {
            stage.swap(user, &[NEW_SKU], &[OLD_SKU]).await;
            stage.swap(user, &[OLD_SKU], &[NEW_SKU]).await;
        }
        let resource = stage.read(&format!("/subscriptions/{OLD}")).await;
        if resource.status == 200 && !resource.lost {
            stage.patch_from(resource.body, json!({"status": "suspended"})).await;
        }
        stage.pass(200).await;
    }
    serde_json::to_string(&stage.simulator.books()).expect("JSON")
}

#[tokio::test(start_paused = true)]
async fn the_same_calls_with_one_seed_give_the_same_books_byte_for_byte() {
    let first = a_hostile_run(3).await;
    assert_eq!(first, a_hostile_run(3).await);
    assert_ne!(first, a_hostile_run(4).await);
}

#[tokio::test]
async fn over_tcp_a_lost_answer_is_a_closed_connection_and_the_change_stands() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stage = Stage::with(|world| {
        world["faults"] = super::stage::one_fault("update_licenses", json!({"kind": "lost_after"}));
    })
    .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(seatshift_simulator::serve(stage.simulator.clone(), listener, stopped));
    let body = json!({"licensesToRemove": [OLD_SKU]}).to_string();
    let path = format!("/v1/customers/{}/users/{ALICE}/licenseupdates", super::stage::CUSTOMER);
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: simulator\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        stage.user,
        body.len()
    );
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = vec![0; 12];
        let read = stream.read(&mut answer).await.unwrap_or(0);
        answers.push(String::from_utf8_lossy(&answer[..read]).into_owned());
    }
    // The second call is no longer disturbed, and there is nothing left to remove.
    assert_eq!(answers, ["", "HTTP/1.1 400"]);
    stop.send(()).expect("still serving");
    serving.await.expect("no panic").expect("no error");
}

#[tokio::test(start_paused = true)]
async fn a_world_with_a_fault_in_it_is_refused_with_its_place() {
    let mut world: seatshift_simulator::world::World =
        serde_json::from_value(super::stage::world()).expect("a world");
    world.customers[0].subscriptions[0].offer = uuid::Uuid::nil();
    let clock = std::sync::Arc::new(seatshift_simulator::TokioClock::new(world.start));
    let error = seatshift_simulator::Simulator::new(world, clock).expect_err("no such offer");
    assert!(error.to_string().contains("customers[0].subscriptions[0]"), "{error}");
}
