//! The one binary of integration tests.

mod access;
mod backup;
mod canary;
mod cli;
mod docs;
mod hostile;
mod house;
mod inventory;
mod lab;
mod outside;
mod permits;
mod readout;
mod store;
mod tidy;
mod time;
mod trouble;
