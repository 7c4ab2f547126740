//! L0: YAML text into nodes that know their line, column and span, and readers that collect every problem.
//!
//! A file is read in two passes: text into [`Node`]s, in which a scalar is its source text (`9.10`, `0012`, `off`), and
//! nodes held against a [`Table`], from which the JSON Schema for editors is made as well.
//!
//! Invariant: no problem shows a line that may hold a secret, and no message repeats a value of such a line.

pub mod fields;
pub mod form;
pub mod node;
pub mod problem;
pub mod source;
pub mod table;

pub use fields::Fields;
pub use form::Form;
pub use node::{Entry, Node, Place, Value, parse};
pub use problem::{Problem, Severity};
pub use source::Source;
pub use table::{Field, Kind, Table, check, schema};

/// The nearest of some known words, when it is near enough to be meant.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |known: &'a str| (strsim::damerau_levenshtein(found, known), known);
    let (distance, word) = known.into_iter().map(close).min_by_key(|(distance, _)| *distance)?;
    (distance > 0 && distance <= 1 + word.chars().count() / 4).then_some(word)
}

/// A hint that offers the nearest known word, or the whole list when it is short and nothing is near.
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(word) = nearest(found, known.clone()) {
        return Some(format!("did you mean {word:?}?"));
    }
    let known = known.into_iter().collect::<Vec<_>>();
    (1..=24).contains(&known.len()).then(|| format!("known: {}", known.join(", ")))
}
