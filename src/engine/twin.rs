//! The way to a simulated unit that takes a configuration: a seam, since the engine does not know the lab.

use crate::decide::backup::NotTaken;
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;

/// What a twin is a twin of.
#[derive(Debug, Clone)]
pub struct TwinOf {
    /// The series.
    pub series: Series,
    /// The model, without maker (`NX2500`).
    pub model: String,
    /// The release that the configuration was read from.
    pub release: Release,
    /// A virtual machine.
    pub virtual_machine: bool,
    /// When it is loaded: the clock of the twin.
    pub at: Time,
}

/// What became of a configuration in a twin.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration that the twin prints afterwards; it holds the secrets of what was loaded.
    pub printed: String,
    /// The commands that it did not take.
    pub not_taken: Vec<NotTaken>,
}

/// There is no simulated unit like that.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotModelled(pub String);

/// Simulated units, each in factory state and with a chassis of its own. Nothing here opens a connection.
pub trait Twin: Send + Sync {
    /// Loads a configuration into a twin, in process, and says what the twin holds then.
    fn load(&self, of: &TwinOf, text: &str) -> Result<Loaded, NotModelled>;
}
