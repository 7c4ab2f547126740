//! Recognises the prompts of an appliance's command line. Pure.
//!
//! Shapes (docs.trellix.com, enable; fireeye.dev, authentication): `host > `, `host # `, `host (config) # `; a CM in a
//! cluster puts a tag before or between them (docs.trellix.com, show cmc status: `[CM-1] config #`).

use crate::model::question::is_for_password;

/// The longest prompt, in bytes: a host name of 63 characters, two tags and the mode.
const PROMPT_BYTES_MAX: usize = 200;
/// The longest question that is looked at, in bytes: a longer line that grows byte by byte would be looked at again for
/// each of them.
pub(super) const QUESTION_BYTES_MAX: usize = 512;

/// The mode of the command line that a prompt shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `>`.
    Standard,
    /// `#`.
    Enable,
    /// `(config) #`.
    Configuration,
}

/// What stands before the mode in every prompt of one session: learned once, then compared byte by byte, so that a
/// line of a configuration with the prompt of another appliance is not taken for the end of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    base: Vec<u8>,
}

impl Prompt {
    /// Learns the prompt of a session from its first one.
    pub(super) fn learn(line: &[u8]) -> Option<(Self, Mode)> {
        let (base, mode) = split(line)?;
        is_base(base).then(|| (Self { base: base.to_vec() }, mode))
    }

    /// The mode that `line` shows, if it is the prompt of this session and nothing else.
    pub(super) fn mode(&self, line: &[u8]) -> Option<Mode> {
        // The first byte decides nearly always, and this is asked at the end of every message.
        if line.first() != self.base.first() {
            return None;
        }
        split(line).filter(|(base, _)| *base == self.base).map(|(_, mode)| mode)
    }
}

/// A prompt without the mode and the blanks around it.
fn split(line: &[u8]) -> Option<(&[u8], Mode)> {
    if line.len() > PROMPT_BYTES_MAX {
        return None;
    }
    let line = line.strip_suffix(b" ").unwrap_or(line);
    if let Some(base) = line.strip_suffix(b" >") {
        return Some((base, Mode::Standard));
    }
    let before = line.strip_suffix(b" #")?;
    if let Some(base) = before.strip_suffix(b"(config)") {
        return Some((base.strip_suffix(b" ").unwrap_or(base), Mode::Configuration));
    }
    match before.strip_suffix(b"] config") {
        Some(tag) => before.get(..=tag.len()).map(|base| (base, Mode::Configuration)),
        None => Some((before, Mode::Enable)),
    }
}

/// One host name with a tag before or after it, or a tag alone.
fn is_base(base: &[u8]) -> bool {
    let (tag_before, rest) = strip_tag(base);
    let host = rest.iter().take_while(|byte| is_host_byte(**byte)).count();
    let (_, rest) = rest.split_at(host);
    match (tag_before, host, rest.strip_prefix(b" ")) {
        (true, 0, None) | (_, 1.., None) => rest.is_empty(),
        (_, 1.., Some(tag)) => strip_tag(tag) == (true, b""),
        _ => false,
    }
}

/// Takes `[…]` and one blank behind it away from the start.
fn strip_tag(text: &[u8]) -> (bool, &[u8]) {
    let Some(inside) = text.strip_prefix(b"[") else { return (false, text) };
    match inside.iter().position(|byte| *byte == b']') {
        Some(end) if end > 0 && inside.iter().take(end).all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
            let rest = inside.get(end + 1..).unwrap_or_default();
            (true, rest.strip_prefix(b" ").unwrap_or(rest))
        }
        _ => (false, text),
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')
}

/// What a pager waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// More text follows after a space.
    Space,
    /// All text was shown; `q` leaves the pager.
    Quit,
}

/// Whether a line is the question of a pager: that of `less` (`lines 1-23`, as on siblings of this command line),
/// that of `more`, or "press any key" (docs.trellix.com, cli session paging enable).
pub(super) fn pager(line: &[u8]) -> Option<Key> {
    if line.len() > PROMPT_BYTES_MAX {
        return None;
    }
    let line = str::from_utf8(line).ok()?.trim();
    let lower = line.to_ascii_lowercase();
    if lower.ends_with("(end)") && (lower.starts_with("lines ") || lower == "(end)") {
        return Some(Key::Quit);
    }
    let lines = lower.strip_prefix("lines ").is_some_and(|range| {
        let mut words = range.split(' ');
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let span = words.next().and_then(|span| span.split('/').next()).and_then(|span| span.split_once('-'));
        let percent = words.next().is_none_or(|word| word.ends_with('%'));
        span.is_some_and(|(from, to)| digits(from) && digits(to)) && percent && words.next().is_none()
    });
    let more = lower.starts_with("--more--");
    let key = lower.trim_start_matches(['(', '-', ' ']).starts_with("press any key");
    (lines || more || key || line == ":").then_some(Key::Space)
}

/// A line that is short enough for a question, without the blanks behind it.
fn question(line: &[u8]) -> Option<&str> {
    let short = Some(line).filter(|line| line.len() <= QUESTION_BYTES_MAX)?;
    str::from_utf8(short).ok().map(str::trim_end)
}

/// Whether a line asks for the password and waits. A new or an old one is asked for by other questions.
pub(super) fn is_password_question(line: &[u8]) -> bool {
    let Some(line) = question(line) else { return false };
    // Most lines end otherwise, and are not held against the pattern.
    line.ends_with(':') && is_for_password(line)
}

/// Whether a line is the question of an SSH client whether an unknown host key is the right one (OpenSSH; modelled for an
/// appliance, whose own words no document shows).
pub(super) fn is_host_key_question(line: &[u8]) -> bool {
    let Some(line) = question(line).map(str::to_ascii_lowercase) else { return false };
    line.ends_with("(yes/no)?") || line.ends_with("(yes/no/[fingerprint])?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_documented_prompt_is_learned() {
        for (line, base, mode) in [
            ("fireeye-01b750 > ", "fireeye-01b750", Mode::Standard),
            ("fireeye-01b750 # ", "fireeye-01b750", Mode::Enable),
            ("fireeye-01b750 (config) # ", "fireeye-01b750", Mode::Configuration),
            ("nx(config) #", "nx", Mode::Configuration),
            ("[CM-1] config #", "[CM-1]", Mode::Configuration),
            ("[CM-1] # ", "[CM-1]", Mode::Enable),
            ("[ha: master] cm-01 (config) # ", "[ha: master] cm-01", Mode::Configuration),
            ("cm-01 [master] > ", "cm-01 [master]", Mode::Standard),
        ] {
            let expected = Some((Prompt { base: base.as_bytes().to_vec() }, mode));
            assert_eq!(Prompt::learn(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn other_lines_are_no_prompt() {
        for line in [
            "",
            " ",
            "> ",
            "# ",
            " # ",
            "a b # ",
            "## Network",
            "host $ ",
            "host#",
            "Welcome to NX > ",
            "[] # ",
            "[x] y z # ",
            "host\u{7} # ",
            "host >>",
            "<b> > ",
            "host # x",
        ] {
            assert_eq!(Prompt::learn(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn only_the_learned_host_and_tag_match_and_the_mode_may_change() {
        let (prompt, _) = Prompt::learn(b"nx01 > ").expect("a prompt");
        assert_eq!(prompt.mode(b"nx01 # "), Some(Mode::Enable));
        assert_eq!(prompt.mode(b"nx01 (config) #"), Some(Mode::Configuration));
        for line in ["nx02 # ", "nx01-b # ", "nx0 # ", " nx01 # ", "nx01 #  ", "nx01 # exit", "[x] nx01 # "] {
            assert_eq!(prompt.mode(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn pagers_are_known() {
        for line in ["lines 1-23", "lines 1-23/120 19%", "--More--", "--More--(12%)", "Press any key to continue", ":"]
        {
            assert_eq!(pager(line.as_bytes()), Some(Key::Space), "{line}");
        }
        assert_eq!(pager(b"lines 98-120/120 (END)"), Some(Key::Quit));
        for line in ["lines of text", "lines 1-x", "more", "lines 1-2 of a file", "", "interface ether1"] {
            assert_eq!(pager(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn only_a_question_for_a_password_is_one() {
        for line in ["Password:", "admin@nx01's password: ", "PASSWORD:\t"] {
            assert!(is_password_question(line.as_bytes()), "{line}");
        }
        for line in [
            "Password",
            "New password:",
            "Old password: ",
            "New password: retype",
            "Token:",
            "パスワード:",
            "",
            "assword:",
        ] {
            assert!(!is_password_question(line.as_bytes()), "{line}");
        }
        let long = |count: usize| format!("{:count$}", "Password:");
        assert!(is_password_question(long(QUESTION_BYTES_MAX).as_bytes()));
        assert!(!is_password_question(long(QUESTION_BYTES_MAX + 1).as_bytes()));
        let key = |count: usize| format!("{} (yes/no)?", "x".repeat(count - 10));
        assert!(is_host_key_question(key(QUESTION_BYTES_MAX).as_bytes()));
        assert!(!is_host_key_question(key(QUESTION_BYTES_MAX + 1).as_bytes()));
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((prompt, mode)) = Prompt::learn(&line) {
                prop_assert_eq!(prompt.mode(&line), Some(mode));
            }
            let _ = pager(&line);
            let _ = is_password_question(&line);
        }
    }
}
