//! The store on both databases, and the depot beside it.
//!
//! Each part is marked as a test, so that the lints know where `unwrap` is allowed.

#[cfg(test)]
mod budget;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod habits;
#[cfg(test)]
mod keys;
#[cfg(test)]
pub(crate) mod place;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
pub(crate) mod world;
