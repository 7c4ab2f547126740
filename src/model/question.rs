//! Questions at a login that are known, and so may be answered.

use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::limits::PROMPT_CHARS_MAX;

/// Bytes of a compiled pattern.
const COMPILED_BYTES_MAX: usize = 64 * 1024;
/// What OpenSSH, PAM and the appliances (docs.trellix.com, enable) ask: `Password:`, `(user@host) Password:`,
/// `user@host's password:`. `New password:` is another question, and so is a token's.
const PASSWORD: &str = r"(?i-u)(?:\([!-'*-~]{1,128}\) |[!-~]{1,128}'s )?password: *";
/// A pattern that takes this takes everything.
const ANYTHING: &str = "Shall the configuration be erased?";

/// A text that is no pattern of a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuestionError(String);

/// The pattern of a whole question that asks for the password of the credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Question(String);

impl Question {
    /// Whether the question is this one, from its first to its last character.
    pub fn is(&self, question: &str) -> bool {
        compiled(&self.0).is_ok_and(|pattern| pattern.is_match(question))
    }
}

/// Whether a question asks for the password, as everybody asks for it.
pub fn is_for_password(question: &str) -> bool {
    compiled(PASSWORD).is_ok_and(|pattern| pattern.is_match(question))
}

fn compiled(pattern: &str) -> Result<Regex, QuestionError> {
    // On its own it has to be a pattern as well: a bracket too many must not open the frame.
    let limited = |text: &str| RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
    let wrong = |error: regex::Error| QuestionError(error.to_string().lines().last().unwrap_or_default().to_owned());
    limited(pattern).map_err(wrong)?;
    limited(&format!(r"\A(?:{pattern})\z")).map_err(wrong)
}

impl FromStr for Question {
    type Err = QuestionError;
    fn from_str(text: &str) -> Result<Self, QuestionError> {
        if text.chars().count() > PROMPT_CHARS_MAX {
            return Err(QuestionError(format!("it is longer than {PROMPT_CHARS_MAX} characters")));
        }
        let pattern = compiled(text)?;
        if ["", ANYTHING].iter().any(|any| pattern.is_match(any)) {
            return Err(QuestionError("it takes every question".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Question {
    type Error = QuestionError;
    fn try_from(text: String) -> Result<Self, QuestionError> {
        text.parse()
    }
}

impl From<Question> for String {
    fn from(question: Question) -> Self {
        question.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_asked_for_in_few_ways() {
        for text in ["Password:", "password: ", "(admin@nx01) Password: ", "admin@10.0.0.1's password: "] {
            assert!(is_for_password(text), "{text}");
        }
        for text in [
            "",
            "New password: ",
            "Retype new password:",
            "One-time password: ",
            "Password: \nToken: ",
            "Password",
            "Token:",
            "(a b) Password:",
            "Password: x",
        ] {
            assert!(!is_for_password(text), "{text}");
        }
    }

    #[test]
    fn a_pattern_holds_for_a_whole_question() {
        let question: Question = "(?i)passcode for [a-z]+:".parse().expect("a pattern");
        assert!(question.is("Passcode for monitor:"));
        assert!(!question.is("Your passcode for monitor:") && !question.is("Passcode for monitor: and more"));
    }

    #[test]
    fn a_pattern_that_is_none_or_takes_everything_is_refused() {
        let long = "x".repeat(PROMPT_CHARS_MAX + 1);
        for text in ["", "(", "a)(b", ".*", "(?s).+", r"\w{1000}{1000}", long.as_str()] {
            assert!(text.parse::<Question>().is_err(), "{text}");
        }
    }
}
