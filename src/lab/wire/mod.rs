//! Serves the units of a rack by SSH, SNMP and HTTPS on loopback, and the bastions and proxies before them.
//!
//! A listener is one small task; what a unit costs beyond it is paid when somebody connects.

mod api;
mod bastion;
mod channel;
mod client;
mod connection;
mod hop;
mod keys;
mod listener;
mod proxy;
mod push;
mod snmp;
mod terminal;

pub(super) use api::{ApiFace, pin as api_pin};
pub(super) use hop::{Hop, Ports, bind_hop, serve_hop};
pub use keys::{fingerprint, hop_fingerprint, host_key, public_host_key};
pub(super) use listener::{Wire, bind, listen};
pub(super) use snmp::Agent;
