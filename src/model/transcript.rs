//! Transcripts: what is known of a session that leaves one, beside its sealed object.

use serde::Serialize;

use super::id::{ObjectId, TranscriptId};
use super::name::{CustomerName, SeatName};
use super::time::Time;

crate::words! {
    /// Who held a session.
    pub enum TranscriptKind {
        /// A person.
        Login = "login",
        /// Hoshu itself, for a poll, a backup or a question.
        Automatic = "automatic",
    }
}

crate::words! {
    /// How a session ended.
    pub enum SessionEnd {
        /// Whoever held it left.
        Left = "left",
        /// The appliance closed it.
        Closed = "closed",
        /// The connection broke, or a limit was broken.
        Broke = "broke",
        /// Nobody typed and nothing was said for too long.
        Idle = "idle",
        /// A signal stopped the program.
        Stopped = "stopped",
    }
}

/// A session as it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionBegun {
    /// Whose appliance it is.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// Who held it.
    pub kind: TranscriptKind,
    /// By name.
    pub who: String,
    /// When.
    pub at: Time,
    /// The process that held it: host, number and start, so that one that is gone can be told.
    pub process: String,
}

/// A session as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionEnded {
    /// When.
    pub at: Time,
    /// How.
    pub outcome: SessionEnd,
    /// In words, where there is more to say.
    pub detail: String,
    /// Bytes of the transcript before it was sealed.
    pub bytes: u64,
    /// Lines that were sent.
    pub commands: u32,
    /// Lines that were typed and not sent.
    pub denied: u32,
    /// Whether the transcript ends before the session did.
    pub cut: bool,
}

/// A session with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Its number.
    pub id: TranscriptId,
    /// How it began.
    pub begun: SessionBegun,
    /// How it ended, and the sealed transcript; absent while it is under way, and for ever when it was cut off.
    pub ended: Option<(SessionEnded, ObjectId)>,
}
