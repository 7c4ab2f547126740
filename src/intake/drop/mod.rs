//! The drop: an SSH server to which an appliance pushes one file with a login that serves once.
//!
//! Invariant: without a ticket nothing is said to anybody. A ticket takes one file of one seat from one source, up to a
//! size, for half an hour; the first login uses it up, and the third failure kills it. Nothing but `scp -t` and the
//! writing of one file by SFTP is served; a name that a client gives leads nowhere.

mod gate;
mod handler;
mod key;
mod receive;
mod scp;
mod server;
mod sftp;
mod ticket;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;

use crate::model::name::SeatName;
use crate::model::outside::Outside;

pub use key::{HostKey, HostKeyError};
pub use server::{DropServer, ListenError, SideDoor};
pub use ticket::Issued;

/// Where the bytes of a file go. Both functions may block.
pub trait Sink: Send {
    /// Takes some more bytes.
    fn write(&mut self, part: &[u8]) -> Result<(), SinkError>;

    /// The file is whole. What returns without an error is kept; a sink that is dropped instead keeps nothing.
    fn finish(self: Box<Self>) -> Result<(), SinkError>;
}

/// Why a sink takes no more, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// What is expected.
pub struct Expected {
    /// The seat that pushes.
    pub seat: SeatName,
    /// The name that the path must have.
    pub name: String,
    /// So many bytes at most.
    pub bytes_max: u64,
    /// From where it may come; none is anywhere, for a way that nobody else can use.
    pub sources: Vec<IpAddr>,
    /// Where it goes.
    pub sink: Box<dyn Sink>,
}

/// A file that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// How large it is.
    pub bytes: u64,
    /// How it came.
    pub protocol: Protocol,
    /// What the client called it.
    pub called: Outside,
    /// From where it came.
    pub source: IpAddr,
}

crate::words! {
    /// How a file is pushed.
    pub enum Protocol {
        /// The old protocol of scp.
        Scp = "scp",
        /// SFTP, which scp speaks since OpenSSH 9.0.
        Sftp = "sftp",
    }
}

/// Why no file arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DropFault {
    /// Three logins failed.
    #[error("three logins with its user failed: the ticket is dead")]
    GivenUp,
    /// Something else was asked than to take one file.
    #[error("{} was asked for, and refused", _0.for_terminal())]
    Refused(Outside),
    /// The path was another one.
    #[error("expected the name {expected}, found {found:?}")]
    OtherName {
        /// The name of the ticket.
        expected: String,
        /// The path that was given.
        found: Outside,
    },
    /// More bytes than expected, or than were announced.
    #[error("more than {0} bytes came, or were announced")]
    TooLong(u64),
    /// Fewer bytes than announced, or no end.
    #[error("the connection ended after {0} bytes, before the file was whole")]
    Cut(u64),
    /// Nothing came for a while.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
    /// It took longer than any transfer may.
    #[error("it took longer than {0:?}")]
    TooLate(Duration),
    /// What came is none of the protocol.
    #[error("{0}")]
    Protocol(&'static str),
    /// It could not be kept.
    #[error("it was not kept: {0}")]
    NotKept(String),
    /// The ticket expired, or the drop was closed.
    #[error("its ticket expired, or the drop was closed")]
    Closed,
}

/// Something that was refused, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who asked.
    pub source: IpAddr,
    /// The seat whose ticket was used, if one was.
    pub seat: Option<SeatName>,
    /// What.
    pub what: Outside,
}

/// The limits of a drop.
#[derive(Debug, Clone, Copy)]
pub struct DropLimits {
    /// How long a ticket waits for its login.
    pub ticket: Duration,
    /// From the connection to the login.
    pub grace: Duration,
    /// Silence within a transfer, and between a login and its beginning.
    pub idle: Duration,
    /// A whole transfer.
    pub transfer: Duration,
    /// Connections before their login.
    pub waiting: usize,
    /// Those of one source.
    pub waiting_per_source: usize,
    /// Transfers.
    pub transfers: usize,
    /// Tickets and transfers of one seat.
    pub per_seat: usize,
    /// Failed logins of one ticket.
    pub failures: u32,
}

impl Default for DropLimits {
    fn default() -> Self {
        Self {
            ticket: Duration::from_mins(30),
            grace: Duration::from_secs(20),
            idle: Duration::from_mins(1),
            transfer: Duration::from_hours(6),
            waiting: 64,
            waiting_per_source: 10,
            transfers: 16,
            per_seat: 2,
            failures: 3,
        }
    }
}

/// A login that serves once.
#[derive(Clone)]
pub struct OneTime {
    /// The user, 160 random bits.
    pub user: SecretString,
    /// The password, 160 random bits.
    pub password: SecretString,
}

impl fmt::Debug for OneTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTime")
    }
}
