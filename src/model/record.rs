//! What a decision about a poll hands to the store, and what the store knows of earlier polls.

use super::reading::{Component, Span};
use super::time::Time;

/// How one reading changes the spans of its component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanChange {
    /// A new span begins; the open span of the same component, if there is one, ends where it last was seen.
    Open(Span),
    /// The open span of the component was seen once more.
    Extend {
        /// The component.
        component: Component,
        /// The poll that saw it.
        last_at: Time,
    },
}
