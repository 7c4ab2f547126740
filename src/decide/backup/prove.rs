//! Is a configuration a whole one, of which every line has a place?
//!
//! A simulated unit of the same series and release, with another chassis, took the text command by command and printed
//! what it holds afterwards. Only what belongs to a chassis may be another one then. What this proves and what not:
//!
//! * every command is one that the modelled unit knows, with a value of the right kind, and it is kept: an open quote or
//!   PEM block, an unknown word, a command that ends too early, a line of something else do not pass;
//! * damage that leaves a valid command, as in a free text, is not seen;
//! * a section that is gone leaves no trace: a shorter configuration is a configuration, too;
//! * that a real appliance takes the text is not proved: the unit is a model.

use std::collections::HashSet;

use crate::model::config::{ConfigLayout, Configuration};

use super::mask::WHOLE as MASK;
use super::redact::{blanked, is_volatile};

/// How many lines are named in words.
const NAMED_MAX: usize = 5;
/// Characters of a line that are shown.
const SHOWN_CHARS_MAX: usize = 100;

crate::words! {
    /// What came of loading a backup into a simulated unit.
    pub enum Proving {
        /// Each command was taken and came back, but for what belongs to the chassis.
        Proved = "proved",
        /// The unit did not take a command.
        Refused = "refused",
        /// A command did not come back, or another one did.
        Differs = "differs",
        /// The unit took all of it, and it speaks against itself.
        Suspect = "suspect",
        /// What is sealed is not what the store and the audit say.
        Damaged = "damaged",
        /// There is no simulated unit of its series and release.
        NotModelled = "not-modelled",
    }
}

/// A command that a unit did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The line on which it begins, from 0.
    pub line: usize,
    /// What the unit says against it; a part of the line may stand there in double quotes.
    pub said: String,
    /// It is whole, and of another chassis.
    pub foreign: bool,
}

/// Holds what a unit printed against what was loaded into it, with the reason in words that show no secret.
pub fn compare(
    stored: &Configuration,
    printed: &Configuration,
    not_taken: &[NotTaken],
    layout: &ConfigLayout,
) -> (Proving, String) {
    let (before, after) = (commands(stored, layout), commands(printed, layout));
    let identity = before.iter().filter(|command| command.identity).count();
    let own = |refused: &&NotTaken| {
        refused.foreign && before.iter().any(|command| command.identity && command.line == refused.line)
    };
    let refused: Vec<&NotTaken> = not_taken.iter().filter(|refused| !own(refused)).collect();
    if !refused.is_empty() {
        let lines = blanked(&stored.text, layout);
        let raw: Vec<&str> = stored.text.lines().collect();
        let words = refused.iter().take(NAMED_MAX).map(|refused| {
            let line = lines.get(refused.line).map_or("", String::as_str);
            let (line, said) = shown_refusal(raw.get(refused.line).unwrap_or(&""), line, &refused.said);
            format!("line {}: {line}: {said}", refused.line + 1)
        });
        let words = listed(words, refused.len());
        return (Proving::Refused, format!("{} not taken: {words}", counted(refused.len())));
    }
    let (lost, foreign) = (absent(&before, &after), absent(&after, &before));
    if lost.is_empty() && foreign.is_empty() {
        let all = before.len();
        let words = format!("{all} commands taken and given back, {identity} of them belong to the chassis");
        return (Proving::Proved, words);
    }
    let (lines, others) = (blanked(&stored.text, layout), blanked(&printed.text, layout));
    let gone = lost.iter().map(|command| format!("line {}: {}", command.line + 1, shown(lines.get(command.line))));
    let strange = foreign.iter().map(|command| format!("instead: {}", shown(others.get(command.line))));
    let words = listed(gone.chain(strange).take(NAMED_MAX), lost.len() + foreign.len());
    (Proving::Differs, format!("{} not given back as taken: {words}", counted(lost.len().max(foreign.len()))))
}

fn counted(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

fn listed(words: impl Iterator<Item = String>, all: usize) -> String {
    let named: Vec<String> = words.collect();
    let more = all.saturating_sub(named.len());
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("{}{more}", named.join("; "))
}

/// One command of a configuration; a quoted value may span lines.
struct Command<'a> {
    title: &'a str,
    line: usize,
    words: Vec<String>,
    /// It belongs to the chassis.
    identity: bool,
}

fn commands<'a>(configuration: &'a Configuration, layout: &ConfigLayout) -> Vec<Command<'a>> {
    let lines: Vec<&str> = configuration.text.lines().collect();
    let mut sections = configuration.sections.iter().peekable();
    let mut title = "";
    let mut found: Vec<Command<'a>> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in lines.iter().enumerate() {
        while let Some(section) = sections.next_if(|section| section.lines.start <= number) {
            title = section.title.as_data();
        }
        let comment = line.trim_start().starts_with('#') || line.trim().is_empty();
        let begun = open.is_some();
        let (from, text) = match open.take() {
            Some((from, mut begun)) => {
                begun.push('\n');
                begun.push_str(line);
                (from, begun)
            }
            None if comment || is_volatile(line, layout) => continue,
            None => (number, (*line).to_owned()),
        };
        if super::redact::flips_quote(line) != begun && number + 1 < lines.len() {
            open = Some((from, text));
            continue;
        }
        let first = lines.get(from).copied().unwrap_or_default();
        let identity = layout.identity.iter().any(|pattern| pattern.is_match(first));
        found.push(Command { title, line: from, words: words(&text), identity });
    }
    found
}

/// The words of a command. How a word is quoted is not a difference.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), None::<String>, false, false);
    for sign in command.chars() {
        match sign {
            '\\' if quote && !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => {
                quote = !quote;
                word.get_or_insert_default();
            }
            _ if sign.is_whitespace() && !quote => words.extend(word.take()),
            _ => word.get_or_insert_default().push(sign),
        }
        escaped = false;
    }
    words.extend(word);
    words
}

/// The commands of one side, but for what belongs to a chassis, that the other side does not have.
fn absent<'c, 'a>(of: &'c [Command<'a>], other: &[Command<'_>]) -> Vec<&'c Command<'a>> {
    let known: HashSet<_> = other.iter().map(|command| (command.title, command.words.as_slice())).collect();
    let lost = |command: &&Command<'_>| !known.contains(&(command.title, command.words.as_slice()));
    of.iter().filter(|command| !command.identity).filter(lost).collect()
}

fn shown(line: Option<&String>) -> String {
    line.map_or_else(|| MASK.to_owned(), |line| bounded(line))
}

fn bounded(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(SHOWN_CHARS_MAX).collect::<String>())
}

/// A line that was not taken is shown as far as the word that the unit names, if that is a word of what may be shown; else
/// its first word alone: what follows a word that nobody knows may be anything. A damaged line is not shown at all. Of what
/// the unit says, what it quotes is left out.
fn shown_refusal(raw: &str, masked: &str, said: &str) -> (String, String) {
    let said_itself = bounded(said.split(['"', '\n']).next().unwrap_or_default().trim());
    let damaged = raw.contains(|sign: char| sign == char::REPLACEMENT_CHARACTER || (sign.is_control() && sign != '\t'));
    if damaged {
        return (MASK.to_owned(), said_itself);
    }
    let named = said.split('"').nth(1);
    let words: Vec<&str> = masked.split_whitespace().collect();
    let until = words.iter().position(|word| Some(*word) == named).unwrap_or(0);
    let shown = words.get(..=until).unwrap_or_default().join(" ");
    let rest = if until + 1 < words.len() { format!(" {MASK}") } else { String::new() };
    (format!("{}{rest}", bounded(&shown)), said_itself)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{TEXT, configuration, layout};
    use super::*;

    fn compared(stored: &str, printed: &str, not_taken: &[(&str, &str)]) -> (Proving, String) {
        let line = |begins: &str| stored.lines().position(|line| line.starts_with(begins)).expect("a line");
        let not_taken: Vec<NotTaken> = not_taken
            .iter()
            .map(|(begins, said)| NotTaken {
                line: line(begins),
                said: (*said).to_owned(),
                foreign: said.contains("License"),
            })
            .collect();
        compare(&configuration(stored), &configuration(printed), &not_taken, layout())
    }

    #[test]
    fn only_what_belongs_to_the_chassis_may_be_another_one() {
        let other = TEXT.replace("LK2-FIREEYE_APPLIANCE-0A1B", "LK2-FIREEYE_APPLIANCE-9999").replace("4711", "1");
        assert_ne!(other, TEXT);
        let licence = [("license install", "% License is not valid for this system.")];
        let (proving, words) = compared(TEXT, &other, &licence);
        assert_eq!(
            (proving, words.as_str()),
            (Proving::Proved, "14 commands taken and given back, 2 of them belong to the chassis")
        );
        // Order and quotes are the unit's own affair.
        let ordered = TEXT.replace("username \"admin\" capability admin\n", "").replace(
            "username \"monitor\" capability monitor\n",
            "username monitor capability monitor\nusername admin capability admin\n",
        );
        assert_eq!(compared(TEXT, &ordered, &[]).0, Proving::Proved);
    }

    #[test]
    fn what_does_not_come_back_is_named_without_its_secret() {
        let lost = TEXT.replace("snmp-server community w4tchd0g ro\n", "");
        let (proving, words) = compared(TEXT, &lost, &[]);
        assert_eq!(proving, Proving::Differs);
        assert_eq!(words, "1 line not given back as taken: line 33: snmp-server community ‹masked› ro");
        let moved = TEXT.replace("## SNMP configuration", "## Some configuration");
        assert_eq!(compared(TEXT, &moved, &[]).0, Proving::Differs, "in another section");
        let other = TEXT.replace("-----END CERTIFICATE", "Zg==\n-----END CERTIFICATE");
        let (proving, words) = compared(TEXT, &other, &[]);
        assert_eq!(proving, Proving::Differs, "{words}");
        assert!(!words.contains("MIIB"), "{words}");
    }

    #[test]
    fn what_was_not_taken_is_shown_as_far_as_the_word_that_nobody_knows() {
        let spoilt = TEXT.replace("snmp-server community w4tchd0g ro", "snmp-server communizy t1ger99 ro");
        let said = "% Unrecognized command \"communizy\".\nType \"?\" for help.";
        let (proving, words) = compared(&spoilt, TEXT, &[("snmp-server communizy", said)]);
        assert_eq!(proving, Proving::Refused);
        assert_eq!(words, "1 line not taken: line 33: snmp-server communizy ‹masked›: % Unrecognized command");
        let damaged = TEXT.replace("snmp-server community w4tchd0g", "snmp-server comm\u{fffd}nity w4tchd0g");
        let (_, words) = compared(&damaged, TEXT, &[("snmp-server comm\u{fffd}", "% Invalid character.")]);
        assert!(words.ends_with("line 33: ‹masked›: % Invalid character."), "{words}");
        let (_, words) = compared(TEXT, TEXT, &[("snmp-server community", "% Invalid value \"w4tchd0g\".")]);
        assert!(words.ends_with("line 33: snmp-server ‹masked›: % Invalid value"), "{words}");
    }

    #[test]
    fn a_refusal_never_quotes_a_value() {
        for (line, said) in [
            ("username admin password 7 \"S3cret", "% Invalid value \"S3cret\nx\"."),
            ("username admin password 7 \"S3cret", "% Invalid value \"S3cret"),
            ("username S3cret password 7 S3cret", "% Unrecognized command \"7\"."),
            ("ssh server host-key rsa2 private-key \"S3cretS3cret", "% Invalid value \"S3cretS3cret\nS3cret\"."),
        ] {
            let spoilt = TEXT.replace("snmp-server community w4tchd0g ro", line);
            let begins = line.split(' ').next().expect("a word");
            let at = spoilt.lines().position(|found| found == line).expect("the line");
            let refused = NotTaken { line: at, said: said.to_owned(), foreign: false };
            let (_, words) = compare(&configuration(&spoilt), &configuration(TEXT), &[refused], layout());
            assert!(words.contains(begins), "{words}");
            let shows_user = line.starts_with("username S3cret") && words.matches("S3cret").count() == 1;
            assert!(!words.contains("S3cret") || shows_user, "{words}");
        }
    }

    #[test]
    fn many_lines_are_counted_and_few_are_named() {
        let lines: Vec<String> = (0..50).map(|number| format!("ntp server 10.0.0.{number}\n")).collect();
        let (_, words) = compared(&format!("{TEXT}{}", lines.concat()), TEXT, &[]);
        assert!(words.starts_with("50 lines not given back") && words.ends_with("; and 45 more"), "{words}");
        assert!(words.len() < 1000);
    }
}
