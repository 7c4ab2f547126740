//! What the engine tells while it works. Reporters only listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::name::SeatName;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// So many seats will be worked on.
    Started {
        /// How many.
        seats: usize,
    },
    /// A seat is through, well or not.
    SeatDone {
        /// The seat.
        seat: SeatName,
        /// Whether the result needs no attention.
        good: bool,
        /// The outcome in a word.
        word: &'static str,
    },
    /// Every seat is through.
    Finished,
}

/// Listens to events.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _event: &Event) {}
}

/// The wish to stop: nothing new starts, what is in hand ends within its limits.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
