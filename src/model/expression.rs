//! Regular expressions that are compiled when they are first asked.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};

use super::limits::EXPRESSION_BYTES_MAX;

/// A regular expression. Definitions have many, a command asks few of them, and compiling one costs more than asking it
/// a thousand times.
#[derive(Debug, Clone)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    text: String,
    compiled: OnceLock<Regex>,
}

impl Expression {
    /// Compiles an expression at once, within a limit of size.
    pub fn new(text: impl Into<String>) -> Result<Self, regex::Error> {
        let later = Self::later(text);
        later.compile()?;
        Ok(later)
    }

    /// An expression that nobody has looked at. Whoever takes it from outside calls [`Self::compile`] before it is asked;
    /// those that this build holds are compiled by a test.
    pub fn later(text: impl Into<String>) -> Self {
        Self(Arc::new(Inner { text: text.into(), compiled: OnceLock::new() }))
    }

    /// Compiles it, if that was not done.
    pub fn compile(&self) -> Result<&Regex, regex::Error> {
        if let Some(compiled) = self.0.compiled.get() {
            return Ok(compiled);
        }
        let compiled = RegexBuilder::new(&self.0.text).size_limit(EXPRESSION_BYTES_MAX).build()?;
        Ok(self.0.compiled.get_or_init(|| compiled))
    }

    /// How it is written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl Deref for Expression {
    type Target = Regex;

    #[expect(clippy::expect_used, reason = "an expression from outside was compiled, and a test compiles all others")]
    fn deref(&self) -> &Regex {
        self.compile().expect("an expression that was never compiled is right")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_or_endless_expression_is_refused_when_it_is_compiled() {
        for text in ["(", r"\w{1000}{1000}"] {
            assert!(Expression::new(text).is_err(), "{text}");
            assert!(Expression::later(text).compile().is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_compiled_once_for_all_clones() {
        let one = Expression::later("^a+$");
        let other = one.clone();
        assert!(one.is_match("aa") && !one.is_match("ab"));
        assert!(other.0.compiled.get().is_some());
        assert_eq!(other.as_str(), "^a+$");
    }
}
