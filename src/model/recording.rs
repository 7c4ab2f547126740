//! A real unit's answers, scrubbed and kept: what stands in the manifest of a recording.

use serde::{Deserialize, Serialize};

use super::reading::Outcome;
use super::realm::Realm;
use super::series::Series;
use super::time::Time;

/// The name of the manifest in its folder.
pub const MANIFEST: &str = "manifest.json";

crate::words! {
    /// What a layout made of an answer.
    pub enum Recognised {
        /// It was read, and every line that matters is known.
        Recognised = "recognised",
        /// Lines or words stand in it that the layout does not know.
        Unrecognised = "unrecognised",
        /// It does not follow the layout, or is cut.
        Malformed = "malformed",
        /// The appliance does not have the command, or printed nothing.
        Missing = "missing",
        /// No layout reads it: somebody asked for it.
        NoLayout = "no-layout",
        /// There is no answer.
        NotHad = "not-had",
    }
}

/// One command of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// What was asked, scrubbed as the answers are.
    pub command: String,
    /// The layout that reads it.
    pub layout: Option<String>,
    /// How the question ended.
    pub outcome: Outcome,
    /// The file with the answer; none when there was none.
    pub file: Option<String>,
    /// Whether the prompt was seen after it.
    pub complete: bool,
    /// What the layout made of the answer as it came.
    pub recognised: Recognised,
    /// Whether the scrubbed answer is read as the one that came: the same components in the same conditions.
    pub reads_alike: bool,
    /// Lines, counted from 1, in which something was masked that no rule knows.
    pub unreviewed: Vec<u32>,
    /// The lines of the scrubbed answer.
    pub lines: usize,
    /// SHA-256 of the file, in hex.
    pub sha256: Option<String>,
}

/// The manifest of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of this form.
    pub v: u32,
    /// The version of Hoshu.
    pub hoshu: String,
    /// A customer's unit, or a simulated one.
    pub realm: Realm,
    /// The series.
    pub series: Series,
    /// The model, as the unit says it.
    pub model: Option<String>,
    /// The product, as the unit says it.
    pub product: Option<String>,
    /// The release, as the unit says it.
    pub release: Option<String>,
    /// A virtual machine.
    pub virtual_machine: bool,
    /// When it was begun.
    pub at: Time,
    /// Who recorded it.
    pub by: String,
    /// The commands, in the order of asking.
    pub answers: Vec<RecordedAnswer>,
}
