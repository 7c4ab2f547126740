//! The store on both databases, and the depot beside it.

mod budget;
mod crash;
mod facts;
mod place;
mod schema;
mod scope;
mod world;
