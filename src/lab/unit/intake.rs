//! A unit in factory state that takes the text of a configuration as its command line would, command by command, and
//! prints what it stored: in its own sections and order, never the text that came in.

use std::collections::BTreeMap;

use super::configuration::{self, Writer};
use super::setting::{self, No, Owner, SETTINGS, Section, Setting, Stop};
use super::state::Unit;
use crate::model::time::Time;

/// A command that a unit did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line on which it begins, from 0.
    pub line: usize,
    /// What the command line says against it.
    pub said: String,
    /// It is right, and bound to another chassis.
    pub foreign: bool,
}

/// What is said of a licence for another chassis.
const FOREIGN: &str = "% License is not valid for this system.";

/// What a unit holds after commands: by the place of the setting in the table and the words that name it, its value, or
/// `None` when it is switched off.
#[derive(Debug, Default)]
struct Stored(BTreeMap<(usize, Vec<String>), Option<Vec<String>>>);

impl Unit {
    /// Loads a configuration into the unit and says what the unit prints after that, and what it did not take. Commands
    /// that begin with `forgets` are taken and lost.
    pub fn load(&self, text: &str, forgets: Option<&str>, now: Time) -> (String, Vec<Refused>) {
        let (mut stored, mut refused) = (Stored::default(), Vec::new());
        for (line, command) in commands(text) {
            let taken = command.and_then(|words| {
                let lost = forgets.is_some_and(|head| words.join(" ").starts_with(head));
                if lost { Ok(()) } else { self.take_setting(&mut stored, &words) }
            });
            if let Err(said) = taken {
                let foreign = said == FOREIGN;
                refused.push(Refused { line, said, foreign });
            }
        }
        (self.print(&stored, now), refused)
    }

    fn take_setting(&self, stored: &mut Stored, words: &[String]) -> Result<(), String> {
        let from = usize::from(words.first().is_some_and(|word| word == "no"));
        let (setting, named) = self.understand(words, from)?;
        let slot = SETTINGS.iter().position(|known| std::ptr::eq(known, setting)).unwrap_or(SETTINGS.len());
        let name = words.iter().skip(from).take(named).cloned().collect::<Vec<_>>();
        let value = words.iter().skip(from + named).cloned().collect::<Vec<_>>();
        if setting.owner == Owner::Chassis && !self.licences.iter().any(|own| name.last() == Some(&own.key)) {
            return Err(FOREIGN.to_owned());
        }
        if setting.owner != Owner::Anyone {
            return Ok(());
        }
        match (from, setting.no) {
            (0, _) => stored.0.insert((slot, name), Some(value)),
            (_, No::SwitchesOff) => stored.0.insert((slot, name), None),
            (_, No::Forgets) => stored.0.remove(&(slot, name)),
        };
        Ok(())
    }

    /// The setting that a command is about, and how many of its words name it.
    fn understand(&self, words: &[String], from: usize) -> Result<(&'static Setting, usize), String> {
        let mut furthest = Stop::Word(from.min(words.len().saturating_sub(1)));
        let mut found = Vec::new();
        let here = |setting: &&Setting| setting.series.is_empty() || setting.series.contains(&self.series);
        for setting in SETTINGS.iter().filter(here) {
            let stops = match setting::take(setting.key, words, from) {
                Err(stop) => vec![stop],
                Ok(named) => {
                    let behind = from + named;
                    // What is taken back needs its name alone.
                    let bare = (from > 0).then_some("");
                    let ends = |value: &str| match setting::take(value, words, behind) {
                        Ok(taken) if behind + taken == words.len() => Ok(()),
                        Ok(taken) => Err(Stop::Word(behind + taken)),
                        Err(stop) => Err(stop),
                    };
                    let values = bare.iter().chain(setting.values).map(|value| ends(value)).collect::<Vec<_>>();
                    if values.contains(&Ok(())) {
                        found.push((setting, named));
                    }
                    values.into_iter().filter_map(Result::err).collect()
                }
            };
            for stop in stops {
                furthest = if stop.reach() > furthest.reach() { stop } else { furthest };
            }
        }
        // Of two that fit, the one that more words name.
        found.into_iter().max_by_key(|(setting, _)| setting.key.split(' ').count()).ok_or_else(|| {
            let word = |at: usize| words.get(at).map_or("", String::as_str);
            match furthest {
                Stop::Short => "% Incomplete command.".to_owned(),
                Stop::Word(at) => format!("% Unrecognized command \"{}\".", word(at)),
                Stop::Value(at) => format!("% Invalid value \"{}\".", word(at)),
            }
        })
    }

    fn print(&self, stored: &Stored, now: Time) -> String {
        let hostname = stored.0.iter().find(|((_, name), _)| name.as_slice() == ["hostname"]);
        let hostname = hostname.and_then(|(_, value)| value.as_ref()?.first()).unwrap_or(&self.settings.hostname);
        let mut writer = Writer::new(&configuration::running_header(self, hostname, now), 4096);
        for section in Section::ALL {
            writer.title(section.title(self.series));
            match section {
                Section::Licences => configuration::licences(&mut writer, self),
                Section::Ssh => configuration::host_key(&mut writer, self),
                _ => {}
            }
            let here = |slot: usize| SETTINGS.get(slot).is_some_and(|setting| setting.section == *section);
            for ((_, name), value) in stored.0.iter().filter(|((slot, _), _)| here(*slot)) {
                let no = value.is_none().then(|| "no".to_owned());
                let words = no.iter().chain(name).chain(value.iter().flatten());
                writer.line(&words.map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
            }
        }
        writer.text
    }
}

/// A word as a unit writes it: in quotes when it could not be read back otherwise.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && !word.contains(|sign: char| sign.is_whitespace() || matches!(sign, '"' | '\\'));
    if plain { word.to_owned() } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// The commands of a text, each with the line on which it begins: its words, or what the command line says of a
/// command that cannot be split into words.
fn commands(text: &str) -> Vec<(usize, Result<Vec<String>, String>)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let blank = line.trim().is_empty() || line.trim_start().starts_with('#');
        let begun = open.is_some();
        let (from, command) = match open.take() {
            Some((from, mut begun)) => {
                begun.push('\n');
                begun.push_str(line);
                (from, begun)
            }
            None if blank => continue,
            None => (number, line.to_owned()),
        };
        if ends_quoted(line, begun) {
            open = Some((from, command));
        } else {
            all.push((from, split(&command).ok_or_else(|| "% Invalid character.".to_owned())));
        }
    }
    all.extend(open.map(|(from, _)| (from, Err("% Unterminated quoted value.".to_owned()))));
    all
}

/// Whether a quote is open at the end of a line.
fn ends_quoted(line: &str, mut quote: bool) -> bool {
    let mut escaped = false;
    for byte in line.bytes() {
        quote ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && quote && !escaped;
    }
    quote
}

/// The words of a command whose quotes are closed; `None` when it has a sign that nobody types.
fn split(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), None::<String>, false, false);
    for sign in command.chars() {
        if sign == char::REPLACEMENT_CHARACTER || (sign.is_control() && !matches!(sign, '\n' | '\t')) {
            return None;
        }
        match sign {
            _ if escaped => {
                word.get_or_insert_default().push(sign);
                escaped = false;
            }
            '\\' if quote => escaped = true,
            '"' => {
                quote = !quote;
                word.get_or_insert_default();
            }
            _ if sign.is_whitespace() && !quote => words.extend(word.take()),
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    Some(words)
}
