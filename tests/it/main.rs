//! The one binary of integration tests.

mod access;
mod ask;
mod backup;
mod brake;
mod canary;
mod cli;
mod docs;
mod hops;
mod hostile;
mod house;
mod inventory;
mod key;
mod kills;
mod lab;
mod outside;
mod past;
mod poll;
mod prove;
mod prune;
mod readout;
mod store;
mod store_check;
mod texts;
mod tidy;
mod time;
mod trouble;
