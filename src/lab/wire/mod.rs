//! Serves the units of a rack by SSH and SNMP on loopback.
//!
//! A listener is one small task; what a unit costs beyond it is paid when somebody connects.

mod channel;
mod connection;
mod keys;
mod listener;
mod push;
mod snmp;
mod terminal;

pub use keys::{fingerprint, host_key, public_host_key};
pub(super) use listener::{Wire, bind, listen};
pub(super) use snmp::Agent;
