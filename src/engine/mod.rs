//! L4: [`env::Env`], the clock, lanes, and one file per task: load, decide, record, act, record.
//!
//! Invariant: what is decided is decided in `decide`; the files here carry facts there and acts from there.

mod api;
pub mod ask;
pub mod attended;
pub mod backup;
pub mod brake;
pub mod clock;
pub mod drop_key;
pub mod env;
pub mod event;
pub mod export;
pub mod fleet;
pub mod hostkey;
pub mod keys;
pub mod lane;
pub mod login;
pub mod managed;
pub mod poll;
mod protection;
pub mod prove;
pub mod prune;
pub mod push;
pub mod record;
mod recorded;
pub mod sealed;
pub mod session;
mod snmp;
pub mod store_check;
pub mod transcript;
pub mod twin;
pub mod verify;
pub mod way;
