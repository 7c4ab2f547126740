//! What is wrong with a file, and where.

use std::fmt;

crate::words! {
    /// How much a problem weighs.
    pub enum Severity {
        /// The files are refused.
        Error = "error",
        /// The files are accepted; a person should look.
        Warning = "warning",
    }
}

/// One mistake in a file; `Display` renders it with its place, its line and a caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// The file, relative to the folder that was loaded.
    pub file: String,
    /// The line, from 1; 0 when the problem is with the file as a whole.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters are meant.
    pub length: usize,
    /// What is wrong: expected and found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of the source; `None` when it may hold a secret or there is none.
    pub excerpt: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)
    }
}
