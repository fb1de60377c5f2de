//! As much HTTP/1.1 as RabbitMQ's management API needs: one request a connection, an answer read to its end.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Error;

/// How long one answer may take; deleting a vhost with many queues is the slowest.
const PATIENCE: Duration = Duration::from_secs(30);

/// `GET` from a server on 127.0.0.1, without credentials: status and body. For health answers.
///
/// # Errors
/// When nothing answers there.
pub fn get(port: u16, path: &str) -> Result<(u16, String), Error> {
    request(port, "", "", "GET", path, "")
}

/// `POST` of a JSON document to a server on 127.0.0.1, without credentials: status and body.
///
/// # Errors
/// When nothing answers there.
pub fn post(port: u16, path: &str, body: &str) -> Result<(u16, String), Error> {
    request(port, "", "", "POST", path, body)
}

/// One request to 127.0.0.1. Answers the status and the body.
pub(crate) fn request(
    port: u16,
    user: &str,
    password: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, String), Error> {
    let failed = |cause: std::io::Error| Error::while_doing(format!("{method} {path} on port {port}"), cause);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let credentials = base64(format!("{user}:{password}").as_bytes());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    parsed(&answer)
        .ok_or_else(|| Error::new(format!("{method} {path} on port {port}: this is no HTTP answer")))
}

fn parsed(answer: &[u8]) -> Option<(u16, String)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body)? } else { body.to_vec() };
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 2 + size + 2..)?;
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// A JSON string of this text.
pub(crate) fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// One segment of a path, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_as_rfc_4648_says() {
        let vectors = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(vectors, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn an_answer_in_chunks_is_put_together() {
        let answer =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(parsed(answer), Some((200, "abcde".to_owned())));
        assert_eq!(parsed(b"HTTP/1.1 204 No Content\r\n\r\n"), Some((204, String::new())));
        assert_eq!(parsed(b"AMQP\0\0\x09\x01"), None);
    }

    #[test]
    fn names_are_quoted_for_json_and_for_paths() {
        assert_eq!(json("^seatshift\\.a\"$\n"), r#""^seatshift\\.a\"$\u000a""#);
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment("t-1_a.b"), "t-1_a.b");
    }
}
