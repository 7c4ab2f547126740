//! What somebody would try who means harm: each test is one abuse, tried against Hoshu as a person uses it.
//! docs/security.md says which control each of them holds.

#![cfg(test)]

mod doors;
mod peers;
mod places;
mod thief;
