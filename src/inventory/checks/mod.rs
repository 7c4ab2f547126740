//! What the files must be beyond their form: names that exist, pairs that agree, days in order.

mod days;
mod names;
pub(super) mod seats;
mod ways;

use chrono::NaiveDate;

use super::read::CustomerDraft;
use crate::model::inventory::Seat;
use crate::yaml::{Fields, Problem};

/// Everything that was read, before it is an inventory.
pub(super) struct Draft<'a> {
    /// The customer files.
    pub customers: Vec<CustomerDraft<'a>>,
    /// `releases.yaml`.
    pub releases: Option<Fields<'a>>,
    /// The works of `works.yaml`.
    pub works: Vec<Fields<'a>>,
    /// The freezes of `freezes.yaml`.
    pub freezes: Vec<Fields<'a>>,
    /// The models of `eol.yaml`.
    pub model_ends: Vec<Fields<'a>>,
    /// The releases of `eol.yaml`.
    pub release_ends: Vec<Fields<'a>>,
}

impl<'a> Draft<'a> {
    /// Every seat that could be read, with its fields.
    fn seats(&self) -> impl Iterator<Item = (Fields<'a>, &Seat)> {
        let seats = self.customers.iter().flat_map(|customer| &customer.seats);
        seats.filter_map(|(fields, seat)| Some((*fields, seat.as_ref()?)))
    }
}

/// Every problem that only shows when the files are seen together.
pub(super) fn check(draft: &Draft<'_>, today: NaiveDate) -> Vec<Problem> {
    let mut problems = Vec::new();
    names::check(draft, &mut problems);
    ways::check(draft, &mut problems);
    seats::check(draft, &mut problems);
    days::check(draft, today, &mut problems);
    problems
}
