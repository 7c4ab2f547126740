//! What a list of somebody else says of units, and what we hold it against.

use serde::Serialize;

use super::name::{CustomerName, SeatName};
use super::outside::Outside;

crate::words! {
    /// How a row of a list, or a seat of ours, stands.
    pub enum Standing {
        /// The list and ours say the same.
        Agrees = "agrees",
        /// Cells differ.
        Differs = "differs",
        /// The list names the serial at one seat, and another seat has it.
        SerialSwapped = "serial-swapped",
        /// The list has it, and nothing of ours is it.
        MissingHere = "missing-here",
        /// We have it, and the list does not.
        MissingThere = "missing-there",
        /// Two rows of the list are one seat.
        Twice = "twice",
    }
}

crate::words! {
    /// What is compared.
    pub enum ListField {
        /// The host name.
        Hostname = "hostname",
        /// The customer.
        Customer = "customer",
        /// The serial.
        Serial = "serial",
        /// The model.
        Model = "model",
        /// The address.
        Address = "address",
        /// The release.
        Release = "release",
        /// The number of the contract.
        Contract = "contract",
        /// Its level.
        ContractLevel = "contract_level",
        /// The dealer.
        ContractDealer = "contract_dealer",
        /// Its first day.
        ContractFrom = "contract_from",
        /// Its last day.
        ContractUntil = "contract_until",
    }
}

/// A value of a list and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedCell {
    /// What is compared.
    pub field: ListField,
    /// The value, as our inventory would write it.
    pub value: String,
    /// Its cell.
    pub at: String,
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The row.
    pub at: String,
    /// The name of a seat, when the list has such names.
    pub name: Option<String>,
    /// The values that could be read.
    pub cells: Vec<ListedCell>,
}

impl Listed {
    /// A value.
    pub fn get(&self, field: ListField) -> Option<&str> {
        self.cells.iter().find(|cell| cell.field == field).map(|cell| cell.value.as_str())
    }
}

/// One seat of ours: what the files declare and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// What the files declare, by field.
    pub declared: Vec<(ListField, String)>,
    /// What the appliance said, by field.
    pub seen: Vec<(ListField, Outside)>,
    /// The seat is within what the list is meant to cover.
    pub covered: bool,
}

impl Ours {
    /// What the files declare.
    pub fn declared(&self, field: ListField) -> Option<&str> {
        self.declared.iter().find(|(known, _)| *known == field).map(|(_, value)| value.as_str())
    }

    /// What the appliance said.
    pub fn seen(&self, field: ListField) -> Option<&Outside> {
        self.seen.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// The serial of the hardware: what it said, before what anybody wrote down.
    pub fn serial(&self) -> Option<&str> {
        self.seen(ListField::Serial).map(Outside::as_data).or_else(|| self.declared(ListField::Serial))
    }
}

/// A difference of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub field: ListField,
    /// The cell of the list; nothing when only ours differ among themselves.
    pub at: Option<String>,
    /// What the list says.
    pub theirs: Option<String>,
    /// What our files declare.
    pub declared: Option<String>,
    /// What the appliance said.
    pub seen: Option<Outside>,
}

/// One row of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// How it stands.
    pub standing: Standing,
    /// Our seat.
    pub seat: Option<SeatName>,
    /// Its customer.
    pub customer: Option<CustomerName>,
    /// The row of the list.
    pub at: Option<String>,
    /// The cells that differ; of what is missing here, what the list says of it.
    pub differences: Vec<Difference>,
    /// More about it, in words.
    pub remark: String,
}
