//! L3: what leaves this process for another one: child processes, git among them, and servers by HTTP, that of secrets
//! among them; and the opening of files that only their owner may read. The one folder of its layer that others of the
//! layer may see.
//!
//! Invariant: a child gets no shell, no environment but what is named, no secret among its words, and no more time than it
//! is given; what it prints, and what a server answers, is bounded.

mod child;
pub mod git;
pub mod http;
mod own;
pub mod vault;

pub use child::{ChildError, Program, read_bounded};
pub use own::{OwnError, open_own};
