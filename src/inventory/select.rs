//! Selectors: `series=nx+ex,customer=acme,release=below:9.1`, without a character that a shell reads.

use std::str::FromStr;

use crate::model::inventory::Inventory;
use crate::model::name::SeatName;
use crate::model::release::Release;

/// A selection of seats as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector;

/// Why a selector was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Nothing was written.
    #[error("the selector is empty")]
    Empty,
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(_text: &str) -> Result<Self, SelectorError> {
        Err(SelectorError::Empty)
    }
}

/// The seats that selectors name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The seats that match, by name.
    pub seats: Vec<SeatName>,
    /// The seats of which a release term says nothing, because no release was seen within a day.
    pub undecided: Vec<SeatName>,
}

/// The union of selectors; `seen` gives the last release of a seat and whether it was observed within a day.
pub fn select(
    _selectors: &[Selector],
    _inventory: &Inventory,
    _seen: &dyn Fn(&SeatName) -> Option<(Release, bool)>,
) -> Result<Selection, SelectorError> {
    Err(SelectorError::Empty)
}
