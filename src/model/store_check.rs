//! What can be wrong with the store and the depot.

use serde::Serialize;

use super::outside::Outside;

crate::words! {
    /// What is wrong.
    pub enum Flaw {
        /// The database finds its own file damaged.
        Database = "database",
        /// A row refers to one that is not there.
        Reference = "reference",
        /// A row or file cannot be read.
        Unreadable = "unreadable",
        /// The row of an object has no file.
        Missing = "missing",
        /// What lies there is longer or shorter than its row says.
        Size = "size",
        /// What lies there is something else than its row says.
        Digest = "digest",
        /// The audit has not seen it made.
        NotRecorded = "not-recorded",
        /// A backup refers to an object of another customer or seat.
        OtherOwner = "other-owner",
        /// An object has no redacted text: people cannot look at the backup.
        NoText = "no-text",
        /// The file of an object has no row.
        Orphan = "orphan",
        /// The file of an object has no row, and it may be another store's, or a newer copy of this store has the row.
        OtherStore = "other-store",
        /// A file that was never finished.
        Unfinished = "unfinished",
        /// A file that the depot does not make.
        Foreign = "foreign",
    }
}

impl Flaw {
    /// What a person does about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Database | Self::Reference => "restore the store from its copy",
            Self::Unreadable => "look at rights and at the disk, then restore it from a copy",
            Self::Missing => "bring the file back from a copy of the depot",
            Self::Size | Self::Digest => "bring it back from a copy, and look who could write there",
            Self::NotRecorded | Self::OtherOwner => {
                "somebody wrote into the store: keep it as it is, and look who could"
            }
            Self::NoText => "hoshu backup verify with its number makes it again",
            Self::OtherStore => {
                "look whether the settings name the right depot, and the right and newest store; it is never removed"
            }
            Self::Orphan | Self::Unfinished => "hoshu store check --repair removes it",
            Self::Foreign => "Hoshu did not put it there: look at it, and move it away",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreProblem {
    /// Which row or file.
    pub what: String,
    /// Whose: customer and seat, as far as they are known.
    pub whose: String,
    /// Where: a table, or a path inside the depot.
    pub place: Outside,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// Expected and found, for a person.
    pub detail: String,
    /// It was removed just now.
    pub swept: bool,
}
