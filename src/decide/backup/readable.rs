//! A redacted configuration, taken apart into the sections in which people look at it.

use super::redact::is_volatile;
use crate::model::config::{ConfigLayout, Configuration, lines};
use crate::model::outside::Outside;
use crate::model::redacted::{RedactedLine, RedactedText};

/// What stands before the first section, as people name it.
const HEADER: &str = "header";

/// A redacted configuration with its parts.
#[derive(Debug, Clone)]
pub struct Readable {
    redacted: RedactedText,
    /// Title and first line of each section, the header first with an empty title.
    starts: Vec<(Outside, usize)>,
}

/// A section with those of its lines that are compared, each with its number counted from 0.
pub(super) struct Part<'a> {
    pub(super) title: &'a Outside,
    pub(super) lines: Vec<(usize, &'a str)>,
}

impl Readable {
    /// Takes a redacted text apart; `configuration` is what was read of it.
    pub fn new(redacted: RedactedText, configuration: &Configuration) -> Self {
        let sections = configuration.sections.iter().map(|section| (section.title.clone(), section.lines.start));
        let starts = std::iter::once((Outside::default(), 0)).chain(sections).collect();
        Self { redacted, starts }
    }

    /// The titles of the sections, in order.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.starts.iter().map(|(title, _)| title_of(title))
    }

    /// The lines of the whole text, or of the sections whose title a person means.
    pub fn lines(&self, section: Option<&str>) -> Vec<RedactedLine> {
        let Some(section) = section else { return self.redacted.lines().collect() };
        let all: Vec<RedactedLine> = self.redacted.lines().collect();
        let ends = self.starts.iter().skip(1).map(|(_, start)| *start).chain([all.len()]);
        let meant = self.titles().zip(&self.starts).zip(ends).filter(|((title, _), _)| means(section, title));
        let inside = |((_, (_, start)), end): ((&str, &(Outside, usize)), usize)| {
            let mut lines = all.get(*start..end).unwrap_or_default();
            // Between two sections stand an empty line and the block of the next title.
            while end < all.len()
                && let Some((last, rest)) = lines.split_last()
                && (last.text.as_data().starts_with("##") || last.text.as_data().trim().is_empty())
            {
                lines = rest;
            }
            lines.to_vec()
        };
        meant.flat_map(inside).collect()
    }

    /// The whole text.
    pub(super) const fn redacted(&self) -> &RedactedText {
        &self.redacted
    }

    /// The header and the sections. Between two sections only title blocks are left out, so no command goes unseen.
    pub(super) fn parts(&self, layout: &ConfigLayout) -> Vec<Part<'_>> {
        let lines: Vec<&str> = lines(self.redacted.text.as_data()).collect();
        let ends = self.starts.iter().skip(1).map(|(_, start)| *start).chain([lines.len()]);
        let part = |start: usize, end: usize| {
            let last = end == lines.len();
            let mut inside: Vec<(usize, &str)> = lines.iter().copied().enumerate().take(end).skip(start).collect();
            while !last && inside.last().is_some_and(|(_, line)| line.starts_with("##")) {
                inside.pop();
            }
            inside.retain(|(_, line)| !line.trim().is_empty() && !is_volatile(line, layout));
            inside
        };
        self.starts.iter().zip(ends).map(|((title, start), end)| Part { title, lines: part(*start, end) }).collect()
    }
}

/// A title as people name it.
pub(super) fn title_of(title: &Outside) -> &str {
    if title.is_empty() { HEADER } else { title.as_data() }
}

/// Whether a person who names a section means this title: a part of it, in either case.
pub fn means(section: &str, title: &str) -> bool {
    title.to_lowercase().contains(&section.to_lowercase())
}
