//! Is a fetched configuration the whole one? (invariant 11)
//!
//! No end marker of `show running-config` is documented, so nothing inside one text proves that it is whole. What each
//! piece of evidence is worth:
//!
//! * *One fetch* shows what is wrong with it: a header without its fields, no prompt, pager or error text, a cut line
//!   or quote, an expected section that is absent. A cut between two commands of the last section leaves no trace.
//! * *A second fetch* that is equal but for volatile lines, with the same change ID, shows that the first was neither
//!   cut by chance nor torn by a change. It shows nothing about a limit that cuts both at the same place.
//! * *The last good backup* shows that too, while the change ID stands: no section may have fewer commands than then.
//!   When the change ID moved, a smaller section may be somebody's work and is no doubt.
//!
//! So a single fetch is never believed by itself: it is [`Verdict::Complete`] only when a good backup with the same
//! change ID weighs exactly the same (bytes, lines, commands of every section); else a second fetch is asked for.
//!
//! Nearly every fetch of a night is the last good backup to the byte, volatile lines apart. What stands in the equal part
//! was judged when that backup was taken, so that [`is_again`] looks only at the rest.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::model::backup::{Backup, Doubt, DoubtFound};
use crate::model::config::{ConfigHeader, ConfigLayout, Configuration, lines};
use crate::model::outside::Outside;
use crate::model::release::Release;

use super::redact::{is_volatile, stable_pieces, volatile_lines};

/// How many pairs of fetches are compared while the change ID moves, before it is left for another time.
pub const PAIRS_MAX: u32 = 3;

/// A configuration as it was fetched once, with what it says against itself.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The text with its parts.
    pub configuration: Configuration,
    doubts: Vec<DoubtFound>,
}

impl Fetched {
    /// Looks a fetched configuration through. `complete` says whether the prompt, or the end of the channel with exit
    /// status 0, was seen after it; `layout` is what is known about configurations of its series.
    pub fn new(configuration: Configuration, complete: bool, layout: &ConfigLayout, session: Session<'_>) -> Self {
        Self { doubts: alone(&configuration, complete, layout, session), configuration }
    }

    /// What it says against itself.
    pub fn doubts(&self) -> &[DoubtFound] {
        &self.doubts
    }
}

/// What the session showed of the appliance apart from its configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session<'a> {
    /// The host name, as its prompt gave it.
    pub hostname: Option<&'a str>,
    /// The release, as `show version` gave it.
    pub release: Option<&'a str>,
}

/// Everything that speaks for or against a fetched configuration.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The fetch that is to be kept.
    pub first: &'a Fetched,
    /// The fetch after it, when there was one.
    pub second: Option<&'a Fetched>,
    /// How many pairs were compared for this backup, this one among them.
    pub pairs: u32,
    /// What is known about configurations of this series.
    pub layout: &'a ConfigLayout,
    /// The last backup of the same asset that counts.
    pub previous: Option<&'a Backup>,
}

/// What a fetched configuration is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Complete by every check that was possible.
    Complete,
    /// Not decided: fetch once more, and judge the last fetch with the new one.
    FetchAgain,
    /// Something speaks against it: kept, and not counted.
    Suspect(Vec<DoubtFound>),
}

/// Judges a fetched configuration. The details of a doubt name lines by number and show nothing of a command.
pub fn complete(evidence: &Evidence<'_>) -> Verdict {
    let mut doubts = evidence.first.doubts.clone();
    if let Some(second) = evidence.second {
        let more: Vec<DoubtFound> = second.doubts.iter().filter(|more| !doubts.contains(more)).cloned().collect();
        doubts.extend(more);
    }
    let previous = good(evidence.previous);
    // What weighs the same has not shrunk.
    let agreed = previous.is_some_and(|previous| weighs_as(&evidence.first.configuration, previous));
    if let Some(previous) = previous.filter(|_| !agreed) {
        doubts.extend(shrunk(&evidence.first.configuration, previous));
    }
    let Some(second) = evidence.second else {
        return match (doubts.is_empty(), agreed) {
            (true, true) => Verdict::Complete,
            (true, false) => Verdict::FetchAgain,
            (false, _) => Verdict::Suspect(doubts),
        };
    };
    let (before, after) = (evidence.first.configuration.header.change_id, second.configuration.header.change_id);
    let moved = before.is_some() && after.is_some() && before != after;
    if moved && doubts.is_empty() && evidence.pairs < PAIRS_MAX {
        return Verdict::FetchAgain;
    }
    if moved {
        let detail = format!("expected change ID {} to stay, found {}", number(before), number(after));
        doubts.push(doubt(Doubt::ChangedWhileFetched, detail));
    } else {
        doubts.extend(differ(&evidence.first.configuration, &second.configuration, evidence.layout));
    }
    if doubts.is_empty() { Verdict::Complete } else { Verdict::Suspect(doubts) }
}

/// A fetch whose stable text is, to the byte, that of a backup.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// The text, volatile lines among it.
    pub text: &'a str,
    /// Its header.
    pub header: &'a ConfigHeader,
    /// As for [`Fetched::new`].
    pub complete: bool,
    /// What is known about configurations of its series.
    pub layout: &'a ConfigLayout,
    /// What the session showed.
    pub session: Session<'a>,
    /// The backup, which is one of the same asset.
    pub previous: &'a Backup,
}

/// Whether such a fetch is complete. It never says so where [`complete`] says otherwise; where it says no, nothing is
/// decided.
pub fn is_again(again: &Again<'_>) -> bool {
    let Again { text, header, previous, .. } = *again;
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let is_expected =
        |title: &String| previous.sections.iter().any(|section| section.title.as_data().trim() == title.trim());
    again.complete
        && previous.standing().counts()
        && previous.change_id == header.change_id
        && usize::try_from(previous.bytes).is_ok_and(|bytes| bytes == text.len())
        && usize::try_from(previous.lines).is_ok_and(|before| before == lines)
        && again.layout.sections_expected.iter().all(is_expected)
        && volatile_lines(text, again.layout).into_iter().all(|line| text.get(line).is_some_and(is_mere_comment))
        && incomplete(header).is_none()
        && foreign_header(header, again.session).is_empty()
}

/// Whether a line with its end is a comment that bears on nothing beside it: no quote, nothing that goes on, no PEM, no
/// text of the terminal.
fn is_mere_comment(line: &str) -> bool {
    line.starts_with('#')
        && line.ends_with('\n')
        && !line.contains(['"', '\\', '\r'])
        && !line.contains("-----")
        && Look::through(line).pager_line.is_none()
}

fn good(previous: Option<&Backup>) -> Option<&Backup> {
    previous.filter(|backup| backup.standing().counts())
}

fn doubt(doubt: Doubt, detail: impl Into<Outside>) -> DoubtFound {
    DoubtFound { doubt, detail: detail.into() }
}

fn number(id: Option<u64>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

/// What one text says against itself.
fn alone(
    configuration: &Configuration,
    complete: bool,
    layout: &ConfigLayout,
    session: Session<'_>,
) -> Vec<DoubtFound> {
    let looked = Look::through(&configuration.text);
    if !looked.has_command {
        return vec![doubt(Doubt::Empty, "expected commands, found none")];
    }
    let mut doubts = Vec::new();
    doubts.extend(incomplete(&configuration.header));
    if !complete {
        let lines = configuration.line_count;
        let detail = format!("expected the prompt, found the end after line {lines}");
        doubts.push(doubt(Doubt::NoPromptAfter, detail));
    }
    for expected in &layout.sections_expected {
        if !configuration.sections.iter().any(|section| section.title.as_data().trim() == expected.trim()) {
            doubts.push(doubt(Doubt::SectionMissing, format!("expected section {expected:?}, found none")));
        }
    }
    if let Some(line) = looked.pager_line {
        doubts.push(doubt(Doubt::PagerText, format!("expected configuration, found pager text in line {line}")));
    }
    if let Some(line) = looked.error_line {
        doubts.push(doubt(Doubt::CliError, format!("expected configuration, found a CLI error in line {line}")));
    }
    if let Some(found) = cut(&configuration.text, &looked) {
        doubts.push(doubt(Doubt::CutLine, format!("expected whole lines, found {found}")));
    }
    doubts.extend(foreign_header(&configuration.header, session));
    doubts
}

#[cfg(test)]
fn is_command(line: &str) -> bool {
    let line = line.trim_ascii_start();
    !line.is_empty() && !line.starts_with('#')
}

fn incomplete(header: &ConfigHeader) -> Option<DoubtFound> {
    let absent: Vec<&str> = [
        ("active database", header.file.is_none()),
        ("Generated at", header.generated_at.is_none()),
        ("Software version", header.software_version.is_none()),
        ("Last config change ID", header.change_id.is_none()),
        ("Hostname", header.hostname.is_none()),
    ]
    .into_iter()
    .filter_map(|(field, absent)| absent.then_some(field))
    .collect();
    (!absent.is_empty()).then(|| {
        doubt(
            Doubt::HeaderIncomplete,
            format!("expected a header with all five fields, found none of: {}", absent.join(", ")),
        )
    })
}

/// What one look through the lines of a text finds. Numbers count from 1.
#[derive(Default)]
struct Look<'a> {
    has_command: bool,
    /// The first line with text of the terminal instead of the configuration. `less` is the pager of the family; its
    /// redraws leave backspaces and escapes behind.
    pager_line: Option<usize>,
    /// The first line that is an error of the command line.
    error_line: Option<usize>,
    /// Whether a double quote is open at the end. Values may span lines; comments between commands open none.
    in_quote: bool,
    last: &'a str,
}

impl<'a> Look<'a> {
    fn through(text: &'a str) -> Self {
        // Both looks at the whole text are quick, and nearly every text passes them.
        let noisy = memchr::memchr3(BACKSPACE, ESCAPE, b'\r', text.as_bytes()).is_some() || has_more(text);
        let mut look = Self::default();
        for (number, line) in (1..).zip(lines(text)) {
            look.line(number, line, noisy);
        }
        look
    }

    fn line(&mut self, number: usize, line: &'a str, noisy: bool) {
        self.last = line;
        let plain = line.trim_ascii_start();
        let comment = plain.starts_with('#');
        self.has_command |= !plain.is_empty() && !comment;
        let is_pager = is_pager_line(plain)
            || (noisy && (memchr::memchr3(BACKSPACE, ESCAPE, b'\r', line.as_bytes()).is_some() || has_more(line)));
        if is_pager {
            self.pager_line.get_or_insert(number);
        }
        if line.starts_with("% ") {
            self.error_line.get_or_insert(number);
        }
        if self.in_quote || !comment {
            self.in_quote ^= super::redact::flips_quote(line);
        }
    }
}

const BACKSPACE: u8 = 0x08;
const ESCAPE: u8 = 0x1b;

/// `-More-`, `-more-` or `-MORE-`.
fn has_more(text: &str) -> bool {
    static SMALL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ore-"));
    static LARGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ORE-"));
    let text = text.as_bytes();
    [&SMALL, &LARGE].into_iter().any(|finder| {
        let begins = |at: usize| at.checked_sub(2).and_then(|from| text.get(from..at));
        finder.find_iter(text).any(|at| begins(at).is_some_and(|begins| begins.eq_ignore_ascii_case(b"-m")))
    })
}

/// Whether a line, from its first letter on, is a prompt of the pager.
fn is_pager_line(line: &str) -> bool {
    match line.as_bytes().first() {
        Some(b':') => line.trim_ascii_end() == ":",
        Some(b'(') => line.trim_ascii_end() == "(END)",
        Some(b'l') => {
            line.strip_prefix("lines ").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        }
        _ => false,
    }
}

/// Where the text ends inside a line, a quoted value, a continued line or a PEM block.
fn cut(text: &str, looked: &Look<'_>) -> Option<&'static str> {
    let count = |what: &str| memchr::memmem::find_iter(text.as_bytes(), what).count();
    if !text.ends_with('\n') {
        Some("a last line without an end")
    } else if looked.last.trim_end().ends_with('\\') {
        Some("a last line that goes on")
    } else if looked.in_quote {
        Some("a quoted value without an end")
    } else if count("-----BEGIN ") > count("-----END ") {
        Some("a PEM block without an end")
    } else {
        None
    }
}

fn foreign_header(header: &ConfigHeader, session: Session<'_>) -> Vec<DoubtFound> {
    let mut doubts = Vec::new();
    if let (Some(expected), Some(found)) = (session.hostname, &header.hostname)
        && !same_host(expected, found.as_data())
    {
        let detail = format!("expected host name {expected:?}, found {found:?}");
        doubts.push(doubt(Doubt::ForeignHeader, detail));
    }
    if let (Some(expected), Some(found)) = (session.release, &header.software_version)
        && !names_release(found.as_data(), expected)
    {
        let detail = format!("expected release {expected:?}, found {found:?}");
        doubts.push(doubt(Doubt::ForeignHeader, detail));
    }
    doubts
}

/// Equal, or one is the first label of the other: a prompt shows the short name.
fn same_host(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim().to_ascii_lowercase(), b.trim().to_ascii_lowercase());
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    a == b || (!a.contains('.') && a == first(&b)) || (!b.contains('.') && b == first(&a))
}

fn names_release(software_version: &str, release: &str) -> bool {
    let release = release.trim();
    let pattern = release.parse::<Release>().ok();
    software_version.split_whitespace().any(|word| match (&pattern, word.parse::<Release>()) {
        (Some(pattern), Ok(found)) => found.is_within(pattern),
        _ => word == release,
    })
}

/// With the same change ID nothing was changed, so not one command may be gone.
fn shrunk(configuration: &Configuration, previous: &Backup) -> Vec<DoubtFound> {
    if previous.change_id.is_none() || previous.change_id != configuration.header.change_id {
        return Vec::new();
    }
    let mut doubts = Vec::new();
    for (title, then) in totals(previous.sections.iter().map(|count| (&count.title, count.commands))) {
        let found: usize = configuration
            .sections
            .iter()
            .filter(|section| section.title == *title)
            .map(|section| section.commands)
            .sum();
        if found < then {
            let detail =
                format!("expected {then} commands in section {title:?} as in the last good backup, found {found}");
            doubts.push(doubt(Doubt::SectionShrunk, detail));
        }
    }
    doubts
}

fn totals<'a>(counts: impl Iterator<Item = (&'a Outside, usize)>) -> std::collections::BTreeMap<&'a Outside, usize> {
    counts.fold(std::collections::BTreeMap::new(), |mut sums, (title, commands)| {
        *sums.entry(title).or_default() += commands;
        sums
    })
}

fn weighs_as(configuration: &Configuration, previous: &Backup) -> bool {
    let sections = configuration.sections.iter().map(|section| (&section.title, section.commands));
    let then = previous.sections.iter().map(|count| (&count.title, count.commands));
    previous.change_id.is_some()
        && previous.change_id == configuration.header.change_id
        && usize::try_from(previous.bytes).is_ok_and(|bytes| bytes == configuration.text.len())
        && usize::try_from(previous.lines).is_ok_and(|lines| lines == configuration.line_count)
        && sections.eq(then)
}

fn differ(first: &Configuration, second: &Configuration, layout: &ConfigLayout) -> Option<DoubtFound> {
    let (before, after) = (stable_pieces(&first.text, layout), stable_pieces(&second.text, layout));
    // Volatile lines at other places cut the same text into other pieces.
    if before == after || before.concat() == after.concat() {
        return None;
    }
    let lines = |configuration: &'_ Configuration| -> Vec<(usize, String)> {
        let lines = configuration.text.lines().enumerate();
        lines.filter(|(_, line)| !is_volatile(line, layout)).map(|(at, line)| (at + 1, line.to_owned())).collect()
    };
    let (a, b) = (lines(first), lines(second));
    let place = a.iter().zip(&b).find(|((_, a), (_, b))| a != b).map(|((at, _), _)| *at);
    let (before, after) = (a.len(), b.len());
    let detail = match place {
        Some(line) => format!("expected two equal fetches, found a difference in line {line}"),
        None if before != after => format!("expected two equal fetches, found {before} and {after} lines"),
        None => return None,
    };
    Some(doubt(Doubt::FetchesDiffer, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::backup::sample::{TEXT, configuration, layout};
    use crate::model::backup::{BackupKind, Grade, SectionCount};
    use crate::model::expression::Expression;
    use crate::model::id::{AssetId, ObjectId};

    const SESSION: Session<'static> = Session { hostname: Some("nx-tokyo-01"), release: Some("9.1.0.924861") };

    fn fetched(text: &str) -> Fetched {
        Fetched::new(configuration(text), true, layout(), SESSION)
    }

    fn backup_of(configuration: &Configuration) -> Backup {
        let count = |section: &crate::model::config::ConfigSection| SectionCount {
            title: section.title.clone(),
            commands: section.commands,
        };
        Backup {
            id: None,
            kind: BackupKind::Configuration,
            customer: "acme".parse().expect("a name"),
            seat: "nx-tokyo-01".parse().expect("a name"),
            asset: AssetId(1),
            taken_at: crate::model::time::Time::from_ms(0),
            seen_at: crate::model::time::Time::from_ms(0),
            grade: Grade::Taken,
            doubts: Vec::new(),
            change_id: configuration.header.change_id,
            release: None,
            bytes: configuration.text.len() as u64,
            lines: configuration.text.lines().count() as u64,
            sections: configuration.sections.iter().map(count).collect(),
            content: String::new(),
            object: ObjectId(1),
            events: Vec::new(),
        }
    }

    fn judge(first: &str, second: Option<&str>, previous: Option<&Backup>) -> Verdict {
        let (first, second) = (fetched(first), second.map(fetched));
        complete(&Evidence { first: &first, second: second.as_ref(), pairs: 1, layout: layout(), previous })
    }

    fn doubts(verdict: &Verdict) -> Vec<Doubt> {
        match verdict {
            Verdict::Suspect(doubts) => doubts.iter().map(|found| found.doubt).collect(),
            Verdict::Complete | Verdict::FetchAgain => Vec::new(),
        }
    }

    /// Every text that begins like the whole one and ends too early, at a line or inside one.
    fn cuts() -> impl Iterator<Item = &'static str> {
        (0..TEXT.len()).filter(|at| TEXT.is_char_boundary(*at)).map(|at| &TEXT[..at])
    }

    #[test]
    fn two_equal_fetches_are_complete_though_volatile_lines_moved() {
        let later = TEXT.replace("02:00:07", "02:00:31");
        assert_eq!(judge(TEXT, Some(&later), None), Verdict::Complete);
    }

    #[test]
    fn a_single_fetch_is_believed_only_beside_an_equal_good_backup() {
        let good = backup_of(&configuration(TEXT));
        assert_eq!(judge(TEXT, None, None), Verdict::FetchAgain);
        assert_eq!(judge(TEXT, None, Some(&good)), Verdict::Complete);
        let suspect = Backup { grade: Grade::Suspect, ..good.clone() };
        assert_eq!(judge(TEXT, None, Some(&suspect)), Verdict::FetchAgain);
        let moved = Backup { change_id: Some(4710), ..good.clone() };
        assert_eq!(judge(TEXT, None, Some(&moved)), Verdict::FetchAgain);
        let lighter = Backup { bytes: good.bytes - 1, ..good };
        assert_eq!(judge(TEXT, None, Some(&lighter)), Verdict::FetchAgain);
    }

    /// Whether a text is taken for the last good backup once more, by a layout in which lines of a kind change by themselves.
    fn taken_again(text: &str, volatile: &str, session: Session<'_>, previous: &Backup) -> bool {
        let own = ConfigLayout { volatile: vec![Expression::new(volatile).expect("a rule")], ..layout().clone() };
        assert_eq!(stable_pieces(text, &own).concat(), stable_pieces(TEXT, &own).concat(), "another stable text");
        let taken = configuration(text);
        let header = &taken.header;
        let again = |complete| is_again(&Again { text, header, complete, layout: &own, session, previous });
        assert!(!again(false), "without the prompt");
        if again(true) {
            let first = &Fetched::new(taken.clone(), true, &own, session);
            let evidence = Evidence { first, second: None, pairs: 0, layout: &own, previous: Some(previous) };
            assert_eq!(complete(&evidence), Verdict::Complete, "the long way says otherwise");
        }
        again(true)
    }

    #[test]
    fn the_last_good_backup_is_known_again_though_volatile_lines_moved() {
        let good = backup_of(&configuration(TEXT));
        let again = |text: &str, previous: &Backup| taken_again(text, "(?m)^## Generated at ", SESSION, previous);
        assert!(again(TEXT, &good) && again(&TEXT.replace("02:00:07", "02:00:31"), &good));
        let has_no_licences = |section: &&SectionCount| section.title.as_data() != "License keys";
        let without_licences = good.sections.iter().filter(has_no_licences).cloned().collect();
        for other in [
            Backup { grade: Grade::Suspect, ..good.clone() },
            Backup { change_id: Some(4710), ..good.clone() },
            Backup { change_id: None, ..good.clone() },
            Backup { bytes: good.bytes - 1, ..good.clone() },
            Backup { lines: good.lines - 1, ..good.clone() },
            Backup { sections: without_licences, ..good.clone() },
        ] {
            assert!(!again(TEXT, &other), "{other:?}");
        }
        for session in
            [Session { hostname: Some("nx-osaka-01"), ..SESSION }, Session { release: Some("9.0.3.950252"), ..SESSION }]
        {
            assert!(!taken_again(TEXT, "(?m)^## Generated at ", session, &good), "{session:?}");
        }
    }

    #[test]
    fn what_came_into_a_volatile_line_is_judged_the_long_way() {
        let good = backup_of(&configuration(TEXT));
        for stamp in ["02:00:0\"", "02:00:0\\", "02:00:0\u{8}", "02:00:0\u{1b}", "-More-:7", "-----BEG"] {
            let text = TEXT.replace("02:00:07", stamp);
            assert!(!taken_again(&text, "(?m)^## Generated at ", SESSION, &good), "{stamp:?}");
        }
        let without = TEXT.replace("Generated at ", "Generated on ");
        assert!(!taken_again(&without, "(?m)^## Generated (at|on) ", SESSION, &good), "a header without its time");
        // A command that changes by itself may be anything.
        assert!(!taken_again(TEXT, "(?m)^ip default-gateway ", SESSION, &good));
        let cut = format!("{TEXT}## at 1");
        let weight = Backup { bytes: cut.len() as u64, ..good };
        assert!(!taken_again(&cut, "(?m)^## at ", SESSION, &weight), "a last line without an end");
    }

    #[test]
    fn a_cut_at_any_byte_never_passes_beside_a_whole_fetch_or_alone() {
        let good = backup_of(&configuration(TEXT));
        for cut in cuts() {
            for (second, previous) in [(Some(TEXT), None), (Some(TEXT), Some(&good)), (None, None), (None, Some(&good))]
            {
                assert_ne!(judge(cut, second, previous), Verdict::Complete, "{} bytes", cut.len());
            }
            assert_ne!(judge(TEXT, Some(cut), None), Verdict::Complete, "{} bytes", cut.len());
        }
    }

    #[test]
    fn an_equal_cut_of_both_fetches_passes_only_where_nothing_can_tell() {
        let good = backup_of(&configuration(TEXT));
        let last_expected = TEXT.find("username").expect("the last section that the layout expects");
        for cut in cuts() {
            let alone = judge(cut, Some(cut), None);
            // Without an earlier backup a cut between commands behind the expected sections cannot be seen.
            let blind = cut.len() >= last_expected - 4 && cut.ends_with('\n');
            assert!(blind || matches!(alone, Verdict::Suspect(_)), "{alone:?} for {} bytes", cut.len());
            // With one it is seen, but for empty lines and a title at the end.
            let commands = |text: &str| text.lines().filter(|line| is_command(line)).count();
            let harmless = commands(cut) == commands(TEXT) && cut.ends_with('\n');
            let beside = judge(cut, Some(cut), Some(&good));
            assert!(harmless || matches!(beside, Verdict::Suspect(_)), "{beside:?} for {} bytes", cut.len());
        }
    }

    #[test]
    fn each_doubt_is_found_by_its_own_sign() {
        for (doubt, from, to) in [
            (Doubt::HeaderIncomplete, "## Last config change ID: 4711\n", ""),
            (Doubt::HeaderIncomplete, "## Hostname: nx-tokyo-01\n", ""),
            (Doubt::SectionMissing, "## License keys", "## Licence keys"),
            (Doubt::PagerText, "ip default", "lines 20-43 \nip default"),
            (Doubt::PagerText, "ip default", "--More--\u{8}\u{8}\nip default"),
            (Doubt::CliError, "ip default", "% Unrecognized command \"x\".\nip default"),
            (Doubt::CutLine, "3F\"", "3F"),
            (Doubt::ForeignHeader, "Hostname: nx-tokyo-01", "Hostname: nx-osaka-01"),
            (Doubt::ForeignHeader, "9.1.0.924861 #", "9.0.3.950252 #"),
        ] {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT);
            assert_eq!(doubts(&judge(&text, Some(&text), None)), [doubt], "{to:?}");
        }
        assert_eq!(doubts(&judge("", Some(""), None)), [Doubt::Empty]);
        assert_eq!(doubts(&judge("##\n## Hostname: a\n##\n", None, None)), [Doubt::Empty]);
    }

    #[test]
    fn a_prompt_that_did_not_come_back_is_a_doubt_in_either_fetch() {
        let fetched = |complete| Fetched::new(configuration(TEXT), complete, layout(), SESSION);
        for (first, second) in [(true, false), (false, true)] {
            let (first, second) = (fetched(first), fetched(second));
            let second = Some(&second);
            let verdict = complete(&Evidence { first: &first, second, pairs: 1, layout: layout(), previous: None });
            assert_eq!(doubts(&verdict), [Doubt::NoPromptAfter]);
        }
    }

    #[test]
    fn a_change_during_the_fetch_is_tried_again_three_times_and_no_more() {
        let (first, second) = (fetched(TEXT), fetched(&TEXT.replace("4711", "4712")));
        let judge = |pairs| {
            let second = Some(&second);
            complete(&Evidence { first: &first, second, pairs, layout: layout(), previous: None })
        };
        assert_eq!([judge(1), judge(2)], [Verdict::FetchAgain, Verdict::FetchAgain]);
        assert_eq!(doubts(&judge(PAIRS_MAX)), [Doubt::ChangedWhileFetched]);
    }

    #[test]
    fn a_section_may_shrink_only_when_the_change_id_moved() {
        let good = backup_of(&configuration(TEXT));
        let smaller = TEXT.replace("snmp-server location \"server room, 3F\"\n", "");
        assert_eq!(doubts(&judge(&smaller, Some(&smaller), Some(&good))), [Doubt::SectionShrunk]);
        let moved = smaller.replace("4711", "4712");
        assert_eq!(judge(&moved, Some(&moved), Some(&good)), Verdict::Complete);
        let suspect = Backup { grade: Grade::Suspect, ..good };
        assert_eq!(judge(&smaller, Some(&smaller), Some(&suspect)), Verdict::Complete);
    }

    #[test]
    fn a_doubt_shows_nothing_of_a_command() {
        let spoiled = TEXT.replace("w4tchd0g ro", "w4tchd0g rw").replace("ip default", "% Bad: w4tchd0g\nip default");
        let Verdict::Suspect(found) = judge(&spoiled, Some(TEXT), None) else { panic!("expected doubts") };
        assert!(found.iter().all(|found| !found.detail.as_data().contains("w4tchd0g")), "{found:?}");
    }

    #[test]
    fn a_prompt_shows_the_short_host_name() {
        assert!(same_host("nx01", "NX01.example.co.jp"));
        assert!(!same_host("nx01.a.example", "nx01.b.example"));
        assert!(!same_host("nx01", "nx010"));
    }
}
