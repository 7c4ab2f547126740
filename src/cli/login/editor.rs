//! One line while a person types it: keys in, a line out. Pure.

use std::collections::VecDeque;

use crate::model::limits::TYPED_CHARS_MAX;

/// Lines that are remembered while the session lasts.
const HISTORY_MAX: usize = 200;
const ESCAPE: u8 = 0x1b;

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keyed {
    /// The line looks otherwise, or as before.
    Edited,
    /// The line is whole.
    Line(String),
    /// The line as far as it is typed, of which the person asks what may follow; it stays.
    Help(String),
    /// The line is given up.
    GivenUp,
    /// The person wants to leave.
    Leave,
    /// The screen is to be wiped.
    Wipe,
}

/// Where in the sequence of a function key the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sequence {
    #[default]
    None,
    Begun,
    /// In a control sequence, with its first byte.
    Control(u8),
}

/// A line while it is typed. It takes printable ASCII: an appliance's commands have nothing else.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: String,
    /// Bytes before the cursor.
    at: usize,
    sequence: Sequence,
    /// A carriage return ended the last line: the line feed behind it ends none.
    returned: bool,
    history: VecDeque<String>,
    /// How far back in the history the line is, and what was typed before.
    back: usize,
    typed: String,
}

impl Editor {
    /// The line, and the place of the cursor in it.
    pub(super) fn shown(&self) -> (&str, usize) {
        (&self.line, self.at)
    }

    /// Takes one byte of the keyboard.
    pub(super) fn key(&mut self, byte: u8) -> Keyed {
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        if self.sequence != Sequence::None {
            self.function(byte);
            return Keyed::Edited;
        }
        match byte {
            b'\n' if returned => {}
            b'\r' | b'\n' => return Keyed::Line(self.take()),
            ESCAPE => self.sequence = Sequence::Begun,
            3 => {
                self.clear();
                return Keyed::GivenUp;
            }
            4 if self.line.is_empty() => return Keyed::Leave,
            b'.' if self.line == "~" => {
                self.clear();
                return Keyed::Leave;
            }
            b'\t' => return Keyed::Help(self.line.clone() + "?"),
            b'?' if self.at == self.line.len() => return Keyed::Help(self.line.clone() + "?"),
            12 => return Keyed::Wipe,
            1 => self.at = 0,
            5 => self.at = self.line.len(),
            2 => self.left(),
            6 => self.right(),
            4 => self.delete(),
            8 | 0x7f if self.at > 0 => {
                self.at -= 1;
                self.delete();
            }
            11 => self.line.truncate(self.at),
            0x15 => {
                self.line.drain(..self.at);
                self.at = 0;
            }
            0x17 => self.delete_word(),
            16 => self.recall(true),
            14 => self.recall(false),
            b' '..=b'~' if self.line.len() < TYPED_CHARS_MAX => {
                self.line.insert(self.at, char::from(byte));
                self.at += 1;
            }
            _ => {}
        }
        Keyed::Edited
    }

    fn function(&mut self, byte: u8) {
        self.sequence = match (self.sequence, byte) {
            (Sequence::Begun, b'[' | b'O') => Sequence::Control(0),
            (Sequence::Control(_), b'0'..=b'9' | b';') => Sequence::Control(byte),
            (Sequence::Control(first), last) => {
                match (first, last) {
                    (_, b'A') => self.recall(true),
                    (_, b'B') => self.recall(false),
                    (_, b'C') => self.right(),
                    (_, b'D') => self.left(),
                    (_, b'H') | (b'1' | b'7', b'~') => self.at = 0,
                    (_, b'F') | (b'4' | b'8', b'~') => self.at = self.line.len(),
                    (b'3', b'~') => self.delete(),
                    _ => {}
                }
                Sequence::None
            }
            _ => Sequence::None,
        };
    }

    fn left(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    fn right(&mut self) {
        self.at = (self.at + 1).min(self.line.len());
    }

    fn delete(&mut self) {
        if self.at < self.line.len() {
            self.line.remove(self.at);
        }
    }

    fn delete_word(&mut self) {
        let before = self.line.get(..self.at).unwrap_or_default().trim_end();
        let from = before.rfind(' ').map_or(0, |blank| blank + 1);
        self.line.drain(from..self.at);
        self.at = from;
    }

    fn clear(&mut self) {
        self.line.clear();
        (self.at, self.back) = (0, 0);
    }

    fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        (self.at, self.back) = (0, 0);
        if !line.trim().is_empty() && self.history.front() != Some(&line) {
            self.history.push_front(line.clone());
            self.history.truncate(HISTORY_MAX);
        }
        line
    }

    fn recall(&mut self, older: bool) {
        if self.back == 0 {
            self.typed.clone_from(&self.line);
        }
        let back = if older { (self.back + 1).min(self.history.len()) } else { self.back.saturating_sub(1) };
        self.back = back;
        let line = if back == 0 { Some(&self.typed) } else { self.history.get(back - 1) };
        self.line = line.cloned().unwrap_or_default();
        self.at = self.line.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn type_in(editor: &mut Editor, keys: &[u8]) -> Vec<Keyed> {
        keys.iter().map(|key| editor.key(*key)).filter(|keyed| *keyed != Keyed::Edited).collect()
    }

    fn line(keys: &[u8]) -> String {
        match type_in(&mut Editor::default(), &[keys, b"\r"].concat()).pop() {
            Some(Keyed::Line(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_edited_as_everywhere() {
        for (keys, expected) in [
            (&b"show version"[..], "show version"),
            (b"shox\x7fw", "show"),
            (b"version\x01show \x05s", "show versions"),
            (b"show licenses\x17version", "show version"),
            (b"garbage\x15show", "show"),
            (b"shw\x1b[Do", "show"),
            (b"xshow\x01\x1b[3~", "show"),
            (b"show x\x02\x0b", "show "),
            (b"show \x1b[5~\x1bOP\xe6\x9d\xb1", "show "),
        ] {
            assert_eq!(line(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn earlier_lines_come_back_and_what_was_typed_is_kept() {
        let mut editor = Editor::default();
        type_in(&mut editor, b"one\rtwo\r\ntwo\rnew");
        let mut shown = Vec::new();
        for key in [&b"\x1b[A"[..], b"\x1b[A", b"\x1b[A", b"\x1b[B", b"\x1b[B"] {
            type_in(&mut editor, key);
            shown.push(editor.shown().0.to_owned());
        }
        assert_eq!(shown, ["two", "one", "one", "two", "new"]);
    }

    #[test]
    fn one_leaves_at_the_start_of_a_line_only() {
        assert_eq!(type_in(&mut Editor::default(), b"~."), [Keyed::Leave]);
        assert_eq!(type_in(&mut Editor::default(), b"\x04"), [Keyed::Leave]);
        assert_eq!(type_in(&mut Editor::default(), b"a~.\x04"), []);
        assert_eq!(type_in(&mut Editor::default(), b"show \x03"), [Keyed::GivenUp]);
        assert_eq!(type_in(&mut Editor::default(), b"sh ve?"), [Keyed::Help("sh ve?".to_owned())]);
        assert_eq!(type_in(&mut Editor::default(), b"sh ve\t"), [Keyed::Help("sh ve?".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_key_is_too_strange(keys in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut editor = Editor::default();
            for key in keys {
                if let Keyed::Line(line) = editor.key(key) {
                    prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                }
                let (line, at) = editor.shown();
                prop_assert!(at <= line.len() && line.len() <= TYPED_CHARS_MAX);
            }
        }
    }
}
