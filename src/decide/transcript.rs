//! The transcript of a session: a timed recording in asciicast version 2, one JSON value a line, and its way back.
//!
//! What a person typed and was not sent stands in it by its reason alone: it may be a password in the wrong window.

use serde::{Deserialize, Serialize};

use crate::model::limits::TRANSCRIPT_BYTES_MAX;
use crate::model::time::Time;
use crate::model::typed::Denied;

/// The longest part of a character of UTF-8 that a message may end with.
const PART_BYTES_MAX: usize = 3;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeHead {
    /// Of the format.
    version: u32,
    /// Columns of the window.
    pub width: u32,
    /// Rows of the window.
    pub height: u32,
    /// When it began, in seconds since 1970.
    pub timestamp: i64,
    /// Whose session it was, on what.
    pub title: String,
}

crate::words! {
    /// What happened.
    pub enum TapeKind {
        /// The appliance said something.
        Said = "o",
        /// A line was sent.
        Sent = "i",
        /// A remark of Hoshu.
        Remark = "m",
        /// The window changed.
        Window = "r",
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeEvent {
    /// Milliseconds since the beginning.
    pub ms: i64,
    /// What.
    pub kind: TapeKind,
    /// Its text.
    pub text: String,
}

/// A transcript that grows. It is bounded: what comes behind its end is counted and not kept.
#[derive(Debug, Clone)]
pub struct Tape {
    text: String,
    /// The beginning of a character whose end has not come.
    part: Vec<u8>,
    /// Lines that were sent.
    pub sent: u32,
    /// Lines that were not.
    pub denied: u32,
    /// Whether something is missing at its end.
    pub cut: bool,
}

impl Tape {
    /// A transcript that begins.
    pub fn new(title: &str, at: Time, (width, height): (u32, u32)) -> Self {
        let head = TapeHead { version: 2, width, height, timestamp: at.as_ms() / 1000, title: title.to_owned() };
        let head = serde_json::to_string(&head).unwrap_or_default();
        Self { text: head + "\n", part: Vec::new(), sent: 0, denied: 0, cut: false }
    }

    fn add(&mut self, ms: i64, kind: TapeKind, text: &str) {
        if self.cut {
            return;
        }
        let seconds = format!("{}.{:03}", ms.max(0) / 1000, ms.max(0) % 1000);
        let line = |kind: TapeKind, text: &str| {
            let text = serde_json::to_string(text).unwrap_or_default();
            format!("[{seconds}, \"{kind}\", {text}]\n")
        };
        let event = line(kind, text);
        if self.text.len() + event.len() > TRANSCRIPT_BYTES_MAX {
            self.cut = true;
            self.text.push_str(&line(TapeKind::Remark, "the transcript is full and ends here; the session went on"));
            return;
        }
        self.text.push_str(&event);
    }

    /// The appliance said something.
    pub fn said(&mut self, ms: i64, raw: &[u8]) {
        let mut bytes = std::mem::take(&mut self.part);
        bytes.extend_from_slice(raw);
        if let Err(error) = str::from_utf8(&bytes)
            && error.error_len().is_none()
            && bytes.len() - error.valid_up_to() <= PART_BYTES_MAX
        {
            self.part = bytes.split_off(error.valid_up_to());
        }
        if !bytes.is_empty() {
            self.add(ms, TapeKind::Said, &String::from_utf8_lossy(&bytes));
        }
    }

    /// A line was sent.
    pub fn sent(&mut self, ms: i64, line: &str) {
        self.sent = self.sent.saturating_add(1);
        self.add(ms, TapeKind::Sent, &format!("{line}\r"));
    }

    /// A key was sent.
    pub fn key(&mut self, ms: i64, key: &str) {
        self.add(ms, TapeKind::Remark, &format!("key: {key}"));
    }

    /// A line was typed and not sent.
    pub fn denied(&mut self, ms: i64, why: &Denied) {
        self.denied = self.denied.saturating_add(1);
        let why = match why {
            Denied::Unknown(line) => format!("a line of {} characters that no list has", line.chars().count()),
            known => known.to_string(),
        };
        self.add(ms, TapeKind::Remark, &format!("not sent: {why}"));
    }

    /// The window changed.
    pub fn window(&mut self, ms: i64, (width, height): (u32, u32)) {
        self.add(ms, TapeKind::Window, &format!("{width}x{height}"));
    }

    /// Hoshu remarks something.
    pub fn remark(&mut self, ms: i64, text: &str) {
        self.add(ms, TapeKind::Remark, text);
    }

    /// The whole of it.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Takes a transcript apart. A line that is none of a transcript is left out, and counted.
pub fn unroll(text: &str) -> Option<(TapeHead, Vec<TapeEvent>, usize)> {
    let mut lines = text.lines();
    let head: TapeHead = serde_json::from_str(lines.next()?).ok()?;
    let (mut events, mut strange) = (Vec::new(), 0);
    for line in lines {
        match serde_json::from_str::<(f64, TapeKind, String)>(line) {
            Ok((seconds, kind, text)) => {
                // Fits: a transcript of a thousand years has as many milliseconds as a float counts exactly.
                let ms = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis();
                events.push(TapeEvent { ms: i64::try_from(ms).unwrap_or(i64::MAX), kind, text });
            }
            Err(_) => strange += 1,
        }
    }
    Some((head, events, strange))
}

/// Writes a transcript of events that stand already in order, as for another player.
pub fn roll(head: &TapeHead, events: &[TapeEvent]) -> String {
    let mut text = serde_json::to_string(head).unwrap_or_default();
    text.push('\n');
    for TapeEvent { ms, kind, text: said } in events {
        let said = serde_json::to_string(said).unwrap_or_default();
        text.push_str(&format!("[{}.{:03}, \"{kind}\", {said}]\n", ms / 1000, ms % 1000));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape() -> Tape {
        Tape::new("nx01", Time::from_ms(5_000), (80, 24))
    }

    #[test]
    fn what_is_recorded_comes_back() {
        let mut tape = tape();
        tape.said(12, "nx01 # \u{1b}[31m東".as_bytes());
        tape.sent(1_500, "show version");
        tape.denied(2_000, &Denied::Changes { words: "reload".to_owned(), why: "it restarts".to_owned() });
        let (sent, denied) = (tape.sent, tape.denied);
        let (head, events, strange) = unroll(&tape.into_text()).expect("a transcript");
        assert_eq!((sent, denied, strange, head.width, head.timestamp), (1, 1, 0, 80, 5));
        let texts: Vec<_> = events.iter().map(|event| (event.ms, event.kind.as_str(), event.text.as_str())).collect();
        assert_eq!(
            texts,
            [
                (12, "o", "nx01 # \u{1b}[31m東"),
                (1_500, "i", "show version\r"),
                (2_000, "m", "not sent: reload: it restarts")
            ]
        );
        assert_eq!(unroll(&roll(&head, &events)).expect("a transcript").1, events);
    }

    #[test]
    fn a_character_in_two_messages_stays_one() {
        let mut tape = tape();
        let bytes = "東".as_bytes();
        tape.said(0, &bytes[..1]);
        tape.said(1, &bytes[1..]);
        tape.said(2, b"\xff\xff\xff\xff");
        let (_, events, _) = unroll(&tape.into_text()).expect("a transcript");
        let texts: Vec<_> = events.iter().map(|event| event.text.as_str()).collect();
        assert_eq!(texts, ["東", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn what_may_be_a_password_in_the_wrong_window_is_not_kept() {
        let mut tape = tape();
        tape.denied(0, &Denied::Unknown("hunter2-canary".to_owned()));
        let text = tape.into_text();
        assert!(!text.contains("hunter2") && text.contains("a line of 14 characters"), "{text}");
    }

    #[test]
    fn a_transcript_is_bounded_and_says_where_it_ends() {
        let mut tape = tape();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            tape.said(0, &piece);
        }
        assert!(tape.cut);
        let text = tape.into_text();
        assert!(text.len() <= TRANSCRIPT_BYTES_MAX + 200, "{}", text.len());
        assert!(text.ends_with("went on\"]\n"));
    }

    #[test]
    fn strange_lines_are_counted() {
        assert!(unroll("").is_none() && unroll("x\n").is_none());
        let text = tape().into_text() + "[1, \"x\", \"y\"]\nz\n[1.5, \"o\", \"a\"]\n[-1, \"o\", \"b\"]\n";
        let (_, events, strange) = unroll(&text).expect("a transcript");
        assert_eq!((events.len(), strange), (2, 2));
    }
}
