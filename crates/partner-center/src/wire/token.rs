//! Answers of the login authority.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Scalar, parse};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct TokenJson<'a> {
    access_token: Scalar<'a>,
    refresh_token: Scalar<'a>,
    expires_in: Scalar<'a>,
}

/// A token as it was given.
pub(crate) struct Granted {
    pub(crate) access: SecretString,
    pub(crate) refresh: Option<SecretString>,
    /// How long it lives; an hour where the answer does not say, which is what Microsoft documents.
    pub(crate) life: Duration,
}

/// Reads a good answer; none when there is no token in it.
pub(crate) fn granted(body: &[u8]) -> Option<Granted> {
    let json: TokenJson<'_> = parse(body).ok()?;
    let seconds = json.expires_in.int().and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(3600);
    Some(Granted {
        access: json.access_token.text()?.into(),
        refresh: json.refresh_token.text().map(SecretString::from),
        life: Duration::from_secs(seconds),
    })
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct RefusalJson<'a> {
    error: Scalar<'a>,
    error_codes: Option<Vec<Scalar<'a>>>,
}

/// Reads a refusal: OAuth's word, as far as it looks like one, and Microsoft's number.
pub(crate) fn refusal(body: &[u8]) -> (String, Option<u32>) {
    let json: RefusalJson<'_> = parse(body).unwrap_or_default();
    let word = json.error.text().filter(|word| {
        word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    });
    let number = json.error_codes.iter().flatten().find_map(Scalar::count);
    (word.unwrap_or_else(|| "an error without a name".to_owned()), number)
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct DeviceJson<'a> {
    device_code: Scalar<'a>,
    user_code: Scalar<'a>,
    verification_uri: Scalar<'a>,
    verification_url: Scalar<'a>,
    interval: Scalar<'a>,
    expires_in: Scalar<'a>,
}

/// What a device flow begins with.
pub(crate) struct Device {
    pub(crate) secret: SecretString,
    pub(crate) code: String,
    pub(crate) address: String,
    pub(crate) interval: Duration,
    pub(crate) life: Duration,
}

/// Reads the beginning of a device flow.
pub(crate) fn device(body: &[u8]) -> Option<Device> {
    let json: DeviceJson<'_> = parse(body).ok()?;
    let seconds =
        |value: &Scalar<'_>, otherwise: u32| Duration::from_secs(value.count().unwrap_or(otherwise).into());
    Some(Device {
        secret: json.device_code.text()?.into(),
        code: json.user_code.text()?,
        address: json.verification_uri.text().or_else(|| json.verification_url.text())?,
        interval: seconds(&json.interval, 5),
        life: seconds(&json.expires_in, 900),
    })
}
