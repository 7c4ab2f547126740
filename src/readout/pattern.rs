//! How one line is taken: by its key, or by its beginning and an expression for the rest.

use serde::Deserialize;

use crate::model::expression::Expression;

/// The values that lines gave, by name. A name may have several different values; that is a contradiction.
pub(super) type Pairs<'d, 't> = Vec<(&'d str, &'t str)>;

/// Takes a line and names its parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawPattern")]
pub(super) enum Pattern {
    /// `Key   : value`.
    Key {
        /// The text before the colon.
        key: String,
        /// The name of the value.
        name: String,
    },
    /// A fixed beginning, which keeps the expression from running on each line, and an expression for all of the rest.
    Rest {
        /// How the line begins, without indentation.
        begins: String,
        /// The rest; its named groups are the parts.
        rest: Expression,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPattern {
    key: Option<String>,
    #[serde(rename = "as")]
    name: Option<String>,
    #[serde(default)]
    begins: String,
    rest: Option<String>,
}

impl TryFrom<RawPattern> for Pattern {
    type Error = String;

    fn try_from(raw: RawPattern) -> Result<Self, String> {
        match raw {
            RawPattern { key: Some(key), name, begins, rest: None } if begins.is_empty() && !key.is_empty() => {
                Ok(Self::Key { key, name: name.unwrap_or_else(|| "value".to_owned()) })
            }
            RawPattern { key: None, name: None, begins, rest } => {
                let rest = format!("^(?:{})$", rest.as_deref().unwrap_or(""));
                Ok(Self::Rest { begins, rest: Expression::later(rest) })
            }
            _ => Err("a line is either `key` with `as`, or `begins` with `rest`".to_owned()),
        }
    }
}

impl Pattern {
    /// Takes a line without indentation; true when it fits, with its parts put into `pairs`.
    pub(super) fn take<'d, 't>(&'d self, line: &'t str, pairs: &mut Pairs<'d, 't>) -> bool {
        match self {
            Self::Key { key, name } => {
                let Some(value) = value_of_key(line, key) else { return false };
                pairs.push((name, value));
            }
            Self::Rest { begins, rest } => {
                let Some(text) = line.strip_prefix(begins.as_str()) else { return false };
                let Some(found) = rest.captures(text) else { return false };
                for name in rest.capture_names().flatten() {
                    if let Some(part) = found.name(name) {
                        pairs.push((name, part.as_str().trim()));
                    }
                }
            }
        }
        true
    }

    /// Compiles its expression.
    pub(super) fn compile(&self) -> Result<(), regex::Error> {
        match self {
            Self::Key { .. } => Ok(()),
            Self::Rest { rest, .. } => rest.compile().map(drop),
        }
    }

    /// The names of the parts that the pattern can give.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Key { name, .. } => vec![name],
            Self::Rest { rest, .. } => rest.capture_names().flatten().collect(),
        }
    }
}

/// The value after `key`, blanks and a colon; the health report prints a second colon before its values.
fn value_of_key<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let value = line.strip_prefix(key)?.trim_start().strip_prefix(':')?.trim();
    Some(match value.strip_prefix(':') {
        Some(second) if second.is_empty() || second.starts_with(' ') => second.trim_start(),
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_its_colon_and_its_whole_word() {
        assert_eq!(value_of_key("Power:     Good", "Power"), Some("Good"));
        assert_eq!(value_of_key("Power Module:", "Power"), None);
        assert_eq!(value_of_key("Service:        : Database Service", "Service"), Some("Database Service"));
        assert_eq!(
            value_of_key("Last Updated at: : 2019-07-12T22:03:00", "Last Updated at"),
            Some("2019-07-12T22:03:00")
        );
        assert_eq!(value_of_key("Address        :", "Address"), Some(""));
        assert_eq!(value_of_key("Address: ::1", "Address"), Some("::1"));
    }

    #[test]
    fn an_expression_must_take_all_of_the_rest() {
        let pattern: Pattern =
            serde_yaml::from_str("{begins: 'Disk ', rest: '(?<name>\\d+):\\s*(?<state>\\w*)'}").expect("fits");
        let mut pairs = Vec::new();
        assert!(pattern.take("Disk 0:       Online", &mut pairs));
        assert_eq!(pairs, [("name", "0"), ("state", "Online")]);
        assert!(!pattern.take("Disk 0:       Online (rebuilding)", &mut pairs));
        assert!(!pattern.take("Disk status:", &mut pairs));
    }
}
