//! Why the store could not do what was asked.

use std::path::PathBuf;

use crate::model::realm::Realm;

/// What went wrong with the store. Values of rows stand in no message but where a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or opened.
    #[error("reach the store: {reason}")]
    Unavailable {
        /// What the database or its driver said.
        reason: String,
    },
    /// The store was born into the other realm.
    #[error("open the store: expected a {expected} store, found a {found} one")]
    OtherRealm {
        /// The realm of this process.
        expected: Realm,
        /// The realm of the store.
        found: Realm,
    },
    /// A later version of Hoshu wrote the store, or a command that only reads met an older one.
    #[error("open the store: its schema is {found}, this version reads {expected}")]
    OtherSchema {
        /// The newest migration that this version has.
        expected: String,
        /// The newest migration that the store has.
        found: String,
    },
    /// Others than the owner may read or write a file or folder of the store.
    #[error("open the store: {} has mode {mode:04o}; only its owner may have rights", path.display())]
    OpenToOthers {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file or folder of the store cannot be made or looked at.
    #[error("use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database refused a statement.
    #[error("ask the store")]
    Query(#[from] diesel::result::Error),
    /// A row cannot be read: its value is none that this version writes.
    #[error("read the store: {column} holds {found:?}")]
    Damaged {
        /// Table and column.
        column: &'static str,
        /// The beginning of the value.
        found: String,
    },
    /// The row that was named does not exist, or is outside the scope.
    #[error("find {0}")]
    Unknown(String),
    /// What was asked contradicts what is recorded.
    #[error("{what}: expected {expected}, found {found}")]
    Contradiction {
        /// What was asked.
        what: &'static str,
        /// What would have been right.
        expected: String,
        /// What is recorded or was given.
        found: String,
    },
    /// Nothing of the act was written.
    #[error("write to the store: {reason}")]
    NotWritten {
        /// What stopped it.
        reason: String,
    },
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OpenToOthers { .. } => Some("take the rights away with chmod go= and look who used them"),
            Self::OtherRealm { .. } => Some("lab and live never share a store: name another one"),
            Self::OtherSchema { .. } => Some("open it once with the version of Hoshu that serves it"),
            _ => None,
        }
    }
}
