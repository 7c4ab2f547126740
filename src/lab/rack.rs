//! All units of a lab, with their logs, faults and held answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use crate::model::name::SeatName;
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;

crate::words! {
    /// What a unit received.
    pub enum Received {
        /// A TCP connection.
        Connection = "connection",
        /// An authentication message that was refused.
        LoginRefused = "login-refused",
        /// An authentication message that was accepted.
        LoginAccepted = "login-accepted",
        /// A command in a shell.
        Shell = "shell",
        /// A command in a channel of its own.
        Exec = "exec",
        /// A change through the control socket.
        Change = "change",
        /// A session ended.
        Closed = "closed",
    }
}

/// One line of a unit's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Time,
    /// What.
    pub received: Received,
    /// The account, as the peer named it; empty before a login.
    pub user: String,
    /// The command, or the method of a login; never a password.
    pub text: String,
}

/// A unit as `lab show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The seat.
    pub seat: SeatName,
    /// Its port on loopback; 0 without sockets.
    pub port: u16,
    /// The series.
    pub series: Series,
    /// The model, as the unit says it.
    pub model: String,
    /// The running release.
    pub release: Release,
    /// The serial number.
    pub serial: String,
    /// The change ID of the running configuration.
    pub change_id: u64,
    /// Whether the running configuration was saved.
    pub saved: bool,
    /// The faults, with how often each will still take effect.
    pub faults: BTreeMap<Fault, Option<u32>>,
    /// Commands whose answers are held.
    pub holds: Vec<String>,
    /// Held answers that wait now.
    pub waiting: usize,
    /// Connections that are open now.
    pub sessions_open: u64,
    /// Connections that were ever opened.
    pub sessions_ever: u64,
    /// Authentication messages that were ever received.
    pub auth_attempts: u64,
    /// The newest records, oldest first.
    pub log: Vec<Record>,
}

/// All units of a lab.
#[derive(Debug, Default)]
pub struct Rack {
    places: BTreeMap<SeatName, Arc<()>>,
}
