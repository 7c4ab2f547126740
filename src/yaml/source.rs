//! A file's text, and which of its lines may be shown.

use std::ops::Range;
use std::sync::OnceLock;

use super::node::Place;
use super::problem::{Problem, Severity};
use crate::model::outside::encode_line;

/// Characters of a line that are shown with a problem.
const EXCERPT_CHARS_MAX: usize = 400;

/// Words that make a key look as if a secret stood behind it.
const SECRET_WORDS: [&str; 5] = ["pass", "secret", "token", "community", "key"];

/// Whether a key looks as if a secret stood behind it.
pub fn looks_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// A file: its name for messages, its text, and which lines may hold a secret.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Found when the first problem is told: most files have none.
    lines: OnceLock<Vec<Line>>,
}

/// Where a line lies in the text, and whether it may be shown.
#[derive(Debug)]
struct Line {
    span: Range<usize>,
    hidden: bool,
}

impl Source {
    /// Takes a text. A line is hidden when it has a word that looks secret or a URL with an account, and so is
    /// everything that is indented below it; where it is unsure, it hides.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), lines: OnceLock::new() }
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a place, when it is one.
    pub fn cut(&self, place: Place) -> Option<&str> {
        self.text.get(place.start..place.start.checked_add(place.bytes)?)
    }

    /// Whether a line, counted from 1, may hold a secret.
    pub fn is_hidden(&self, line: usize) -> bool {
        self.line(line).is_none_or(|line| line.hidden)
    }

    fn line(&self, line: usize) -> Option<&Line> {
        self.lines.get_or_init(|| lines(&self.text)).get(line.checked_sub(1)?)
    }

    /// A value for a message: quoted and cut, or a word in its place when its line may hold a secret.
    pub fn quote(&self, place: Place, value: &str) -> String {
        if self.is_hidden(place.line) {
            return "a value that is not shown".to_owned();
        }
        let short = value.chars().take(60).collect::<String>();
        let more = if short.len() < value.len() { "…" } else { "" };
        format!("\"{}{more}\"", encode_line(&short))
    }

    /// A problem at a place.
    pub fn problem(&self, severity: Severity, place: Place, message: impl Into<String>) -> Problem {
        let shown = self.line(place.line).filter(|line| !line.hidden);
        let shown = shown.and_then(|line| self.text.get(line.span.clone())).map(str::trim_end);
        Problem {
            severity,
            file: self.name.clone(),
            line: place.line,
            column: place.column,
            length: self.cut(place).map_or(1, |cut| cut.lines().next().unwrap_or("").chars().count().max(1)),
            message: message.into(),
            hint: None,
            excerpt: shown.map(|line| encode_line(&line.chars().take(EXCERPT_CHARS_MAX).collect::<String>()).into()),
        }
    }

    /// An error at a place.
    pub fn error(&self, place: Place, message: impl Into<String>) -> Problem {
        self.problem(Severity::Error, place, message)
    }

    /// A warning at a place.
    pub fn warning(&self, place: Place, message: impl Into<String>) -> Problem {
        self.problem(Severity::Warning, place, message)
    }
}

fn lines(text: &str) -> Vec<Line> {
    let mut end = 0;
    let spans = text.split_inclusive('\n').map(|line| {
        end += line.len();
        end - line.len()..end
    });
    spans.zip(hidden_lines(text)).map(|(span, hidden)| Line { span, hidden }).collect()
}

fn hidden_lines(text: &str) -> Vec<bool> {
    let mut hidden = Vec::new();
    let mut secret_indent = None;
    let mut next_hidden = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            hidden.push(secret_indent.is_some());
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if secret_indent.is_some_and(|secret| indent <= secret) {
            secret_indent = None;
        }
        let secret = looks_secret(line) || (line.contains("://") && line.contains('@'));
        hidden.push(secret || secret_indent.is_some() || next_hidden);
        if secret && secret_indent.is_none() && !line.trim_start().starts_with('#') {
            secret_indent = Some(key_indent(line));
        }
        next_hidden = secret && line.trim_end().ends_with(':');
    }
    hidden
}

/// How far what belongs to the key of a line is indented at least: a key behind a dash stands deeper than the dash.
fn key_indent(line: &str) -> usize {
    let key = line.trim_start_matches([' ', '-']);
    if line.contains(['{', '[', '"', '\'']) { line.len() - line.trim_start().len() } else { line.len() - key.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_may_hold_a_secret_is_hidden_with_everything_below_it() {
        let text = "name: acme\nlogin:\n  password: |\n    hunter2\n\n    hunter3\n  user: monitor\n\
                    flow: {user: a, api_token: b}\n  # hidden\n# my key\nlist:\n- name: keyboard\n  port: 1\n- token:\n    abc\n  \
                    port: 2\nsnmp_community:\n- public\nstore: postgres://u:pw@127.0.0.1/x\nend: 1\n";
        let source = Source::new("x.yaml", text);
        let shown: Vec<_> =
            text.lines().enumerate().filter(|(i, _)| !source.is_hidden(i + 1)).map(|(_, l)| l).collect();
        assert_eq!(shown, ["name: acme", "login:", "  user: monitor", "list:", "  port: 1", "  port: 2", "end: 1"]);
    }

    #[test]
    fn a_hidden_value_is_in_neither_message_nor_excerpt() {
        let source = Source::new("x.yaml", "password: hunter2\n");
        let place = Place { line: 1, column: 11, start: 10, bytes: 7 };
        assert_eq!(source.cut(place), Some("hunter2"));
        let problem = source.error(place, format!("found {}", source.quote(place, "hunter2")));
        assert!(!format!("{problem:?} {problem}").contains("hunter2"), "{problem:?}");
    }
}
