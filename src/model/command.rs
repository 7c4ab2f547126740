//! What may be sent to an appliance to look at it.

use std::fmt;

/// A text that is not a plain show command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a plain show command: one line that begins with \"show \", of letters, digits, spaces and - _ . / + only"
)]
pub struct CommandError(pub String);

/// A command that only looks: spelled in full, one line, without pipe, chain or abbreviation of `show`.
///
/// It is the only thing that a session sends for its caller, so no value can add a word, a line or a control
/// character to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadCommand(String);

impl ReadCommand {
    /// Takes a show command as it stands in a definition.
    pub fn new(text: &str) -> Result<Self, CommandError> {
        let plain = text.len() <= 200
            && text.starts_with("show ")
            && !text.ends_with(' ')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '+'));
        if plain { Ok(Self(text.to_owned())) } else { Err(CommandError(text.chars().take(80).collect())) }
    }

    /// The command as it is sent, without a line end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_show_commands_are_taken() {
        assert!(ReadCommand::new("show system hardware status").is_ok());
        for text in [
            "reload",
            "sh ver",
            "show version\nreload",
            "show version ; reload",
            "show log | include x",
            "show",
            "show version ",
            "show\tversion",
            "show version\u{a0}x",
            "no show version",
            "show version?",
        ] {
            assert!(ReadCommand::new(text).is_err(), "{text:?}");
        }
    }
}
