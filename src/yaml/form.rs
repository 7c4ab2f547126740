//! Forms of scalars: what a text must look like, for the reader and for editors alike.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime};

/// What a scalar must look like.
#[derive(Debug)]
pub struct Form {
    /// What it is, for messages: `a date (yyyy-mm-dd)`.
    pub what: &'static str,
    /// Says why a text is not one; an empty reason when [`Self::what`] says everything.
    pub check: fn(&str) -> Result<(), String>,
    /// A regular expression for editors, when one says more than nothing.
    pub pattern: Option<&'static str>,
}

impl Form {
    /// The form of everything that a type's `FromStr` takes.
    pub const fn of<T>(what: &'static str, pattern: Option<&'static str>) -> Self
    where
        T: FromStr,
        T::Err: Display,
    {
        Self { what, check: check_parse::<T>, pattern }
    }

    /// Any text of one line.
    pub const LINE: Self =
        Self { what: "a text of one line, 400 characters at most", check: check_line, pattern: None };
    /// Any text, line ends allowed.
    pub const TEXT: Self = Self { what: "a text of 4,000 characters at most", check: check_text, pattern: None };
    /// A calendar day.
    pub const DATE: Self = Self {
        what: "a date (yyyy-mm-dd) that exists",
        check: |text| date(text).map(drop).ok_or_else(String::new),
        pattern: Some(r"^\d{4}-\d{2}-\d{2}$"),
    };
    /// A local time of a day; 24:00 to 29:59 belong to the next morning.
    pub const CLOCK: Self = Self {
        what: "a time (hh:mm, up to 29:59)",
        check: |text| clock(text).map(drop).ok_or_else(String::new),
        pattern: Some(r"^[0-2]\d:[0-5]\d$"),
    };
    /// A local instant.
    pub const MOMENT: Self = Self {
        what: "a local instant (yyyy-mm-dd hh:mm) that exists",
        check: |text| moment(text).map(drop).ok_or_else(String::new),
        pattern: Some(r"^\d{4}-\d{2}-\d{2} [0-2]\d:[0-5]\d$"),
    };
    /// A length of time.
    pub const DURATION: Self = Self {
        what: "a length of time (45s, 5m, 6h, 2d)",
        check: |text| duration_ms(text).map(drop).ok_or_else(String::new),
        pattern: Some(r"^[1-9]\d{0,5}[smhd]$"),
    };
}

fn check_parse<T>(text: &str) -> Result<(), String>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse::<T>().map(drop).map_err(|error| error.to_string())
}

fn check_line(text: &str) -> Result<(), String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 400 && !text.contains('\n');
    if fits { Ok(()) } else { Err(String::new()) }
}

fn check_text(text: &str) -> Result<(), String> {
    if !text.trim().is_empty() && text.chars().count() <= 4_000 { Ok(()) } else { Err(String::new()) }
}

/// Reads `yyyy-mm-dd`; a day that does not exist is none.
pub fn date(text: &str) -> Option<NaiveDate> {
    let shape = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| shape)
}

/// Reads `hh:mm` up to 29:59, in minutes since midnight.
pub fn clock(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| digits(part));
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 30 && minute < 60).then_some(hour * 60 + minute)
}

/// Reads `yyyy-mm-dd hh:mm`; hours from 24 on are of the next day.
pub fn moment(text: &str) -> Option<NaiveDateTime> {
    let (day, time) = text.split_once(' ')?;
    let minutes = clock(time)?;
    date(day)?.and_hms_opt(0, 0, 0)?.checked_add_signed(chrono::TimeDelta::minutes(minutes.into()))
}

/// Reads `45s`, `5m`, `6h`, `2d`, in milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let plain = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok().filter(|count| plain && *count > 0)?.checked_mul(unit_ms)
}

/// Reads a boolean as people write it.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Reads a whole number in plain decimal digits, so that `0012`, `1_000` and `12e4` are none.
pub fn whole(text: &str) -> Option<u32> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_none() {
        assert!(date("2028-02-29").is_some());
        for text in ["2026-02-30", "2026-13-01", "2026-2-3", "26-02-03", "2026-02-03 ", "+226-02-03", "令和8-02-03"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_has_up_to_thirty_hours() {
        assert_eq!(clock("25:00"), Some(1500));
        assert_eq!(moment("2026-11-29 25:30"), moment("2026-11-30 01:30"));
        for text in ["30:00", "1:00", "12:60", "+1:00", "12:5"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_lengths_are_plain() {
        assert_eq!(whole("120"), Some(120));
        for text in ["0012", "12e4", "1_000", "0x10", "-1", "", "4294967296", "+1"] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(duration_ms("5m"), Some(300_000));
        for text in ["5", "m", "0s", "5 m", "1.5h", "9999999d", "５m"] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }
}
