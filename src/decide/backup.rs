//! Backups: whether a fetched configuration is complete, what of it may be shown, what changed in it, and
//! how long it is kept.

pub mod complete;
pub mod diff;
mod mask;
pub mod prove;
pub mod pushed;
pub mod readable;
pub mod redact;
pub mod retain;
#[cfg(test)]
mod sample;
pub mod saved;
pub mod siblings;
pub mod sweep;
pub mod verify;

pub use complete::{Again, Evidence, Fetched, Session, Verdict, complete, is_again};
pub use diff::{Diff, DiffLine, Hunk, SectionDiff, Sign, diff, diff_lines};
pub use prove::{NotTaken, Proving, compare};
pub use pushed::{BundleEvidence, PushEvidence, judge_bundle, judge_pushed};
pub use readable::{Readable, means};
pub use redact::{Fingerprint, redact, redact_answer, secrets_of, stable_pieces};
pub use retain::{Fate, keep_until, retain};
pub use saved::saved;
pub use siblings::{COHORT_MIN, Difference, Odd, odd};
pub use sweep::sweep;
pub use verify::{Verification, agree, doubts_of, outgrown};
