//! Dates as spreadsheets write them back.
//!
//! `2020-12-31` is what is written. Excel turns it into the form of the person's country, and `03/04/2020` is March in one
//! and April in another: the order is taken from the other dates of the file, and where none tells, the cell is refused.

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// Which number of `03/04/2020` is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOrder {
    DayFirst,
    MonthFirst,
}

/// What the unambiguous dates of a file say. None when none speaks, or when they contradict each other.
pub(super) fn order_of<'a>(cells: impl Iterator<Item = &'a str>) -> Option<DayOrder> {
    let mut order = None;
    for cell in cells {
        let Some(([first, second, _], '/')) = parts(cell) else { continue };
        let says = match (first.value, second.value) {
            (13..=31, 1..=12) if first.digits <= 2 => DayOrder::DayFirst,
            (1..=12, 13..=31) => DayOrder::MonthFirst,
            _ => continue,
        };
        if order.is_some_and(|known| known != says) {
            return None;
        }
        order = Some(says);
    }
    order
}

/// The date, or why it is none.
pub(super) fn read_date(text: &str, order: Option<DayOrder>) -> Result<Date, String> {
    let text = text.trim();
    let no_date = || format!("`{text}` is not a date");
    if let Some(day) = serial(text) {
        return Ok(day);
    }
    let ([first, second, third], separator) = parts(text).ok_or_else(no_date)?;
    let (year, month, day) = if first.digits == 4 {
        (first.value, second.value, third.value)
    } else {
        let year = if third.digits == 2 { third.value + 2000 } else { third.value };
        let same = first.value == second.value;
        let month_first = match (separator, order) {
            ('/', _) if second.value > 12 => true,
            ('/', _) if first.value > 12 || same => false,
            ('/', Some(order)) => order == DayOrder::MonthFirst,
            ('/', None) => return Err(format!("`{text}` can be read in two ways")),
            _ => false, // with dots or hyphens the day comes first wherever that form is used
        };
        if month_first { (year, first.value, second.value) } else { (year, second.value, first.value) }
    };
    let small = |number: i32| i8::try_from(number).map_err(|_| no_date());
    let year = i16::try_from(year).map_err(|_| no_date())?;
    Date::new(year, small(month)?, small(day)?).map_err(|_| no_date())
}

/// Excel's day number: what is left of a date when a column is set to "number".
fn serial(text: &str) -> Option<Date> {
    let days: i64 = text.parse().ok()?;
    let plausible = (30_000..=80_000).contains(&days); // 1982 to 2119
    plausible.then(|| date(1899, 12, 30).checked_add(days.days()).ok()).flatten()
}

#[derive(Clone, Copy)]
struct Number {
    value: i32,
    digits: usize,
}

/// Three numbers and what stands between them; a time of day behind them is left out.
fn parts(text: &str) -> Option<([Number; 3], char)> {
    let day = text.trim().split([' ', 'T']).next()?;
    let separator = day.chars().find(|c| !c.is_ascii_digit())?;
    let mut numbers = day.trim_end_matches('.').split(separator).map(|part| {
        let value = part.parse().ok().filter(|_| part.len() <= 4)?;
        Some(Number { value, digits: part.len() })
    });
    let found = [numbers.next()??, numbers.next()??, numbers.next()??];
    (numbers.next().is_none() && matches!(separator, '-' | '/' | '.')).then_some((found, separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_many_countries_are_one_date() {
        for text in [
            "2020-12-31",
            "2020/12/31",
            "31.12.2020",
            "31-12-2020",
            "31/12/2020",
            "12/31/2020",
            "31.12.20",
            "2020-12-31 00:00:00",
            "2020-12-31T00:00:00Z",
            "44196",
        ] {
            assert_eq!(read_date(text, None), Ok(date(2020, 12, 31)), "{text}");
        }
    }

    #[test]
    fn a_date_with_two_readings_is_refused_unless_the_file_tells() {
        assert!(read_date("03/04/2020", None).unwrap_err().contains("two ways"));
        let british = order_of(["31/12/2020", "03/04/2020"].into_iter());
        assert_eq!(read_date("03/04/2020", british), Ok(date(2020, 4, 3)));
        let american = order_of(["12/31/2020"].into_iter());
        assert_eq!(read_date("03/04/2020", american), Ok(date(2020, 3, 4)));
        assert_eq!(order_of(["31/12/2020", "12/31/2020"].into_iter()), None);
        assert_eq!(read_date("04/04/2020", None), Ok(date(2020, 4, 4)));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["soon", "2020-13-01", "2020-02-30", "12", "1.2.3.4", "99999999", "a/b/c"] {
            assert!(read_date(text, None).is_err(), "{text}");
        }
    }
}
