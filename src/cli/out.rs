//! The only printer. Data goes to standard output, talk to standard error; whatever is printed is encoded once more.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use comfy_table::{Color, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::model::outside::{Outside, encode_line, encode_lines, is_hostile, is_printable_ascii};

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    /// Data as JSON instead of words.
    pub json: bool,
}

/// What a cell means; on a terminal it has a colour, elsewhere the words alone must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Fine.
    Good,
    /// Needs a look.
    Care,
    /// Wrong.
    Bad,
}

/// One cell of a table.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a meaning.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// `1 seat`, `2 seats`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn write_line(mut to: impl Write, text: &str) {
    // A reader that left (`| head`) is no failure of ours.
    drop(writeln!(to, "{text}"));
}

fn write_raw(text: &str) {
    let mut to = std::io::stdout().lock();
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
}

fn wants_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

impl Out {
    /// One line or block of data in words.
    pub fn data(self, text: &str) {
        write_line(std::io::stdout().lock(), &encode_lines(text));
    }

    /// One line or block of talk.
    pub fn talk(self, text: &str) {
        write_line(std::io::stderr().lock(), &encode_lines(text));
    }

    /// A question, after which somebody types on the same line.
    pub fn ask(self, text: &str) {
        let mut to = std::io::stderr().lock();
        // Whoever cannot see the question gives no answer.
        drop(write!(to, "{}", encode_lines(text)).and_then(|()| to.flush()));
    }

    /// One line of data with a meaning.
    pub fn toned(self, text: &str, tone: Tone) {
        let shown = encode_lines(text);
        let colour = match tone {
            Tone::Good => "32",
            Tone::Care => "33",
            Tone::Bad => "31",
            Tone::Plain => return self.data(text),
        };
        if wants_colours() {
            write_line(std::io::stdout().lock(), &format!("\u{1b}[{colour}m{shown}\u{1b}[0m"));
        } else {
            write_line(std::io::stdout().lock(), &shown);
        }
    }

    /// Lines above the one that a person types in, on a terminal whose keys come as they are pressed.
    pub fn lines_drawn(self, text: &str) {
        for line in text.lines() {
            write_raw(&format!("{}\r\n", encode_lines(line)));
        }
    }

    /// The line that a person types in, behind a prompt, with the cursor before its byte `at`; what is wider than the
    /// window is not shown.
    pub fn line_drawn(self, prompt: &Outside, line: &str, at: usize, columns: usize) {
        let prompt = prompt.for_terminal();
        let room = columns.saturating_sub(prompt.chars().count() + 1).max(8);
        let from = at.saturating_sub(room);
        let shown: String = encode_line(line).chars().skip(from).take(room).collect();
        let left = shown.chars().count() - (at - from).min(shown.chars().count());
        let back = if left == 0 { String::new() } else { format!("\u{1b}[{left}D") };
        write_raw(&format!("\r\u{1b}[K{prompt}{shown}{back}"));
    }

    /// Ends the line that was drawn.
    pub fn line_ended(self) {
        write_raw("\r\n");
    }

    /// Takes the line away that was drawn.
    pub fn line_wiped(self) {
        write_raw("\r\u{1b}[K");
    }

    /// Wipes the screen.
    pub fn screen_wiped(self) {
        write_raw("\u{1b}[2J\u{1b}[H");
    }

    /// A table for people: no frame, so that it survives being pasted into a mail.
    pub fn table(self, head: &[&str], rows: Vec<Vec<Cell>>) {
        let mut table = Table::new();
        table.set_header(head.iter().map(|name| name.to_uppercase()));
        Self::print(table, rows);
    }

    /// Texts beside each other, without a head.
    pub fn columns(self, rows: Vec<Vec<Cell>>) {
        Self::print(Table::new(), rows);
    }

    fn print(mut table: Table, rows: Vec<Vec<Cell>>) {
        table.load_style(presets::NOTHING);
        let colours = wants_colours();
        if std::io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
        }
        for row in rows {
            table.add_row(row.into_iter().map(|cell| {
                let shown = comfy_table::Cell::new(encode_lines(&cell.text));
                match cell.tone {
                    Tone::Good if colours => shown.fg(Color::Green),
                    Tone::Care if colours => shown.fg(Color::Yellow),
                    Tone::Bad if colours => shown.fg(Color::Red),
                    _ => shown,
                }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // The cells are encoded already; what is left are the colours of the table itself.
        for line in table.to_string().lines() {
            write_line(std::io::stdout().lock(), line.trim_end());
        }
    }

    /// An answer as JSON with its version.
    pub fn json<T: Serialize>(self, answer: &T) {
        #[derive(Serialize)]
        struct Versioned<'a, T> {
            v: u32,
            #[serde(flatten)]
            answer: &'a T,
        }
        match serde_json::to_string_pretty(&Versioned { v: 1, answer }) {
            Ok(text) => write_line(std::io::stdout().lock(), &ascii_controls(&text)),
            Err(error) => self.talk(&format!("error: the answer cannot be written as JSON: {error}")),
        }
    }
}

/// JSON whose strings hold no character that a terminal obeys: they are legal JSON escapes of the same characters.
fn ascii_controls(text: &str) -> Cow<'_, str> {
    if text.lines().all(|line| is_printable_ascii(line) || !line.chars().any(is_hostile)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut units = [0_u16; 2];
    for letter in text.chars() {
        if is_hostile(letter) && letter != '\n' {
            for unit in letter.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_text_and_loses_the_controls() {
        let hostile = "a\u{9b}31m\u{202e}b\u{e0041}";
        let json = serde_json::to_string(hostile).expect("JSON");
        let shown = ascii_controls(&json);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), hostile);
    }
}
