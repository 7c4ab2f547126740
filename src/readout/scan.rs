//! An answer, line by line, into its items.

use super::cli_error::error_of_line;
use super::family::{Family, Item, OtherLines};
use super::pattern::Pairs;
use crate::model::limits::{LINE_BYTES_MAX, READINGS_MAX};

/// Values that one item may have; what has more does not follow its layout.
const VALUES_MAX: usize = 256;

/// What a part of an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// It was not printed, or printed empty.
    Absent,
    /// One value, however often it was printed.
    One(&'t str),
    /// Two different values: the item contradicts itself.
    Twice(&'t str, &'t str),
}

/// The parts of an item.
#[derive(Debug, Default)]
pub(super) struct Parts<'d, 't>(Pairs<'d, 't>);

impl<'d, 't> Parts<'d, 't> {
    /// Parts with these values.
    pub(super) const fn of(pairs: Pairs<'d, 't>) -> Self {
        Self(pairs)
    }
    /// The part of a name.
    pub(super) fn get(&self, name: &str) -> Part<'t> {
        let mut values =
            self.0.iter().filter(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| *value);
        let Some(first) = values.next() else { return Part::Absent };
        match values.find(|value| *value != first) {
            Some(other) => Part::Twice(first, other),
            None => Part::One(first),
        }
    }

    /// The value of a part that has exactly one.
    pub(super) fn one(&self, name: &str) -> Option<&'t str> {
        match self.get(name) {
            Part::One(value) => Some(value),
            Part::Absent | Part::Twice(..) => None,
        }
    }

    /// Every different value of a part.
    pub(super) fn all(&self, name: &str) -> Vec<&'t str> {
        let mut all = Vec::new();
        for (known, value) in &self.0 {
            if *known == name && !value.is_empty() && !all.contains(value) {
                all.push(*value);
            }
        }
        all
    }
}

/// An item as it was found.
#[derive(Debug)]
pub(super) struct Found<'d, 't> {
    /// Its definition.
    pub(super) item: &'d Item,
    /// The line that starts it, from 0.
    pub(super) line: usize,
    /// Its parts.
    pub(super) parts: Parts<'d, 't>,
    /// Whether nothing followed that ended it: a cut may have taken some of it.
    pub(super) open: bool,
}

/// All that an answer has.
#[derive(Debug, Default)]
pub(super) struct Scan<'d, 't> {
    /// What stands once.
    pub(super) answer: Parts<'d, 't>,
    /// What there are several of.
    pub(super) items: Vec<Found<'d, 't>>,
    /// The first line that nothing takes, and how many there are.
    pub(super) unknown: Option<(&'t str, usize)>,
    /// Lines, counted from 0, that no pattern takes, those among them of which a definition says that they say nothing.
    pub(super) untaken: Vec<u32>,
    /// Whether a limit was broken; the rest was not read.
    pub(super) over_limit: bool,
    /// Whether an error of the command line stands in the answer.
    pub(super) error_inside: bool,
    /// Whether there is any line.
    pub(super) any: bool,
}

impl<'d, 't> Scan<'d, 't> {
    fn unknown(&mut self, line: &'t str) {
        match &mut self.unknown {
            Some((_, count)) => *count += 1,
            None => self.unknown = Some((line, 1)),
        }
    }

    fn is_full(&self) -> bool {
        let values = self.items.last().map_or(0, |last| last.parts.0.len());
        self.items.len() >= READINGS_MAX || values > VALUES_MAX || self.answer.0.len() > VALUES_MAX
    }

    /// Whether a line starts an item; if so, it ends the one before.
    fn starts(&mut self, family: &'d Family, line: &'t str, number: usize) -> bool {
        let mut pairs = Pairs::new();
        for item in &family.items {
            if item.start.iter().any(|pattern| pattern.take(line, &mut pairs)) {
                if let Some(last) = self.items.last_mut() {
                    last.open = false;
                }
                self.items.push(Found { item, line: number, parts: Parts(pairs), open: true });
                return true;
            }
        }
        false
    }

    /// Whether a line belongs to the item that is open.
    fn continues(&mut self, line: &'t str) -> bool {
        let Some(last) = self.items.last_mut() else { return false };
        let item = last.item;
        item.lines.iter().any(|pattern| pattern.take(line, &mut last.parts.0))
    }
}

/// Reads an answer into items.
pub(super) fn scan<'d, 't>(family: &'d Family, text: &'t str) -> Scan<'d, 't> {
    let mut scan = Scan::default();
    for (number, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() {
            continue;
        }
        scan.any = true;
        scan.error_inside |= error_of_line(raw).is_some();
        if raw.len() > LINE_BYTES_MAX || scan.is_full() {
            scan.over_limit = true;
            break;
        }
        if scan.starts(family, line, number)
            || scan.continues(line)
            || family.answer.lines.iter().any(|pattern| pattern.take(line, &mut scan.answer.0))
            || family.skip.iter().any(|beginning| line.starts_with(beginning.as_str()))
        {
            continue;
        }
        if scan.untaken.len() < READINGS_MAX {
            scan.untaken.extend(u32::try_from(number));
        }
        let free = scan.items.last().is_some_and(|last| last.item.free_text);
        if !free && family.other_lines == OtherLines::Report {
            scan.unknown(line);
        }
    }
    scan
}
