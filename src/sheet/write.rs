//! Tables for other tools: CSV and workbooks in which nothing is a formula.

use chrono::NaiveDate;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, XlsxError};

use crate::model::limits::IMPORT_CELL_CHARS_MAX;
use crate::model::outside::{Outside, encode_lines};

/// One cell of a table that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Empty,
    /// Text, whoever wrote it.
    Text(Outside),
    /// A number of ours.
    Number(i64),
    /// A calendar day.
    Day(NaiveDate),
}

impl Value {
    /// Text of ours or of others.
    pub fn text(text: impl Into<Outside>) -> Self {
        Self::Text(text.into())
    }

    /// The cell as text, for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.as_data().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Day(day) => day.to_string(),
        }
    }
}

impl<T: Into<Outside>> From<Option<T>> for Value {
    fn from(text: Option<T>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }
}

/// A table that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The name of the sheet.
    pub name: &'static str,
    /// The header.
    pub head: &'static [&'static str],
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Why a table cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No CSV came out.
    #[error("the CSV cannot be made: {0}")]
    Csv(#[from] ::csv::Error),
    /// No workbook came out.
    #[error("the workbook cannot be made: {0}")]
    Workbook(#[from] XlsxError),
}

/// Text without what a person does not see, within what a cell holds.
fn plain(text: &str) -> String {
    encode_lines(text).chars().take(IMPORT_CELL_CHARS_MAX).collect()
}

/// Text that no spreadsheet takes for a formula: signs with which one begins, of usual and of full width, get an
/// apostrophe before them. It is part of the text then, and that is said in the documentation.
fn inert(text: &str) -> String {
    let text = plain(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    }
}

/// The table as CSV in UTF-8 with a byte order mark, by which Excel knows it, and with the line ends of Windows.
pub fn to_csv(table: &Export) -> Result<Vec<u8>, WriteError> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(table.head)?;
    for row in &table.rows {
        writer.write_record(row.iter().map(|value| match value {
            Value::Text(text) => inert(text.as_data()),
            other => other.shown(),
        }))?;
    }
    writer.into_inner().map_err(|error| WriteError::Csv(error.into_error().into()))
}

/// The table as a workbook: text is text, whatever it begins with; numbers and days are such.
pub fn to_workbook(table: &Export) -> Result<Vec<u8>, WriteError> {
    let mut book = Workbook::new();
    let (head, day) = (Format::new().set_bold(), Format::new().set_num_format("yyyy/mm/dd"));
    let sheet = book.add_worksheet();
    sheet.set_name(table.name)?;
    for (column, text) in (0_u16..).zip(table.head) {
        sheet.write_string_with_format(0, column, *text, &head)?;
    }
    for (row, values) in (1_u32..).zip(&table.rows) {
        for (column, value) in (0_u16..).zip(values) {
            match value {
                Value::Empty => continue,
                Value::Text(text) => sheet.write_string(row, column, plain(text.as_data()))?,
                #[expect(clippy::cast_precision_loss, reason = "days and counts are small")]
                Value::Number(number) => sheet.write_number(row, column, *number as f64)?,
                Value::Day(date) => {
                    let at = ExcelDateTime::parse_from_str(&date.to_string())?;
                    sheet.write_datetime_with_format(row, column, &at, &day)?
                }
            };
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofit();
    Ok(book.save_to_buffer()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::{CellKind, read_csv, read_workbook};

    fn table() -> Export {
        let text = |text: &str| Value::text(text);
        Export {
            name: "serials",
            head: &["a", "b"],
            rows: vec![
                vec![text("=HYPERLINK(\"http://x\")"), Value::Number(-5)],
                vec![text("+1"), Value::Day(NaiveDate::from_ymd_opt(2026, 3, 31).unwrap())],
                vec![text("@SUM(A1)"), text("東京,\"x\"\n二行")],
                vec![text("-1"), text("\u{1b}[2J\u{202e}")],
                vec![text("\tx"), text("＝1+1")],
                vec![text(" =1"), Value::Empty],
            ],
        }
    }

    #[test]
    fn nothing_in_a_csv_is_a_formula_and_it_is_read_back() {
        let bytes = to_csv(&table()).unwrap();
        assert!(bytes.starts_with(b"\xef\xbb\xbfa,b\r\n"), "Excel knows UTF-8 by its mark");
        let read = read_csv("t", &bytes).unwrap().sheet;
        let cell = |row, column| read.cells.get(&(row, column)).map_or("", |cell| cell.text.as_data());
        let first: Vec<&str> = (1..=6).map(|row| cell(row, 0)).collect();
        assert_eq!(first, ["'=HYPERLINK(\"http://x\")", "'+1", "'@SUM(A1)", "'-1", "'\tx", " =1"]);
        let second: Vec<&str> = (1..=6).map(|row| cell(row, 1)).collect();
        assert_eq!(second, ["-5", "2026-03-31", "東京,\"x\"\n二行", "\\u{1b}[2J\\u{202e}", "'＝1+1", ""]);
    }

    #[test]
    fn a_workbook_holds_text_numbers_and_days_and_no_formula() {
        let bytes = to_workbook(&table()).unwrap();
        let sheets = read_workbook(&bytes).unwrap();
        let cell = |row, column| sheets[0].cells.get(&(row, column)).map(|cell| (cell.text.as_data(), cell.kind));
        assert_eq!(cell(1, 0), Some(("=HYPERLINK(\"http://x\")", CellKind::Text)));
        assert_eq!(cell(1, 1), Some(("-5", CellKind::Number)));
        assert_eq!(cell(2, 1), Some(("2026-03-31", CellKind::Day)));
        assert_eq!(cell(4, 1), Some(("\\u{1b}[2J\\u{202e}", CellKind::Text)));
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(!sheet.contains("<f>") && sheet.contains("<c "), "{sheet}");
    }
}
