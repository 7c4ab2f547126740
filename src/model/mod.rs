//! L0: the nouns of the house as plain data.
//!
//! Invariant: nothing here opens a socket, a file or a clock, and nothing here knows another folder.

pub mod actor;
pub mod asset;
pub mod backup;
pub mod backup_event;
pub mod causes;
pub mod command;
pub mod config;
pub mod credential;
pub mod door;
pub mod expression;
pub mod finding;
pub mod id;
pub mod identity;
pub mod inventory;
pub mod ledger;
pub mod limits;
pub mod managed;
pub mod name;
pub mod object;
pub mod outside;
pub mod pin;
pub mod push;
pub mod question;
pub mod reading;
pub mod realm;
pub mod record;
pub mod recording;
pub mod redacted;
pub mod release;
pub mod series;
pub mod settings;
pub mod snmp;
pub mod store_check;
pub mod store_url;
pub mod time;
pub mod transcript;
pub mod typed;
pub mod word;
