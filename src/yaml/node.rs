//! The first pass: text into nodes with their places.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Options, Spanned};

use super::problem::Problem;
use super::source::Source;
use crate::model::limits::{YAML_ALIASES_MAX, YAML_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX};
use crate::model::outside::{is_hostile, is_printable_ascii};

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The first byte.
    pub start: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where.
    pub place: Place,
    /// What.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing: a key without a value, `null`, `~`.
    Null,
    /// A scalar as it was written; a quoted one without its quotes.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; a key may come twice.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as it was written.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is, for a message.
    pub const fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The entries, when it is a map.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items, when it is a list.
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The text, when it is a scalar.
    pub fn scalar(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }
}

/// A node as the parser hands it over: a scalar that it took for a number, a boolean or null has lost its text.
enum Raw {
    Null,
    Typed,
    Text(String),
    List(Vec<Placed>),
    Map(Vec<(Placed, Placed)>),
}

/// A raw node and where it stands, in a third of the bytes that the parser's own pair takes.
struct Placed {
    place: Place,
    raw: Raw,
}

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Raw>::deserialize(deserializer)?;
        Ok(Self { place: place(spanned.defined), raw: spanned.value })
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, a list or a single value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: YAML_NODES_MAX,
            max_events: 2 * YAML_NODES_MAX + 2,
            max_depth: YAML_DEPTH_MAX,
            max_aliases: YAML_ALIASES_MAX,
            max_documents: 1,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: YAML_NODES_MAX },
        // The readers report each key that comes twice, with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        strict_indentation: true,
        emit_comments: false,
        with_snippet: false,
    }
}

/// Reads a text as one YAML document within the limits of `model/limits.rs`; the document is `None` when the text
/// could not be taken apart at all, and `problems` says why.
pub fn parse(source: &Source, problems: &mut Vec<Problem>) -> Option<Node> {
    let text = source.text();
    if text.len() as u64 > YAML_BYTES_MAX {
        problems.push(Problem::of_file(source.name(), format!("longer than {YAML_BYTES_MAX} bytes")));
        return None;
    }
    if let Some(at) = hostile_at(text) {
        let letter = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
        let message = format!("the character {} is invisible or changes what a reader sees", letter.escape_unicode());
        problems.push(source.error(place_of(text, at), message).without_excerpt());
        return None;
    }
    match serde_yaml::from_str_with_options::<Placed>(text, options()) {
        Ok(raw) => {
            let mut convert = Convert { source, problems };
            Some(convert.node(raw))
        }
        Err(error) => {
            problems.push(parse_problem(source, &error));
            None
        }
    }
}

/// The first hostile character; a carriage return counts unless it is part of a line end, because the parser would
/// count lines by it.
fn hostile_at(text: &str) -> Option<usize> {
    let hostile = |at: usize, letter: char| match letter {
        '\n' | '\t' => false,
        '\r' => !text.get(at..).is_some_and(|rest| rest.starts_with("\r\n")),
        other => is_hostile(other),
    };
    let mut from = 0;
    text.split_inclusive('\n').find_map(|line| {
        let start = from;
        from += line.len();
        let plain = is_printable_ascii(line.strip_suffix('\n').unwrap_or(line));
        let mut letters = line.char_indices().map(|(at, letter)| (start + at, letter));
        if plain { None } else { letters.find(|(at, letter)| hostile(*at, *letter)).map(|(at, _)| at) }
    })
}

fn parse_problem(source: &Source, error: &serde_yaml::Error) -> Problem {
    if let serde_yaml::Error::Budget { .. } = error.without_snippet() {
        let message = format!(
            "a file may have {YAML_NODES_MAX} nodes, {YAML_DEPTH_MAX} levels, {YAML_ALIASES_MAX} aliases and one \
             document; this one goes beyond"
        );
        return source.error(error.location().map(place).unwrap_or_default(), message);
    }
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or("");
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    let message = format!("cannot be read as YAML: {message}");
    match error.location() {
        Some(location) => source.error(place(location), message),
        None => Problem::of_file(source.name(), message),
    }
}

fn place_of(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
    Place { line: before.matches('\n').count() + 1, column, start: at, bytes: 0 }
}

fn place(location: serde_yaml::Location) -> Place {
    let number = |wide: u64| usize::try_from(wide).unwrap_or(usize::MAX);
    let span = location.span();
    Place {
        line: number(location.line()),
        column: number(location.column()),
        start: number(span.byte_offset().unwrap_or(0)),
        bytes: number(span.byte_len().unwrap_or(0)),
    }
}

struct Convert<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Convert<'_> {
    fn node(&mut self, Placed { place, raw }: Placed) -> Node {
        let value = match raw {
            Raw::Null => Value::Null,
            Raw::Typed => Value::Scalar(self.source.cut(place).unwrap_or("").trim().to_owned()),
            Raw::Text(text) => Value::Scalar(self.seen(text, place)),
            Raw::List(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Value::Map(entries.into_iter().filter_map(|entry| self.entry(entry)).collect()),
        };
        Node { place, value }
    }

    fn entry(&mut self, (key, value): (Placed, Placed)) -> Option<Entry> {
        let (key, value) = (self.node(key), self.node(value));
        let place = key.place;
        if let Value::Scalar(key) = key.value {
            Some(Entry { key, place, value })
        } else {
            self.problems.push(self.source.error(place, format!("a key must be a word, found {}", key.what())));
            None
        }
    }

    /// Escapes in quotes can make characters that the text itself does not have.
    fn seen(&mut self, text: String, place: Place) -> String {
        if !is_printable_ascii(&text) && text.chars().any(|c| is_hostile(c) && !matches!(c, '\n' | '\t')) {
            let message = "an escape makes a character that is invisible or changes what a reader sees";
            self.problems.push(self.source.error(place, message));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
        let mut problems = Vec::new();
        let node = parse(&Source::new("x.yaml", text), &mut problems);
        (node, problems)
    }

    fn scalars(node: &Node) -> Vec<&str> {
        match &node.value {
            Value::Null => vec!["<null>"],
            Value::Scalar(text) => vec![text],
            Value::List(items) => items.iter().flat_map(scalars).collect(),
            Value::Map(entries) => {
                entries.iter().flat_map(|entry| std::iter::once(&*entry.key).chain(scalars(&entry.value))).collect()
            }
        }
    }

    #[test]
    fn a_scalar_keeps_its_source_text() {
        let words = [
            "9.10",
            "0012",
            "12e4",
            "off",
            "no",
            "0x1F",
            "1_000",
            "2026-02-30",
            ".inf",
            "+5",
            "-0",
            "1.0",
            "True",
            "12:30",
            "99999999999999999999999999999999999999999999999999",
            "1e999",
            "東京 # not",
            "0o17",
            "0b11",
        ];
        for word in words {
            let word = word.split(" #").next().unwrap();
            for text in [format!("a: {word} # x\n"), format!("a: [{word} ]"), format!("- {word}"), format!("{word}: a")]
            {
                let (node, problems) = read(&text);
                assert_eq!(problems, []);
                assert!(scalars(&node.unwrap()).contains(&word), "{text}");
            }
        }
    }

    #[test]
    fn quoted_and_block_scalars_are_read_without_their_marks() {
        let (node, problems) =
            read("a: \"9.10\\n\"\nb: 'it''s'\nc: |\n  one\n  two\nd: plain\n  folded\ne:\nf: ~\ng: \"\"\n");
        assert_eq!(problems, []);
        let node = node.unwrap();
        let expected =
            ["a", "9.10\n", "b", "it's", "c", "one\ntwo\n", "d", "plain folded", "e", "<null>", "f", "<null>", "g", ""];
        assert_eq!(scalars(&node), expected);
    }

    #[test]
    fn every_key_and_value_has_its_place() {
        let text = "名前: 東京\nlist:\n  - a\n  - port: 0022\n";
        let (node, _) = read(text);
        let node = node.unwrap();
        let source = Source::new("x", text);
        let entry = &node.entries()[1].value.items()[1].entries()[0];
        assert_eq!((entry.place.line, entry.place.column, source.cut(entry.place)), (4, 5, Some("port")));
        assert_eq!((entry.value.place.line, entry.value.place.column), (4, 11));
        assert_eq!(source.cut(entry.value.place), Some("0022"));
    }

    #[test]
    fn anchors_and_merges_are_expanded_and_keep_the_text() {
        let (node, problems) =
            read("base: &base {release: 9.10, port: 0022}\nuse:\n  <<: *base\n  port: 23\nagain: *base\n");
        assert_eq!(problems, []);
        let node = node.unwrap();
        assert_eq!(scalars(&node.entries()[2].value), ["release", "9.10", "port", "0022"]);
        let mut used = scalars(&node.entries()[1].value);
        used.sort_unstable();
        assert_eq!(used, ["23", "9.10", "port", "release"]);
    }

    #[test]
    fn a_file_at_a_limit_is_read_and_one_beyond_is_refused() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let list = |items: usize| "- 1\n".repeat(items);
        let aliases = |count: usize| format!("- &a 1\n{}", "- *a\n".repeat(count));
        let sized = |bytes: usize| format!("a: b #{}", "x".repeat(bytes - 6));
        let limit = usize::try_from(YAML_BYTES_MAX).unwrap();
        for (good, bad) in [
            (nested(YAML_DEPTH_MAX), nested(YAML_DEPTH_MAX + 1)),
            (list(YAML_NODES_MAX - 1), list(YAML_NODES_MAX)),
            (aliases(YAML_ALIASES_MAX), aliases(YAML_ALIASES_MAX + 1)),
            (sized(limit), sized(limit + 1)),
            ("a: 1\n".to_owned(), "a: 1\n---\nb: 1\n".to_owned()),
        ] {
            let head = &good[..good.len().min(40)];
            assert_eq!(read(&good).1, [], "{head}");
            let (node, problems) = read(&bad);
            assert!(node.is_none() && problems.len() == 1, "{head} {problems:?}");
        }
    }

    #[test]
    fn aliases_cannot_multiply_without_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let before = level - 1;
            writeln!(text, "a{level}: &a{level} [{}]", format!("*a{before}, ").repeat(10)).unwrap();
        }
        let (node, problems) = read(&text);
        assert!(node.is_none() && problems.len() == 1, "{problems:?}");
    }

    #[test]
    fn anchored_and_tagged_scalars_keep_their_text() {
        let (node, problems) = read("a: &x 0012\nb: *x\nc: !!str 0013\n");
        assert_eq!(problems, []);
        assert_eq!(scalars(&node.unwrap()), ["a", "0012", "b", "0012", "c", "0013"]);
        for text in ["a: !secret x", "a: !!int 0014", "a: !include b.yaml", "? [a, b]\n: c"] {
            assert_eq!(read(text).1.len(), 1, "{text}");
        }
        assert_eq!(scalars(&read("a: ${HOME}").0.unwrap()), ["a", "${HOME}"]);
    }

    #[test]
    fn characters_that_nobody_sees_are_refused() {
        for text in ["a: b\u{202e}c", "# \u{200b}\na: b", "a: \u{feff}b", "a: b\rc: d", "a: \u{1b}[31m"] {
            let (node, problems) = read(text);
            assert!(node.is_none() && problems.len() == 1, "{text:?}");
            assert!(!problems[0].to_string().chars().any(|c| is_hostile(c) && c != '\n'));
        }
        assert_eq!(read("a: \"x\\u202ey\"").1.len(), 1);
        assert_eq!(read("a: b\r\nc: d\r\n").1, []);
    }

    #[test]
    fn a_broken_file_says_where() {
        let (node, problems) = read("a: b\nc: [1, 2\nd: e\n");
        assert!(node.is_none());
        assert!(problems[0].line >= 2, "{problems:?}");
        let (_, problems) = read("a: &x hunter2\npassword: *y\n");
        assert!(!problems[0].to_string().contains("password:"), "{}", problems[0]);
    }
}
