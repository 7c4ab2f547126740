//! Is what runs on an appliance what it would boot with? The running and the saved configuration, held side by side.
//!
//! Only settings count, each in its section and regardless of order; headers differ by nature. No line leaves here: a
//! reading has titles of sections and counts.

use std::collections::{BTreeMap, HashMap};

use crate::model::backup::Doubt;
use crate::model::config::{ConfigLayout, Configuration};
use crate::model::reading::{Component, ComponentKind, Condition, Reading};

use super::complete::Fetched;
use super::redact::is_volatile;

/// How many sections are named.
const NAMED_MAX: usize = 6;

/// The reading of a running and a saved configuration, each as it was fetched once.
pub fn saved(running: &Fetched, saved: &Fetched, layout: &ConfigLayout) -> Reading {
    let reading =
        |condition, said: String| Reading::new(Component::new(ComponentKind::Configuration, "saved"), condition, said);
    for (name, fetched) in [("running", running), ("saved", saved)] {
        if let Some((condition, why)) = unusable(fetched, name == "saved") {
            return reading(condition, format!("{name}: {why}"));
        }
    }
    let (running, saved) = (&running.configuration, &saved.configuration);
    if let Some(name) = shorter(running, saved, layout) {
        return reading(Condition::Malformed, format!("{name}: it ends where the other one goes on"));
    }
    let sections = differing(running, saved, layout);
    if sections.is_empty() {
        return reading(Condition::Good, "saved".to_owned());
    }
    let all: usize = sections.values().sum();
    let named = sections.iter().take(NAMED_MAX).map(|(title, lines)| format!("{title} {lines}"));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = sections.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(", and {more} sections more") };
    let lines = if all == 1 { "1 line differs".to_owned() } else { format!("{all} lines differ") };
    reading(Condition::Warning, format!("{lines}: {named}{more}"))
}

/// Why nothing can be said by a text.
fn unusable(fetched: &Fetched, is_saved: bool) -> Option<(Condition, String)> {
    let header = &fetched.configuration.header;
    if fetched.configuration.text.starts_with("% ") {
        let why = "the appliance does not know the command, or the account may not use it";
        return Some((Condition::Missing, why.to_owned()));
    }
    if header.file.is_none() && header.hostname.is_none() {
        return Some((Condition::Unrecognised, "no header of a configuration".to_owned()));
    }
    // The saved one has three fields in its header, the host name of when it was saved, and the sections of then.
    let of_running = |doubt| matches!(doubt, Doubt::HeaderIncomplete | Doubt::ForeignHeader | Doubt::SectionMissing);
    let counts = |doubt| !(is_saved && of_running(doubt));
    let doubt = fetched.doubts().iter().find(|found| counts(found.doubt))?;
    Some((Condition::Malformed, format!("{}: {}", doubt.doubt, doubt.detail.as_data())))
}

/// The settings of each section, by its title, in order.
fn settings<'a>(configuration: &'a Configuration, layout: &ConfigLayout) -> Vec<(&'a str, Vec<&'a str>)> {
    let lines: Vec<&str> = configuration.text.lines().collect();
    let setting = |line: &&&str| {
        let plain = line.trim_start();
        !plain.is_empty() && !plain.starts_with('#') && !is_volatile(line, layout)
    };
    let of = |section: &'a crate::model::config::ConfigSection| {
        let own = lines.get(section.lines.clone()).unwrap_or_default();
        (section.title.as_data(), own.iter().filter(setting).copied().collect())
    };
    configuration.sections.iter().map(of).collect()
}

/// Which of two texts lacks whole sections at its end, and has nothing that the other one has not: a limit cut it.
fn shorter(running: &Configuration, saved: &Configuration, layout: &ConfigLayout) -> Option<&'static str> {
    let (a, b) = (settings(running, layout), settings(saved, layout));
    let (name, short, long) = if a.len() < b.len() { ("running", a, b) } else { ("saved", b, a) };
    let (last, before) = short.split_last()?;
    let begins = long.get(before.len()).is_some_and(|next| {
        // The last line may be a part of one.
        let whole = last.1.len().saturating_sub(1);
        next.0 == last.0
            && next.1.len() >= whole
            && next.1.iter().zip(&last.1).take(whole).all(|(one, other)| one == other)
    });
    (short.len() < long.len() && begins && long.starts_with(before)).then_some(name)
}

/// How many settings of each section one side has and the other has not; a changed one counts once.
fn differing<'a>(
    running: &'a Configuration,
    saved: &'a Configuration,
    layout: &ConfigLayout,
) -> BTreeMap<&'a str, usize> {
    let mut counts: HashMap<(&str, &str), i64> = HashMap::new();
    for (of, step) in [(running, 1), (saved, -1)] {
        for (title, lines) in settings(of, layout) {
            for line in lines {
                *counts.entry((title, line)).or_default() += step;
            }
        }
    }
    let mut sections: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for ((title, _), count) in counts.into_iter().filter(|(_, count)| *count != 0) {
        let (more, less) = sections.entry(title).or_default();
        *(if count > 0 { more } else { less }) += count.abs();
    }
    sections.into_iter().map(|(title, (more, less))| (title, usize::try_from(more.max(less)).unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::complete::Session;
    use super::super::sample::{TEXT, configuration, layout};
    use super::*;

    /// The configuration as the saved one is printed: its header is shorter.
    fn as_saved(text: &str) -> String {
        let gone =
            |line: &&str| !line.starts_with("## Software version") && !line.starts_with("## Last config change ID");
        let lines: Vec<String> = text.lines().filter(gone).map(|line| format!("{line}\n")).collect();
        lines.concat().replace("2026/11/20", "2026/10/01")
    }

    fn read_with(running: &str, saved_text: &str, complete: bool) -> (Condition, String) {
        let session = Session { hostname: Some("nx-tokyo-01"), release: None };
        let of = |text: &str, complete| Fetched::new(configuration(text), complete, layout(), session);
        let reading = saved(&of(running, true), &of(saved_text, complete), layout());
        assert_eq!(reading.component, Component::new(ComponentKind::Configuration, "saved"));
        (reading.condition, reading.said.as_data().to_owned())
    }

    fn read(running: &str, saved_text: &str) -> (Condition, String) {
        read_with(running, saved_text, true)
    }

    #[test]
    fn equal_settings_are_saved_whatever_the_headers_say() {
        assert_eq!(read(TEXT, &as_saved(TEXT)), (Condition::Good, "saved".to_owned()));
        let turned = as_saved(TEXT).replace("ip default-gateway 10.20.30.1\n", "").replace(
            "## Network interface configuration\n##\n",
            "## Network interface configuration\n##\nip default-gateway 10.20.30.1\n",
        );
        assert_eq!(read(TEXT, &turned).0, Condition::Good, "the order is the unit's own");
    }

    #[test]
    fn what_differs_is_counted_by_section_and_no_line_is_shown() {
        let changed = TEXT
            .replace("snmp-server community w4tchd0g ro", "snmp-server community t1ger99 ro")
            .replace("username \"monitor\" capability monitor\n", "");
        let (condition, said) = read(&changed, &as_saved(TEXT));
        assert_eq!(condition, Condition::Warning);
        assert_eq!(said, "2 lines differ: Local user account configuration 1, SNMP configuration 1");
        let (_, said) = read(&format!("{TEXT}crypto more\n"), &as_saved(TEXT));
        assert_eq!(said, "1 line differs: X.509 certificates configuration 1");
        // The saved one has the name of when it was saved.
        let renamed = as_saved(TEXT).replace("## Hostname: nx-tokyo-01", "## Hostname: before");
        assert_eq!(read(TEXT, &renamed).0, Condition::Good);
        assert_eq!(
            read(&TEXT.replace("## Hostname: nx-tokyo-01", "## Hostname: other"), &renamed).0,
            Condition::Malformed
        );
        // The last line alone is somebody's work, not a cut.
        let last = TEXT.replace("crypto certificate default-cert name \"web\"\n", "");
        assert_eq!(read(&last, &as_saved(TEXT)).0, Condition::Warning);
    }

    #[test]
    fn what_is_not_whole_says_nothing() {
        let unknown = "% Unrecognized command \"configuration\".\nType \"?\" for help.\n";
        assert_eq!(read(TEXT, unknown).0, Condition::Missing);
        assert_eq!(read(unknown, &as_saved(TEXT)).0, Condition::Missing);
        assert_eq!(read(TEXT, "what is this\n").0, Condition::Unrecognised);
        let (condition, said) = read_with(TEXT, &as_saved(TEXT), false);
        assert_eq!(condition, Condition::Malformed);
        assert!(said.starts_with("saved: no-prompt-after: "), "{said}");
        // A cut at the end of a line, or within one: whole sections are absent.
        let at = TEXT.find("snmp-server host").expect("a line");
        for end in [at, at + 12] {
            let cut = format!("{}\n", TEXT[..end].trim_end());
            let (condition, said) = read(&cut, &as_saved(TEXT));
            assert_eq!(
                (condition, said.as_str()),
                (Condition::Malformed, "running: it ends where the other one goes on")
            );
            assert_eq!(read(TEXT, &as_saved(&cut)).0, Condition::Malformed);
        }
    }
}
