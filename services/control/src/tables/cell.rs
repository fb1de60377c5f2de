//! Values and the text of their cells.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Date;
use seatshift_messages::{
    CustomerId, MigrationId, OfferId, OnRefusal, OrderId, RunId, SkuId, SubscriptionId, UserId,
};

use super::dates::{DayOrder, read_date};

/// Why a cell cannot be read, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub cause: String,
    pub remedy: String,
}

impl Bad {
    pub fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Bad { cause: cause.into(), remedy: remedy.into() }
    }
}

/// What the whole file says about how its cells are to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    pub day_order: Option<DayOrder>,
}

/// A value that stands in a cell. What [`Cell::write`] gives, [`Cell::read`] takes back unchanged.
pub trait Cell: Sized {
    /// Cells of this kind are dates, which help to tell the day order of the file.
    const DATE: bool = false;
    fn write(&self) -> String;
    /// `text` has no blanks around it, unless the value is text itself.
    fn read(text: &str, reading: &Reading) -> Result<Self, Bad>;
}

impl Cell for String {
    fn write(&self) -> String {
        self.clone()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        Ok(text.to_owned())
    }
}

impl<T: Cell> Cell for Option<T> {
    const DATE: bool = T::DATE;
    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }
    fn read(text: &str, reading: &Reading) -> Result<Self, Bad> {
        if text.trim().is_empty() { Ok(None) } else { T::read(text, reading).map(Some) }
    }
}

impl Cell for Date {
    const DATE: bool = true;
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str, reading: &Reading) -> Result<Self, Bad> {
        read_date(text, reading.day_order).map_err(|cause| Bad::new(cause, "Write it as 2020-12-31"))
    }
}

impl Cell for Timestamp {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        let no_time = |_| Bad::new(format!("`{text}` is not a time"), "Write it as 2020-12-31T08:00:00Z");
        text.trim().parse().map_err(no_time)
    }
}

impl Cell for bool {
    fn write(&self) -> String {
        if *self { "yes".to_owned() } else { "no".to_owned() }
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        match text.trim().to_lowercase().as_str() {
            "yes" | "y" | "true" | "1" => Ok(true),
            "no" | "n" | "false" | "0" => Ok(false),
            _ => Err(Bad::new(format!("`{text}` is neither yes nor no"), "Write yes or no")),
        }
    }
}

/// A whole number; a spreadsheet's `25.0`, `1,000` and `1 000` are accepted.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(".0").or_else(|| text.strip_suffix(",0")).unwrap_or(text);
    let mut groups = text.split([',', '.', ' ', '\u{a0}', '\u{202f}', '\'']);
    let mut digits = groups.next()?.to_owned();
    for group in groups {
        if group.len() != 3 || digits.is_empty() {
            return None;
        }
        digits.push_str(group);
    }
    digits.parse().ok()
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            fn write(&self) -> String {
                self.to_string()
            }
            fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
                let number = whole(text).and_then(|number| <$number>::try_from(number).ok());
                number.ok_or_else(|| Bad::new(format!("`{text}` is not a whole number"), "Write digits only, such as 25"))
            }
        }
    )*};
}
numbers!(u32, u64, i64);

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl Cell for $id {
            fn write(&self) -> String {
                self.to_string()
            }
            fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
                text.parse().map_err(|error| said(&error))
            }
        }
    )*};
}
ids!(CustomerId, SubscriptionId, SkuId, UserId, MigrationId, RunId);

fn said(error: &impl Display) -> Bad {
    Bad::new(error.to_string(), "Copy the id from the file as it was written")
}

impl Cell for OfferId {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        let id = OfferId::new(text);
        let new_commerce = id.as_str().split(':').filter(|part| !part.is_empty()).count() == 3;
        if uuid::Uuid::try_parse(id.as_str()).is_ok() || new_commerce {
            return Ok(id);
        }
        Err(Bad::new(
            format!("`{text}` is not an offer id"),
            "Copy an id from target_alternatives or from your offers file",
        ))
    }
}

impl Cell for OrderId {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        Ok(OrderId::new(text))
    }
}

/// A word out of a closed list.
pub(crate) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Bad> {
    let text = text.trim().to_lowercase();
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Bad::new(format!("`{text}` is not known here"), format!("Write {}", known.join(" or ")))
    })
}

impl Cell for OnRefusal {
    fn write(&self) -> String {
        match self {
            OnRefusal::Park => "park".to_owned(),
            OnRefusal::Rollback => "rollback".to_owned(),
        }
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        word(text, &[("park", OnRefusal::Park), ("rollback", OnRefusal::Rollback)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<u32> {
        u32::read(text, &Reading::default()).ok()
    }

    #[test]
    fn numbers_survive_a_spreadsheet() {
        for text in ["1000", " 1000 ", "1,000", "1.000", "1 000", "1000.0", "1'000"] {
            assert_eq!(number(text), Some(1000), "{text}");
        }
        for text in ["", "ten", "1,5", "12.50", "-1", "1,00", "99999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_cell_is_no_value() {
        assert_eq!(Option::<u32>::read("  ", &Reading::default()), Ok(None));
        assert_eq!(Option::<bool>::read("TRUE", &Reading::default()), Ok(Some(true)));
    }

    #[test]
    fn an_offer_id_is_a_guid_or_a_triple() {
        let read = |text| OfferId::read(text, &Reading::default());
        assert_eq!(
            read("F28514F0-6516-4EF9-8222-1C605A05D245").unwrap().as_str(),
            "f28514f0-6516-4ef9-8222-1c605a05d245"
        );
        assert!(read("CFQ7TTC0LH18:0001:CFQ7TTC0K971").is_ok());
        assert!(read("Sales Professional").is_err());
    }
}
