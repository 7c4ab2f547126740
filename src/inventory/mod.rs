//! L1: YAML files into the inventory and the settings: load, check (every mistake with file, line and hint), select.
//!
//! Invariant: files declare seats, nothing here knows what was seen of them; only `load.rs` touches the file system.

mod assemble;
mod checks;
mod credentials;
mod drop;
mod forms;
mod read;
mod settings;
mod tables;

pub mod example;
pub mod import;
pub mod load;
pub mod not_served;
pub mod select;
pub mod selector;

pub use credentials::check_credentials;
pub use load::{Loaded, LoadedSettings, Refused, load, load_settings};
pub use not_served::{NotServed, not_served, not_served_of};
pub use select::{Selection, select};
pub use selector::{Selector, SelectorError};
pub use settings::schema_settings;
pub use tables::schema_inventory;
