//! The redacted text of a configuration: the artefact that people look at and compare.

use super::config::lines;
use super::outside::Outside;

/// A configuration with a mask in the place of each secret that is known for one. It is kept in clear beside the sealed
/// object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedactedText {
    /// The text, its line ends line feeds.
    pub text: Outside,
    /// Lines, counted from 0 and rising, in which something was masked that no rule of the layout covers: a person
    /// should look before the text leaves the house.
    pub unreviewed: Vec<u32>,
}

/// A line that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RedactedLine {
    /// The line with masks in the place of secrets.
    pub text: Outside,
    /// Something was masked that no rule of the layout covers.
    pub unreviewed: bool,
}

impl RedactedText {
    /// Whether something was masked in a line, counted from 0, that no rule covers.
    pub fn is_unreviewed(&self, line: usize) -> bool {
        u32::try_from(line).is_ok_and(|line| self.unreviewed.binary_search(&line).is_ok())
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = RedactedLine> {
        let shown =
            |(number, line): (usize, &str)| RedactedLine { text: line.into(), unreviewed: self.is_unreviewed(number) };
        lines(self.text.as_data()).enumerate().map(shown)
    }
}
