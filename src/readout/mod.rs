//! L1: what an appliance printed into readings.
//!
//! A layout is data (`definitions/*.yaml`, one small file for commands that print alike); Rust stands here only for
//! what a layout cannot say: the clock and the parts of a configuration.
//!
//! Invariants: reading is total, a problem is a value and never an error; words that no definition knows are
//! *unrecognised*, never good and never bad; a cut answer gives nothing good where it may be cut; nothing here knows
//! what the lab prints.

mod api;
mod backup_report;
mod cli_error;
mod clock;
mod config;
mod definition;
mod family;
mod judge;
mod load;
mod origin;
mod pattern;
mod read;
mod scan;
mod snmp;

pub use api::{ApiLayout, ApiMalformed, ApiReadout};
pub use backup_report::{backups_held, dumps_named, push_estimate, push_status};
pub use cli_error::{CliError, cli_error};
pub use clock::ApplianceTime;
pub use definition::{DefinitionError, Definitions, Layout};
pub use load::load;
pub use origin::{Channel, LayoutOrigin, Mark, Origin};
pub use snmp::{SnmpLayout, SnmpReadout};

use crate::model::identity::Seen;
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::{Counts, Reading};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;

/// What one answer gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readout {
    /// The readings, each component once, the reading of the answer itself (`answer/<command>`) last.
    pub readings: Vec<Reading>,
    /// What the appliance says that it is; only from a complete answer of the layout `version`.
    pub identity: Option<Seen>,
    /// The host name that it states; only from a complete answer.
    pub hostname: Option<Outside>,
    /// Names that it gives of things that are asked for one by one: held against [`Layout::named`], never sent.
    pub names: Vec<Outside>,
    /// Lines, counted from 0, that no pattern of the layout takes; it may know that they say nothing.
    pub untaken: Vec<u32>,
    /// The appliances that it lists as managed; only from a complete answer.
    pub managed: Vec<ManagedUnit>,
    /// What it counts; only from a complete answer.
    pub counts: Counts,
    /// The appliance's own clock, for the ages in the other answers of the same session.
    pub clock: Option<ApplianceTime>,
}

/// What must be known besides the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Our time when the answer came.
    pub now: Time,
    /// The appliance's clock, from `show clock` of the same session.
    pub clock: Option<ApplianceTime>,
    /// The seat's series.
    pub series: Series,
    /// The release that the appliance reported, once known.
    pub release: Option<Release>,
}
