//! What is wrong with a file, and where.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

crate::words! {
    /// How much a problem weighs.
    pub enum Severity {
        /// The files are refused.
        Error = "error",
        /// The files are accepted; a person should look.
        Warning = "warning",
    }
}

/// One mistake in a file; `Display` renders it with its place, its line and a caret, without colour.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// The file, relative to the folder that was loaded.
    pub file: String,
    /// The line, from 1; 0 when the problem is with the file as a whole.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters are meant.
    pub length: usize,
    /// What is wrong: expected and found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of the source; `None` when it may hold a secret or there is none.
    pub excerpt: Option<String>,
}

impl Problem {
    /// An error with a file as a whole.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            hint: None,
            excerpt: None,
        }
    }

    /// The same problem with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same problem without the line of the source.
    #[must_use]
    pub fn without_excerpt(mut self) -> Self {
        self.excerpt = None;
        self
    }

    /// The order in which people work through problems: by file, line and column.
    pub fn sort_key(&self) -> (&str, usize, usize, &str) {
        (&self.file, self.line, self.column, &self.message)
    }

    /// The problem with its place, its line and a caret; with colours when `styled`.
    pub fn render(&self, styled: bool) -> String {
        let level = if self.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
        let group = Group::with_title(level.primary_title(&self.message));
        let group = match &self.excerpt {
            Some(line) => {
                let snippet = Snippet::source(line).path(&self.file).line_start(self.line);
                group.element(snippet.annotation(AnnotationKind::Primary.span(self.span(line))))
            }
            None if self.line > 0 => group.element(Origin::path(&self.file).line(self.line).char_column(self.column)),
            None => group.element(Origin::path(&self.file)),
        };
        let group = match &self.hint {
            Some(hint) => group.element(Level::HELP.with_name("hint").message(hint)),
            None => group,
        };
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn span(&self, line: &str) -> std::ops::Range<usize> {
        let byte = |chars: usize| line.char_indices().nth(chars).map_or(line.len(), |(at, _)| at);
        let from = self.column.saturating_sub(1);
        byte(from)..byte(from.saturating_add(self.length))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Place, Source};

    #[test]
    fn a_problem_shows_place_line_caret_and_hint() {
        let source = Source::new("customers/acme.yaml", "title: 東京電算\nsereis: nx\n");
        let place = Place { line: 2, column: 1, start: source.text().find("sereis").unwrap(), bytes: 6 };
        let problem = source.error(place, "unknown field \"sereis\"").with_hint("did you mean \"series\"?".to_owned());
        insta::assert_snapshot!(problem, @r#"
        error: unknown field "sereis"
         --> customers/acme.yaml:2:1
          |
        2 | sereis: nx
          | ^^^^^^
          |
          = hint: did you mean "series"?
        "#);
        let japanese = Place { line: 1, column: 8, start: 7, bytes: 12 };
        insta::assert_snapshot!(source.warning(japanese, "too short"), @r"
        warning: too short
         --> customers/acme.yaml:1:8
          |
        1 | title: 東京電算
          |        ^^^^^^^^
        ");
    }

    #[test]
    fn a_problem_without_a_line_names_the_file() {
        insta::assert_snapshot!(Problem::of_file("works.yaml", "longer than 1048576 bytes"), @r"
        error: longer than 1048576 bytes
        --> works.yaml
        ");
        let source = Source::new("x.yaml", "token: a\n");
        insta::assert_snapshot!(source.error(Place { line: 1, column: 8, start: 7, bytes: 1 }, "bad"), @r"
        error: bad
        --> x.yaml:1:8
        ");
    }
}
