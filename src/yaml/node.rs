//! The first pass: text into nodes with their places.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

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

    /// How many nodes it is, with those inside.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
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
    let mut reader = Reader::new(source, problems);
    match reader.document() {
        Ok(node) => Some(node),
        Err(Broken(problem)) => {
            problems.push(*problem);
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

fn place_of(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
    Place { line: before.matches('\n').count() + 1, column, start: at, bytes: 0 }
}

fn place(span: &Span) -> Place {
    let bytes = span.byte_range().unwrap_or_default();
    Place { line: span.start.line(), column: span.start.col() + 1, start: bytes.start, bytes: bytes.len() }
}

/// Why there is no node. Boxed: it is large, and nearly always absent.
struct Broken(Box<Problem>);

/// Makes nodes of what the parser says, one event after the other.
struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    /// What an alias may stand for, by the number that the parser gave it. These copies count as nodes too.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliases: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, problems: &'a mut Vec<Problem>) -> Self {
        let options = granit_parser::options! {
            strict_indentation: true,
            emit_comments: false,
        };
        let events = Parser::with_options(StrInput::new(source.text()), options);
        Self { events, source, problems, anchors: HashMap::new(), nodes: 0, aliases: 0 }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Broken> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let (mark, source) = (error.marker(), self.source);
                let place = Place { line: mark.line(), column: mark.col() + 1, start: 0, bytes: 0 };
                Err(Broken(Box::new(source.error(place, format!("cannot be read as YAML: {}", error.info())))))
            }
            None => Err(self.broken(Place::default(), "it has no end")),
        }
    }

    fn broken(&self, place: Place, what: &str) -> Broken {
        Broken(Box::new(self.source.error(place, format!("cannot be read as YAML: {what}"))))
    }

    fn beyond(&self, place: Place) -> Broken {
        let message = format!(
            "a file may have {YAML_NODES_MAX} nodes, {YAML_DEPTH_MAX} levels, {YAML_ALIASES_MAX} aliases and one \
             document; this one goes beyond"
        );
        Broken(Box::new(self.source.error(place, message)))
    }

    fn document(&mut self) -> Result<Node, Broken> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentEnd, _) => {}
                (Event::DocumentStart(..), span) if root.is_some() => return Err(self.beyond(place(&span))),
                (Event::DocumentStart(..), _) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, &span, 0)?);
                }
                (_, span) => return Ok(root.unwrap_or(Node { place: place(&span), value: Value::Null })),
            }
        }
    }

    /// The node that an event begins, `depth` levels below the document.
    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Broken> {
        let place = place(span);
        self.count(1, place)?;
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => (self.scalar(text, style, tag.as_deref(), place)?, anchor),
            Event::SequenceStart(.., Some(tag)) | Event::MappingStart(.., Some(tag)) => {
                return Err(self.tagged(&tag, place));
            }
            _ if depth == YAML_DEPTH_MAX => return Err(self.beyond(place)),
            Event::SequenceStart(_, anchor, None) => (self.list(depth + 1)?, anchor),
            Event::MappingStart(_, anchor, None) => (self.map(depth + 1)?, anchor),
            _ => return Err(self.broken(place, "expected a value")),
        };
        let node = Node { place, value };
        if anchor > 0 {
            self.count(node.size(), place)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Broken> {
        self.nodes += nodes;
        if self.nodes > YAML_NODES_MAX { Err(self.beyond(place)) } else { Ok(()) }
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Broken> {
        self.aliases += 1;
        if self.aliases > YAML_ALIASES_MAX {
            return Err(self.beyond(place));
        }
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.broken(place, "an alias inside of what it stands for"));
        };
        self.count(node.size() - 1, place)?;
        Ok(node)
    }

    fn tagged(&self, tag: &Tag, place: Place) -> Broken {
        self.broken(place, &format!("unsupported tag {:?}", tag.original()))
    }

    fn scalar(
        &mut self,
        text: Cow<'a, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<Value, Broken> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag("str")) {
            return Err(self.tagged(tag, place));
        }
        if tag.is_none() && style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
            return Ok(Value::Null);
        }
        // Escapes in quotes can make characters that the text itself does not have.
        if !is_printable_ascii(&text) && text.chars().any(|c| is_hostile(c) && !matches!(c, '\n' | '\t')) {
            let message = "an escape makes a character that is invisible or changes what a reader sees";
            self.problems.push(self.source.error(place, message));
        }
        Ok(Value::Scalar(text.into_owned()))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, &span, depth)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, &span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth)?;
            match key.value {
                Value::Scalar(_) if is_merge => merged.push(value),
                Value::Scalar(text) => entries.push(Entry { key: text, place: key.place, value }),
                _ => {
                    let message = format!("a key must be a word, found {}", key.what());
                    self.problems.push(self.source.error(key.place, message));
                }
            }
        }
        for value in merged {
            self.merge(value, &mut entries)?;
        }
        Ok(Value::Map(entries))
    }

    /// Takes over the entries of a map, or of each map of a list, whose keys are not there yet.
    fn merge(&self, from: Node, entries: &mut Vec<Entry>) -> Result<(), Broken> {
        match from.value {
            Value::Map(more) => {
                let known = entries.len();
                for entry in more {
                    if !entries.iter().take(known).any(|there| there.key == entry.key) {
                        entries.push(entry);
                    }
                }
                Ok(())
            }
            Value::Null => Ok(()),
            Value::List(maps) => maps.into_iter().try_for_each(|map| match map.value {
                Value::Map(_) | Value::Null => self.merge(map, entries),
                _ => Err(self.unmerged(&map)),
            }),
            Value::Scalar(_) => Err(self.unmerged(&from)),
        }
    }

    fn unmerged(&self, node: &Node) -> Broken {
        self.broken(node.place, &format!("\"<<\" takes a map or a list of maps, found {}", node.what()))
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
    fn what_is_written_wins_over_what_is_merged_and_the_first_merged_over_the_next() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nuse:\n  <<: [*b, *a]\n  z: 3\nnone:\n  <<:\n  \"<<\": 4\n";
        let (node, problems) = read(text);
        assert_eq!(problems, []);
        let node = node.unwrap();
        assert_eq!(scalars(&node.entries()[2].value), ["z", "3", "y", "2", "x", "1"]);
        let merged = &node.entries()[2].value.entries()[1];
        assert_eq!((merged.place.line, merged.value.place.line), (2, 2), "it stands where it is written");
        assert_eq!(scalars(&node.entries()[3].value), ["<<", "4"]);
        for text in ["a: {<<: 1}", "a: {<<: [1]}", "a: {<<: [[]]}"] {
            assert_eq!(read(text).1.len(), 1, "{text}");
        }
    }

    #[test]
    fn an_alias_stands_for_what_is_whole() {
        for text in ["a: &a [*a]", "a: &a {b: {c: *a}}", "a: *b\nb: &b 1"] {
            let (node, problems) = read(text);
            assert!(node.is_none() && problems.len() == 1, "{text}");
        }
        let (node, problems) = read("&k a: &v 1\n*v : *k\n");
        assert_eq!((problems, scalars(&node.unwrap())), (Vec::new(), vec!["a", "1", "1", "a"]));
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
        let text = format!("{}{}{}", "&a [".repeat(30), "x, ".repeat(2_000), "]".repeat(30));
        assert_eq!(read(&text).1.len(), 1, "what may be taken over is kept in copies");
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
        for text in ["a: !secret x", "a: !!int 0014", "a: !include b.yaml", "a: !!map {}", "? [a, b]\n: c"] {
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
