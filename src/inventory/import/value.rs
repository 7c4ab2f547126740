//! Values as people write them into ledgers: width, eras, addresses with a prefix. Pure; every change is told by the
//! caller, since what was written differs from what is read.

use std::net::IpAddr;

use chrono::{Days, NaiveDate};
use unicode_normalization::UnicodeNormalization as _;

use crate::model::series::Series;
use crate::sheet::CellKind;

/// The text with letters, digits and signs of usual width (NFKC), without blanks around it.
pub(super) fn narrow(text: &str) -> String {
    text.nfkc().collect::<String>().trim().to_owned()
}

/// Eras by name and letter, with the year before their first: a year of the Showa era and later ones.
const ERAS: [(&str, &str, i32); 3] = [("令和", "R", 2018), ("平成", "H", 1988), ("昭和", "S", 1925)];

/// A day, however it is written: `2026-03-31`, `2026/3/31`, `2026.3.31`, `2026年3月31日`, `令和8年3月31日`, `R8.3.31`,
/// `20260331`, a day of the workbook, or the number by which a workbook counts days. `None`: it is no day that exists, or
/// one of which it is not sure which part is what (`26/3/31`, `3/31/2026`).
pub(super) fn day(text: &str, kind: CellKind) -> Option<NaiveDate> {
    let text = narrow(text);
    if kind == CellKind::Number {
        // Days of the 1900 system in which ledgers stand: 1954 to 2119.
        let number: u64 = text.parse().ok().filter(|number| (20_000..80_000).contains(number))?;
        return NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(number));
    }
    let text = text.strip_suffix(" 00:00").unwrap_or(&text).replace(' ', "");
    // `2026-03-31(火)`.
    let text = text.split_once('(').map_or(text.as_str(), |(before, _)| before);
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    }
    let (before, rest) = era(text);
    let rest = rest.strip_suffix('日').unwrap_or(rest);
    let mut parts = rest.split(['年', '月', '/', '-', '.']);
    let mut next = |longest: usize| {
        let part = parts.next().filter(|part| (1..=longest).contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten()
    };
    let year = match before {
        Some(before) => before + i32::try_from(next(2)?).ok()?,
        None => i32::try_from(next(4)?).ok().filter(|year| (1950..2200).contains(year))?,
    };
    let (month, day) = (next(2)?, next(2)?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The year before the first of an era, and the rest; `元年` is the first.
fn era(text: &str) -> (Option<i32>, &str) {
    for (name, letter, before) in ERAS {
        if let Some(rest) = text.strip_prefix(name).or_else(|| text.strip_prefix(letter)) {
            return (Some(before), rest);
        }
    }
    (None, text)
}

/// A day in which the first year of an era is written as a word.
pub(super) fn first_year(text: &str) -> String {
    text.replace("元年", "1年")
}

/// The model as the unit says it (`NX4500`): without the maker before it, in capitals, without blanks, and without the
/// hyphen between series and number.
pub(super) fn model(text: &str) -> String {
    let text = narrow(text).to_uppercase();
    let text = ["FIREEYE", "TRELLIX"].iter().find_map(|maker| text.strip_prefix(maker)).unwrap_or(&text);
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let text = text.trim_start_matches(['-', '_']);
    match text.split_once('-') {
        Some((head, rest)) if series_of(head).is_some() && head.len() == 2 && !rest.is_empty() => {
            format!("{head}{rest}")
        }
        _ => text.to_owned(),
    }
}

/// The series with which a model begins.
pub(super) fn series_of(model: &str) -> Option<Series> {
    let model = model.to_ascii_lowercase();
    Series::ALL.iter().copied().find(|series| model.starts_with(series.as_str()))
}

/// An address: with leading zeros in its parts (`192.168.001.010`) when every part has three digits, and without the
/// length of a prefix behind it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = narrow(text);
    let text = match text.split_once('/') {
        Some((address, prefix)) if !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit()) => address,
        _ => &text,
    };
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let parts: Vec<&str> = text.split('.').collect();
    let padded =
        parts.len() == 4 && parts.iter().all(|part| part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()));
    let stripped = parts.iter().map(|part| part.trim_start_matches('0'));
    let stripped: Vec<&str> = stripped.map(|part| if part.is_empty() { "0" } else { part }).collect();
    padded.then(|| stripped.join(".").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_however_they_are_written() {
        for text in [
            "2026-03-31",
            "2026/3/31",
            "2026.3.31",
            "2026年3月31日",
            "令和8年3月31日",
            "Ｒ８．３．３１",
            "R8/3/31",
            "20260331",
            "２０２６／０３／３１",
            "2026/03/31(火)",
            "2026-03-31 00:00",
            " 2026/3/31 ",
        ] {
            assert_eq!(day(text, CellKind::Text).map(|day| day.to_string()).as_deref(), Some("2026-03-31"), "{text}");
        }
        assert_eq!(day("46112", CellKind::Number).unwrap().to_string(), "2026-03-31");
        assert_eq!(day(&first_year("令和元年5月1日"), CellKind::Text).unwrap().to_string(), "2019-05-01");
        assert_eq!(day("平成31年4月30日", CellKind::Text).unwrap().to_string(), "2019-04-30");
        for text in [
            "2026/13/01",
            "2026-02-30",
            "26/3/31",
            "3/31/2026",
            "2026/3",
            "2026年3月末",
            "自動更新",
            "",
            "-",
            "46112",
            "2026/3/31/1",
            "R8",
            "+226-01-01",
            "2026/+3/01",
        ] {
            assert_eq!(day(text, CellKind::Text), None, "{text}");
        }
        assert_eq!(day("1e5", CellKind::Number), None);
        assert_eq!(day("8", CellKind::Number), None);
    }

    #[test]
    fn models_and_addresses_are_read_as_the_unit_says_them() {
        for (text, meant) in [
            ("ＮＸ４５００", "NX4500"),
            ("NX-4500", "NX4500"),
            ("FireEye NX 4500", "NX4500"),
            ("nx2500v", "NX2500V"),
            ("Trellix EX-8500", "EX8500"),
            ("VX-12500", "VX-12500"),
        ] {
            assert_eq!(model(text), meant);
        }
        for (text, meant) in [
            ("192.168.1.10", "192.168.1.10"),
            ("１９２．１６８．１．１０", "192.168.1.10"),
            ("192.168.1.10/24", "192.168.1.10"),
            ("192.168.001.010", "192.168.1.10"),
            ("010.000.000.001", "10.0.0.1"),
            ("2001:db8::1/64", "2001:db8::1"),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Some(meant), "{text}");
        }
        for text in
            ["192.168.1", "192.168.01.1", "DHCP", "10.0.0.1\n10.0.0.2", "10.0.0.256", "10.0.0.1-5", "10.0.0.1/a"]
        {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
