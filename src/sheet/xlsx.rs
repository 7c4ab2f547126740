//! Workbooks of Excel (`.xlsx`), read cell by cell.
//!
//! Two passes: the first unpacks every member of the archive and throws it away, counting, so that a file that unpacks
//! to more than its limit is refused before anything of it is kept; the second reads cells as they come, never the
//! rectangle that they span.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, DataType as _, Reader as _, SheetType, SheetVisible, Xlsx};

use super::{Cell, CellKind, Merged, Sheet, SheetError};
use crate::model::limits::{
    IMPORT_BYTES_MAX, IMPORT_CELL_CHARS_MAX, IMPORT_CELLS_MAX, IMPORT_COLUMNS_MAX, IMPORT_MERGED_MAX, IMPORT_ROWS_MAX,
    IMPORT_SHEETS_MAX, IMPORT_UNPACKED_BYTES_MAX, OverLimit,
};
use crate::model::outside::Outside;

const fn over(what: &'static str, limit: u64, unit: &'static str) -> SheetError {
    SheetError::OverLimit(OverLimit { what, limit, unit })
}

fn broken(error: impl std::fmt::Display) -> SheetError {
    SheetError::Workbook(error.to_string())
}

/// Reads every worksheet of a workbook. An encrypted one, or one of the older format (`.xls`), is none that can be read.
pub fn read_workbook(bytes: &[u8]) -> Result<Vec<Sheet>, SheetError> {
    if bytes.len() as u64 > IMPORT_BYTES_MAX {
        return Err(over("a table", IMPORT_BYTES_MAX, "bytes"));
    }
    // CFB is the container of both: xls, and an xlsx with a password.
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(broken("it is of the older format (.xls), or has a password: save it as .xlsx without one"));
    }
    unpacked(bytes)?;
    // A reader of such a format is large, and a workbook comes from anywhere: what it does not expect fails the file.
    let read = catch_unwind(AssertUnwindSafe(|| sheets(bytes)));
    read.unwrap_or_else(|_| Err(broken("it is not of a shape that can be read")))
}

/// Counts what the archive unpacks to.
fn unpacked(bytes: &[u8]) -> Result<(), SheetError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > IMPORT_SHEETS_MAX * 20 {
        return Err(over("a workbook", IMPORT_SHEETS_MAX as u64 * 20, "members"));
    }
    let mut left = IMPORT_UNPACKED_BYTES_MAX;
    for member in 0..archive.len() {
        let member = archive.by_index(member).map_err(broken)?;
        let mut counted = member.take(left + 1);
        let read = std::io::copy(&mut counted, &mut std::io::sink()).map_err(broken)?;
        left = left.checked_sub(read).ok_or(over("a workbook, unpacked,", IMPORT_UNPACKED_BYTES_MAX, "bytes"))?;
    }
    Ok(())
}

fn sheets(bytes: &[u8]) -> Result<Vec<Sheet>, SheetError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let wanted: Vec<(String, bool)> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
        .collect();
    if wanted.len() > IMPORT_SHEETS_MAX {
        return Err(over("a workbook", IMPORT_SHEETS_MAX as u64, "sheets"));
    }
    let mut sheets = Vec::new();
    // All sheets share what may be kept: one long text may stand in many cells.
    let (mut cells_left, mut bytes_left) = (IMPORT_CELLS_MAX, IMPORT_UNPACKED_BYTES_MAX);
    for (name, visible) in wanted {
        let merged = book.merge_cells_by_sheet_name(&name).map_err(broken)?;
        if merged.len() > IMPORT_MERGED_MAX {
            return Err(over("a sheet", IMPORT_MERGED_MAX as u64, "merged cells"));
        }
        let merged = merged.into_iter().map(|area| Merged { from: area.start, to: area.end }).collect();
        let mut reader = book.worksheet_cells_reader(&name).map_err(broken)?;
        let mut cells = BTreeMap::new();
        while let Some(cell) = reader.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            let Some(value) = value(cell.get_value())? else { continue };
            if row >= IMPORT_ROWS_MAX {
                return Err(over("a sheet", IMPORT_ROWS_MAX.into(), "rows"));
            }
            if column >= IMPORT_COLUMNS_MAX {
                return Err(over("a row", IMPORT_COLUMNS_MAX.into(), "cells"));
            }
            cells_left = cells_left.checked_sub(1).ok_or(over("a workbook", IMPORT_CELLS_MAX as u64, "cells"))?;
            let bytes = value.text.as_data().len() as u64;
            let over = over("the text of a workbook", IMPORT_UNPACKED_BYTES_MAX, "bytes");
            bytes_left = bytes_left.checked_sub(bytes).ok_or(over)?;
            cells.insert((row, column), value);
        }
        sheets.push(Sheet::new(&name, visible, cells, merged)?);
    }
    Ok(sheets)
}

/// A cell as a person reads it; `None` when there is nothing in it.
fn value(value: &DataRef<'_>) -> Result<Option<Cell>, SheetError> {
    let text = |text: &str| {
        if text.chars().nth(IMPORT_CELL_CHARS_MAX).is_some() {
            return Err(over("a cell", IMPORT_CELL_CHARS_MAX as u64, "characters"));
        }
        Ok((text.to_owned(), CellKind::Text))
    };
    let (text, kind) = match value {
        DataRef::Empty => return Ok(None),
        DataRef::String(found) | DataRef::DurationIso(found) => text(found)?,
        DataRef::SharedString(found) => text(found)?,
        DataRef::Int(number) => (number.to_string(), CellKind::Number),
        DataRef::Float(number) => (number.to_string(), CellKind::Number),
        DataRef::Bool(flag) => ((if *flag { "TRUE" } else { "FALSE" }).to_owned(), CellKind::Text),
        DataRef::Error(fault) => (fault.to_string(), CellKind::Fault),
        DataRef::DateTime(moment) if moment.is_datetime() => match moment.as_datetime() {
            Some(at) => (day(at), CellKind::Day),
            None => (moment.as_f64().to_string(), CellKind::Number),
        },
        DataRef::DateTime(length) => (length.as_f64().to_string(), CellKind::Number),
        DataRef::DateTimeIso(found) => match value.as_datetime() {
            Some(at) => (day(at), CellKind::Day),
            None => text(found)?,
        },
    };
    Ok((!text.is_empty()).then(|| Cell { text: Outside::from(text), kind }))
}

fn day(at: chrono::NaiveDateTime) -> String {
    let midnight = at.time() == chrono::NaiveTime::MIN;
    at.format(if midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" }).to_string()
}
