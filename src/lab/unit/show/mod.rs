//! What the show commands print. Each function is one command; layouts differ by series and release as the documents
//! of those releases do.

pub(super) mod content;
pub(super) mod hardware;
pub(super) mod health;
pub(super) mod identity;
pub(super) mod manage;
pub(super) mod network;
pub(super) mod settings;
pub(super) mod storage;
pub(super) mod system;
