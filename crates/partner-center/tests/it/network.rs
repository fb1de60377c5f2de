//! The real transport, against a listener on this machine.

use std::time::Duration;

use bytes::Bytes;
use seatshift_partner_center::{HttpTransport, NetworkFault, Timeouts, Transport, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn transport() -> HttpTransport {
    let quick = Duration::from_millis(300);
    HttpTransport::new(&Timeouts { connect: quick, read: quick, whole: quick }).unwrap()
}

fn request(port: u16) -> http::Request<Bytes> {
    http::Request::post(format!("http://127.0.0.1:{port}/v1/things")).body(Bytes::from_static(b"{}")).unwrap()
}

/// Reads one request, up to the end of its two-byte body.
async fn take(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n{}") {
        let read = stream.read_buf(&mut seen).await.unwrap();
        assert_ne!(read, 0, "the whole request comes");
    }
}

/// What a server that does `after` to the second request makes the transport say; the first one is answered, on the
/// same connection.
async fn second<F: Future<Output = ()> + Send + 'static>(
    after: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> Result<http::Response<Bytes>, TransportError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        take(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 201 Created\r\nMS-CV: x\r\nContent-Length: 5\r\n\r\nhello")
            .await
            .unwrap();
        take(&mut stream).await;
        after(stream).await;
    });
    let transport = transport();
    let first = transport.send(request(port)).await.unwrap();
    assert_eq!((first.status().as_u16(), first.body().as_ref()), (201, &b"hello"[..]));
    assert_eq!(first.headers()["ms-cv"], "x");
    transport.send(request(port)).await
}

#[tokio::test]
async fn a_refused_connection_has_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let result = transport().send(request(port)).await;
    assert_eq!(result.unwrap_err(), TransportError::NeverSent(NetworkFault::Connect));
}

#[tokio::test]
async fn a_connection_is_used_again_and_its_break_is_no_answer() {
    let result = second(|stream| async { drop(stream) }).await;
    assert_eq!(result.unwrap_err(), TransportError::NoAnswer(NetworkFault::Broken));
}

#[tokio::test]
async fn silence_is_no_answer() {
    let result = second(|stream| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(stream);
    })
    .await;
    assert_eq!(result.unwrap_err(), TransportError::NoAnswer(NetworkFault::Timeout));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let result = second(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":").await.unwrap();
    })
    .await;
    assert_eq!(result.unwrap_err(), TransportError::NoAnswer(NetworkFault::Broken));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let result = second(|mut stream| async move {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    })
    .await;
    assert_eq!(result.unwrap().status().as_u16(), 302);
}

#[tokio::test]
async fn a_post_without_a_body_says_that_its_length_is_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the whole request comes");
        }
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        String::from_utf8(seen).unwrap().to_lowercase()
    });
    // As the client builds it.
    let checkout = http::Request::post(format!("http://127.0.0.1:{port}/v1/things"))
        .header("Content-Length", "0")
        .body(Bytes::new())
        .unwrap();
    transport().send(checkout).await.unwrap();
    let seen = server.await.unwrap();
    assert_eq!(seen.matches("content-length: 0\r\n").count(), 1, "{seen}");
    assert!(!seen.contains("transfer-encoding"), "{seen}");
}
