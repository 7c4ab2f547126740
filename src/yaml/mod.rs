//! L0: YAML text into nodes that know their line, column and span, and readers that collect every problem.
//!
//! Invariant: a scalar is its source text until a typed field reads it, and no problem shows a line that may hold a
//! secret.

pub mod problem;

pub use problem::{Problem, Severity};
