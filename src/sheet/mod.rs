//! L0: tables of other tools, bytes into cells that know their address and cells into bytes.
//!
//! A table is read from CSV ([`read_csv`]) or a workbook ([`read_workbook`]) into [`Sheet`]s. A cell keeps the text that a
//! person sees in it and what kind of value the workbook says it is; nothing here knows what a column means.
//!
//! Invariant: bytes, rows, columns, cells and characters are counted while they are read, after decompression. What a
//! cell holds is [`Outside`].

mod csv;
mod write;
mod xlsx;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::limits::{IMPORT_CELLS_MAX, OverLimit};
use crate::model::outside::{Outside, encode_line};

pub use csv::{Encoding, ReadCsv, read_csv};
pub use write::{Export, Value, WriteError, to_csv, to_workbook};
pub use xlsx::read_workbook;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// It is larger than it may be.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// Its bytes are text in no encoding that is known.
    #[error("byte {at} belongs to no character, neither of UTF-8 nor of CP932 (Shift_JIS)")]
    Encoding {
        /// The first byte that cannot be read, from 0.
        at: usize,
    },
    /// It is no CSV.
    #[error("it cannot be taken apart as CSV: {0}")]
    Csv(String),
    /// It is no workbook that can be read.
    #[error("it cannot be read as a workbook (.xlsx): {0}")]
    Workbook(String),
}

/// What kind of value a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Text.
    Text,
    /// A number of a workbook; its text is what is stored, without the format in which a person sees it.
    Number,
    /// A day or an instant of a workbook; its text is `yyyy-mm-dd` or `yyyy-mm-dd hh:mm`.
    Day,
    /// An error of a formula (`#N/A`).
    Fault,
}

/// One cell that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What it holds.
    pub text: Outside,
    /// Of which kind it is.
    pub kind: CellKind,
}

/// The rows and columns that a merged cell covers, from 0, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// First row and column.
    pub from: (u32, u32),
    /// Last row and column.
    pub to: (u32, u32),
}

/// One sheet of a workbook, or a whole CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Its name; of CSV that of the file.
    pub name: Arc<str>,
    /// Whether a person sees it.
    pub visible: bool,
    /// Cells by row and column, from 0.
    pub cells: BTreeMap<(u32, u32), Cell>,
    /// Cells that cover several.
    pub merged: Vec<Merged>,
    /// What is covered by a merged cell, and where that cell stands; no further than the last cell that holds something.
    covered: BTreeMap<(u32, u32), (u32, u32)>,
}

impl Sheet {
    /// A sheet; merged cells that cover more than a table may have are over the limit.
    fn new(
        name: &str,
        visible: bool,
        cells: BTreeMap<(u32, u32), Cell>,
        merged: Vec<Merged>,
    ) -> Result<Self, OverLimit> {
        let last = cells.keys().fold((0, 0), |last, at| (last.0.max(at.0), last.1.max(at.1)));
        let mut covered = BTreeMap::new();
        let limit = IMPORT_CELLS_MAX as u64;
        let mut left = limit;
        for area in merged.iter().filter(|area| cells.contains_key(&area.from)) {
            let to = (area.to.0.min(last.0), area.to.1.min(last.1));
            let count = |from: u32, to: u32| u64::from(to.saturating_sub(from)) + 1;
            let covers = count(area.from.0, to.0).saturating_mul(count(area.from.1, to.1));
            left = left.checked_sub(covers).ok_or(OverLimit { what: "merged cells", limit, unit: "cells" })?;
            for row in area.from.0..=to.0 {
                covered.extend((area.from.1..=to.1).map(|column| ((row, column), area.from)));
            }
        }
        Ok(Self { name: name.into(), visible, cells, merged, covered })
    }

    /// Where a cell of this sheet stands.
    pub fn at(&self, row: u32, column: u32) -> At {
        At::Cell { sheet: self.name.clone(), row, column }
    }

    /// The cell at a place, or the one that covers it; with where it really stands.
    pub fn covering(&self, row: u32, column: u32) -> Option<(&Cell, (u32, u32))> {
        if let Some(cell) = self.cells.get(&(row, column)) {
            return Some((cell, (row, column)));
        }
        let from = self.covered.get(&(row, column))?;
        self.cells.get(from).map(|cell| (cell, *from))
    }

    /// The rows that have a cell, in order.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.cells.keys().map(|(row, _)| *row).collect();
        rows.dedup();
        rows
    }
}

/// Where a value stands, in the words of the tool that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// A cell of a sheet: row and column from 0.
    Cell {
        /// The sheet.
        sheet: Arc<str>,
        /// The row.
        row: u32,
        /// The column.
        column: u32,
    },
    /// A line of a file, from 1; column 0 is the line as a whole, line 0 the file, or the sheet.
    Line {
        /// The file.
        file: Arc<str>,
        /// The line.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
}

impl fmt::Display for At {
    /// `Sheet1!C17`, `'my sheet'!C17`, `hosts.yaml:12:5`; the name is encoded for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell { sheet, row, column } => {
                let quote = if sheet.contains([' ', '!', '\'']) { "'" } else { "" };
                let (sheet, column) = (encode_line(sheet), column_name(*column));
                write!(f, "{quote}{sheet}{quote}!{column}{}", u64::from(*row) + 1)
            }
            Self::Line { file, line: 0, .. } => f.write_str(&encode_line(file)),
            Self::Line { file, line, column: 0 } => write!(f, "{}:{line}", encode_line(file)),
            Self::Line { file, line, column } => write!(f, "{}:{line}:{column}", encode_line(file)),
        }
    }
}

impl serde::Serialize for At {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `A` for 0, `Z` for 25, `AA` for 26.
pub fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_a_spreadsheet() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(column_name(column), name);
        }
        let at = |sheet: &str| At::Cell { sheet: sheet.into(), row: 16, column: 2 }.to_string();
        assert_eq!(at("Sheet1"), "Sheet1!C17");
        assert_eq!(at("機器 一覧"), "'機器 一覧'!C17");
        assert_eq!(at("a\u{202e}b"), "a\\u{202e}b!C17");
    }
}
