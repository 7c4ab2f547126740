//! Lines that a person types at an appliance, and which of them are sent.
//!
//! Invariant: a [`TypedLine`] is made by [`Verbs::judge`] alone, and begins with words that the table allows, spelled in
//! full: what an appliance makes of an abbreviation decides nothing.

use serde::Deserialize;

use super::limits::TYPED_CHARS_MAX;
use super::series::Series;

/// A line that may be sent to an appliance to look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine(String);

impl TypedLine {
    /// A line without a word: it asks for a new prompt.
    pub const fn empty() -> Self {
        Self(String::new())
    }

    /// The line as it is sent, without a line end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a line is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It has a character that may mean more than itself.
    #[error("{0:?} is not sent: letters, digits, blanks and - _ . / + : , = @ * % \" ' are, and a ? at the end")]
    Character(char),
    /// It is too long.
    #[error("a line of more than {TYPED_CHARS_MAX} characters is not sent")]
    Long,
    /// Its first word may be several.
    #[error("{word:?} may be {}: spell it in full", could_be.join(", "))]
    Ambiguous {
        /// As it was typed.
        word: String,
        /// What it may be.
        could_be: Vec<String>,
    },
    /// Its first word is not known as one that only looks.
    #[error("{0:?} is not known as a command that only looks")]
    Unknown(String),
    /// It is known as a command that changes something.
    #[error("{words}: {why}")]
    Changes {
        /// The words by which it is known, in full.
        words: String,
        /// What it does.
        why: String,
    },
}

/// A command by its first words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// The words, in full.
    words: String,
    /// The series that have it; all when left out.
    #[serde(default)]
    series: Vec<Series>,
    /// What it does, of one that is not sent.
    #[serde(default)]
    why: String,
    /// Shorter forms of its first word that people type, though others may begin alike.
    #[serde(default)]
    short: Vec<String>,
}

impl Phrase {
    fn first(&self) -> &str {
        self.words.split(' ').next().unwrap_or_default()
    }

    /// How many words it has, if what was typed begins with them, each spelled in full or shortened. The first word is
    /// settled already.
    fn matches(&self, first: &str, rest: &[&str]) -> Option<usize> {
        let mut words = self.words.split(' ');
        if words.next() != Some(first) {
            return None;
        }
        let mut typed = rest.iter();
        words.try_fold(1, |count, word| {
            let typed = typed.next()?.to_ascii_lowercase();
            (!typed.is_empty() && word.starts_with(&typed)).then_some(count + 1)
        })
    }
}

/// Which commands a person may send in a session that only looks, and which are known to change something. A command
/// that neither list has is not sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verbs {
    #[serde(default)]
    allow: Vec<Phrase>,
    #[serde(default)]
    deny: Vec<Phrase>,
}

impl Verbs {
    /// Takes further phrases. Of two that fit a line the one with more words holds, and of two with as many the one that
    /// denies.
    pub fn add(&mut self, more: Self) {
        self.allow.extend(more.allow);
        self.deny.extend(more.deny);
    }

    /// A phrase that cannot be used: it has no word, a blank too many, or a capital.
    pub fn mistake(&self) -> Option<&str> {
        let plain = |word: &str| {
            let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
            !word.is_empty() && word.bytes().all(sign)
        };
        let wrong =
            |phrase: &&Phrase| !phrase.words.split(' ').all(plain) || !phrase.short.iter().all(|word| plain(word));
        self.allow.iter().chain(&self.deny).find(wrong).map(|phrase| phrase.words.as_str())
    }

    /// The words with which a line may begin, in full.
    pub fn allowed(&self, series: Series) -> Vec<&str> {
        of(&self.allow, series).map(|phrase| phrase.words.as_str()).collect()
    }

    /// The words of commands that are known to change something.
    pub fn denied(&self, series: Series) -> Vec<&str> {
        of(&self.deny, series).map(|phrase| phrase.words.as_str()).collect()
    }

    /// Whether a line may be sent to an appliance of a series, and as what.
    pub fn judge(&self, line: &str, series: Series) -> Result<TypedLine, Denied> {
        let line = line.trim();
        if line.chars().count() > TYPED_CHARS_MAX {
            return Err(Denied::Long);
        }
        let (asked, help) = line.strip_suffix('?').map_or((line, ""), |asked| (asked, "?"));
        if let Some(strange) = asked.chars().find(|letter| !is_plain(*letter)) {
            return Err(Denied::Character(strange));
        }
        let words: Vec<&str> = asked.split(' ').filter(|word| !word.is_empty()).collect();
        let Some((typed, rest)) = words.split_first() else { return Ok(TypedLine(help.to_owned())) };
        let first = self.first_word(typed, series)?;
        let longest = |phrases: &[Phrase]| {
            of(phrases, series)
                .filter_map(|phrase| Some((phrase.matches(&first, rest)?, phrase.clone())))
                .max_by_key(|(count, _)| *count)
        };
        match (longest(&self.allow), longest(&self.deny)) {
            (Some((allowed, phrase)), denied) if denied.as_ref().is_none_or(|(denied, _)| allowed > *denied) => {
                // What follows is sent as it was typed, in the blanks between quotes as well.
                let mut tail = asked;
                for word in words.iter().take(allowed) {
                    tail = tail.trim_start().strip_prefix(word).unwrap_or_default();
                }
                Ok(TypedLine(format!("{}{tail}{help}", phrase.words)))
            }
            (_, Some((_, phrase))) => Err(Denied::Changes { words: phrase.words, why: phrase.why }),
            (_, None) => Err(Denied::Unknown(words.join(" "))),
        }
    }

    /// The first word in full, where what was typed can be one alone.
    fn first_word(&self, typed: &str, series: Series) -> Result<String, Denied> {
        let typed = typed.to_ascii_lowercase();
        let all = || of(&self.allow, series).chain(of(&self.deny, series));
        if all().any(|phrase| phrase.first() == typed) {
            return Ok(typed);
        }
        if let Some(phrase) = of(&self.allow, series).find(|phrase| phrase.short.contains(&typed)) {
            return Ok(phrase.first().to_owned());
        }
        let mut could_be: Vec<String> =
            all().map(Phrase::first).filter(|word| word.starts_with(&typed)).map(str::to_owned).collect();
        could_be.sort();
        could_be.dedup();
        match could_be.as_slice() {
            [] => Err(Denied::Unknown(typed)),
            [word] => Ok(word.clone()),
            words if !of(&self.allow, series).any(|phrase| words.iter().any(|word| phrase.first() == word)) => {
                let why = "each of them changes something".to_owned();
                Err(Denied::Changes { words: words.join(", "), why })
            }
            _ => Err(Denied::Ambiguous { word: typed, could_be }),
        }
    }
}

fn of(phrases: &[Phrase], series: Series) -> impl Iterator<Item = &Phrase> {
    phrases.iter().filter(move |phrase| phrase.series.is_empty() || phrase.series.contains(&series))
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " -_./+:,=@*%\"'".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(words: &str) -> Phrase {
        Phrase { words: words.to_owned(), series: Vec::new(), why: "it changes".to_owned(), short: Vec::new() }
    }

    fn verbs() -> Verbs {
        let mut allow = vec![phrase("show"), phrase("no cli session paging enable"), phrase("exit")];
        allow[0].short.push("sh".to_owned());
        let mut cm = phrase("cmc");
        cm.series.push(Series::Cm);
        Verbs { allow, deny: vec![phrase("shutdown"), phrase("no"), phrase("show secret thing"), phrase("slogin"), cm] }
    }

    fn sent(line: &str) -> Result<String, Denied> {
        verbs().judge(line, Series::Nx).map(|line| line.0)
    }

    #[test]
    fn what_is_allowed_is_sent_spelled_in_full() {
        for (typed, expected) in [
            ("show version", "show version"),
            ("  sh   ver ", "show   ver"),
            ("sho log matching \"a  b\"", "show log matching \"a  b\""),
            ("show ?", "show ?"),
            ("sh ver?", "show ver?"),
            ("?", "?"),
            ("", ""),
            ("ex", "exit"),
            ("no cli s p e", "no cli session paging enable"),
            ("SHOW version", "show version"),
        ] {
            assert_eq!(sent(typed).as_deref(), Ok(expected), "{typed:?}");
        }
    }

    #[test]
    fn everything_else_stays_here() {
        let changes = |result| matches!(result, Err(Denied::Changes { .. }));
        for line in ["shutdown", "shut now", "no cli session paging", "no", "show secret thing", "sh sec thi x", "sl x"]
        {
            assert!(changes(sent(line)), "{line:?}: {:?}", sent(line));
        }
        // Which of them it is does not matter.
        assert!(changes(sent("n")) && changes(sent("sl")));
        assert!(matches!(sent("s"), Err(Denied::Ambiguous { .. })));
        for line in ["reload", "cmc x", "showx", "\u{ff53}how"] {
            assert!(matches!(sent(line), Err(Denied::Unknown(_) | Denied::Character(_))), "{line:?}");
        }
        for line in
            ["show x; reload", "show x | y", "show x\nreload", "show x\u{3}", "show ? x", "show x\treload", "show `x`"]
        {
            assert!(matches!(sent(line), Err(Denied::Character(_))), "{line:?}: {:?}", sent(line));
        }
        assert_eq!(sent(&format!("show {}", "x".repeat(TYPED_CHARS_MAX))), Err(Denied::Long));
        assert!(changes(verbs().judge("cmc x", Series::Cm).map(|line| line.0)));
    }
}
