//! Questions at a login that are known, and so may be answered.

use std::str::FromStr;
use std::sync::OnceLock;

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
    // Once: whoever says a question byte by byte has it asked as often, and to compile it costs a thousand times more.
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| compiled(PASSWORD).ok());
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(question))
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

/// The characters of a choice that may be typed: nothing that a terminal or shell reads anything into.
const CHOICE_CHARS_MAX: usize = 64;

/// The pattern of the line of one appliance in a menu. `{seat}`, `{hostname}` and `{address}` stand for what they name,
/// and the first group in brackets is what is typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Choice(String);

impl Choice {
    /// What is to be typed, of each line that is the appliance's.
    pub fn of(&self, text: &str, names: &[(&str, &str)]) -> Vec<String> {
        let mut pattern = self.0.clone();
        for (place, name) in names {
            // A name that is not known names nothing.
            if name.is_empty() && pattern.contains(place) {
                return Vec::new();
            }
            pattern = pattern.replace(place, &regex::escape(name));
        }
        let Ok(pattern) = compiled(&pattern) else { return Vec::new() };
        let typed =
            text.lines().filter_map(|line| Some(pattern.captures(line.trim_end())?.get(1)?.as_str().to_owned()));
        typed.filter(|choice| is_plain(choice)).collect()
    }
}

fn is_plain(choice: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (1..=CHOICE_CHARS_MAX).contains(&choice.len()) && choice.chars().all(plain)
}

impl FromStr for Choice {
    type Err = QuestionError;
    fn from_str(text: &str) -> Result<Self, QuestionError> {
        if text.chars().count() > PROMPT_CHARS_MAX {
            return Err(QuestionError(format!("it is longer than {PROMPT_CHARS_MAX} characters")));
        }
        let places = ["{seat}", "{hostname}", "{address}"];
        if !places.iter().any(|place| text.contains(place)) {
            return Err(QuestionError("it has none of {seat}, {hostname} and {address}".to_owned()));
        }
        let filled = places.iter().fold(text.to_owned(), |text, place| text.replace(place, "x"));
        if compiled(&filled)?.captures_len() < 2 {
            return Err(QuestionError("it has no group in brackets: what is to be typed".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Choice {
    type Error = QuestionError;
    fn try_from(text: String) -> Result<Self, QuestionError> {
        text.parse()
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> Self {
        choice.0
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

    #[test]
    fn a_line_of_a_menu_is_the_appliances_own() {
        let choice: Choice = r" *([0-9]+)\) +{hostname} +\({address}\)".parse().expect("a pattern");
        let names = [("{seat}", "umi-nx01"), ("{hostname}", "yard-nx"), ("{address}", "10.0.0.1")];
        let menu = "Units\n  1) yard-nx (10.0.0.1)\n  2) yard-nx (10.0.0.11)\n 13) yardxnx (10.0.0.1)\n";
        assert_eq!(choice.of(menu, &names), ["1"]);
        let none = [("{hostname}", "yard-nx"), ("{address}", "")];
        assert!(choice.of(menu, &none).is_empty());
        for text in ["", "([0-9]+)", "{seat}", "({seat}", "x".repeat(PROMPT_CHARS_MAX + 1).as_str()] {
            assert!(text.parse::<Choice>().is_err(), "{text}");
        }
        let wide: Choice = "(.*){seat}".parse().expect("a pattern");
        assert!(wide.of("$(reboot) umi-nx01", &names).is_empty(), "what is typed is plain");
    }
}
