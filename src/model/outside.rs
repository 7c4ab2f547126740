//! Text from outside: what an appliance, a desk, a mail or a customer's file said.
//!
//! Invariant: the type has no `Display`. It reaches a place only through that place's encoder, and never becomes
//! a template, a path or a word of a command.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that somebody else wrote. `Debug` shows it escaped; logs take it with `?`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outside(String);

impl Outside {
    /// Marks a text as coming from outside.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Bytes from a wire; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text as data: to parse, compare and store, never to print.
    pub fn as_data(&self) -> &str {
        &self.0
    }

    /// As [`Self::as_data`], without a copy.
    pub fn into_data(self) -> String {
        self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For one cell or line of a terminal: control, bidirectional and invisible characters are shown as escapes.
    pub fn for_terminal(&self) -> Cow<'_, str> {
        encode_line(&self.0)
    }

    /// For a block on a terminal: as [`Self::for_terminal`], but line ends and tabs stay.
    pub fn for_terminal_lines(&self) -> Cow<'_, str> {
        encode_lines(&self.0)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", encode_line(&self.0))
    }
}

impl From<String> for Outside {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Outside {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Characters that change what a person sees without being seen: C0, C1, bidirectional controls, zero width,
/// line and paragraph separators, tags, the byte order mark.
pub fn is_hostile(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text is of letters, digits, signs and blanks of ASCII alone, and so not hostile. Written so that many bytes
/// are looked at in one instruction.
pub fn is_printable_ascii(text: &str) -> bool {
    !text.bytes().fold(false, |other, byte| other | !matches!(byte, b' '..=b'~'))
}

fn encode(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if is_printable_ascii(text) || !text.chars().any(|letter| is_hostile(letter) && !keep(letter)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_hostile(letter) && !keep(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// One line for a terminal or a log, whoever wrote the text.
pub fn encode_line(text: &str) -> Cow<'_, str> {
    encode(text, |_| false)
}

/// Several lines for a terminal: line feeds and tabs stay, everything else that is hostile is shown as an escape.
pub fn encode_lines(text: &str) -> Cow<'_, str> {
    encode(text, |letter| matches!(letter, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_survives_the_terminal_encoder() {
        let attack = "a\u{1b}]52;c;AAAA\u{7}b\r\nc\u{9b}31m\u{202e}d\u{200b}e\u{2028}";
        for shown in [Outside::from(attack).for_terminal(), encode_lines(attack)] {
            assert!(!shown.chars().any(|c| is_hostile(c) && c != '\n'), "{shown:?}");
        }
        assert!(!format!("{:?}", Outside::from(attack)).chars().any(is_hostile));
    }

    #[test]
    fn japanese_passes_unchanged() {
        assert_eq!(Outside::from("東京電算 nx01").for_terminal(), "東京電算 nx01");
    }
}
