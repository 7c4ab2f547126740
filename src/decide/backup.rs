//! Backups: whether a fetched configuration is complete, what of it may be shown, and what changed in it.

pub mod complete;
pub mod diff;
pub mod prove;
pub mod redact;
#[cfg(test)]
mod sample;
pub mod saved;
pub mod verify;

pub use complete::{Evidence, Fetched, Session, Verdict, complete};
pub use diff::{Diff, DiffLine, Hunk, SectionDiff, Sign, diff};
pub use prove::{NotTaken, Proving, compare};
pub use redact::{RedactedLine, redact, stable_pieces};
pub use saved::saved;
pub use verify::{Verification, agree, doubts_of, outgrown};
