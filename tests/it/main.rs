//! The one binary of integration tests.

mod access;
mod backup;
mod brake;
mod canary;
mod cli;
mod docs;
mod hostile;
mod house;
mod inventory;
mod key;
mod lab;
mod outside;
mod poll;
mod prove;
mod readout;
mod store;
mod texts;
mod tidy;
mod time;
mod trouble;
