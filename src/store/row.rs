//! Between columns and nouns.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::reading::Component;
use crate::model::time::Time;

use super::error::StoreError;

/// Seats of one question to the database.
pub(super) const SEATS_AT_ONCE: usize = 500;

/// Reads a word, a name or anything else that is written as text.
pub(super) fn word<T: FromStr>(column: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| damaged(column, text))
}

/// Reads a document.
pub(super) fn document<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| damaged(column, text))
}

pub(super) fn damaged(column: &'static str, text: &str) -> StoreError {
    StoreError::Damaged { column, found: text.chars().take(80).collect() }
}

/// Text from outside as a column takes it: PostgreSQL has no text with a zero byte.
pub(super) fn text(outside: &Outside) -> String {
    outside.as_data().replace('\0', "\u{fffd}")
}

/// The same for a text that may be unknown.
pub(super) fn text_option(outside: Option<&Outside>) -> Option<String> {
    outside.map(text)
}

pub(super) fn component(column: &'static str, kind: &str, name: String) -> Result<Component, StoreError> {
    Ok(Component { kind: word(column, kind)?, name: Outside::from(name) })
}

pub(super) fn time(ms: Option<i64>) -> Option<Time> {
    ms.map(Time::from_ms)
}

/// Seats as the database takes them, in portions.
pub(super) fn portions(seats: &[SeatName]) -> Vec<Vec<String>> {
    seats.chunks(SEATS_AT_ONCE).map(|part| part.iter().map(|seat| seat.as_str().to_owned()).collect()).collect()
}

/// Narrows a question to the customers of a scope; `None` is all of them, an empty list is none.
macro_rules! within {
    ($query:expr, $column:expr, $customers:expr) => {{
        let query = $query.into_boxed::<$crate::store::db::Backend>();
        match $customers {
            None => query,
            Some(customers) => query.filter($column.eq_any(customers.clone())),
        }
    }};
}
pub(super) use within;
