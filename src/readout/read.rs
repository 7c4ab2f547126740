//! From an answer to readings.

use std::fmt::Write;

use super::cli_error::{CliError, error_of_line};
use super::clock::{ApplianceTime, Zone};
use super::definition::Layout;
use super::family::{ClockRule, Family, Rule};
use super::judge::{Source, Verdict, head, judge, label, milli, short};
use super::scan::{Part, Parts, Scan, scan};
use super::{Context, Readout};
use crate::model::identity::Seen;
use crate::model::limits::{ANSWER_BYTES_MAX, READINGS_MAX};
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition, Counts, Measure, Reading, Unit};

/// Reads an answer.
pub(super) fn read(layout: &Layout, text: &str, complete: bool, context: &Context) -> Readout {
    if let Some(error) = text.lines().find(|line| !line.trim().is_empty()).and_then(error_of_line) {
        return refused(layout, &error);
    }
    let (text, fits) = bounded(text, complete);
    let family = &*layout.family;
    let found = scan(family, text);
    let whole = complete && fits && !found.over_limit && !found.error_inside;
    let mut readings = Readings::default();
    let nothing = Parts::default();
    for item in &found.items {
        let source = Source { item: &item.parts, answer: &found.answer };
        for rule in &item.item.readings {
            readings.add(closed(reading(family, rule, source, context), whole || !item.open));
        }
    }
    for rule in &family.answer.readings {
        if rule.checks.iter().flat_map(|check| &check.of).any(|part| found.answer.get(part) != Part::Absent) {
            let source = Source { item: &nothing, answer: &found.answer };
            readings.add(closed(reading(family, rule, source, context), whole));
        }
    }
    let untaken = found.untaken.clone();
    let mut readout = Readout { names: names(family, &found), untaken, ..Readout::default() };
    if whole {
        readout.hostname = found.answer.one("hostname").map(Outside::from);
        readout.counts = counts(family, &found);
        readout.managed = managed(&found);
        readout.identity = family.identity.then(|| identity(&found.answer));
    }
    if let Some(rule) = family.clock {
        readings.add(closed(clock(rule, &found.answer, &mut readout.clock, context), whole));
        readout.clock = readout.clock.filter(|_| whole);
    }
    readings.expect(layout);
    let full = readings.0.len() >= READINGS_MAX;
    readings.0.push(answer(layout, &found, complete, full || !fits));
    readout.readings = readings.0;
    readout
}

/// The text as far as it may be read, and whether the limit allows all of it. The last line of a cut answer is left
/// out when it does not end: half a word can be another word.
fn bounded(text: &str, complete: bool) -> (&str, bool) {
    let end = text.floor_char_boundary(ANSWER_BYTES_MAX);
    let fits = end == text.len();
    let text = text.get(..end).unwrap_or_default();
    let whole_lines = text.rfind('\n').map_or(0, |last| last + 1);
    let end = if complete && fits { text.len() } else { whole_lines };
    (text.get(..end).unwrap_or_default(), fits)
}

/// Readings in order, each component once.
#[derive(Default)]
struct Readings(Vec<Reading>);

impl Readings {
    /// Adds a reading. Two different ones of one component contradict each other: neither can be good any more.
    fn add(&mut self, new: Reading) {
        let room = self.0.len() < READINGS_MAX;
        match self.0.iter_mut().find(|known| known.component == new.component) {
            Some(known) if known.condition == new.condition && known.said == new.said => {}
            Some(known) => {
                let said = format!("{} and also {}", known.said.as_data(), new.said.as_data());
                known.condition = known.condition.max(new.condition).max(Condition::Malformed);
                known.said = Outside::from(short(&said));
            }
            None if room => self.0.push(new),
            None => {}
        }
    }

    /// Adds what the answer should have and has not.
    fn expect(&mut self, layout: &Layout) {
        for expected in &layout.expects {
            let is = |component: &Component| {
                component.kind == expected.kind
                    && (expected.any || component.name.as_data() == expected.name)
                    && expected.besides.as_ref().is_none_or(|other| component.name.as_data() != other)
            };
            if !self.0.iter().any(|reading| is(&reading.component)) {
                let component = Component::new(expected.kind, expected.name.as_str());
                self.0.push(Reading::new(component, Condition::Missing, "not in the answer"));
            }
        }
    }
}

/// A reading whose stretch of the answer may be cut is never good.
fn closed(mut reading: Reading, closed: bool) -> Reading {
    if !closed && reading.condition.is_good() {
        reading.condition = Condition::Malformed;
        reading.said = Outside::from(format!("{}; the answer is cut", reading.said.as_data()));
    }
    reading
}

/// The reading that a rule makes of parts.
pub(super) fn reading(family: &Family, rule: &Rule, source: Source<'_, '_, '_>, context: &Context) -> Reading {
    let name = match (&rule.name, &rule.named) {
        (Some(part), _) => match source.get(part) {
            Part::One(name) | Part::Twice(name, _) => short(name),
            Part::Absent => String::new(),
        },
        (None, named) => named.clone().unwrap_or_default(),
    };
    let unnamed = rule.name.is_some() && name.is_empty();
    let mut condition = if unnamed { Condition::Malformed } else { Condition::Good };
    let mut phrases = Vec::new();
    let mut measure = None;
    'checks: for check in &rule.checks {
        for part in &check.of {
            let Some(verdict) = judge(family, check, part, source, context) else { continue };
            let Verdict { condition: found, phrase, measure: number } = verdict;
            condition = condition.max(found);
            measure = measure.or(number);
            let spoken = phrases.iter().any(|(known, _)| known == part) || (check.silent && found == Condition::Good);
            if let Some(phrase) = phrase.filter(|_| !spoken) {
                phrases.push((part.as_str(), phrase));
            }
            if check.gate && found != Condition::Good {
                break 'checks;
            }
        }
    }
    for part in &rule.add {
        if let Part::One(value) = source.get(part) {
            phrases.push((part, short(value)));
        }
    }
    let mut said = sentence(&phrases);
    if !condition.is_good() {
        append_detail(&mut said, rule, source);
    }
    if said.is_empty() {
        said.push_str("within its limits");
    }
    Reading { component: Component::new(rule.kind, name), condition, said: Outside::from(said), measure }
}

/// One phrase stands alone; several are told apart by the names of their parts.
fn sentence(phrases: &[(&str, String)]) -> String {
    match phrases {
        [(part, phrase)] if matches!(*part, "value" | "state") || phrase.len() > 24 => phrase.clone(),
        phrases => phrases.iter().map(|(part, said)| format!("{} {said}", label(part))).collect::<Vec<_>>().join(", "),
    }
}

fn append_detail(said: &mut String, rule: &Rule, source: Source<'_, '_, '_>) {
    for part in &rule.detail {
        let mut values = source.item.all(part);
        if values.is_empty() {
            values = source.answer.all(part);
        }
        for value in values.into_iter().take(8) {
            said.push_str(if said.is_empty() { "" } else { "; " });
            said.push_str(&short(value));
        }
    }
}

/// The words of the parts that name what is asked for one by one.
fn names(family: &Family, found: &Scan<'_, '_>) -> Vec<Outside> {
    let of_answer = family.answer.names.iter().flat_map(|part| found.answer.all(part));
    let of_items = found.items.iter().flat_map(|item| item.item.names.iter().flat_map(|part| item.parts.all(part)));
    of_answer.chain(of_items).flat_map(str::split_whitespace).map(Outside::from).collect()
}

/// What the answer counts, and what of it belongs together. What is no number is left out: whoever misses it says so.
fn counts(family: &Family, found: &Scan<'_, '_>) -> Counts {
    let nothing = Parts::default();
    let items = found.items.iter().map(|item| (item.item, &item.parts));
    let mut counts = Counts::default();
    for (item, parts) in items.chain([(&family.answer, &nothing)]) {
        let source = Source { item: parts, answer: &found.answer };
        let word = |part: &str| match source.get(part) {
            Part::One(word) => Some(word),
            Part::Absent | Part::Twice(..) => None,
        };
        for rule in &item.counts {
            let name = rule.name.as_ref().map_or(Some(rule.named.as_str()), |part| word(part));
            let number = word(&rule.of).and_then(milli);
            if let Some((name, milli)) = name.zip(number).filter(|(_, milli)| *milli >= 0) {
                let component = Component::new(rule.kind, short(name));
                counts.numbers.push((component, Measure { milli, unit: Unit::Count }));
            }
        }
        for rule in &item.groups {
            if let (Some(name), Some(members)) = (word(&rule.name), word(&rule.members)) {
                let members = members.split_whitespace().map(Outside::from).collect();
                counts.groups.push((Component::new(rule.kind, short(name)), members));
            }
        }
        for rule in &item.words {
            let Some(name) = word(&rule.name) else { continue };
            let said = rule.of.iter().filter_map(|part| Some((part.clone(), Outside::from(short(head(word(part)?))))));
            counts.words.extend(said.map(|(part, said)| (Component::new(rule.kind, short(name)), part, said)));
        }
    }
    counts.numbers.truncate(READINGS_MAX);
    counts
}

/// The appliances that it lists. A heading with a name belongs to what follows it.
fn managed(found: &Scan<'_, '_>) -> Vec<ManagedUnit> {
    let mut units: Vec<ManagedUnit> = Vec::new();
    for item in &found.items {
        let Some(rule) = &item.item.manages else { continue };
        let unit = rule.read(format!("line {}", item.line + 1), &item.parts);
        match units.last_mut().filter(|last| unit.name.is_none() && last.address.is_none()) {
            Some(heading) => heading.complete(unit),
            None => units.push(unit),
        }
    }
    units
}

fn identity(answer: &Parts<'_, '_>) -> Seen {
    let part = |name| answer.one(name).map(Outside::from);
    Seen {
        product: part("product"),
        model: part("model"),
        serial: part("serial"),
        appliance_id: part("appliance_id"),
        release: part("release"),
    }
}

/// The appliance's clock against ours, when its zone is understood.
fn clock(rule: ClockRule, answer: &Parts<'_, '_>, clock: &mut Option<ApplianceTime>, context: &Context) -> Reading {
    let component = Component::only(ComponentKind::Clock);
    let printed = answer.one("date").zip(answer.one("time"));
    let Some(time) = printed.and_then(|(date, time)| ApplianceTime::from_parts(date, time)) else {
        let condition = if printed.is_some() { Condition::Malformed } else { Condition::Missing };
        return Reading::new(component, condition, "no time is said");
    };
    *clock = Some(time);
    let offset = answer.one("offset").and_then(Zone::of_offset);
    let name = answer.one("zone").unwrap_or_default();
    let zone = offset.or_else(|| Zone::of_name(name));
    let said = if name.is_empty() { "no zone".to_owned() } else { format!("zone {}", short(name)) };
    let seconds = |ms: i64| Measure::whole(ms / 1000, Unit::Seconds);
    let Some(ahead) = zone.and_then(|zone| time.ahead_ms(zone, context.now)) else {
        let said = format!("{said}: only the part below 15 minutes is known");
        return Reading::new(component, Condition::Unrecognised, said)
            .with(seconds(time.ahead_at_least_ms(context.now)));
    };
    let side = if ahead > 0 { "ahead" } else { "behind" };
    let limit = |limit: i64| format!("{said}, {side} by more than {}", crate::model::time::show_duration(limit));
    let (condition, said) = match ahead.saturating_abs() {
        off if off > rule.bad_after.0 => (Condition::Bad, limit(rule.bad_after.0)),
        off if off > rule.warn_after.0 => (Condition::Warning, limit(rule.warn_after.0)),
        _ => (Condition::Good, said),
    };
    Reading::new(component, condition, said).with(seconds(ahead))
}

/// The reading of the answer itself: it ends a finding when the answer can be read again.
fn answer(layout: &Layout, found: &Scan<'_, '_>, complete: bool, over_limit: bool) -> Reading {
    let (condition, said) = if over_limit || found.over_limit {
        (Condition::Malformed, "a limit is broken; the rest was not read".to_owned())
    } else if !complete {
        (Condition::Malformed, "the answer is cut".to_owned())
    } else if found.error_inside {
        (Condition::Malformed, "an error line stands in the answer".to_owned())
    } else if !found.any {
        (Condition::Missing, "the answer is empty".to_owned())
    } else if let Some((line, count)) = found.unknown {
        let mut said = format!("unknown line: {}", without_numbers(line));
        if count > 1 {
            // Writing to a string cannot fail.
            write!(said, " (and {} more)", count - 1).unwrap_or_default();
        }
        (Condition::Unrecognised, said)
    } else {
        (Condition::Good, "read".to_owned())
    };
    Reading::new(Component::new(ComponentKind::Answer, layout.command.as_str()), condition, said)
}

/// Digits of an unknown line become `#`, so that a counter does not begin a new span at each poll.
fn without_numbers(line: &str) -> String {
    line.chars().take(120).map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

/// The command line refused the command: what was asked for is missing, which is neither good nor bad.
fn refused(layout: &Layout, error: &CliError) -> Readout {
    let mut readings = Readings::default();
    if !(layout.optional && matches!(error, CliError::Unrecognized { .. })) {
        readings.expect(layout);
    }
    let component = Component::new(ComponentKind::Answer, layout.command.as_str());
    readings.0.push(Reading::new(component, Condition::Missing, error.reason()));
    Readout { readings: readings.0, ..Readout::default() }
}
