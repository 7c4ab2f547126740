//! Findings (異常検出): a component that is not good for so long, or so often, that it counts.

use serde::{Deserialize, Serialize};

use super::id::FindingId;
use super::name::{CustomerName, SeatName};
use super::outside::Outside;
use super::reading::{Component, Condition};
use super::time::Time;

crate::words! {
    /// How sure a finding is.
    pub enum FindingState {
        /// Seen, not yet often or long enough.
        Soft = "soft",
        /// Confirmed.
        Hard = "hard",
        /// Over: good readings confirmed it, never silence.
        Ended = "ended",
    }
}

/// A component that is not good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its id; `None` before it is stored.
    pub id: Option<FindingId>,
    /// The customer.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// The component.
    pub component: Component,
    /// The condition of the last reading that was not good.
    pub condition: Condition,
    /// What the appliance said then.
    pub said: Outside,
    /// Soft, hard or ended.
    pub state: FindingState,
    /// The first bad reading.
    pub since: Time,
    /// When it became hard.
    pub hard_at: Option<Time>,
    /// The last bad reading.
    pub last_at: Time,
    /// Bad readings since then, without an end between.
    pub count: i64,
    /// Good readings in a row since the last bad one.
    pub good_count: i64,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// What the settings change in the built-in rule of a kind of component; what is absent stays as it is built in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HysteresisChange {
    /// As [`Hysteresis::hard_after_count`].
    pub hard_after_count: Option<i64>,
    /// As [`Hysteresis::hard_after_ms`].
    pub hard_after_ms: Option<i64>,
    /// As [`Hysteresis::end_after_count`].
    pub end_after_count: Option<i64>,
}

/// When a finding turns hard and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hysteresis {
    /// So many bad readings in a row make it hard …
    pub hard_after_count: i64,
    /// … when so many milliseconds lie between the first and the last.
    pub hard_after_ms: i64,
    /// So many good readings in a row end it.
    pub end_after_count: i64,
}
