//! L2: pure decisions. Invariant: no network, no disk, no clock, no randomness.
//!
//! Everything here is a function of its arguments; what time it is and what the store holds is handed in.

pub mod api;
pub mod ask;
pub mod backup;
pub mod brake;
pub mod channel;
pub mod due;
pub mod finding;
pub mod habit;
pub mod heard;
pub mod protection;
pub mod reconcile;
pub mod scrub;
pub mod span;
pub mod transcript;
