//! Backups: whether a fetched configuration is complete, what of it may be shown, what changed in it, and
//! how long it is kept.

pub mod complete;
pub mod diff;
pub mod redact;
pub mod retain;
#[cfg(test)]
mod sample;
pub mod verify;

pub use complete::{Evidence, Fetched, Session, Verdict, complete};
pub use diff::{Diff, DiffLine, Hunk, SectionDiff, Sign, diff};
pub use redact::{RedactedLine, redact, stable_pieces};
pub use retain::{Fate, retain};
pub use verify::{Verification, agree, doubts_of, outgrown};
