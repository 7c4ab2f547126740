//! Errors of the appliance's command line.

use crate::model::outside::Outside;

/// An error that the command line printed instead of an answer. Each begins with `% ` at the start of a line; only
/// `% Unrecognized command "x".` is proven for these appliances, the other texts are those of relatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CliError {
    /// The command is unknown, or the account may not use it: the appliance hides what a role may not run.
    Unrecognized {
        /// The first word that was not recognised.
        word: Outside,
    },
    /// An abbreviation that fits several commands.
    Ambiguous,
    /// A word is missing.
    Incomplete,
    /// Any other line that begins with `% `.
    Other(Outside),
}

impl CliError {
    /// The error in words, for the reason of a reading.
    pub fn reason(&self) -> Outside {
        match self {
            Self::Unrecognized { .. } => {
                Outside::from("the appliance does not know the command, or the account may not use it")
            }
            Self::Ambiguous => Outside::from("the appliance finds the command ambiguous"),
            Self::Incomplete => Outside::from("the appliance finds the command incomplete"),
            Self::Other(line) => line.clone(),
        }
    }
}

/// Takes a line for an error of the command line.
pub(super) fn error_of_line(line: &str) -> Option<CliError> {
    let rest = line.strip_prefix("% ")?.trim();
    Some(if let Some(rest) = rest.strip_prefix("Unrecognized command") {
        CliError::Unrecognized { word: rest.trim_matches(|c: char| c == '"' || c == '.' || c.is_whitespace()).into() }
    } else if rest.starts_with("Ambiguous command") {
        CliError::Ambiguous
    } else if rest.starts_with("Incomplete command") {
        CliError::Incomplete
    } else {
        CliError::Other(rest.chars().take(200).collect::<String>().into())
    })
}

/// The first error of the command line in a text, wherever it stands.
pub fn cli_error(text: &str) -> Option<CliError> {
    text.lines().find_map(error_of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proven_text_is_read_with_both_line_ends() {
        for end in ["\n", "\r\n"] {
            let text = format!("% Unrecognized command \"ib\".{end}Type \"?\" for help.{end}");
            assert_eq!(cli_error(&text), Some(CliError::Unrecognized { word: "ib".into() }), "{text:?}");
        }
    }

    #[test]
    fn any_other_line_with_the_sign_is_an_error_and_a_percentage_is_none() {
        assert_eq!(cli_error("x\n% file not found\n"), Some(CliError::Other("file not found".into())));
        assert_eq!(cli_error("% Incomplete command.\n"), Some(CliError::Incomplete));
        assert_eq!(cli_error("% Ambiguous command \"sh\".\n"), Some(CliError::Ambiguous));
        assert_eq!(cli_error("Space Percent Free 97%\n 50 % done\n%\n"), None);
    }
}
