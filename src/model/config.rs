//! The text configuration of an appliance, taken apart as far as its layout is known.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

use super::outside::Outside;

/// The header of `show running-config` (layout: docs.trellix.com, `show running-config`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigHeader {
    /// The database file that is active (`initial`).
    pub file: Option<Outside>,
    /// `Generated at`, as printed.
    pub generated_at: Option<Outside>,
    /// `Software version`, as printed.
    pub software_version: Option<Outside>,
    /// `Last config change ID`.
    pub change_id: Option<u64>,
    /// `Hostname`.
    pub hostname: Option<Outside>,
}

/// A section: the lines below a `## Title` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSection {
    /// The title between the `##` lines.
    pub title: Outside,
    /// Lines of the text, counted from 0, that belong to the section (the title block not among them).
    pub lines: Range<usize>,
    /// How many of them are neither empty nor comments.
    pub commands: usize,
}

/// The lines of a text whose line ends are line feeds, as [`str::lines`] has them. Lines are short and texts long: one
/// search through the whole text is several times quicker than one for each line.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let unended = !text.is_empty() && !text.ends_with('\n');
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain(unended.then_some(text.len()));
    ends.scan(0, |from, end| {
        let line = text.get(*from..end);
        *from = end + 1;
        line
    })
}

/// A configuration text with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The text, line ends normalised to line feeds, without prompt and echo.
    pub text: String,
    /// How many lines it has.
    pub line_count: usize,
    /// The header.
    pub header: ConfigHeader,
    /// The sections, in order.
    pub sections: Vec<ConfigSection>,
}

/// What a definition knows about the configuration of a series.
#[derive(Debug, Clone, Default)]
pub struct ConfigLayout {
    /// Titles that a complete configuration has.
    pub sections_expected: Vec<String>,
    /// Lines that change by themselves: left out of a comparison. They are held against whole texts, so that `^` and
    /// `$` must match at each line (`(?m)`).
    pub volatile: Vec<Regex>,
    /// Commands that belong to one chassis or unit, by their first line: another unit has others.
    pub identity: Vec<Regex>,
    /// Lines with secrets; each capture group is one secret.
    pub secrets: SecretRules,
    /// Secrets that span lines, such as private keys.
    pub secret_blocks: Vec<SecretBlock>,
    /// Words that make a line suspect when no expression of `secrets` takes it.
    pub secret_words: SecretWords,
}

/// Expressions for lines with secrets. Few lines have one: a single search tells which expressions a line is worth.
#[derive(Debug, Clone, Default)]
pub struct SecretRules {
    each: Vec<Regex>,
    any: OnceLock<Option<RegexSet>>,
}

impl SecretRules {
    /// The expressions that match somewhere in a line.
    pub fn matching(&self, line: &str) -> impl Iterator<Item = &Regex> {
        let any = self.any.get_or_init(|| RegexSet::new(self.each.iter().map(Regex::as_str)).ok());
        let matched = any.as_ref().map(|any| any.matches(line));
        // Expressions that are too large together are tried one by one.
        let worth = move |place: &usize| matched.as_ref().is_none_or(|matched| matched.matched(*place));
        self.each.iter().enumerate().filter(move |(place, _)| worth(place)).map(|(_, rule)| rule)
    }

    /// Every expression.
    pub fn each(&self) -> &[Regex] {
        &self.each
    }
}

impl FromIterator<Regex> for SecretRules {
    fn from_iter<I: IntoIterator<Item = Regex>>(rules: I) -> Self {
        Self { each: rules.into_iter().collect(), any: OnceLock::new() }
    }
}

/// Words beside which a secret may stand in any layout.
const SECRET_WORDS: &[&str] = &["passw", "passphrase", "secret", "community", "token", "credential", "key", "psk"];

/// Words beside which a secret may stand, found in either case: those of every layout, and more.
#[derive(Debug, Clone)]
pub struct SecretWords {
    words: Vec<String>,
    search: OnceLock<Option<AhoCorasick>>,
}

impl SecretWords {
    /// Where the words stand in a line, also one inside another.
    pub fn places<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let make = || AhoCorasick::builder().ascii_case_insensitive(true).build(&self.words).ok();
        let search = self.search.get_or_init(make).as_ref();
        // An automaton that cannot be built finds a secret everywhere.
        let whole = search.is_none().then_some(0..0);
        let found = search.into_iter().flat_map(move |search| search.find_overlapping_iter(line));
        found.map(|found| found.range()).chain(whole)
    }
}

impl FromIterator<String> for SecretWords {
    fn from_iter<I: IntoIterator<Item = String>>(words: I) -> Self {
        let always = SECRET_WORDS.iter().map(|word| (*word).to_owned());
        let words = always.chain(words.into_iter().filter(|word| !word.is_empty()));
        Self { words: words.collect(), search: OnceLock::new() }
    }
}

impl Default for SecretWords {
    fn default() -> Self {
        std::iter::empty().collect()
    }
}

/// A secret of several lines: all of it is secret from the match of `begin` to the match of `end`, or to the end of
/// the text when `end` never comes. Both may stand on one line.
#[derive(Debug, Clone)]
pub struct SecretBlock {
    /// Where it begins.
    pub begin: Regex,
    /// Where it ends.
    pub end: Regex,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_those_of_the_standard_library(text in "(\n|[a-z保]{0,3}){0,20}") {
            prop_assert_eq!(lines(&text).collect::<Vec<_>>(), text.lines().collect::<Vec<_>>());
        }
    }
}
