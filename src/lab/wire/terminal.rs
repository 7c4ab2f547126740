//! What a terminal does with keys: echo, erase, whole lines, and keys for a pager. Pure.

use crate::lab::unit::pager::{Pager, Screen};

/// Bytes of a line; what is typed beyond it is lost.
const TYPED_BYTES_MAX: usize = 4096;

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// To be shown to the one who types; may be nothing.
    Echo(Vec<u8>),
    /// A line is complete; the bytes are its echo.
    Line(String, Vec<u8>),
    /// The pager drew something.
    Page(Screen),
    /// The one who types wants to leave.
    Leave,
}

/// The keys of a session that have not become a line yet.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    typed: Vec<u8>,
    after_return: bool,
    /// Whether keys are echoed.
    pub echo: bool,
    /// The pager that takes the keys, if one is open.
    pub pager: Option<Pager>,
}

impl Terminal {
    /// Takes one byte.
    pub(super) fn key(&mut self, byte: u8) -> Typed {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        if let Some(pager) = &mut self.pager {
            let screen = pager.key(byte);
            if screen.done {
                self.pager = None;
            }
            return Typed::Page(screen);
        }
        let nothing = Typed::Echo(Vec::new());
        match byte {
            b'\n' if after_return => nothing,
            b'\r' | b'\n' => {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.typed)).into_owned();
                Typed::Line(line, self.shown(b"\r\n"))
            }
            3 => {
                self.typed.clear();
                Typed::Line(String::new(), self.shown(b"^C\r\n"))
            }
            4 if self.typed.is_empty() => Typed::Leave,
            8 | 0x7f => match self.typed.pop() {
                Some(_) => Typed::Echo(self.shown(b"\x08 \x08")),
                None => nothing,
            },
            0x15 => {
                let wipe = b"\x08 \x08".repeat(self.typed.len());
                self.typed.clear();
                Typed::Echo(self.shown(&wipe))
            }
            0..=0x1f => nothing,
            _ if self.typed.len() < TYPED_BYTES_MAX => {
                self.typed.push(byte);
                Typed::Echo(self.shown(&[byte]))
            }
            _ => nothing,
        }
    }

    fn shown(&self, bytes: &[u8]) -> Vec<u8> {
        if self.echo { bytes.to_vec() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(terminal: &mut Terminal, bytes: &[u8]) -> Vec<String> {
        bytes
            .iter()
            .filter_map(|byte| match terminal.key(*byte) {
                Typed::Line(line, _) => Some(line),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_line_end_ends_one_line() {
        let mut terminal = Terminal::default();
        assert_eq!(lines(&mut terminal, b"a\rb\nc\r\nd\r\r"), ["a", "b", "c", "d", ""]);
    }

    #[test]
    fn erased_keys_are_gone() {
        let mut terminal = Terminal::default();
        assert_eq!(lines(&mut terminal, b"shox\x7fw\rgarbage\x15exit\r"), ["show", "exit"]);
    }

    #[test]
    fn a_line_is_bounded() {
        let mut terminal = Terminal::default();
        let mut bytes = vec![b'a'; TYPED_BYTES_MAX * 2];
        bytes.push(b'\r');
        assert_eq!(lines(&mut terminal, &bytes).first().map(String::len), Some(TYPED_BYTES_MAX));
    }

    #[test]
    fn only_a_terminal_echoes() {
        let mut terminal = Terminal::default();
        assert_eq!(terminal.key(b'x'), Typed::Echo(Vec::new()));
        terminal.echo = true;
        assert_eq!(terminal.key(b'x'), Typed::Echo(b"x".to_vec()));
    }
}
