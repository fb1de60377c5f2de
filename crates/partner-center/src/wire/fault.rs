//! Bodies of errors, in all the shapes they come in.

use std::time::Duration;

use serde::Deserialize;

use super::{Scalar, equivalent, parse};
use crate::ids::CatalogItem;
use crate::license_failure::LicenseFailure;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct FaultJson<'a> {
    code: Scalar<'a>,
    description: Scalar<'a>,
    data: Option<Vec<Scalar<'a>>>,
    message: Scalar<'a>,
}

/// What is kept of an error's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Partner Center's code, whether it came as number or as string.
    pub(crate) code: Option<u32>,
    /// What the texts say about licenses.
    pub(crate) license_failure: Option<LicenseFailure>,
    /// "Try again in 57 seconds", for a 429 that has lost its header.
    pub(crate) seconds: Option<Duration>,
}

/// Reads the body of an error. One that is not JSON (the page of a gateway) says nothing.
pub(crate) fn read(body: &[u8]) -> Fault {
    let Ok(json) = parse::<FaultJson<'_>>(body) else { return Fault::default() };
    Fault {
        code: json.code.count(),
        license_failure: LicenseFailure::recognise(json.texts()),
        seconds: json.message.text().and_then(|message| seconds(&message)),
    }
}

/// What the texts of an error name in place of an offer that is no longer sold.
pub(crate) fn equivalents(body: &[u8]) -> Vec<CatalogItem> {
    parse::<FaultJson<'_>>(body).map(|json| equivalent::named(json.texts())).unwrap_or_default()
}

impl<'a> FaultJson<'a> {
    fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        let all = [&self.description, &self.message].into_iter().chain(self.data.iter().flatten());
        all.filter_map(|value| match value {
            Scalar::Text(text) => Some(text.as_ref()),
            _ => None,
        })
    }
}

/// The number before the word "seconds".
fn seconds(message: &str) -> Option<Duration> {
    let mut words = message.split_whitespace();
    let mut before = words.next()?;
    for word in words {
        if word.trim_end_matches('.').eq_ignore_ascii_case("seconds") {
            return before.parse().ok().map(Duration::from_secs);
        }
        before = word;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_a_number_or_a_string() {
        assert_eq!(
            read(br#"{"code":800090,"description":"x","data":[],"source":"PartnerFD"}"#).code,
            Some(800_090)
        );
        assert_eq!(read(b"\xEF\xBB\xBF{\"code\":\"2055\",\"description\":\"x\"}").code, Some(2055));
        assert_eq!(read(br#"{"code":{"deep":1}}"#).code, None);
    }

    #[test]
    fn the_second_shape_of_429_tells_the_seconds() {
        let fault =
            read(br#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}"#);
        assert_eq!(fault, Fault { seconds: Some(Duration::from_secs(57)), ..Fault::default() });
    }

    #[test]
    fn the_page_of_a_gateway_says_nothing() {
        assert_eq!(read(b"<html><body>502 Bad Gateway</body></html>"), Fault::default());
        assert_eq!(read(b""), Fault::default());
    }

    #[test]
    fn a_license_failure_is_found_in_description_and_data() {
        let body =
            br#"{"code":60012,"description":"We&#39;re sorry","data":["LicenseQuotaExceededException : x"]}"#;
        assert_eq!(read(body).license_failure, Some(LicenseFailure::OutOfLicenses));
    }
}
