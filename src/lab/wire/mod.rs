//! Serves the units of a rack by SSH, SNMP and HTTPS on loopback.
//!
//! A listener is one small task; what a unit costs beyond it is paid when somebody connects.

mod api;
mod channel;
mod connection;
mod keys;
mod listener;
mod snmp;
mod terminal;

pub(super) use api::ApiFace;
pub use keys::{fingerprint, host_key, public_host_key};
pub(super) use listener::{Wire, bind, listen};
pub(super) use snmp::Agent;
