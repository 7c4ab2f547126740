//! What a show command prints beside configurations: there a secret may also stand below its word.

use super::{Fingerprint, counts, redact};
use crate::decide::backup::mask;
use crate::model::config::{ConfigLayout, lines};
use crate::model::redacted::RedactedText;

/// As [`redact`], for whatever a show command prints. What stands below a heading with a word beside which a secret may
/// stand is masked as well: the deeper lines below one that ends in a colon, and a table below a ruled line.
///
/// Without a `fingerprint` the masks tell nothing of each other.
pub fn redact_answer(text: &str, layout: &ConfigLayout, fingerprint: Option<Fingerprint<'_>>) -> RedactedText {
    let redacted = redact(text, layout, fingerprint.unwrap_or(&|_, _| String::new()));
    let below = below_words(text, layout);
    let (mut shown, mut unreviewed) = (String::with_capacity(text.len()), Vec::new());
    for ((number, line), below) in lines(redacted.text.as_data()).enumerate().zip(below) {
        let hidden = below && !line.trim().is_empty();
        if hidden || redacted.is_unreviewed(number) {
            unreviewed.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        match fingerprint {
            _ if hidden => shown.push_str(mask::WHOLE),
            Some(_) => shown.push_str(line),
            None => shown.push_str(&mask::faceless(line)),
        }
        shown.push('\n');
    }
    RedactedText { text: shown.into(), unreviewed }
}

/// How far what stands below a heading reaches.
#[derive(Clone, Copy)]
enum Below {
    /// As long as lines are deeper than this, empty ones apart.
    Deeper(usize),
    /// To the next empty line.
    Table,
}

/// For each line, whether it stands below a heading with a word beside which a secret may stand.
fn below_words(text: &str, layout: &ConfigLayout) -> Vec<bool> {
    let mut heading: Option<Below> = None;
    let mut all = lines(text).peekable();
    let mut found = Vec::new();
    while let Some(line) = all.next() {
        let below = match heading {
            Some(Below::Deeper(margin)) => line.trim().is_empty() || margin_of(line) > margin,
            Some(Below::Table) => !line.trim().is_empty(),
            None => false,
        };
        if !below {
            heading = match all.peek() {
                Some(next) if is_rule(next) && has_word(line, layout) => Some(Below::Table),
                Some(_) if line.trim_end().ends_with(':') && has_word(line, layout) => {
                    Some(Below::Deeper(margin_of(line)))
                }
                _ => None,
            };
        }
        found.push(below);
    }
    found
}

fn margin_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line is drawn to part the head of a table from its body.
fn is_rule(line: &str) -> bool {
    let drawn = |letter: char| matches!(letter, '-' | '=' | '+' | '|') || letter.is_whitespace();
    line.chars().all(drawn) && (line.contains("---") || line.contains("==="))
}

/// Whether a line has a word beside which a secret may stand, also in the plural: `communities`.
fn has_word(line: &str, layout: &ConfigLayout) -> bool {
    let has = |line: &str| layout.secrets.words_in(line).any(|word| counts(line, &word));
    has(line) || has(&line.replace("ies", "y"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::backup::sample::{TEXT, fingerprint, layout};

    fn shown(text: &str) -> String {
        redact_answer(text, layout(), None).text.into_data()
    }

    #[test]
    fn what_stands_below_a_word_is_masked() {
        assert_eq!(
            shown("Read-only communities:\n  tiger\n\n  w4tchd0g\nListen: no\n"),
            "Read-only communities:\n‹masked›\n\n‹masked›\nListen: no\n"
        );
        assert_eq!(
            shown("Community   Access\n---------   ------\ntiger       ro\nlily        rw\n\nListen: no\n"),
            "Community   ‹masked›\n‹masked›\n‹masked›\n‹masked›\n\nListen: no\n"
        );
        let plain = "Alerts:\n   domain-match: yes\nName  Size\n----  ----\na     1\n";
        assert_eq!(shown(plain), plain);
        assert_eq!(redact_answer("Secret:\n  a\nb\n", layout(), None).unreviewed, [1]);
    }

    #[test]
    fn a_configuration_is_redacted_as_one() {
        let as_configuration = redact(TEXT, layout(), &fingerprint);
        assert_eq!(redact_answer(TEXT, layout(), Some(&fingerprint)), as_configuration);
        let faceless: String = lines(as_configuration.text.as_data()).map(|line| mask::faceless(line) + "\n").collect();
        assert_eq!(shown(TEXT), faceless);
    }
}
