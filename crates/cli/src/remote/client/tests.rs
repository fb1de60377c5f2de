//! Questions to something that answers as it was told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Answers connection after connection with these texts, and closes; an empty one is no answer. Counts what it heard.
async fn answering(lines: Vec<String>) -> (Api, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Url::parse(&format!("http://{}/base/", listener.local_addr().unwrap())).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = heard.clone();
    tokio::spawn(async move {
        for line in lines {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            kept.lock().unwrap().push(String::from_utf8_lossy(&buffer[..count]).into_owned());
            stream.write_all(line.as_bytes()).await.unwrap();
        }
    });
    (Api::new(address, "invented-token".to_owned().into()).unwrap(), heard)
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Some\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn problem(status: u16, word: &str) -> String {
    let body = format!(
        r#"{{"type":"urn:seatshift:problem:{word}","title":"t","status":{status},"place":"here","detail":"why","remedy":"do this"}}"#
    );
    answer(status, &body)
}

#[tokio::test]
async fn control_that_is_being_restarted_is_asked_again() {
    let gateway = answer(502, "<html>");
    let (api, heard) =
        answering(vec![String::new(), gateway, problem(503, "no_quota"), answer(200, "[1, 2]")]).await;
    let told: Vec<u32> =
        api.ask(Ask::get(&["v1", "records", "row", "a b/c"]).query("after", Some("x y"))).await.unwrap();
    assert_eq!(told, [1, 2]);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 4);
    assert!(heard[3].starts_with("GET /base/v1/records/row/a%20b/c?after=x+y HTTP/1.1"), "{}", heard[3]);
    assert!(heard[3].contains("authorization: Bearer invented-token"), "{}", heard[3]);
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_not_given_again() {
    let (api, heard) = answering(vec![String::new(), answer(200, "1")]).await;
    let error = api.ask::<u32>(Ask::post(&["v1", "commands"], &1).unwrap()).await.unwrap_err();
    assert!(error.is_open(), "{error}");
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_control_refuses_is_told_with_place_cause_and_remedy_at_once() {
    let (api, heard) = answering(vec![problem(403, "wrong_token")]).await;
    let error = api.answer::<u32>(Ask::get(&["v1", "progress"])).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("here: why; do this") && !text.contains("invented-token"), "{text}");
    assert!(error.is::<Usage>());
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_control_is_told() {
    let (api, _) = answering(vec![answer(200, "<html>hello</html>")]).await;
    let error = api.answer::<u32>(Ask::get(&["v1", "progress"])).await.unwrap_err();
    assert!(error.to_string().contains("what answers is not control"), "{error}");
}
