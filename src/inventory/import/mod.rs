//! Inventories of other tools into files of our own layout: bytes in, texts of files, doubts and notes out.
//!
//! `record.rs` and `others.rs` take rows out of a file, `draft.rs` says what each value means, `settle.rs` holds the seats
//! against each other, `write.rs` writes them. What comes out is held against the rules of the inventory itself.
//!
//! Invariant: nothing is guessed in silence. What is not certain is a [`Doubt`] and stays out; what is changed, left alone
//! or not taken over is a [`Note`]. Columns that may hold secrets are never read.

pub mod cm;
mod draft;
mod listed;
pub mod load;
pub mod mapping;
mod others;
mod record;
mod said;
mod settle;
mod value;
mod write;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use self::cm::CmList;
use self::draft::Reader;
use self::mapping::{Column, From, Mapping};
use self::record::Record;
use self::said::Said;
use super::assemble::assemble;
use crate::model::limits::YAML_BYTES_MAX;
use crate::model::name::{CustomerName, SeatName};
use crate::sheet::{At, Encoding, SheetError, read_csv, read_workbook};
use crate::yaml::{Problem, Severity, Source};

pub use listed::{List, list, plain_model};
pub use mapping::{built_in, schema_mapping};
pub use said::{Doubt, Note};

/// What is imported.
#[derive(Debug)]
pub struct Request {
    /// From what.
    pub from: From,
    /// The name of the file, for messages.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Files beside it that belong to it (`groups.yaml`, `defaults.yaml` of Nornir), each its name and text; an empty
    /// text when there is none.
    pub beside: Vec<(String, String)>,
    /// The name and text of the user's mapping.
    pub mapping: Option<(String, String)>,
    /// The customer of rows that name none.
    pub customer: Option<CustomerName>,
    /// The files of the inventory into which it would be written.
    pub existing: Vec<(String, String)>,
    /// What a CM lists, where it is imported from one.
    pub cm: Option<CmList>,
    /// The day against which contracts are held.
    pub today: NaiveDate,
}

/// A file that would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewFile {
    /// Its name below the folder of the inventory.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What an import would be.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// From what.
    pub from: From,
    /// The file.
    pub file: String,
    /// Rows that are seats, those with doubts among them.
    pub rows: usize,
    /// Seats that would be written.
    pub seats: usize,
    /// The files.
    pub files: Vec<NewFile>,
    /// What is not certain, and stays out.
    pub doubts: Vec<Doubt>,
    /// Rows of which no seat would be written.
    pub left_out: Vec<At>,
    /// What was changed, left alone or not taken over.
    pub notes: Vec<Note>,
    /// Further notes that are not kept.
    pub notes_left_out: usize,
    /// What the inventory itself finds in the files that would be written.
    pub problems: Vec<Problem>,
}

/// Why nothing can be said of a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read as what it is said to be.
    #[error("{file} cannot be read")]
    Sheet {
        /// The file.
        file: String,
        /// Why not.
        source: SheetError,
    },
    /// The mapping, or a YAML file that is imported, has mistakes.
    #[error("the files have {} mistake(s)", .0.len())]
    Files(Vec<Problem>),
    /// It is no file.
    #[error("a CM's list is asked of the CM itself: hoshu appliance import NAME --from cm, NAME being its seat")]
    NotAFile,
}

/// What a file would become. Reads and writes nothing.
pub fn import(request: Request) -> Result<Imported, ImportError> {
    let own = request.mapping.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut mapping = Mapping::load(request.from, own).map_err(ImportError::Files)?;
    if let Some(customer) = &request.customer {
        mapping.customer = Some(customer.clone());
    }
    if let Some(cm) = &request.cm {
        cm.lay(&mut mapping);
    }
    let mut said = Said::default();
    let records = records(&request, &mapping, &mut said)?;
    let records = record::pass_rules(records, &mapping, &mut said);
    let rows = records.len();
    let mut reader = Reader::new(&mapping, &mut said);
    for record in &records {
        reader.read(record);
    }
    let (mut customers, mut left_out, models) = (reader.customers, reader.left_out, reader.series_of_models);
    if let Some(first) = models.first() {
        said.note(first.clone(), format!("the series is read from the model, in {} row(s)", models.len()));
    }
    let supplier_known = mapping.defaults.contains_key("supplier");
    if rows > 0 && !supplier_known && !records.iter().any(|record| record.get(Column::Supplier).is_some()) {
        said.note_file("nothing says who sold the units: the inventory takes them as sold by us".to_owned());
    }
    let (taken, existing) = existing(&request, &mut said);
    let there = |file: &str| request.existing.iter().any(|(known, _)| known == file);
    // Seats that a CM names are shown to be added to what is there.
    let adds = request.cm.is_some();
    for file in customers.keys().map(file_of).filter(|file| !adds && there(file)) {
        let hint = "an import only makes files: add the seats to the file by hand".to_owned();
        said.doubt_file(format!("{file} is there already"), Some(hint));
    }
    settle::settle(&mut customers, &taken, &mapping, &mut said, &mut left_out);
    for seat in customers.values_mut().flat_map(|customer| &mut customer.seats) {
        seat.manager_name = request.cm.as_ref().map(|cm| cm.manager.clone()).or(seat.manager_name.take());
    }
    left_out.sort();
    let seats = customers.values().map(|customer| customer.seats.len()).sum();
    let files: Vec<NewFile> = customers
        .iter()
        .map(|(name, draft)| (file_of(name), name, draft))
        .filter(|(file, ..)| adds || !there(file))
        .map(|(file, name, draft)| {
            let write = if adds { write::seats } else { write::customer };
            NewFile { name: file, text: write(name, draft, &mapping, &request.name) }
        })
        .collect();
    // What is to be added is no file yet.
    let problems = if adds { Vec::new() } else { problems(&files, existing, request.today) };
    Ok(Imported {
        from: request.from,
        file: request.name,
        rows,
        seats,
        files,
        doubts: said.doubts,
        left_out,
        notes: said.notes,
        notes_left_out: said.notes_left_out,
        problems,
    })
}

fn file_of(customer: &CustomerName) -> String {
    format!("customers/{customer}.yaml")
}

fn records(request: &Request, mapping: &Mapping, said: &mut Said) -> Result<Vec<Record>, ImportError> {
    let name = request.name.as_str();
    let failed = |source: SheetError| ImportError::Sheet { file: name.to_owned(), source };
    let records = match request.from {
        From::Csv | From::Netbox => {
            let read = read_csv(name, &request.bytes).map_err(failed)?;
            if read.encoding != Encoding::Ascii {
                said.note_file(format!("the file is read as {}", read.encoding));
            }
            if read.delimiter != ',' {
                said.note_file(format!("{:?} stands between the cells", read.delimiter));
            }
            record::of_sheets(&[read.sheet], mapping, said)
        }
        From::Xlsx => record::of_sheets(&read_workbook(&request.bytes).map_err(failed)?, mapping, said),
        From::Oxidized => {
            let text = text(&request.bytes).map_err(failed)?;
            Some(others::router_db(name, text, mapping, said).map_err(|error| failed(error.into()))?)
        }
        From::Nornir => {
            let text = text(&request.bytes).map_err(failed)?;
            let mut files = vec![(name.to_owned(), text.to_owned())];
            files.extend(request.beside.iter().cloned());
            Some(others::nornir(&files, mapping, said).map_err(ImportError::Files)?)
        }
        From::Cm => Some(request.cm.as_ref().ok_or(ImportError::NotAFile)?.records(name)),
    };
    Ok(records.unwrap_or_default())
}

fn text(bytes: &[u8]) -> Result<&str, SheetError> {
    std::str::from_utf8(bytes).map_err(|error| SheetError::Encoding { at: error.valid_up_to() })
}

/// The seats of the inventory into which it would be written, and its files.
fn existing(request: &Request, said: &mut Said) -> (BTreeSet<SeatName>, Vec<Source>) {
    let sources: Vec<Source> =
        request.existing.iter().map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect();
    let mut problems = Vec::new();
    let inventory = assemble(&sources, request.today, String::new(), &mut problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        let hint = "hoshu check says which".to_owned();
        said.doubt_file("the inventory that is there has mistakes".to_owned(), Some(hint));
    }
    (inventory.seats.into_keys().collect(), sources)
}

/// What the inventory finds in new files beside those that are there.
fn problems(files: &[NewFile], mut sources: Vec<Source>, today: NaiveDate) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        if file.text.len() as u64 > YAML_BYTES_MAX {
            let hint = "import it in parts: a customer is one file".to_owned();
            problems
                .push(Problem::of_file(&file.name, format!("is longer than {YAML_BYTES_MAX} bytes")).with_hint(hint));
        }
        sources.push(Source::new(file.name.as_str(), file.text.as_str()));
    }
    sources.sort_by(|one, other| one.name().cmp(other.name()));
    assemble(&sources, today, String::new(), &mut problems);
    problems.retain(|problem| files.iter().any(|file| file.name == problem.file));
    problems.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests;
