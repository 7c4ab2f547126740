//! L6: the simulated world: appliances that answer on loopback, or without any socket.
//!
//! | folder | what it is |
//! |---|---|
//! | [`mod@unit`] | one appliance as a value: `step(line, now) -> output`; no socket, no clock |
//! | [`rack`] | all units of a lab, with their logs, faults and held answers |
//! | [`wire`] | serves a rack by SSH, SNMP and HTTPS on loopback, and the bastions and proxies before its units |
//! | [`direct`] | the access trait on a rack without sockets, for tests of time |
//! | `twin` | units in process that a configuration is loaded into |
//! | [`control`] | breaks, mends and shows units of a running lab through a socket in its folder |
//!
//! Invariants: the lab shares no layout with [`crate::readout`]; it listens on loopback only; its host keys come from
//! a fixed and known root, so that nobody can take one for a customer's.

pub mod control;
pub mod direct;
mod error;
mod fault;
mod fleet;
mod folder;
mod hops;
pub mod rack;
mod seed;
mod serve;
mod token;
mod twin;
pub mod unit;
pub mod wire;
mod write;

pub use error::LabError;
pub use fault::{Effect, Fault};
pub use fleet::{
    Account, GENERATED_SEATS_PER_CUSTOMER, SeatSpec, SnmpAccount, from_inventory, generated, with_channels,
};
pub use folder::{CONSOLES_FILE, PORTS_FILE, SECRETS_FOLDER, SOCKET_FILE, privacy_file, secret_file};
pub use hops::{HopSpec, hops_from_inventory};
pub use rack::Clock;
pub use serve::{Lab, LabOptions, fits, serve};
pub use token::Tokens;
pub use twin::Twins;
pub use write::write_inventory;
