//! What of a configuration may be shown: every secret masked, and what no rule knows masked as well.

use std::ops::Range;

use crate::model::config::ConfigLayout;

/// What stands in the place of a secret.
pub const MASK: &str = "‹masked›";
/// What stands in the place of a secret that is another one than before.
pub const MASK_CHANGED: &str = "‹masked, changed›";

/// A line that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedLine {
    /// The line with masks in the place of secrets.
    pub text: String,
    /// How many masks it has.
    pub masks: usize,
    /// Something was masked that no rule of the layout covers: a person should look before the line leaves the house.
    pub unreviewed: bool,
}

/// The lines of a configuration as they may be shown.
pub fn redact(text: &str, layout: &ConfigLayout) -> Vec<RedactedLine> {
    masked(text, layout).iter().map(|line| line.show(|_| MASK)).collect()
}

/// A line with the places of its secrets; it never leaves this folder.
pub(super) struct Masked<'a> {
    pub(super) line: &'a str,
    pub(super) secrets: Vec<Range<usize>>,
    pub(super) unreviewed: bool,
}

impl Masked<'_> {
    pub(super) fn show(&self, mask: impl Fn(usize) -> &'static str) -> RedactedLine {
        let mut text = String::with_capacity(self.line.len());
        let mut from = 0;
        for (place, secret) in self.secrets.iter().enumerate() {
            text.push_str(self.line.get(from..secret.start).unwrap_or_default());
            text.push_str(mask(place));
            from = secret.end;
        }
        text.push_str(self.line.get(from..).unwrap_or_default());
        RedactedLine { text, masks: self.secrets.len(), unreviewed: self.unreviewed }
    }
}

pub(super) fn masked<'a>(text: &'a str, _layout: &ConfigLayout) -> Vec<Masked<'a>> {
    text.lines()
        .map(|line| Masked { line, secrets: std::iter::once(0..line.len()).collect(), unreviewed: true })
        .collect()
}

/// Whether a line changes by itself.
pub(super) fn is_volatile(line: &str, layout: &ConfigLayout) -> bool {
    layout.volatile.iter().any(|pattern| pattern.is_match(line))
}

/// Whether an odd number of double quotes stands in a line; a backslash takes away the meaning of what follows it.
pub(super) fn flips_quote(line: &str) -> bool {
    let (mut flips, mut escaped) = (false, false);
    for letter in line.chars() {
        flips ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
    flips
}
