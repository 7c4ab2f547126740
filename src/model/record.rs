//! What a decision about a poll hands to the store, and what the store knows of earlier polls.

use super::credential::CredentialName;
use super::door::Door;
use super::finding::Finding;
use super::name::{CustomerName, SeatName};
use super::outside::Outside;
use super::reading::{Component, Measure, Outcome, Span, Tier};
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

/// One poll of one seat as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRecord {
    /// The customer.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// When the poll began.
    pub at: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, when it did not answer; empty otherwise.
    pub reason: Outside,
    /// The tiers that were read in full.
    pub tiers: Vec<Tier>,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub took_ms: i64,
    /// What changes in the spans.
    pub spans: Vec<SpanChange>,
    /// Findings that are new (`id` is `None`) or changed.
    pub findings: Vec<Finding>,
    /// The numbers that were measured.
    pub samples: Vec<(Component, Measure)>,
}

/// The last poll of a seat, and when each tier was last read in full.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PollLast {
    /// The customer.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// When the last poll began.
    pub at: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, when it did not answer; empty otherwise.
    pub reason: Outside,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// When the pulse was last read in full.
    pub pulse_at: Option<Time>,
    /// When the detail tier was last read in full.
    pub detail_at: Option<Time>,
    /// When the slow tier was last read in full.
    pub slow_at: Option<Time>,
}

impl PollLast {
    /// When a tier was last read in full.
    pub const fn read_at(&self, tier: Tier) -> Option<Time> {
        match tier {
            Tier::Pulse => self.pulse_at,
            Tier::Detail => self.detail_at,
            Tier::Slow => self.slow_at,
        }
    }
}

crate::words! {
    /// What the brake knows of a credential on a seat, or everywhere (invariant 9).
    pub enum BrakeState {
        /// The seat accepted the credential, and did not refuse it since.
        Accepted = "accepted",
        /// The seat refused it, and the one further try is not decided.
        Refused = "refused",
        /// No login is tried until a person clears it.
        Stopped = "stopped",
    }
}

/// The brake of one credential on one seat, or on every seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brake {
    /// The credential.
    pub credential: CredentialName,
    /// The seat or hop; `None` is the whole fleet.
    pub door: Option<Door>,
    /// Accepted, refused or stopped.
    pub state: BrakeState,
    /// Since when.
    pub at: Time,
    /// What the appliance said; empty when accepted.
    pub reason: Outside,
}
