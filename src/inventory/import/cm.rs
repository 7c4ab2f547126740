//! The list of a CM: rows of what it says, with what new seats of it have in common with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mapping::{Column, Mapping, SeatNaming};
use super::record::{Record, Value};
use crate::model::managed::ManagedUnit;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::sheet::{At, CellKind};

/// What a CM lists and the inventory does not have.
#[derive(Debug, Clone)]
pub struct CmList {
    /// The appliances.
    pub units: Vec<ManagedUnit>,
    /// The CM's seat.
    pub manager: SeatName,
    /// Whether seats there are named by customer and host name.
    pub by_customer: bool,
    /// What holds for every seat of the customer, where only one thing can: site, zone, gateway, the read credential.
    pub defaults: BTreeMap<&'static str, String>,
}

/// Where an entry of the list stands.
pub fn place(list: &str, unit: &ManagedUnit) -> At {
    At::Line { file: format!("{list}, {}", unit.place).into(), line: 0, column: 0 }
}

impl CmList {
    /// Lays what the list's seats have in common below what a mapping says.
    pub(super) fn lay(&self, mapping: &mut Mapping) {
        for (key, value) in &self.defaults {
            mapping.defaults.entry(key).or_insert_with(|| value.clone());
        }
        if self.by_customer {
            mapping.naming = SeatNaming::CustomerHostname;
        }
    }

    /// The rows.
    pub(super) fn records(&self, list: &str) -> Vec<Record> {
        let places = Arc::new(BTreeMap::new());
        let record = |unit: &ManagedUnit| {
            let at = place(list, unit);
            let cells = [
                (Column::Hostname, &unit.name),
                (Column::Address, &unit.address),
                (Column::Model, &unit.model),
                (Column::Serial, &unit.serial),
            ];
            let value = |text: &Outside| vec![Value { text: text.clone(), kind: CellKind::Text, at: at.clone() }];
            let values = cells.into_iter().filter_map(|(column, text)| Some((column, value(text.as_ref()?))));
            Record { at: at.clone(), values: values.collect(), places: Arc::clone(&places), row: 0 }
        };
        self.units.iter().map(record).collect()
    }
}
