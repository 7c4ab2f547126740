//! The bytes of a terminal as lines of text. Pure; each byte is looked at once.
//!
//! No printable byte is ever lost: a carriage return alone ends a line as a line feed does, since nothing tells an
//! overwritten line from one whose line feed went missing. Only a line of blanks is overwritten.

/// The lines of what a terminal was sent in pieces, each piece with a number, without what only moves a cursor; and with
/// each line the number of the piece that ended it.
pub fn screened<'a>(pieces: impl Iterator<Item = (i64, &'a str)>) -> (String, Vec<i64>) {
    let mut screen = Screen::new(true);
    let (mut ends, mut last) = (Vec::new(), 0);
    for (number, piece) in pieces {
        screen.feed(piece.as_bytes());
        last = number;
        let ended = usize::try_from(screen.lines_ended()).unwrap_or(usize::MAX);
        ends.resize(ended.max(ends.len()), number);
    }
    if !screen.line().is_empty() {
        screen.end_line();
        ends.push(last);
    }
    (screen.into_text(), ends)
}

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;

/// Where in an escape sequence of ECMA-48 the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    Outside,
    /// After ESC, or after its intermediate bytes.
    Begun,
    /// In a control sequence, until its final byte.
    Control,
    /// In a control string (OSC, DCS, PM, APC, SOS), until BEL or ST.
    String,
    /// After ESC in a control string.
    StringEnd,
}

/// Whether there is no control byte but those of tabs and line ends. Written so that many bytes are looked at in one
/// instruction.
fn is_ordinary(bytes: &[u8]) -> bool {
    let control = |byte: u8| (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f;
    !bytes.iter().fold(false, |found, byte| found | control(*byte))
}

/// A growing text without the noise of a terminal; line ends are line feeds.
#[derive(Debug)]
pub(super) struct Screen {
    text: Vec<u8>,
    line_start: usize,
    line_longest: usize,
    lines_ended: u64,
    escape: Escape,
    carriage_returned: bool,
    terminal: bool,
}

impl Screen {
    /// A screen without text. Where no `terminal` is, line ends alone are changed.
    pub(super) const fn new(terminal: bool) -> Self {
        Self {
            text: Vec::new(),
            line_start: 0,
            line_longest: 0,
            lines_ended: 0,
            escape: Escape::Outside,
            carriage_returned: false,
            terminal,
        }
    }

    /// All text.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The last line, whose end was not seen yet.
    pub(super) fn line(&self) -> &[u8] {
        self.text.get(self.line_start..).unwrap_or_default()
    }

    /// Whether the last line is the only one.
    pub(super) const fn is_first_line(&self) -> bool {
        self.line_start == 0
    }

    /// The length of the longest line so far, in bytes.
    pub(super) fn line_longest(&self) -> usize {
        self.line_longest.max(self.line().len())
    }

    /// How many line ends there were.
    pub(super) const fn lines_ended(&self) -> u64 {
        self.lines_ended
    }

    /// Takes the last line away.
    pub(super) fn erase_line(&mut self) {
        self.text.truncate(self.line_start);
    }

    /// Takes the first `count` bytes away, which end with a line end.
    pub(super) fn forget(&mut self, count: usize) {
        self.text.drain(..count.min(self.text.len()));
        self.line_start = self.line_start.saturating_sub(count);
    }

    /// The text without copying it; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Takes bytes as they came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        // Once for all of its lines: growing line by line moves a long text again and again.
        self.text.reserve(bytes.len());
        let plain = self.escape == Escape::Outside && !self.carriage_returned;
        let taken = if plain && (!self.terminal || is_ordinary(bytes)) { self.lines(bytes) } else { 0 };
        for byte in bytes.get(taken..).unwrap_or_default() {
            self.byte(*byte);
        }
    }

    /// Takes bytes without control sequences, as nearly all are, line by line up to a carriage return that is not
    /// followed by a line feed, and returns how many it took.
    fn lines(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for end in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let Some(line) = bytes.get(taken..end) else { continue };
            self.text.extend_from_slice(line);
            taken = match bytes.get(end..end + 2) {
                Some(b"\r\n") => end + 2,
                _ if bytes.get(end) == Some(&b'\n') => end + 1,
                _ => return end,
            };
            self.end_line();
        }
        self.text.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        bytes.len()
    }

    fn byte(&mut self, byte: u8) {
        if self.escape != Escape::Outside {
            self.escape_byte(byte);
            return;
        }
        if std::mem::take(&mut self.carriage_returned) && byte != b'\n' && byte != b'\r' {
            self.overwrite_line();
        }
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.carriage_returned = true,
            _ if !self.terminal => self.text.push(byte),
            ESCAPE => self.escape = Escape::Begun,
            BACKSPACE if self.text.len() > self.line_start => self.text.truncate(self.text.len() - 1),
            b'\t' | b' '..=0x7e | 0x80.. => self.text.push(byte),
            _ => {}
        }
    }

    fn end_line(&mut self) {
        self.carriage_returned = false;
        self.line_longest = self.line_longest();
        self.lines_ended += 1;
        self.text.push(b'\n');
        self.line_start = self.text.len();
    }

    fn overwrite_line(&mut self) {
        if self.line().iter().all(|byte| *byte == b' ') { self.erase_line() } else { self.end_line() }
    }

    fn escape_byte(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Escape::String,
            (Escape::Begun, b' '..=b'/') | (Escape::StringEnd | Escape::Begun, ESCAPE) => Escape::Begun,
            (Escape::Begun, b'[') | (Escape::Control, b' '..=b'?') => Escape::Control,
            (Escape::String, ESCAPE) => Escape::StringEnd,
            (Escape::String, byte) if byte >= b' ' => Escape::String,
            (Escape::Begun | Escape::StringEnd, b' '..=0x7e)
            | (Escape::Control, b'@'..=0x7e)
            | (Escape::String, BELL) => Escape::Outside,
            // A byte that no sequence may have ends it, so that a broken one cannot swallow the lines behind it.
            (_, byte) => {
                self.escape = Escape::Outside;
                return self.byte(byte);
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut screen = Screen::new(true);
        screen.feed(bytes);
        screen.into_text()
    }

    #[test]
    fn every_line_end_becomes_a_line_feed() {
        assert_eq!(shown(b"a\r\nb\r\r\nc\nd\n\re"), "a\nb\nc\nd\ne");
    }

    #[test]
    fn the_noise_of_a_terminal_disappears() {
        let noise = b"\x1b[?1034h\x1b[1;31ma\x1b[0m\x1b]0;title\x07b\x1b(B\x1bPq\x1b\\c\x07\0\x0ed\x1b[K\x1b=e";
        assert_eq!(shown(noise), "abcde");
    }

    #[test]
    fn a_broken_sequence_swallows_no_line() {
        assert_eq!(shown(b"\x1b[31\nnext\x1b]0;never ended\nlast"), "\nnext\nlast");
    }

    #[test]
    fn a_carriage_return_alone_loses_no_text() {
        assert_eq!(shown(b"10%\r20%\r\n"), "10%\n20%\n");
        assert_eq!(shown(b"x\n        \rnext"), "x\nnext");
    }

    #[test]
    fn a_backspace_stops_at_the_start_of_the_line() {
        assert_eq!(shown(b"a\nbc\x08\x08\x08\x08d"), "a\nd");
    }

    #[test]
    fn without_a_terminal_only_line_ends_change() {
        let mut screen = Screen::new(false);
        screen.feed(b"a\x1b[1m\tb\r\n\x08c\r\n");
        assert_eq!(screen.into_text(), "a\x1b[1m\tb\n\x08c\n");
    }

    #[test]
    fn the_longest_line_is_known_while_it_grows() {
        let mut screen = Screen::new(true);
        screen.feed(b"12345\r\n123");
        assert_eq!(screen.line_longest(), 5);
        screen.feed(b"456");
        assert_eq!(screen.line_longest(), 6);
    }

    proptest! {
        #[test]
        fn the_split_of_the_stream_does_not_matter(
            bytes in proptest::collection::vec(prop_oneof![
                Just(b'\r'), Just(b'\n'), Just(0x1b), Just(b'['), Just(b']'), Just(8u8), Just(b' '), any::<u8>(),
            ], 0..200),
            cuts in proptest::collection::vec(0usize..200, 0..20),
            terminal in any::<bool>(),
        ) {
            let mut whole = Screen::new(terminal);
            whole.feed(&bytes);
            let mut parts = Screen::new(terminal);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for ends in cuts.windows(2) {
                parts.feed(&bytes[ends[0]..ends[1]]);
            }
            prop_assert_eq!(parts.line(), whole.line());
            prop_assert_eq!(parts.line_longest(), whole.line_longest());
            prop_assert_eq!(parts.into_text(), whole.into_text());
        }
    }
}
