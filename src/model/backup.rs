//! Backups of configurations.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backup_event::{BackupEvent, Standing, standing};
use super::id::{AssetId, BackupId, BundleId, ObjectId};
use super::name::{CustomerName, SeatName};
use super::outside::Outside;
use super::time::Time;

crate::words! {
    /// What a backup holds.
    pub enum BackupKind {
        /// The text of the running configuration, fetched and proved by Hoshu.
        Configuration = "configuration",
        /// A file that the appliance wrote: its configuration database.
        ProfileConfig = "profile-config",
        /// A file that the appliance wrote: its database of alerts.
        ProfileFedb = "profile-fedb",
        /// A file that the appliance wrote: both databases.
        ProfileConfigFedb = "profile-config+fedb",
        /// A file that the appliance wrote: everything, but for licences and guest images.
        ProfileFull = "profile-full",
        /// A file that the appliance wrote of its logs and state: it restores nothing, and is no backup.
        LogBundle = "log-bundle",
    }
}

impl BackupKind {
    /// Every kind of which an appliance could be restored.
    pub const BACKUPS: &'static [Self] =
        &[Self::Configuration, Self::ProfileConfig, Self::ProfileFedb, Self::ProfileConfigFedb, Self::ProfileFull];
    /// Configurations that Hoshu fetched.
    pub const CONFIGURATIONS: &'static [Self] = &[Self::Configuration];
    /// Log bundles.
    pub const BUNDLES: &'static [Self] = &[Self::LogBundle];
}

crate::words! {
    /// What a backup was worth when it was taken.
    pub enum Grade {
        /// Complete by every check that was possible.
        Taken = "taken",
        /// Kept, and not counted: something spoke against completeness.
        Suspect = "suspect",
    }
}

crate::words! {
    /// What spoke against the completeness of a configuration.
    pub enum Doubt {
        /// The header lacks a field that every configuration has.
        HeaderIncomplete = "header-incomplete",
        /// The appliance's prompt did not come back after the text.
        NoPromptAfter = "no-prompt-after",
        /// A section that this series has is absent.
        SectionMissing = "section-missing",
        /// A section shrank while the change ID stayed.
        SectionShrunk = "section-shrunk",
        /// The change ID moved while the text was fetched, each time it was tried.
        ChangedWhileFetched = "changed-while-fetched",
        /// Two fetches with the same change ID differ.
        FetchesDiffer = "fetches-differ",
        /// Pager text stands in the configuration.
        PagerText = "pager-text",
        /// A line of a CLI error stands in the configuration.
        CliError = "cli-error",
        /// The text ends in the middle of a line or of a quoted value.
        CutLine = "cut-line",
        /// The header names another host or software than the session showed.
        ForeignHeader = "foreign-header",
        /// The text has no command at all, or the file no byte.
        Empty = "empty",
        /// The appliance says otherwise of what it pushed than what arrived.
        ReportDiffers = "report-differs",
        /// The appliance says nothing of what it pushed.
        NotReported = "not-reported",
        /// The appliance did not ask whose host key it pushed to: somebody in between could have written the file. By itself
        /// it takes no worth from a file whose size the appliance confirms.
        DropUnauthenticated = "drop-unauthenticated",
    }
}

/// One doubt with its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtFound {
    /// Which.
    pub doubt: Doubt,
    /// Expected and found, for a person.
    pub detail: Outside,
}

/// How many commands each section of a backup had, to compare the next one with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionCount {
    /// The section's title.
    pub title: Outside,
    /// Its commands.
    pub commands: usize,
}

/// The facts of one backup; the configuration itself lies sealed in the depot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Its id; `None` before it is stored.
    pub id: Option<BackupId>,
    /// What it holds.
    pub kind: BackupKind,
    /// Whose configuration it is.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// The hardware that it was read from.
    pub asset: AssetId,
    /// When it was fetched.
    pub taken_at: Time,
    /// When a fetch last gave the same content from the same hardware: it stands for all of the time until then.
    pub seen_at: Time,
    /// What it was worth when it was taken; [`Self::standing`] says what it is worth now.
    pub grade: Grade,
    /// What spoke against it.
    pub doubts: Vec<DoubtFound>,
    /// `Last config change ID`.
    pub change_id: Option<u64>,
    /// The release that the appliance reported.
    pub release: Option<Outside>,
    /// Bytes of the text, or of the file.
    pub bytes: u64,
    /// Lines of the text; none of a file.
    pub lines: u64,
    /// Commands in each section; for the next fetch to be held against, not for people.
    #[serde(skip_serializing)]
    pub sections: Arc<[SectionCount]>,
    /// Keyed digest of the text without its volatile lines (BLAKE3 under the customer's content key, hex):
    /// equal content has equal ids within one customer, and nowhere else.
    pub content: String,
    /// The sealed object.
    pub object: ObjectId,
    /// What was learned of it since, oldest first.
    pub events: Vec<BackupEvent>,
}

/// What retention looks at: whose a backup is, for which time it stands, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupAge {
    /// The backup.
    pub id: BackupId,
    /// What it holds.
    pub kind: BackupKind,
    /// Whose it is.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// The hardware that it was read from.
    pub asset: AssetId,
    /// When it was fetched.
    pub taken_at: Time,
    /// When a fetch last gave the same.
    pub seen_at: Time,
    /// What it is worth now.
    pub standing: Standing,
}

/// What is left of a backup that was pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The backup.
    pub id: BackupId,
    /// When it was pruned.
    pub at: Time,
    /// Why, in words.
    pub reason: String,
}

impl Backup {
    /// What people call it: `backup-001Y`, a log bundle `bundle-001Y`.
    pub fn reference(&self) -> String {
        match (self.id, self.kind) {
            (None, _) => String::new(),
            (Some(id), BackupKind::LogBundle) => BundleId(id.0).to_string(),
            (Some(id), _) => id.to_string(),
        }
    }

    /// What it is worth now, by its grade and what was learned since.
    pub fn standing(&self) -> Standing {
        standing(self.grade, self.events.iter().map(|event| event.event))
    }
}
