//! Rows of a file as records: values by field, each with its address, before anybody asks what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::mapping::{Column, Mapping, folded, secret_header};
use super::said::Said;
use crate::model::outside::Outside;
use crate::sheet::{At, CellKind, Sheet, column_name};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) text: Outside,
    pub(super) kind: CellKind,
    pub(super) at: At,
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The row as a whole.
    pub(super) at: At,
    /// Its values; only notes can be several.
    pub(super) values: BTreeMap<Column, Vec<Value>>,
    /// Where a value would stand that is not there, by field.
    pub(super) places: Arc<BTreeMap<Column, At>>,
    /// The row, when places are cells.
    pub(super) row: u32,
}

impl Record {
    /// The value of a field.
    pub(super) fn get(&self, column: Column) -> Option<&Value> {
        self.values.get(&column).and_then(|values| values.first())
    }

    /// Where the value of a field stands, or would.
    pub(super) fn place(&self, column: Column) -> At {
        match (self.get(column), self.places.get(&column)) {
            (Some(value), _) => value.at.clone(),
            (None, Some(At::Cell { sheet, column, .. })) => {
                At::Cell { sheet: sheet.clone(), row: self.row, column: *column }
            }
            _ => self.at.clone(),
        }
    }
}

/// Rows in which a header is looked for.
const HEADER_ROWS: usize = 50;

/// Where the header was found: rows, and each column's text.
struct Header {
    sheet: usize,
    last_row: u32,
    texts: BTreeMap<u32, String>,
}

/// The records of a workbook or CSV file. `None`, with a doubt, when no header is found.
pub(super) fn of_sheets(sheets: &[Sheet], mapping: &Mapping, said: &mut Said) -> Option<Vec<Record>> {
    let header = header(sheets, mapping, said)?;
    let sheet = sheets.get(header.sheet)?;
    for other in sheets.iter().enumerate().filter(|(number, _)| *number != header.sheet).map(|(_, other)| other) {
        let hidden = if other.visible { "" } else { "hidden " };
        let message = format!("the {hidden}sheet is not read");
        if !other.cells.is_empty() {
            said.note(At::Line { file: other.name.clone(), line: 0, column: 0 }, message);
        }
    }
    let found = columns(sheet, &header, mapping, said);
    let first = header.last_row + 1;
    let places = found.iter().filter_map(|(column, at)| Some((*column, sheet.at(first, *at.first()?)))).collect();
    let places = Arc::new(places);
    let mut records = Vec::new();
    let mut spread: BTreeSet<(u32, u32)> = BTreeSet::new();
    for row in sheet.rows().into_iter().filter(|row| *row >= first) {
        let mut values: BTreeMap<Column, Vec<Value>> = BTreeMap::new();
        let mut own = false;
        for (column, places) in &found {
            for place in places {
                let Some((cell, from)) = sheet.covering(row, *place) else { continue };
                own |= from == (row, *place);
                if from.0 != row && spread.insert(from) {
                    let message = format!("the merged cell stands for each row that it covers ({column})");
                    said.note(sheet.at(from.0, from.1), message);
                }
                let value = Value { text: cell.text.clone(), kind: cell.kind, at: sheet.at(from.0, from.1) };
                values.entry(*column).or_default().push(value);
            }
        }
        if own {
            let at = At::Line { file: sheet.name.clone(), line: row as usize + 1, column: 0 };
            records.push(Record { at, values, places: Arc::clone(&places), row });
        }
    }
    Some(records)
}

fn header(sheets: &[Sheet], mapping: &Mapping, said: &mut Said) -> Option<Header> {
    let wanted = |sheet: &&(usize, &Sheet)| match &mapping.sheet {
        Some(name) => folded(&sheet.1.name) == folded(name),
        None => sheet.1.visible,
    };
    let numbered: Vec<(usize, &Sheet)> = sheets.iter().enumerate().collect();
    let candidates: Vec<_> = numbered.iter().filter(wanted).collect();
    if candidates.is_empty() {
        let names: Vec<&str> = sheets.iter().map(|sheet| sheet.name.as_ref()).collect();
        let message = match &mapping.sheet {
            Some(name) => format!("no sheet has the name {name:?} of the mapping"),
            None => "no sheet is visible".to_owned(),
        };
        said.doubt_file(message, Some(format!("sheets: {}", names.join(", "))));
        return None;
    }
    for (number, sheet) in &candidates {
        let rows = match mapping.header {
            Some((row, rows)) => vec![(row, rows)],
            None => sheet.rows().into_iter().take(HEADER_ROWS).map(|row| (row, 1)).collect(),
        };
        for (row, rows) in rows {
            let texts = header_texts(sheet, row, rows);
            let has = |column: Column| {
                let headers = mapping.columns.get(&column);
                headers.into_iter().flatten().any(|header| texts.values().any(|text| *text == folded(header)))
            };
            if has(Column::Hostname) || has(Column::Name) || has(Column::Serial) {
                if sheets.len() > 1 && mapping.sheet.is_none() {
                    said.note(
                        sheet.at(row, 0),
                        "the sheet that is read: the first in which a host name has its header".to_owned(),
                    );
                }
                if mapping.header.is_none() && row > 0 {
                    said.note(sheet.at(row, 0), "the header that was found; rows above it are not read".to_owned());
                }
                return Some(Header { sheet: *number, last_row: row + rows - 1, texts });
            }
        }
    }
    let headers = mapping.columns.get(&Column::Hostname).map(|headers| headers.join(", ")).unwrap_or_default();
    let hint = format!("write the header under which host names stand below columns: in a mapping; known: {headers}");
    said.doubt_file("no row has a header for host names or serials".to_owned(), Some(hint));
    None
}

/// The texts of the header by column, folded; several rows are joined by a slash, a text that covers both once.
fn header_texts(sheet: &Sheet, row: u32, rows: u32) -> BTreeMap<u32, String> {
    let columns: BTreeSet<u32> = sheet.cells.range((row, 0)..(row + rows, 0)).map(|((_, column), _)| *column).collect();
    let last = columns.last().copied().map_or(0, |last| last + 1);
    let mut texts = BTreeMap::new();
    for column in 0..last {
        let mut parts: Vec<String> = Vec::new();
        for row in row..row + rows {
            let text = sheet.covering(row, column).map(|(cell, _)| folded(cell.text.as_data()));
            if let Some(text) = text.filter(|text| !text.is_empty() && parts.last() != Some(text)) {
                parts.push(text);
            }
        }
        if !parts.is_empty() {
            texts.insert(column, parts.join("/"));
        }
    }
    texts
}

/// The columns of each field; what is not taken over is said.
fn columns(sheet: &Sheet, header: &Header, mapping: &Mapping, said: &mut Said) -> BTreeMap<Column, Vec<u32>> {
    let mut found: BTreeMap<Column, Vec<u32>> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (column, headers) in &mapping.columns {
        for wanted in headers.iter().map(|header| folded(header)) {
            let places: Vec<u32> = header
                .texts
                .iter()
                .filter(|(_, text)| **text == wanted && !secret_header(text))
                .map(|(at, _)| *at)
                .collect();
            if let [first, second, ..] = places[..] {
                let message = format!("the header stands twice, in {} and {}", column_name(first), column_name(second));
                said.note(sheet.at(header.last_row, second), format!("{message}; the first is taken"));
            }
            let Some(place) = places.first().filter(|place| taken.insert(**place)) else { continue };
            found.entry(*column).or_default().push(*place);
            if *column != Column::Note {
                break;
            }
        }
    }
    let mut left = Vec::new();
    for (place, text) in &header.texts {
        if secret_header(text) {
            let at = sheet.at(header.last_row, *place);
            said.note(at, format!("the column {:?} may hold secrets: it is not taken over", shown(text)));
        } else if !taken.contains(place) {
            left.push(format!("{} {}", column_name(*place), shown(text)));
        }
    }
    if !left.is_empty() {
        said.note(sheet.at(header.last_row, 0), format!("columns that are not taken over: {}", left.join(", ")));
    }
    found
}

fn shown(text: &str) -> String {
    crate::model::outside::encode_line(&text.chars().take(40).collect::<String>()).into_owned()
}

/// The rows that are left alone by the rules of the mapping, told in groups; the others stay.
pub(super) fn pass_rules(records: Vec<Record>, mapping: &Mapping, said: &mut Said) -> Vec<Record> {
    let holds = |record: &Record, column: Column, is: &[String]| {
        record.get(column).is_some_and(|value| is.contains(&folded(value.text.as_data())))
    };
    let known = |column: Column| records.iter().any(|record| record.get(column).is_some());
    let only: Vec<_> = mapping.only.iter().filter(|rule| known(rule.column)).collect();
    if let (false, Some(rule)) = (mapping.only.is_empty() || !only.is_empty(), mapping.only.first()) {
        said.note_file(format!("the file has no {}: rows of every kind are taken", rule.column));
    }
    let (mut kept, mut left) = (Vec::new(), BTreeMap::<(Column, String), Vec<At>>::new());
    for record in records {
        let skipped = mapping.skip.iter().find(|rule| holds(&record, rule.column, &rule.is)).map(|rule| rule.column);
        let other = || {
            let wanted = only.is_empty() || only.iter().any(|rule| holds(&record, rule.column, &rule.is));
            (!wanted).then(|| only.first().map(|rule| rule.column)).flatten()
        };
        match skipped.or_else(other) {
            None => kept.push(record),
            Some(column) => {
                let value = record.get(column).map_or_else(|| "empty".to_owned(), |value| shown(value.text.as_data()));
                left.entry((column, value)).or_default().push(record.at.clone());
            }
        }
    }
    for ((column, value), mut places) in left {
        let (count, first) = (places.len(), places.swap_remove(0));
        let rows = if count == 1 { "the row is" } else { "rows are" };
        said.note(first, format!("{rows} left alone by the mapping, {count} in all: {column} is {value:?}"));
    }
    kept
}
