//! A JSON value that may be written in more than one way, and is not copied until somebody wants it.
//!
//! Microsoft writes numbers as strings, enums as integers, GUIDs in both cases, dates with and without an offset, and
//! leaves keys out. So every field of a wire type is a [`Scalar`], which takes anything, and the one who wants a
//! value asks for its meaning. Nothing that is not wanted can make an answer unreadable.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

/// Any JSON value; the inside of objects and arrays is dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// `null`, or the key is missing.
    #[default]
    Nothing,
    Flag(bool),
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
    /// An object or an array.
    Compound,
}

impl<'a> Scalar<'a> {
    /// The text without blanks around it; none where it is empty or no text.
    fn trimmed(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// A text; numbers become their digits; empty ones are none.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Int(number) => Some(number.to_string()),
            _ => self.trimmed().map(str::to_owned),
        }
    }

    /// A text, or the empty one.
    pub(crate) fn text_or_empty(&self) -> String {
        self.text().unwrap_or_default()
    }

    /// A GUID in any of its spellings.
    pub(crate) fn guid(&self) -> Option<Uuid> {
        self.trimmed().and_then(|text| Uuid::try_parse(text).ok())
    }

    /// A whole number.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            // A whole number written as 25.0 comes as a float; beyond 2^53 it would no longer be exact.
            Self::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            _ => self.trimmed().and_then(|text| text.parse().ok()),
        }
    }

    /// A number of things.
    pub(crate) fn count(&self) -> Option<u32> {
        self.int().and_then(|number| u32::try_from(number).ok())
    }

    /// Yes or no.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Int(0) => Some(false),
            Self::Int(1) => Some(true),
            _ => match self.trimmed()? {
                text if text.eq_ignore_ascii_case("true") => Some(true),
                text if text.eq_ignore_ascii_case("false") => Some(false),
                _ => None,
            },
        }
    }

    /// A word of an enum, or its number.
    pub(crate) fn word<T: for<'w> From<&'w str>>(&self) -> Option<T> {
        match self {
            Self::Int(number) => Some(T::from(&number.to_string())),
            _ => self.trimmed().map(T::from),
        }
    }

    /// A moment. A date without offset is UTC; one without time is its beginning; one beyond what can be counted
    /// ("never") is the end of time.
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        let text = self.trimmed()?;
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Some(moment);
        }
        let local = text.trim_end_matches(['Z', 'z']).parse::<DateTime>().ok()?;
        match TimeZone::UTC.to_timestamp(local) {
            Ok(moment) => Some(moment),
            Err(_) if local.year() == 9999 => Some(Timestamp::MAX),
            Err(_) => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Real(value as f64), Scalar::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Real(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Compound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Compound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_number_may_be_a_string() {
        assert_eq!(scalar("25").int(), Some(25));
        assert_eq!(scalar("\" 25 \"").int(), Some(25));
        assert_eq!(scalar("25.0").int(), Some(25));
        assert_eq!(scalar("25.5").int(), None);
        assert_eq!(scalar("-3").count(), None);
        assert_eq!(scalar("{\"a\":[1]}").int(), None);
    }

    #[test]
    fn a_date_may_lack_its_offset_or_have_any() {
        let same = "2024-01-16T01:37:05.253Z".parse::<Timestamp>().unwrap();
        for text in
            ["2024-01-15T17:37:05.253-08:00", "2024-01-16T01:37:05.253", "2024-01-16T01:37:05.2530000Z"]
        {
            assert_eq!(Scalar::Text(text.into()).moment(), Some(same), "{text}");
        }
        assert_eq!(Scalar::Text("2019-09-03".into()).moment(), Some("2019-09-03T00:00:00Z".parse().unwrap()));
        assert_eq!(Scalar::Text("soon".into()).moment(), None);
    }

    #[test]
    fn never_is_the_end_of_time() {
        assert!(Scalar::Text("9999-12-10T00:00:00Z".into()).moment().is_some());
        assert_eq!(Scalar::Text("9999-12-31T23:59:59.9999999Z".into()).moment(), Some(Timestamp::MAX));
    }

    #[test]
    fn a_guid_may_come_in_any_case_and_a_plain_text_is_not_copied() {
        assert_eq!(
            scalar("\"0C9A7C2B-4B36-4C0A-9C1D-5E0F6A7B8C9D\"").guid(),
            scalar("\"0c9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9d\"").guid()
        );
        assert!(matches!(scalar("\"plain\""), Scalar::Text(Cow::Borrowed("plain"))));
        assert!(matches!(scalar("\"a\\nb\""), Scalar::Text(Cow::Owned(_))));
    }
}
