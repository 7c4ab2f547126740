//! L5: the only door: one function for each noun and verb, with scope and audit.
//!
//! Every read passes the actor's scope to the store; every write makes its audit record in the same transaction.

pub mod appliance;
pub mod ask;
pub mod audit;
pub mod backup;
pub mod bundle;
pub mod card;
pub mod check;
pub mod coverage;
pub mod credential;
pub mod drop;
pub mod finding;
pub mod hostkey;
pub mod import;
pub mod key;
pub mod ledger;
pub mod login;
pub mod poll;
pub mod prune;
pub mod record;
pub mod refusal;
pub mod select;
pub mod session;
pub mod store;
pub mod transcript;

pub use crate::engine::clock::Stopwatch;
pub use crate::engine::env::Env;
pub use crate::engine::event::{Event, Reporter, Silent, Stop};
