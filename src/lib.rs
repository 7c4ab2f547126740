//! Hoshu (保守, maintenance) keeps a fleet of FireEye (Trellix) appliances in good order.
//!
//! | layer | folders | sees |
//! |---|---|---|
//! | L0 | [`model`]; [`yaml`], [`sheet`] | nothing; [`model`] |
//! | L1 | [`inventory`], [`readout`] | L0 |
//! | L2 | [`decide`] | L0 |
//! | L3 | [`outbound`]; [`store`], [`depot`], [`secret`], [`access`], [`intake`] | L0-L1, [`outbound`] |
//! | L4 | [`engine`] | L0-L3 |
//! | L5 | [`service`] | L0-L4 |
//! | L6 | [`lab`] | L0-L5 |
//! | L7 | [`cli`] | all |
//!
//! Everything that changes the world has one shape: load facts, decide (a pure function), record the intent, act,
//! record the outcome. What decides never touches the network, the disk or the clock; what acts makes no choice.

pub mod access;
pub mod cli;
pub mod decide;
pub mod depot;
pub mod engine;
pub mod intake;
pub mod inventory;
pub mod lab;
pub mod model;
pub mod outbound;
pub mod readout;
pub mod secret;
pub mod service;
pub mod sheet;
pub mod store;
pub mod yaml;
