//! Who may ask: whoever knows the token. Nobody is told how much of a wrong one was right.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::problem::Refused;

/// The token's digest: two digests are compared, so the time that takes says nothing about the token.
#[derive(Clone, Copy)]
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn of(token: &SecretString) -> Self {
        Token(digest(token.expose_secret()))
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

pub(super) async fn check(
    State(token): State<Token>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let remedy = "send `Authorization: Bearer` with the token of control.token or control.token_file";
    let place = "header Authorization";
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(given) = given else {
        let detail = "no bearer token was sent".to_owned();
        return Err(Refused::new(StatusCode::UNAUTHORIZED, "no_token", place, detail, remedy));
    };
    if digest(given) != token.0 {
        let detail = "this token is not the one that control was given".to_owned();
        return Err(Refused::new(StatusCode::FORBIDDEN, "wrong_token", place, detail, remedy));
    }
    Ok(next.run(request).await)
}
