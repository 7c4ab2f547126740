//! One appliance as a value: what it is, what it is set to, and how its command line answers.
//!
//! Invariant: nothing here opens a socket or reads a clock. The layouts are this folder's own reading of the vendor's
//! documents (docs.trellix.com, CLI reference); they share no text with the readers. Words for bad states that no
//! document shows are modelled, not seen.

mod afflict;
mod api;
mod build;
mod change;
mod commands;
mod configuration;
mod grammar;
mod intake;
mod page;
pub mod pager;
mod push;
mod setting;
mod shell;
mod show;
mod snmp;
mod state;
#[cfg(test)]
mod tests;

pub use build::SpecDefaults;
pub use configuration::Settings;
pub use intake::Refused;
pub use push::Push;
pub use shell::{Awaits, Mode, Output, Shell, garble};
pub use state::{
    Bank, Boot, CmLink, Content, Fan, FileSystem, GuestImage, Hardware, Interface, LastBackup, Licence, Lost,
    MailQueues, Managed, Ntp, Part, PortPair, Role, Service, Unit, User,
};
