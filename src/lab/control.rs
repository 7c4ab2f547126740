//! The socket by which a person breaks, mends and looks at the units of a running lab.
//!
//! One request is one line of JSON, and so is its reply. Bad input is answered with a refusal and never ends the lab.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::fault::Fault;
use super::rack::Shown;
use crate::model::name::SeatName;

/// What a lab can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Breaks a unit; with `remaining`, for so many times only.
    Break {
        /// The unit.
        unit: SeatName,
        /// What breaks.
        fault: Fault,
        /// How often it takes effect; for ever when absent.
        #[serde(default)]
        remaining: Option<u32>,
    },
    /// Mends one fault of a unit, or all.
    Mend {
        /// The unit.
        unit: SeatName,
        /// Which fault; all when absent.
        #[serde(default)]
        fault: Option<Fault>,
    },
    /// Shows a unit: what it is, its faults, and everything that it received.
    Show {
        /// The unit.
        unit: SeatName,
    },
    /// Keeps the answers to a command until they are released.
    Hold {
        /// The unit.
        unit: SeatName,
        /// The command as it will be sent.
        command: String,
    },
    /// Lets all held answers of a unit go, and holds no further ones.
    Release {
        /// The unit.
        unit: SeatName,
    },
    /// Gives a unit a configuration command as its administrator.
    Change {
        /// The unit.
        unit: SeatName,
        /// The command, as in configuration mode.
        line: String,
    },
    /// Ends the lab.
    Stop,
}

/// What a lab replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The unit.
    Shown(Box<Shown>),
    /// It is not done.
    Refused {
        /// Why.
        why: String,
    },
}

/// Sends one request to the lab of a folder and waits for its reply, at most ten seconds.
pub fn request(_dir: &Path, _request: &Request) -> Result<Reply, LabError> {
    todo!()
}
