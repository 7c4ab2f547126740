//! The redacted text of a configuration: a mask in the place of each secret, so that it can be shown and compared without
//! anything being opened.
//!
//! A mask has a fingerprint, which is keyed and speaks of path and value: a changed password shows, and the same password
//! at two places does not look the same.
//!
//! Redaction fails closed. The rules and blocks of the layout know secrets by grammar; beside them a line is masked and
//! marked *unreviewed* when it has
//!
//! * a word beside which a secret may stand (`password`, `key`, …) outside every rule: all that follows is masked. A
//!   word of five letters and more counts inside another one too, a shorter one only at its end: `apikey` is a key,
//!   `authentication` no `auth`. The title of a section has no such words;
//! * a token that looks random: twenty characters of mixed classes and high entropy, a crypt hash, a licence key;
//! * a PEM block: all of it, to its end or to the end of the text.
//!
//! A masked value that goes on over line ends, by an open quote or a trailing backslash, stays masked. A value that a
//! rule captured is masked wherever else it stands as a word. A short secret that stands alone, under no rule and
//! beside no word, cannot be told from a name.

mod printed;
mod suspicious;

use std::collections::HashSet;
use std::ops::Range;

use super::mask;
use crate::model::config::{ConfigLayout, Look, lines};
use crate::model::redacted::RedactedText;

pub use printed::redact_answer;
pub(super) use suspicious::crypt_parts;

/// From this length on a word counts inside another one.
const WHOLE_WORD_BYTES_MIN: usize = 5;
/// The shortest captured value that is looked for in other lines; shorter ones are ordinary words too often.
const KNOWN_BYTES_MIN: usize = 4;

/// Gives the keyed digest of a path and a value, in hex.
pub type Fingerprint<'a> = &'a dyn Fn(&str, &str) -> String;

/// The redacted text of a configuration.
pub fn redact(text: &str, layout: &ConfigLayout, fingerprint: Fingerprint<'_>) -> RedactedText {
    let (mut shown, mut unreviewed) = (String::with_capacity(text.len() + 1024), Vec::new());
    // Of a value of several lines, the path is that of its first line and the number of the line in it.
    let (mut path, mut nth) = (String::new(), 0);
    for (number, found) in masked(text, layout).iter().enumerate() {
        if found.unreviewed {
            unreviewed.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        if found.carried {
            nth += 1;
        } else {
            (nth, path) = (0, String::new());
        }
        found.write(&mut shown, |plain, value| {
            path.push_str(plain);
            if nth == 0 {
                mask::of(&path, value, fingerprint)
            } else {
                mask::of(&format!("{path}\n{nth}"), value, fingerprint)
            }
        });
        shown.push('\n');
    }
    RedactedText { text: shown.into(), unreviewed }
}

/// The lines of a text with masks that tell nothing, for words about it.
pub(super) fn blanked(text: &str, layout: &ConfigLayout) -> Vec<String> {
    let blank = |found: &Masked<'_>| {
        let mut shown = String::with_capacity(found.line.len());
        found.write(&mut shown, |_, _| mask::WHOLE.to_owned());
        shown
    };
    masked(text, layout).iter().map(blank).collect()
}

/// The values that redaction takes out of a text: what must not leave the house with it.
pub fn secrets_of<'a>(text: &'a str, layout: &ConfigLayout) -> Vec<&'a str> {
    let found = masked(text, layout);
    found.iter().flat_map(|found| found.secrets.iter().filter_map(|place| found.line.get(place.clone()))).collect()
}

/// A line with the places of its secrets, in order and apart.
struct Masked<'a> {
    line: &'a str,
    secrets: Vec<Range<usize>>,
    unreviewed: bool,
    /// It goes on with a value that began in a line before.
    carried: bool,
}

impl<'a> Masked<'a> {
    /// Writes the line with a mask in the place of each secret, made of what stands before it and its value.
    fn write(&self, to: &mut String, mut mask: impl FnMut(&str, &str) -> String) {
        let mut from = 0;
        for secret in &self.secrets {
            let plain = self.line.get(from..secret.start).unwrap_or_default();
            to.push_str(plain);
            to.push_str(&mask(plain, self.line.get(secret.clone()).unwrap_or_default()));
            from = secret.end;
        }
        to.push_str(self.line.get(from..).unwrap_or_default());
    }

    fn all(line: &'a str, unreviewed: bool) -> Self {
        let whole = 0..line.len();
        Self { line, secrets: if line.is_empty() { Vec::new() } else { vec![whole] }, unreviewed, carried: true }
    }
}

/// What a masked value does to the lines after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carry {
    Nothing,
    /// A block of the layout, by its place in it.
    Block(usize),
    /// A quote that was opened in a masked line, by a rule or not.
    OpenQuote {
        unreviewed: bool,
    },
    /// A masked line that ends in a backslash.
    Continued {
        unreviewed: bool,
    },
    Pem,
}

/// Values that a rule captured somewhere in the text.
#[derive(Default)]
struct Known<'a> {
    values: HashSet<&'a str>,
    /// A bit for each length, since most words have the length of no value.
    lengths: u128,
}

impl<'a> Known<'a> {
    const fn bit(value: &str) -> u128 {
        // Longer ones share the last bit.
        1 << if value.len() < 127 { value.len() } else { 127 }
    }

    fn add(&mut self, value: &'a str) {
        if value.len() >= KNOWN_BYTES_MIN {
            self.values.insert(value);
            self.lengths |= Self::bit(value);
        }
    }

    fn has(&self, word: &str) -> bool {
        self.lengths & Self::bit(word) != 0 && self.values.contains(word)
    }
}

/// What was found in a line, and what the rules took out of it.
type Looked<'l> = (Look<'l>, Vec<Range<usize>>);

/// Finds the secrets of every line of a text.
fn masked<'a>(text: &'a str, layout: &ConfigLayout) -> Vec<Masked<'a>> {
    let lines: Vec<&'a str> = lines(text).collect();
    let looks: Vec<Look<'_>> = lines.iter().map(|line| layout.secrets.look(line)).collect();
    let ruled: Vec<Vec<Range<usize>>> = lines.iter().zip(&looks).map(|(line, look)| by_rules(line, look)).collect();
    let mut known = Known::default();
    for (line, ruled) in lines.iter().zip(&ruled) {
        ruled.iter().filter_map(|place| line.get(place.clone())).for_each(|value| known.add(value));
    }
    let mut carry = Carry::Nothing;
    let line = |((at, line), (look, ruled)): ((usize, &&'a str), Looked<'_>)| {
        let found = match carry {
            Carry::Nothing => one_line((line, &lines, at), (&look, ruled), layout, &known),
            Carry::Block(_) => Masked::all(line, false),
            Carry::OpenQuote { unreviewed } | Carry::Continued { unreviewed } => Masked::all(line, unreviewed),
            Carry::Pem => Masked::all(line, true),
        };
        carry = after(carry, &found, layout);
        found
    };
    lines.iter().enumerate().zip(looks.into_iter().zip(ruled)).map(line).collect()
}

fn after(carry: Carry, found: &Masked<'_>, layout: &ConfigLayout) -> Carry {
    let line = found.line;
    match carry {
        Carry::Block(place) if layout.secrets.blocks().get(place).is_none_or(|block| block.end.is_match(line)) => {
            Carry::Nothing
        }
        Carry::OpenQuote { .. } if flips_quote(line) => Carry::Nothing,
        Carry::Pem if line.contains(suspicious::PEM_END) => Carry::Nothing,
        Carry::Block(_) | Carry::OpenQuote { .. } | Carry::Pem => carry,
        Carry::Nothing if found.secrets.is_empty() => Carry::Nothing,
        Carry::Nothing | Carry::Continued { .. } => {
            let open = blocks(line, layout).position(|block| block.is_some_and(|block| !block.ends));
            match open {
                Some(place) => Carry::Block(place),
                None if flips_quote(line) => Carry::OpenQuote { unreviewed: found.unreviewed },
                None if suspicious::opens_pem(line) => Carry::Pem,
                None if line.ends_with('\\') => Carry::Continued { unreviewed: found.unreviewed },
                None => Carry::Nothing,
            }
        }
    }
}

/// Finds the secrets of a line that does not go on with a value; `lines` and `at` say where it stands.
fn one_line<'a>(
    (line, lines, at): (&'a str, &[&str], usize),
    (look, mut secrets): (&Look<'_>, Vec<Range<usize>>),
    layout: &ConfigLayout,
    known: &Known<'_>,
) -> Masked<'a> {
    if look.block() {
        secrets.extend(blocks(line, layout).flatten().map(|block| block.place));
    }
    let by_word = look.word() && !is_title(lines, at);
    let mut unreviewed = if by_word { beside_words(line, layout, &secrets) } else { Vec::new() };
    unreviewed.extend(if look.pem() { suspicious::pem(line) } else { None });
    for place in suspicious::words(line).filter(|place| place.len() >= KNOWN_BYTES_MIN) {
        let word = line.get(place.clone()).unwrap_or_default();
        if look.url() {
            let inside = suspicious::url_password(word);
            secrets.extend(inside.map(|inside| place.start + inside.start..place.start + inside.end));
        }
        if known.has(word) {
            secrets.push(place);
        } else if suspicious::looks_random(word) {
            unreviewed.push(place);
        }
    }
    unreviewed.retain(|place| !is_inside(place, &secrets));
    let doubtful = !unreviewed.is_empty();
    secrets.extend(unreviewed);
    Masked { line, secrets: merged(secrets), unreviewed: doubtful, carried: false }
}

/// Whether a line stands between two lines `##`, where the appliance prints the titles of sections.
fn is_title(lines: &[&str], at: usize) -> bool {
    let bare = |at: Option<usize>| at.and_then(|at| lines.get(at)).is_some_and(|line| line.trim_end() == "##");
    bare(at.checked_sub(1)) && bare(at.checked_add(1)) && lines.get(at).is_some_and(|line| line.starts_with("## "))
}

/// What of a block of the layout stands in the line in which it begins.
struct Block {
    place: Range<usize>,
    ends: bool,
}

/// For each block of the layout, whether it begins in a line.
fn blocks<'b>(line: &'b str, layout: &'b ConfigLayout) -> impl Iterator<Item = Option<Block>> + 'b {
    layout.secrets.blocks().iter().map(|block| {
        let begin = block.begin.find(line)?;
        let end = block.end.find_at(line, begin.end()).map(|end| end.end());
        Some(Block { place: begin.start()..end.unwrap_or(line.len()), ends: end.is_some() })
    })
}

/// What the rules of the layout take out of a line.
fn by_rules(line: &str, look: &Look<'_>) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for found in look.rules().flat_map(|rule| rule.captures_iter(line)) {
        // A rule without a group means its whole match; one whose groups took nothing has said nothing.
        let groups = found.iter().skip(1).flatten().map(|group| group.range());
        let places = if found.len() > 1 { groups.collect() } else { vec![found.get_match().range()] };
        secrets.extend(places.into_iter().filter(|place| !place.is_empty()).map(|place| quoted(line, place)));
    }
    secrets
}

/// A value that stands behind a quote goes on to the next one, whatever a rule takes of it.
fn quoted(line: &str, place: Range<usize>) -> Range<usize> {
    if !line.get(..place.start).is_some_and(|before| before.ends_with('"')) {
        return place;
    }
    let mut escaped = false;
    let ends = |byte: u8| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    let value = line.get(place.start..).unwrap_or_default();
    let end = value.bytes().position(ends).map_or(line.len(), |at| place.start + at);
    place.start..end.max(place.end)
}

/// From the end of the first word beside which a secret may stand, and which leads to none that a rule or block took, to
/// the end of the line.
fn beside_words(line: &str, layout: &ConfigLayout, secrets: &[Range<usize>]) -> Vec<Range<usize>> {
    let at = layout.secrets.words_in(line).filter(|word| counts(line, word));
    let unknown = at.filter(|word| !is_inside(word, secrets) && !leads_to_one(line, word, layout, secrets));
    let behind = unknown.map(|word| word.end).min().and_then(|end| {
        let rest = line.get(end..)?;
        let behind = rest.trim_start_matches(of_word);
        // Digits that hang on the word may belong to the secret.
        let glued =
            rest.strip_suffix(behind).is_some_and(|hanging| hanging.contains(|letter: char| letter.is_ascii_digit()));
        let argument = if glued { rest } else { behind.trim_start_matches([' ', '\t', '=', ':']) };
        Some(line.len() - argument.len()..line.trim_end().len())
    });
    // `[licensed]`: what only closes is no secret.
    let closes = |place: &Range<usize>| line.get(place.clone()).is_some_and(|rest| matches!(rest, "]" | ")" | "}"));
    behind.into_iter().filter(|place| place.start < place.end && !closes(place)).collect()
}

fn of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

fn is_inside(place: &Range<usize>, secrets: &[Range<usize>]) -> bool {
    secrets.iter().any(|secret| secret.start <= place.start && place.end <= secret.end)
}

/// Whether nothing but words that tell a kind stands between a word and the secret that was taken next: then the secret
/// is the one that the word speaks of.
fn leads_to_one(line: &str, word: &Range<usize>, layout: &ConfigLayout, secrets: &[Range<usize>]) -> bool {
    let Some(next) = secrets.iter().map(|secret| secret.start).filter(|start| *start >= word.end).min() else {
        return false;
    };
    let between = line.get(word.end..next).unwrap_or_default().trim_start_matches(of_word);
    between.split([' ', '\t', '"', '=', ':']).all(|word| tells_a_kind(word, layout))
}

/// The number of an encoding or a key, an algorithm, or another word beside which secrets stand.
fn tells_a_kind(word: &str, layout: &ConfigLayout) -> bool {
    let number = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    let known = ["install", "pem", "encrypted", "md5", "sha", "des", "3des", "aes"];
    number
        || known.iter().any(|known| {
            word == *known || word.strip_prefix(known).is_some_and(|rest| rest.starts_with(['-', '1', '2', '5']))
        })
        || layout.secrets.words_in(word).next().is_some()
}

/// Whether a word is meant where it stands: a short one must end there, plural apart.
fn counts(line: &str, word: &Range<usize>) -> bool {
    let inside_too = word.len() >= WHOLE_WORD_BYTES_MIN;
    let rest = line.get(word.end..).unwrap_or_default();
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    let sign =
        line.get(word.clone()).is_some_and(|word| word.ends_with(|letter: char| !letter.is_ascii_alphanumeric()));
    // An empty word stands for all of them, where they cannot be searched.
    inside_too || sign || word.is_empty() || !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric())
}

fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| (place.start, place.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match apart.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

/// The lines of a text that change by themselves, with their ends, in order.
pub(super) fn volatile_lines(text: &str, layout: &ConfigLayout) -> Vec<Range<usize>> {
    let mut volatile: Vec<Range<usize>> = Vec::new();
    for found in layout.volatile.iter().flat_map(|pattern| pattern.find_iter(text)) {
        let start = text.get(..found.start()).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let rest = text.get(found.start()..).and_then(|rest| rest.find('\n'));
        volatile.push(start..rest.map_or(text.len(), |end| found.start() + end + 1));
    }
    volatile.sort_unstable_by_key(|line| line.start);
    volatile
}

/// The text without the lines that change by themselves, in the pieces between them: what makes two backups the same
/// content.
pub fn stable_pieces<'a>(text: &'a str, layout: &ConfigLayout) -> Vec<&'a str> {
    let volatile = volatile_lines(text, layout);
    let mut from = 0;
    let mut pieces = Vec::with_capacity(volatile.len() + 1);
    for line in volatile {
        pieces.extend(text.get(from..line.start));
        from = from.max(line.end);
    }
    pieces.extend(text.get(from..));
    pieces
}

/// Whether a line changes by itself.
pub(super) fn is_volatile(line: &str, layout: &ConfigLayout) -> bool {
    layout.volatile.iter().any(|pattern| pattern.is_match(line))
}

/// Whether an odd number of double quotes stands in a line; a backslash takes away the meaning of what follows it.
pub(super) fn flips_quote(line: &str) -> bool {
    let quotes = memchr::memchr_iter(b'"', line.as_bytes()).count();
    if quotes == 0 || memchr::memchr(b'\\', line.as_bytes()).is_none() {
        return quotes % 2 == 1;
    }
    let (mut flips, mut escaped) = (false, false);
    for byte in line.bytes() {
        flips ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    flips
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decide::backup::sample::{TEXT, fingerprint, layout};

    fn redacted(text: &str) -> RedactedText {
        redact(text, layout(), &fingerprint)
    }

    /// The text with masks that have no faces.
    fn shown(text: &str) -> String {
        redacted(text).text.as_data().lines().map(|line| mask::faceless(line) + "\n").collect()
    }

    /// The one line of a text, and whether it is unreviewed.
    fn one(line: &str) -> (String, bool) {
        let found = redacted(line);
        assert_eq!(found.lines().count(), 1, "{line}");
        (shown(line).trim_end_matches('\n').to_owned(), found.is_unreviewed(0))
    }

    #[test]
    fn the_sample_keeps_its_shape_and_loses_its_secrets() {
        let shown = shown(TEXT);
        for secret in ["0A1B", "1111-2222", "$1$", "Hs83Jk", "w4tchd0g", "MIIBs", "ZTELM"] {
            assert!(TEXT.contains(secret) && !shown.contains(secret), "{secret}");
        }
        for plain in [
            "## Software version: wmps wMPS (wMPS) 9.1.0.924861 #924861",
            "## License keys",
            "username \"admin\" password 7 ‹masked›\n",
            "snmp-server host 10.20.30.9 traps version 2c ‹masked›\n",
            "interface ether1 comment \"uplink \\\"core\\\" 2\"",
            "crypto certificate default-cert name \"web\"",
        ] {
            assert!(shown.contains(plain), "{plain} in\n{shown}");
        }
        assert_eq!(shown.lines().count(), TEXT.lines().count());
    }

    #[test]
    fn what_a_rule_covers_is_reviewed_and_what_it_leaves_is_not() {
        let covered = one("username \"a\" password 7 $1$abc$defghij");
        assert_eq!(covered, ("username \"a\" password 7 ‹masked›".to_owned(), false));
        let second_word = one("username \"a\" password 7 $1$abc$defghij secret tiger");
        assert_eq!(second_word, ("username \"a\" password 7 ‹masked› secret ‹masked›".to_owned(), true));
        let unknown = one("tacacs-server host 10.0.0.1 key Sesame99 timeout 5");
        assert_eq!(unknown, ("tacacs-server host 10.0.0.1 key ‹masked›".to_owned(), true));
        let of_the_layout = one("ldap BIND-DN cn=reader");
        assert_eq!(of_the_layout.0, "ldap BIND-DN ‹masked›");
        assert!(!one("no username x password").1);
    }

    #[test]
    fn a_fingerprint_speaks_of_path_and_value() {
        let faces = |text: &str| -> Vec<String> {
            let found = redacted(text);
            let faces = found.text.as_data().split("‹masked:").skip(1);
            faces.map(|face| face.split('›').next().unwrap_or_default().to_owned()).collect()
        };
        let same = faces("snmp-server community tigerlily ro\nx\nsnmp-server community tigerlily ro\n");
        assert_eq!(same[0], same[1]);
        let other_path = faces("snmp-server community tigerlily ro\nusername \"a\" password 7 tigerlily\n");
        assert_ne!(other_path[0], other_path[1]);
        let other_value = faces("snmp-server community tigerlily ro\nsnmp-server community tigerlild ro\n");
        assert_ne!(other_value[0], other_value[1]);
        // A value of several lines: each line has its own, and keeps it when a line before the value comes or goes.
        let block = "k\n-----BEGIN PRIVATE KEY-----\nMIIE\nMIIE\n-----END PRIVATE KEY-----\n";
        let lines = faces(block);
        assert_eq!(lines.len(), 4);
        assert_ne!(lines[1], lines[2], "the same text at two places");
        assert_eq!(faces(&format!("one more line\n{block}")), lines);
        let two = faces("key a secret b\nkey a secret c\n");
        assert_eq!(two.len(), 2);
        assert_ne!(two[0], two[1]);
    }

    #[test]
    fn values_that_go_on_over_line_ends_stay_masked() {
        let pem = "aaa\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nzz==\n-----END RSA PRIVATE KEY-----\nbbb\n";
        assert_eq!(shown(pem), "aaa\n‹masked›\n‹masked›\n‹masked›\n‹masked›\nbbb\n");
        let quoted = "x secret \"first\nsecond\nthird\" tail\nbbb\n";
        assert_eq!(shown(quoted), "x secret ‹masked›\n‹masked›\n‹masked›\nbbb\n");
        let continued = "x secret \\\n  tiger \\\n  lily\nbbb\n";
        assert_eq!(shown(continued), "x secret ‹masked›\n‹masked›\n‹masked›\nbbb\n");
        let by_a_rule = redacted("snmp-server community \"tiger\n lily\" ro\n");
        assert!(by_a_rule.unreviewed.is_empty(), "{by_a_rule:?}");
        assert_eq!(shown("snmp-server community \"tiger\n lily\" ro\n"), "snmp-server community ‹masked›\n‹masked›\n");
        assert_eq!(shown("-----BEGIN X-----\nabc\nnever ends\n"), "‹masked›\n‹masked›\n‹masked›\n");
    }

    #[test]
    fn a_block_of_the_layout_is_reviewed_and_another_pem_block_is_not() {
        let block = |name: &str| format!("-----BEGIN {name}-----\nMIIE\n-----END {name}-----\nplain\n");
        for (name, unreviewed) in [("EC PRIVATE KEY", false), ("CERTIFICATE", true)] {
            assert_eq!(shown(&block(name)), "‹masked›\n‹masked›\n‹masked›\nplain\n");
            let marked: &[u32] = if unreviewed { &[0, 1, 2] } else { &[] };
            assert_eq!(redacted(&block(name)).unreviewed, marked, "{name}");
        }
        let never_ends = "a -----BEGIN EC PRIVATE KEY----- MIIE\nMIIF\n\nlast\n";
        assert_eq!(shown(never_ends), "a ‹masked›\n‹masked›\n\n‹masked›\n");
        assert_eq!(shown("-----BEGIN PRIVATE KEY-----x-----END PRIVATE KEY----- b\nc\n"), "‹masked› b\nc\n");
    }

    #[test]
    fn words_count_where_they_are_meant() {
        assert_eq!(one("aaa authentication login default local").0, "aaa authentication login default local");
        assert_eq!(one("snmp v3 auth sha tiger").0, "snmp v3 auth ‹masked›");
        assert_eq!(one("user passwordtiger7 x").0, "user passw‹masked›");
        assert_eq!(one("web apikey tiger").0, "web apikey ‹masked›");
        assert_eq!(
            shown("##\n## SSH host keys and tokens configuration\n##\nx\n").lines().nth(1),
            Some("## SSH host keys and tokens configuration")
        );
        assert_eq!(one("## remark key tiger").0, "## remark key ‹masked›");
    }

    #[test]
    fn a_captured_value_is_masked_wherever_it_stands_as_a_word() {
        let text = "ftp user backup,\"w4tchd0g\"\nsnmp-server community w4tchd0g ro\n";
        assert_eq!(shown(text), "ftp user backup,\"‹masked›\"\nsnmp-server community ‹masked› ro\n");
    }

    const SECRET: &str = "Tr0ub4dor&3 \"x\"";

    /// The secret as other formats write it.
    fn encodings() -> Vec<String> {
        let hex = hex::encode(SECRET);
        vec![
            SECRET.to_owned(),
            "VHIwdWI0ZG9yJjMgIngi".to_owned(),
            hex.to_uppercase(),
            hex,
            "Tr0ub4dor%263%20%22x%22".to_owned(),
            SECRET.replace('"', "\\\""),
        ]
    }

    #[test]
    fn a_secret_beside_a_word_survives_in_no_position_and_no_encoding() {
        let frames = [
            "user x password {}",
            "user x password={} role admin",
            "user x PassWord:{}",
            "{\"password\": \"{}\", \"id\": 7}",
            "<shared-secret>{}</shared-secret>",
            "radius-server key 7 {} retransmit 3",
            "fetch https://h/x?token={}&y=1",
            "## remark: community {}",
            "license-token\t{}",
            "username x password 7 ok1234 secret {}",
        ];
        for (frame, secret) in
            frames.iter().flat_map(|frame| encodings().into_iter().map(move |secret| (frame, secret)))
        {
            let line = one(&frame.replace("{}", &secret));
            for part in secret.split_whitespace().map(|part| part.trim_matches(['\\', '"'])) {
                assert!(!line.0.contains(part) || part.len() < 2, "{part:?} in {:?}", line.0);
            }
            assert!(line.1, "{line:?}");
        }
    }

    #[test]
    fn encoded_secrets_are_masked_without_a_word_beside_them() {
        for secret in encodings().into_iter().filter(|secret| !secret.contains(['&', '%', ' '])) {
            assert!(!one(&format!("blob {secret} end")).0.contains(&secret), "{secret}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_rule_captures_is_shown(before in "[ -~]{0,20}", value in "[!-~]{8,30}", after in "[ -~]{0,20}") {
            let text = format!("{before}\nsnmp-server community {value} ro\nnote {value} {after}\n");
            prop_assert!(!shown(&text).lines().nth(1).is_some_and(|line| line.contains(&value)));
        }

        #[test]
        fn any_text_is_taken_and_keeps_its_lines(text in "\\PC{0,200}", lines in proptest::collection::vec("[ -~é]{0,40}", 0..8)) {
            let text = format!("{text}\n{}", lines.join("\n"));
            prop_assert_eq!(redacted(&text).lines().count(), text.lines().count());
        }
    }
}
