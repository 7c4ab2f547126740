//! The text configuration of an appliance, taken apart as far as its layout is known.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::{RegexSet, SetMatches};
use serde::{Deserialize, Serialize};

use super::expression::Expression;
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
    pub volatile: Vec<Expression>,
    /// Commands that belong to one chassis or unit, by their first line: another unit has others.
    pub identity: Vec<Expression>,
    /// Which lines have secrets, and where.
    pub secrets: Secrets,
}

/// Words beside which a secret may stand in any layout.
const SECRET_WORDS: &[&str] = &["passw", "passphrase", "secret", "community", "token", "credential", "key", "psk"];

/// What is known of the secrets in a configuration.
#[derive(Debug, Clone)]
pub struct Secrets {
    rules: Vec<Expression>,
    blocks: Vec<SecretBlock>,
    words: Vec<String>,
    /// All of it in one search, since few lines have anything: rules, blocks, words, URLs, PEM.
    any: OnceLock<Option<RegexSet>>,
    places: OnceLock<Option<AhoCorasick>>,
}

impl Secrets {
    /// Expressions for lines with secrets, each capture group of which is one secret; secrets of several lines; and words,
    /// beside those of every layout, that make a line suspect when no expression takes it.
    pub fn new(rules: Vec<Expression>, blocks: Vec<SecretBlock>, words: impl IntoIterator<Item = String>) -> Self {
        let always = SECRET_WORDS.iter().map(|word| (*word).to_owned());
        let words = always.chain(words.into_iter().filter(|word| !word.is_empty())).collect();
        Self { rules, blocks, words, any: OnceLock::new(), places: OnceLock::new() }
    }

    /// The expressions for single lines.
    pub fn rules(&self) -> &[Expression] {
        &self.rules
    }

    /// The secrets of several lines.
    pub fn blocks(&self) -> &[SecretBlock] {
        &self.blocks
    }

    /// What is worth looking for in a line.
    pub fn look(&self, line: &str) -> Look<'_> {
        let any = self.any.get_or_init(|| self.search().ok()).as_ref();
        let found = match any {
            None => Found::Unknown,
            Some(any) if any.is_match(line) => Found::These(any.matches(line)),
            Some(_) => Found::Nothing,
        };
        Look { secrets: self, found }
    }

    fn search(&self) -> Result<RegexSet, regex::Error> {
        let rules = self.rules.iter().chain(self.blocks.iter().map(|block| &block.begin));
        let words: Vec<String> = self.words.iter().map(|word| regex::escape(word)).collect();
        let more = [format!("(?i:{})", words.join("|")), "://".to_owned(), "-----BEGIN ".to_owned()];
        RegexSet::new(rules.map(Expression::as_str).chain(more.iter().map(String::as_str)))
    }

    /// Where the words stand in a line, in either case, also one inside another.
    pub fn words_in<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let make = || AhoCorasick::builder().ascii_case_insensitive(true).build(&self.words).ok();
        let search = self.places.get_or_init(make).as_ref();
        // Without a search the line is secret from its beginning.
        let whole = search.is_none().then_some(0..0);
        let found = search.into_iter().flat_map(move |search| search.find_overlapping_iter(line));
        found.map(|found| found.range()).chain(whole)
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), [])
    }
}

/// What may stand in a line; what is said not to be there is not.
#[derive(Debug)]
pub struct Look<'a> {
    secrets: &'a Secrets,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// There is no search; everything is worth looking for.
    Unknown,
    Nothing,
    These(SetMatches),
}

impl<'a> Look<'a> {
    fn may(&self, place: usize) -> bool {
        match &self.found {
            Found::Unknown => true,
            Found::Nothing => false,
            Found::These(found) => found.matched(place),
        }
    }

    /// The expressions that match.
    pub fn rules(&self) -> impl Iterator<Item = &'a Expression> {
        self.secrets.rules.iter().enumerate().filter(|(place, _)| self.may(*place)).map(|(_, rule)| rule)
    }

    /// Whether a secret of several lines begins.
    pub fn block(&self) -> bool {
        let from = self.secrets.rules.len();
        (from..from + self.secrets.blocks.len()).any(|place| self.may(place))
    }

    fn last(&self, place: usize) -> bool {
        self.may(self.secrets.rules.len() + self.secrets.blocks.len() + place)
    }

    /// Whether a word stands in it beside which a secret may stand.
    pub fn word(&self) -> bool {
        self.last(0)
    }

    /// Whether a URL stands in it.
    pub fn url(&self) -> bool {
        self.last(1)
    }

    /// Whether a PEM block begins.
    pub fn pem(&self) -> bool {
        self.last(2)
    }
}

/// A secret of several lines: all of it is secret from the match of `begin` to the match of `end`, or to the end of
/// the text when `end` never comes. Both may stand on one line.
#[derive(Debug, Clone)]
pub struct SecretBlock {
    /// Where it begins.
    pub begin: Expression,
    /// Where it ends.
    pub end: Expression,
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
