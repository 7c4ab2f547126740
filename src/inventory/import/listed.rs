//! A list of a dealer or a customer, read to be compared: every value that is certain, row by row, and nothing made of it.

use std::collections::BTreeMap;

use super::draft::Reader;
use super::mapping::{Column, Mapping, folded};
use super::record::{self, Record};
use super::said::Said;
use super::{Doubt, ImportError, Note, Request, records, value};
use crate::model::ledger::{ListField, Listed, ListedCell};
use crate::model::outside::Outside;

/// A list as it was read.
#[derive(Debug)]
pub struct List {
    /// Its rows.
    pub rows: Vec<Listed>,
    /// What is not certain, and is not compared.
    pub doubts: Vec<Doubt>,
    /// What was changed, left alone or not taken over.
    pub notes: Vec<Note>,
}

/// Reads a list. A value of which it is not certain what it means is a doubt and no value; rows without any are left out.
pub fn list(request: &Request) -> Result<List, ImportError> {
    let own = request.mapping.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut mapping = Mapping::load(request.from, own).map_err(ImportError::Files)?;
    mapping.customer = request.customer.clone().or(mapping.customer);
    // Seats are found by their host name too; a file of names of seats has a column for them.
    let mut said = Said::default();
    let records = records(request, &mapping, &mut said)?;
    let records = record::pass_rules(records, &mapping, &mut said);
    let mut reader = Reader::new(&mapping, &mut said);
    let rows = records.iter().map(|record| listed(&mut reader, record)).collect::<Vec<_>>();
    let rows = rows.into_iter().filter(|row| row.name.is_some() || !row.cells.is_empty()).collect();
    Ok(List { rows, doubts: said.doubts, notes: said.notes })
}

fn listed(reader: &mut Reader<'_>, record: &Record) -> Listed {
    let mut cells = Vec::new();
    let mut originals = BTreeMap::new();
    let mut put = |field: ListField, column: Column, value: Option<String>| {
        let at = record.place(column).to_string();
        cells.extend(value.map(|value| ListedCell { field, value, at }));
    };
    let narrow =
        |reader: &mut Reader<'_>, column: Column| reader.line(record, column).map(|(text, _)| value::narrow(&text));
    put(ListField::Hostname, Column::Hostname, narrow(reader, Column::Hostname));
    if record.get(Column::Customer).is_some() {
        put(ListField::Customer, Column::Customer, reader.customer(record).map(String::from));
    }
    put(ListField::Serial, Column::Serial, reader.serial(record, &mut originals));
    let model = reader
        .line(record, Column::Model)
        .map(|(text, _)| reader.mapping.models.get(&folded(&text)).cloned().unwrap_or_else(|| value::model(&text)));
    put(ListField::Model, Column::Model, model);
    let address = reader.address(record, &mut originals).ok().flatten().map(|address| address.to_string());
    put(ListField::Address, Column::Address, address);
    put(ListField::Contract, Column::Contract, narrow(reader, Column::Contract));
    for (field, column) in
        [(ListField::ContractLevel, Column::ContractLevel), (ListField::ContractDealer, Column::ContractDealer)]
    {
        put(field, column, reader.line(record, column).map(|(text, _)| text));
    }
    for (field, column) in
        [(ListField::ContractFrom, Column::ContractFrom), (ListField::ContractUntil, Column::ContractUntil)]
    {
        let day = record.get(column).is_some().then(|| reader.day(record, column)).flatten();
        put(field, column, day);
    }
    Listed { at: record.at.to_string(), name: narrow(reader, Column::Name).map(|name| name.to_lowercase()), cells }
}

/// The model that an appliance says, as files and lists write it: without the maker before it.
pub fn plain_model(seen: &Outside) -> Outside {
    Outside::from(value::model(seen.as_data()))
}
