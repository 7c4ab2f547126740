//! CSV in the encodings in which spreadsheets write it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use encoding_rs::{SHIFT_JIS, UTF_16BE, UTF_16LE};

use super::{Cell, CellKind, Sheet, SheetError};
use crate::model::limits::{IMPORT_BYTES_MAX, IMPORT_CELLS_MAX, IMPORT_COLUMNS_MAX, IMPORT_ROWS_MAX, OverLimit};
use crate::model::outside::Outside;

crate::words! {
    /// In which encoding a text was.
    pub enum Encoding {
        /// Letters of ASCII alone, so that every encoding agrees.
        Ascii = "ASCII",
        /// UTF-8.
        Utf8 = "UTF-8",
        /// UTF-8 with a byte order mark.
        Utf8Bom = "UTF-8 with a byte order mark",
        /// UTF-16 with a byte order mark: what Excel calls Unicode text.
        Utf16 = "UTF-16",
        /// CP932, which Windows in Japan calls `Shift_JIS`.
        Cp932 = "CP932 (Shift_JIS)",
    }
}

/// A CSV file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadCsv {
    /// Its one sheet.
    pub sheet: Sheet,
    /// The encoding that was found.
    pub encoding: Encoding,
    /// What stands between two cells: a comma, a tab or a semicolon.
    pub delimiter: char,
}

/// The text of bytes: a byte order mark decides; else they are UTF-8 when they can be, CP932 when they can be that, and
/// nothing else.
fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), SheetError> {
    let broken = || SheetError::Encoding { at: 0 };
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        let text = std::str::from_utf8(rest).map_err(|error| SheetError::Encoding { at: 3 + error.valid_up_to() })?;
        return Ok((Cow::Borrowed(text), Encoding::Utf8Bom));
    }
    for (mark, encoding) in [(b"\xff\xfe", UTF_16LE), (b"\xfe\xff", UTF_16BE)] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            let text = encoding.decode_without_bom_handling_and_without_replacement(rest).ok_or_else(broken)?;
            return Ok((text, Encoding::Utf16));
        }
    }
    let not_utf8 = match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => return Ok((Cow::Borrowed(text), Encoding::Ascii)),
        Ok(text) => return Ok((Cow::Borrowed(text), Encoding::Utf8)),
        Err(error) => error.valid_up_to(),
    };
    let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(|text| (text, Encoding::Cp932)).ok_or(SheetError::Encoding { at: not_utf8 })
}

/// What stands most often between the cells of the first line, outside of quotes.
fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b'\t', 0), (b';', 0)];
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted && counts.iter().any(|(_, count)| *count > 0) => break,
            other if !quoted => {
                counts.iter_mut().filter(|(known, _)| *known == other).for_each(|(_, count)| *count += 1);
            }
            _ => {}
        }
    }
    // The first of equals: a comma, unless another one is more.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(byte, _)| *byte)
}

/// How many empty lines begin at a byte: a reader of CSV leaves them out, a spreadsheet counts them.
fn empty_lines(bytes: &[u8], from: usize) -> u32 {
    let (before, rest) = bytes.split_at_checked(from).unwrap_or((bytes, b""));
    // The reader stops between the two bytes of a line end.
    let mut rest = if before.ends_with(b"\r") { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
    let mut lines = 0_u32;
    while let Some(next) =
        rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).or_else(|| rest.strip_prefix(b"\r"))
    {
        rest = next;
        lines = lines.saturating_add(1);
    }
    lines
}

/// Reads a CSV file; `name` is that of its one sheet. A row is a record, as a spreadsheet counts it: a cell with a line
/// end in it moves no row.
pub fn read_csv(name: &str, bytes: &[u8]) -> Result<ReadCsv, SheetError> {
    if bytes.len() as u64 > IMPORT_BYTES_MAX {
        return Err(OverLimit { what: "a table", limit: IMPORT_BYTES_MAX, unit: "bytes" }.into());
    }
    let (text, encoding) = decode(bytes)?;
    let delimiter = delimiter(&text);
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut cells = BTreeMap::new();
    let mut record = ::csv::StringRecord::new();
    let mut row = 0_u32;
    loop {
        let from = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        if !reader.read_record(&mut record).map_err(|error| SheetError::Csv(error.to_string()))? {
            break;
        }
        row = row.saturating_add(empty_lines(text.as_bytes(), from));
        if row >= IMPORT_ROWS_MAX {
            return Err(OverLimit { what: "a table", limit: IMPORT_ROWS_MAX.into(), unit: "rows" }.into());
        }
        if record.len() > IMPORT_COLUMNS_MAX as usize {
            return Err(OverLimit { what: "a row", limit: IMPORT_COLUMNS_MAX.into(), unit: "cells" }.into());
        }
        for (column, text) in (0_u32..).zip(record.iter()).filter(|(_, text)| !text.is_empty()) {
            cells.insert((row, column), Cell { text: Outside::from(text), kind: CellKind::Text });
        }
        if cells.len() > IMPORT_CELLS_MAX {
            return Err(OverLimit { what: "a table", limit: IMPORT_CELLS_MAX as u64, unit: "cells" }.into());
        }
        row += 1;
    }
    let sheet = Sheet::new(name, true, cells, Vec::new())?;
    Ok(ReadCsv { sheet, encoding, delimiter: char::from(delimiter) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(read: &ReadCsv, row: u32, column: u32) -> &str {
        read.sheet.cells.get(&(row, column)).map_or("", |cell| cell.text.as_data())
    }

    #[test]
    fn the_encoding_is_found_and_named() {
        let table = "ホスト名,型番\nnx01,ＮＸ４５００①髙\n";
        let (cp932, _, _) = SHIFT_JIS.encode(table);
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(table.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let with_mark = [b"\xef\xbb\xbf", table.as_bytes()].concat();
        for (bytes, encoding) in [
            (table.as_bytes(), Encoding::Utf8),
            (with_mark.as_slice(), Encoding::Utf8Bom),
            (utf16.as_slice(), Encoding::Utf16),
            (cp932.as_ref(), Encoding::Cp932),
        ] {
            let read = read_csv("t.csv", bytes).unwrap();
            assert_eq!(
                (read.encoding, text(&read, 0, 0), text(&read, 1, 1)),
                (encoding, "ホスト名", "ＮＸ４５００①髙")
            );
        }
        assert_eq!(read_csv("t.csv", b"a,b\n").unwrap().encoding, Encoding::Ascii);
        assert!(matches!(read_csv("t.csv", b"a,\xff\xff\n"), Err(SheetError::Encoding { at: 2 })));
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_counts_them() {
        let read = read_csv("t.csv", "a,b\r\n\r\n\r\n\"1\r\n2\",3\r\n4,5\r\n".as_bytes()).unwrap();
        assert_eq!((text(&read, 3, 1), text(&read, 4, 0)), ("3", "4"));
        let read = read_csv("t.csv", "a;b\n\n\"1\n2\";3\n4;5\n".as_bytes()).unwrap();
        assert_eq!((read.delimiter, text(&read, 2, 0), text(&read, 2, 1), text(&read, 3, 1)), (';', "1\n2", "3", "5"));
        let read = read_csv("t.csv", "a\tb,c\td\n".as_bytes()).unwrap();
        assert_eq!((read.delimiter, text(&read, 0, 1)), ('\t', "b,c"));
        let read = read_csv("t.csv", "alone\n".as_bytes()).unwrap();
        assert_eq!(read.delimiter, ',');
    }

    #[test]
    fn a_table_has_limits() {
        let over = |bytes: &[u8]| matches!(read_csv("t.csv", bytes), Err(SheetError::OverLimit(_)));
        assert!(over(&vec![b'a'; usize::try_from(IMPORT_BYTES_MAX).unwrap() + 1]));
        assert!(over("a\n".repeat(IMPORT_ROWS_MAX as usize + 1).as_bytes()));
        assert!(over("a,".repeat(IMPORT_COLUMNS_MAX as usize + 1).as_bytes()));
        assert!(over(format!("{}a\n", "\n".repeat(IMPORT_ROWS_MAX as usize)).as_bytes()));
    }
}
