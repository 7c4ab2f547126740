//! The verdict over one part: words, numbers, ages, dates.

use super::Context;
use super::clock::{ApplianceTime, date_of};
use super::family::{AgeRule, Check, DateRule, EqualsRule, Family, Judge, NumberRule};
use super::scan::{Part, Parts};
use crate::model::reading::{Condition, Measure, Unit};
use crate::model::time::show_duration;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How it is.
    pub(super) condition: Condition,
    /// What is said of it, if anything. A number that moves is never said.
    pub(super) phrase: Option<String>,
    /// The number.
    pub(super) measure: Option<Measure>,
}

impl Verdict {
    fn said(condition: Condition, phrase: impl Into<String>) -> Self {
        Self { condition, phrase: Some(phrase.into()), measure: None }
    }

    fn measured(condition: Condition, phrase: Option<String>, measure: Measure) -> Self {
        Self { condition, phrase, measure: Some(measure) }
    }
}

/// Where parts are looked up: in the item first, then in the answer as a whole.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, 'd, 't> {
    /// The item.
    pub(super) item: &'a Parts<'d, 't>,
    /// The answer.
    pub(super) answer: &'a Parts<'d, 't>,
}

impl<'t> Source<'_, '_, 't> {
    /// The part of a name.
    pub(super) fn get(&self, name: &str) -> Part<'t> {
        match self.item.get(name) {
            Part::Absent => self.answer.get(name),
            part => part,
        }
    }
}

/// Judges one part. `None` when the part is absent and may be.
pub(super) fn judge(
    family: &Family,
    check: &Check,
    part: &str,
    source: Source<'_, '_, '_>,
    context: &Context,
) -> Option<Verdict> {
    let value = match source.get(part) {
        Part::Absent if check.optional => return None,
        Part::Absent => return Some(Verdict::said(Condition::Malformed, "is not said")),
        Part::Twice(first, other) => {
            return Some(Verdict::said(Condition::Malformed, format!("{} and also {}", short(first), short(other))));
        }
        Part::One(value) => value,
    };
    Some(match &check.judge {
        Judge::Present => Verdict::said(Condition::Good, short(value)),
        Judge::Words(table) => word(family, table, value, value),
        Judge::Head(table) => word(family, table, head(value), value),
        Judge::Brackets(table) => match brackets(value) {
            Some(inner) => word(family, table, inner, value),
            None => Verdict::said(Condition::Unrecognised, short(value)),
        },
        Judge::Number(rule) => number(rule, value),
        Judge::Age(rule) => age(rule, value, context),
        Judge::Date(rule) => date(rule, value, context),
        Judge::Equals(rule) => equals(rule, value, source),
    })
}

fn word(family: &Family, table: &str, word: &str, whole: &str) -> Verdict {
    let meaning = family.words.get(table).and_then(|words| words.meaning(word));
    Verdict::said(meaning.unwrap_or(Condition::Unrecognised), short(whole))
}

/// What stands before ` (`.
pub(super) fn head(value: &str) -> &str {
    value.split_once(" (").map_or(value, |(head, _)| head).trim()
}

/// What stands in brackets at the end; a bracket that does not close counts as its content.
fn brackets(value: &str) -> Option<&str> {
    let (_, rest) = value.rsplit_once('(')?;
    Some(rest.strip_suffix(')').unwrap_or(rest).trim())
}

/// Words from outside are kept in a length that a person reads.
pub(super) fn short(value: &str) -> String {
    value.chars().take(200).collect()
}

fn number(rule: &NumberRule, value: &str) -> Verdict {
    let Some(printed) = milli(value) else {
        return Verdict::said(Condition::Malformed, format!("{} is no number", short(value)));
    };
    let milli = rule.left_of.map_or(printed, |whole| whole.saturating_mul(1000).saturating_sub(printed));
    let limited = if rule.magnitude { milli.saturating_abs() } else { milli };
    let above = |limit: Option<i64>| limit.filter(|limit| limited > limit.saturating_mul(1000));
    let (condition, phrase) = if let Some(limit) = above(rule.bad_above) {
        (Condition::Bad, Some(format!("above {limit} {}", rule.unit)))
    } else if let Some(limit) = above(rule.warn_above) {
        (Condition::Warning, Some(format!("above {limit} {}", rule.unit)))
    } else if let Some(limit) = rule.warn_below.filter(|limit| limited < limit.saturating_mul(1000)) {
        (Condition::Warning, Some(format!("below {limit} {}", rule.unit)))
    } else {
        (Condition::Good, None)
    };
    Verdict::measured(condition, phrase, Measure { milli, unit: rule.unit })
}

/// A printed number in thousandths: a sign, digits, a fraction, and a unit that is known.
pub(super) fn milli(text: &str) -> Option<i64> {
    const UNITS: [&str; 9] = ["", "%", "ms", "msec", "RPM", "C", "Celsius", "MB", "s"];
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    UNITS.iter().any(|known| known.eq_ignore_ascii_case(unit.trim())).then_some(())?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.len() <= 15 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return None;
    }
    let fraction = format!("{fraction:0<3}");
    let milli = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(fraction.get(..3)?.parse().ok()?)?;
    Some(if negative { -milli } else { milli })
}

/// The age of a printed time against the appliance's own clock; clocks that differ by less than this are one clock.
const FUTURE_MS_MAX: i64 = 2 * 60 * 1000;

fn age(rule: &AgeRule, value: &str, context: &Context) -> Verdict {
    let Some(printed) = ApplianceTime::parse(value) else {
        return Verdict::said(Condition::Unrecognised, format!("{} is no time", short(value)));
    };
    let Some(clock) = context.clock else {
        let phrase = (!rule.without_clock.is_good()).then(|| "no clock of the appliance to tell the age".to_owned());
        return Verdict { condition: rule.without_clock, phrase, measure: None };
    };
    let age = clock.ms_since(printed);
    if age < -FUTURE_MS_MAX {
        return Verdict::said(Condition::Malformed, "later than the appliance's clock");
    }
    let over = |limit: Option<super::family::Length>| limit.filter(|limit| age > limit.0);
    let older = |limit: super::family::Length| Some(format!("older than {}", show_duration(limit.0)));
    let (condition, phrase) = if let Some(limit) = over(rule.bad_after) {
        (Condition::Bad, older(limit))
    } else if let Some(limit) = over(rule.stale_after) {
        (Condition::Stale, older(limit))
    } else if let Some(limit) = over(rule.warn_after) {
        (Condition::Warning, older(limit))
    } else {
        (Condition::Good, None)
    };
    Verdict::measured(condition, phrase, Measure::whole(age.max(0) / 1000, Unit::Seconds))
}

fn date(rule: &DateRule, value: &str, context: &Context) -> Verdict {
    let Some(day) = date_of(head(value)) else {
        return Verdict::said(Condition::Unrecognised, short(value));
    };
    // A day is coarse enough to be compared with our own clock when the appliance shows none.
    let left = context.clock.unwrap_or_else(|| ApplianceTime::of_utc(context.now)).days_until(day);
    let (condition, phrase) = match left {
        ..0 => (Condition::Bad, format!("{}, past", short(value))),
        left if left <= rule.warn_days => {
            (Condition::Warning, format!("{}, in {} days or less", short(value), rule.warn_days))
        }
        _ => (Condition::Good, short(value)),
    };
    Verdict::measured(condition, Some(phrase), Measure::whole(left, Unit::Days))
}

fn equals(rule: &EqualsRule, value: &str, source: Source<'_, '_, '_>) -> Verdict {
    match source.get(&rule.part) {
        Part::One(other) if other == value => Verdict::said(Condition::Good, short(value)),
        Part::One(other) => {
            Verdict::said(rule.otherwise, format!("{}, {} {}", short(value), label(&rule.part), short(other)))
        }
        Part::Absent => Verdict::said(Condition::Malformed, format!("{} is not said", label(&rule.part))),
        Part::Twice(..) => Verdict::said(Condition::Malformed, format!("{} is said twice", label(&rule.part))),
    }
}

/// The name of a part as people read it.
pub(super) fn label(part: &str) -> String {
    part.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_need_a_known_unit() {
        assert_eq!(milli("31"), Some(31_000));
        assert_eq!(milli("-49.888 ms"), Some(-49_888));
        assert_eq!(milli("97%"), Some(97_000));
        assert_eq!(milli("6700 RPM"), Some(6_700_000));
        for text in ["", "-", "31 F", "3x", "1.2.3", "9999999999999999999", "--1", "1."] {
            assert_eq!(milli(text), None, "{text}");
        }
    }

    #[test]
    fn brackets_that_do_not_close_are_judged_by_their_content() {
        assert_eq!(brackets("EVAL (ok)"), Some("ok"));
        assert_eq!(brackets("EVAL (o"), Some("o"));
        assert_eq!(brackets("EVAL"), None);
        assert_eq!(head("no (connection attempt in progress...)"), "no");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[-+.0-9 %a-z()]{0,24}") {
            let _ = (milli(&text), brackets(&text), head(&text));
        }
    }
}
