//! An answer without anything that says whose it is, so that it can leave the house: the same value becomes the same
//! replacement in every answer, and so layouts and cross references stay.
//!
//! Secrets are masked before ([`super::backup::redact_answer`]). What identifies is found in three ways:
//!
//! * *Known*: names, serials, users and words of customers, from the inventory and from what the appliance says of itself.
//! * *By form*: addresses, MAC addresses, mail addresses, URLs, domain names, UUIDs, serials, telephone numbers.
//! * *Everything else that nobody knows*: a word stays only when it stands in a built-in layout or in the list of words
//!   that appliances print (`words.txt`), or when a person said so. So a name that no rule thinks of is replaced as well.
//!
//! Numbers, times and releases stay, and so does the name of a time zone: without it no clock can be read.

mod forms;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use self::forms::{Form, form_of};
pub use self::table::Kind;
use self::table::Table;
use super::backup::sweep::sweep_encoded;
use crate::model::config::lines;
use crate::model::redacted::RedactedText;

/// A known value that is shorter counts only where it stands alone.
const INSIDE_CHARS_MIN: usize = 4;
/// Shorter values identify nobody.
const KNOWN_CHARS_MIN: usize = 2;
/// The most words that are told of as replaced.
const UNKNOWN_MAX: usize = 2_000;
/// Accounts that every appliance has, and roles.
const ACCOUNTS: &[&str] = &[
    "admin",
    "operator",
    "monitor",
    "analyst",
    "auditor",
    "root",
    "api_analyst",
    "api_admin",
    "api_monitor",
    "cmcclient",
];
/// Units behind a number of any length.
const UNITS: &[&str] = &[
    "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "k", "m", "g", "t", "bit", "bits", "byte", "bytes", "ms",
    "us", "ns", "s", "sec", "min", "h", "hr", "d", "hz", "mhz", "ghz", "rpm", "v", "w", "c", "f", "x", "kbps", "mbps",
    "gbps", "db",
];

/// A place in a line, with what is known to stand there.
type Whole = (Range<usize>, Option<(Kind, String)>);

/// Replaces what identifies, in all answers of one appliance.
pub struct Scrub<'a> {
    vocabulary: &'a HashSet<String>,
    /// The vocabulary in one text.
    ordinary: String,
    /// Words that stay: a person looked at them, or they say what is recorded (model, release).
    plain: HashSet<String>,
    zones: HashSet<String>,
    known: BTreeMap<String, Kind>,
    /// What is known, as it was written.
    originals: BTreeSet<String>,
    macs: HashSet<String>,
    search: Option<(AhoCorasick, Vec<(String, Kind)>)>,
    table: Table,
    unknown: BTreeMap<String, usize>,
}

impl<'a> Scrub<'a> {
    /// A scrub that knows the words of layouts, and nothing of anybody yet. `plain` are words and values that stay.
    pub fn new<'p>(vocabulary: &'a HashSet<String>, plain: impl IntoIterator<Item = &'p str>) -> Self {
        let zones = chrono_tz::TZ_VARIANTS.iter().flat_map(|zone| zone.name().split(['/', '_']));
        Self {
            vocabulary,
            ordinary: vocabulary.iter().fold(String::new(), |all, word| all + "\n" + word),
            plain: plain.into_iter().map(str::to_lowercase).filter(|word| !word.is_empty()).collect(),
            zones: zones.map(str::to_lowercase).collect(),
            known: BTreeMap::new(),
            originals: BTreeSet::new(),
            macs: HashSet::new(),
            search: None,
            table: Table::default(),
            unknown: BTreeMap::new(),
        }
    }

    /// Something that identifies. What was known as something else before stays that.
    pub fn know(&mut self, kind: Kind, value: &str) {
        let original = value.trim();
        let value = original.to_lowercase();
        // The number of a build is a part of the release.
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let plain = self.plain.contains(&value) || (digits && self.plain.iter().any(|plain| plain.contains(&value)));
        if value.chars().count() < KNOWN_CHARS_MIN || ACCOUNTS.contains(&value.as_str()) || plain {
            return;
        }
        if let Some(mac) = forms::mac_digits(&value) {
            self.macs.insert(mac);
        }
        if !self.ordinary.contains(&value) {
            self.originals.insert(original.to_owned());
        }
        if form_of(&value, |_| false).is_none() {
            self.known.entry(value).or_insert(kind);
        }
        self.search = None;
    }

    /// The name of somebody or something as a whole, and each word of it that no layout has.
    pub fn know_title(&mut self, kind: Kind, title: &str) {
        self.know(kind, title);
        for word in title.split(|letter: char| !letter.is_alphanumeric()) {
            let ordinary = self.vocabulary.contains(&word.to_lowercase());
            if !ordinary && word.chars().count() >= INSIDE_CHARS_MIN {
                self.know(kind, word);
            }
        }
    }

    /// Takes from an answer what it says of whose it is: serials, ids, host and domain names, users, MAC addresses.
    /// Every answer is learnt before the first one is scrubbed.
    pub fn learn(&mut self, text: &str) {
        for line in lines(text) {
            for place in chunks(line) {
                let chunk = line.get(place).unwrap_or_default();
                let apart = chunk.contains([':', '-', '.']);
                self.macs.extend(forms::mac_digits(trimmed(chunk).1).filter(|_| apart));
            }
            let Some((kind, value)) = labelled(line) else { continue };
            let first = chunks(value).next().and_then(|place| value.get(place)).map(|chunk| trimmed(chunk).1);
            let Some(value) = first.filter(|value| !value.contains('‹')) else { continue };
            let ordinary = self.vocabulary.contains(&value.to_lowercase());
            if !ordinary && value.chars().count() >= INSIDE_CHARS_MIN.min(if kind == Kind::Host { 2 } else { 4 }) {
                self.know(kind, value);
            }
        }
    }

    /// The answers without what identifies.
    pub fn scrub(&mut self, texts: Vec<RedactedText>) -> Vec<RedactedText> {
        self.prepare();
        let scrubbed = texts.into_iter().map(|text| {
            let mut scrubbed = String::with_capacity(text.text.as_data().len());
            for line in lines(text.text.as_data()) {
                self.line(line, &mut scrubbed);
                scrubbed.push('\n');
            }
            RedactedText { text: scrubbed.into(), unreviewed: text.unreviewed }
        });
        let scrubbed: Vec<RedactedText> = scrubbed.collect();
        let identifiers = self.known.keys().map(String::as_str).chain(self.table.identifiers());
        let identifiers = identifiers.filter(|value| !self.ordinary.contains(*value));
        let written = |value: &str| [value.to_owned(), value.to_uppercase(), capital(value)];
        let written = identifiers.flat_map(written).chain(self.originals.iter().cloned()).collect();
        sweep_encoded(scrubbed, &written)
    }

    /// A line that is no answer: a command.
    pub fn words(&mut self, line: &str) -> String {
        self.prepare();
        let mut scrubbed = String::new();
        self.line(line, &mut scrubbed);
        scrubbed
    }

    /// Words that were replaced because nobody knows them, as they were printed, and how often.
    pub const fn unknown(&self) -> &BTreeMap<String, usize> {
        &self.unknown
    }

    fn prepare(&mut self) {
        if self.search.is_some() {
            return;
        }
        let known: Vec<(String, Kind)> = self.known.iter().map(|(value, kind)| (value.clone(), *kind)).collect();
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(known.iter().map(|(value, _)| value));
        // Without a search every word that no layout has is replaced still.
        self.search = search.ok().map(|search| (search, known));
    }

    fn line(&mut self, line: &str, to: &mut String) {
        // Longer replacements take from the space before the next column, and shorter ones give to it.
        let mut owed = 0_isize;
        let mut from = 0;
        let in_zone = line.to_lowercase().contains("zone");
        let mut places = self.wholes(line);
        places.extend(chunks(line).map(|place| (place, None)));
        places.sort_by_key(|(place, known)| (place.start, known.is_none()));
        for (place, known) in places {
            // What is left of a chunk behind a known value is looked at as well.
            if place.end <= from || (place.start < from && known.is_some()) {
                continue;
            }
            let place = place.start.max(from)..place.end;
            push_apart(to, line.get(from..place.start).unwrap_or_default(), &mut owed);
            let chunk = line.get(place.clone()).unwrap_or_default();
            let shown = match known {
                Some((kind, value)) => self.table.of(kind, &value),
                None => self.chunk(chunk, in_zone),
            };
            owed += width(&shown) - width(chunk);
            to.push_str(&shown);
            from = place.end;
        }
        to.push_str(line.get(from..).unwrap_or_default());
    }

    /// Known values of several words, and those of other scripts, which are not parted by spaces.
    fn wholes(&self, line: &str) -> Vec<Whole> {
        let Some((search, known)) = &self.search else { return Vec::new() };
        let found = search.find_iter(line).filter_map(|found| {
            let (value, kind) = known.get(found.pattern().as_usize())?;
            let several = value.contains(char::is_whitespace) || !value.is_ascii();
            several.then(|| (found.range(), Some((*kind, value.clone()))))
        });
        found.collect()
    }

    /// What stands between two spaces.
    fn chunk(&mut self, chunk: &str, in_zone: bool) -> String {
        if chunk.starts_with('‹') && chunk.ends_with('›') {
            return chunk.to_owned();
        }
        let (before, core, after) = trimmed(chunk);
        let lower = core.to_lowercase();
        if core.is_empty() || self.plain.contains(&lower) || Self::is_full_zone(core) || (in_zone && self.is_zone(core))
        {
            return chunk.to_owned();
        }
        // The signs around an address of IPv6 belong to it.
        if let Some(form) = form_of(chunk, |mac| self.macs.contains(mac)) {
            return self.formed(&form);
        }
        let shown = match form_of(core, |mac| self.macs.contains(mac)) {
            Some(form) => self.formed(&form),
            None => match self.known.get(&lower).copied() {
                Some(kind) => self.table.of(kind, &lower),
                None => self.pieces(core),
            },
        };
        format!("{before}{shown}{after}")
    }

    /// A name of the database of time zones, as a whole.
    fn is_full_zone(core: &str) -> bool {
        core.contains('/') && chrono_tz::TZ_VARIANTS.iter().any(|zone| zone.name() == core)
    }

    fn is_zone(&self, core: &str) -> bool {
        core.split(['/', '_']).all(|word| self.zones.contains(&word.to_lowercase()))
    }

    /// A chunk with known values somewhere in it.
    fn pieces(&mut self, core: &str) -> String {
        let mut shown = String::new();
        let mut from = 0;
        let found: Vec<(Range<usize>, usize)> = match &self.search {
            Some((search, _)) => {
                search.find_iter(core).map(|found| (found.range(), found.pattern().as_usize())).collect()
            }
            None => Vec::new(),
        };
        for (place, number) in found {
            let known = self.search.as_ref().and_then(|(_, known)| known.get(number)).cloned();
            let Some((value, kind)) = known.filter(|(value, _)| self.counts(core, &place, value)) else { continue };
            let plain = core.get(from..place.start).unwrap_or_default();
            shown.push_str(&self.strict(plain));
            shown.push_str(&self.table.of(kind, &value));
            from = place.end;
        }
        let rest = core.get(from..).unwrap_or_default();
        shown.push_str(&self.strict(rest));
        shown
    }

    /// Whether a known value is meant where it stands in a chunk.
    fn counts(&self, core: &str, place: &Range<usize>, value: &str) -> bool {
        let before = core.get(..place.start).unwrap_or_default();
        let behind = core.get(place.end..).unwrap_or_default();
        let alone = !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric);
        if value.chars().count() < INSIDE_CHARS_MIN || value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return alone;
        }
        let head = before.chars().rev().take_while(char::is_ascii_alphabetic).count();
        let tail = behind.chars().take_while(char::is_ascii_alphabetic).count();
        let run = core.get(place.start - head..place.end + tail).unwrap_or_default();
        // A layout's word that holds it by chance.
        alone || (head + tail == 0) || !self.vocabulary.contains(&run.to_lowercase())
    }

    /// Keeps what is known to identify nobody, part by part.
    fn strict(&mut self, text: &str) -> String {
        if self.is_ordinary(text) {
            return text.to_owned();
        }
        let mut shown = String::new();
        let mut part = String::new();
        for letter in text.chars() {
            if letter.is_alphanumeric() {
                part.push(letter);
            } else {
                shown.push_str(&self.part(&std::mem::take(&mut part)));
                shown.push(letter);
            }
        }
        shown.push_str(&self.part(&part));
        shown
    }

    fn part(&mut self, part: &str) -> String {
        if part.is_empty() || self.is_ordinary(part) || self.is_mixed(part) {
            return part.to_owned();
        }
        if self.unknown.len() < UNKNOWN_MAX || self.unknown.contains_key(part) {
            *self.unknown.entry(part.to_owned()).or_default() += 1;
        }
        let kind = match part {
            _ if !part.is_ascii() => Kind::Text,
            _ if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => Kind::Word,
            _ => Kind::Name,
        };
        let shown = self.table.of(kind, &part.to_lowercase());
        match part.chars().next() {
            Some(first) if first.is_ascii_uppercase() => capital(&shown),
            _ => shown,
        }
    }

    /// A word of layouts, a number, a time, or words that are written together.
    fn is_ordinary(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let number =
            text.chars().all(|letter| !letter.is_alphabetic()) || forms::is_time(text) || forms::is_hex_literal(text);
        number
            || self.is_word(&lower)
            || (text.bytes().all(|byte| byte.is_ascii_alphabetic())
                && camel(text).all(|piece| piece.len() > 1 && self.is_word(&piece.to_lowercase())))
    }

    fn is_word(&self, lower: &str) -> bool {
        let single = lower.len() == 1 && lower.is_ascii();
        single || self.vocabulary.contains(lower) || self.plain.contains(lower)
    }

    /// Letters and digits: `ether1`, `211d`, `sp1m`, `10240MB`.
    fn is_mixed(&self, part: &str) -> bool {
        let runs = runs(part);
        if let [digits, unit] = runs[..]
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && UNITS.contains(&unit.to_lowercase().as_str())
        {
            return true;
        }
        let fits = |run: &&str| {
            let digits = run.bytes().all(|byte| byte.is_ascii_digit());
            if digits { run.len() <= 4 } else { self.is_ordinary(run) }
        };
        part.is_ascii() && runs.len() <= 3 && runs.iter().all(fits)
    }

    fn formed(&mut self, form: &Form<'_>) -> String {
        match *form {
            Form::Kept(text) => text.to_owned(),
            Form::Address { text, rest } => self.table.address(text) + rest,
            Form::Address6 { text, rest } => self.table.of(Kind::Address6, &text.to_lowercase()) + rest,
            Form::Mac { text } => self.table.mac(text),
            Form::Uuid { text } => self.table.of(Kind::Uuid, &text.to_lowercase()),
            Form::Serial { text } => self.table.of(Kind::Serial, &text.to_lowercase()),
            Form::Phone { text } => self.table.of(Kind::Phone, text),
            Form::Domain { text, rest } => self.domain(text) + &self.pieces(rest),
            Form::Mail { user, domain, rest } => {
                let user = if user.is_empty() { String::new() } else { self.account(user) };
                format!("{user}@{}{}", self.place(domain), self.pieces(rest))
            }
            Form::Url { scheme, user, host, rest } => {
                let user = if user.is_empty() { String::new() } else { self.account(user.trim_end_matches('@')) + "@" };
                format!("{scheme}://{user}{}{}", self.place(host), self.pieces(rest))
            }
        }
    }

    fn account(&mut self, user: &str) -> String {
        let lower = user.to_lowercase();
        if ACCOUNTS.contains(&lower.as_str()) { user.to_owned() } else { self.table.of(Kind::User, &lower) }
    }

    /// A host in a URL or a mail address.
    fn place(&mut self, host: &str) -> String {
        if host.is_empty() {
            return String::new();
        }
        match form_of(host, |_| false) {
            Some(form @ (Form::Address { .. } | Form::Address6 { .. } | Form::Domain { .. })) => self.formed(&form),
            _ => self.table.of(Kind::Host, &host.to_lowercase()),
        }
    }

    /// A domain name: its first label is a host where the rest is a domain by itself.
    fn domain(&mut self, text: &str) -> String {
        let lower = text.to_lowercase();
        if let Some(vendor) = forms::VENDOR.iter().find_map(|vendor| lower.strip_suffix(vendor).map(|_| *vendor)) {
            let before = lower.strip_suffix(vendor).unwrap_or_default();
            let before = if before.is_empty() { String::new() } else { self.table.of(Kind::Host, before) };
            return format!("{before}{vendor}");
        }
        match lower.split_once('.') {
            Some((first, rest)) if rest.contains('.') && self.known.get(&lower) != Some(&Kind::Domain) => {
                let host = self.table.of(Kind::Host, first);
                format!("{host}.{}", self.table.of(Kind::Domain, rest))
            }
            _ => self.table.of(Kind::Domain, &lower),
        }
    }
}

/// What a line says by its label: whose it is.
fn labelled(line: &str) -> Option<(Kind, &str)> {
    let bare = line.trim_start_matches(['#', ' ']);
    if let Some((label, value)) = bare.split_once(':') {
        let label = label.trim().to_lowercase();
        let words: Vec<&str> = label.split(|letter: char| !letter.is_alphanumeric()).collect();
        let has = |word: &str| words.contains(&word);
        let ids = ["appliance", "host", "system", "machine", "engine", "asset", "customer"];
        let kind = if has("serial") || has("sn") || has("uuid") || (has("id") && ids.into_iter().any(has)) {
            Kind::Serial
        } else if has("hostname") || label.ends_with("host name") {
            Kind::Host
        } else if has("domain") {
            Kind::Domain
        } else if has("username") || has("user") || has("login") {
            Kind::User
        } else {
            return None;
        };
        return Some((kind, value));
    }
    let commands = [
        ("hostname ", Kind::Host),
        ("username ", Kind::User),
        ("ip domain-list ", Kind::Domain),
        ("ip domain ", Kind::Domain),
    ];
    commands.into_iter().find_map(|(head, kind)| bare.strip_prefix(head).map(|value| (kind, value)))
}

/// What stands between white space, quotes, brackets and other signs that part words.
fn chunks(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let parts = |letter: char| {
        letter.is_whitespace()
            || matches!(
                letter,
                '"' | '\'' | '`' | ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '=' | '|'
            )
    };
    let mut from = 0;
    let mut inside = false;
    let mut found = Vec::new();
    for (at, letter) in line.char_indices() {
        // A mask is one chunk, whatever stands beside it.
        let cut =
            parts(letter) || letter == '‹' || (at > 0 && line.get(..at).is_some_and(|before| before.ends_with('›')));
        if cut && inside {
            found.push(from..at);
            inside = false;
        }
        if !parts(letter) && !inside {
            (from, inside) = (at, true);
        }
    }
    if inside {
        found.push(from..line.len());
    }
    found.into_iter()
}

/// A chunk without the signs around it.
fn trimmed(chunk: &str) -> (&str, &str, &str) {
    let core = chunk.trim_matches(|letter: char| !letter.is_alphanumeric());
    let start = chunk.find(core).unwrap_or(0);
    (chunk.get(..start).unwrap_or_default(), core, chunk.get(start + core.len()..).unwrap_or_default())
}

/// Runs of digits and of what is none.
fn runs(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut from = 0;
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    for (at, _) in text.char_indices().skip(1) {
        if digit(at) != digit(at - 1) {
            runs.extend(text.get(from..at));
            from = at;
        }
    }
    runs.extend(text.get(from..));
    runs
}

/// `HelixConnect` in its words.
fn camel(text: &str) -> impl Iterator<Item = &str> {
    let upper = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_uppercase);
    let lower = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_lowercase);
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in 1..text.len() {
        if upper(at) && (lower(at - 1) || lower(at + 1)) {
            pieces.extend(text.get(from..at));
            from = at;
        }
    }
    pieces.extend(text.get(from..));
    pieces.into_iter()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn width(text: &str) -> isize {
    isize::try_from(text.chars().count()).unwrap_or(isize::MAX)
}

/// Writes what stands between two chunks; columns, which are parted by two spaces and more, stay where they are.
fn push_apart(to: &mut String, apart: &str, owed: &mut isize) {
    let spaces = apart.chars().all(|letter| letter == ' ');
    if !spaces || apart.len() < 2 {
        to.push_str(apart);
        return;
    }
    let wanted = (width(apart) - *owed).max(1);
    *owed -= width(apart) - wanted;
    to.extend(std::iter::repeat_n(' ', usize::try_from(wanted).unwrap_or(1)));
}

#[cfg(test)]
mod tests;
