//! One definition file: what the lines of commands that print alike are, and which readings they give.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::judge::short;
use super::pattern::Pattern;
use super::scan::Parts;
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::{ComponentKind, Condition, Unit};

/// What a family of commands prints.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    /// Tables of words, by name.
    #[serde(default)]
    pub(super) words: BTreeMap<String, Words>,
    /// What stands once in the answer.
    #[serde(default)]
    pub(super) answer: Item,
    /// What an answer may have several of. A line that starts one ends the one before.
    #[serde(default)]
    pub(super) items: Vec<Item>,
    /// Beginnings of lines that say nothing about health.
    #[serde(default)]
    pub(super) skip: Vec<String>,
    /// What a line means that nothing takes.
    #[serde(default)]
    pub(super) other_lines: OtherLines,
    /// Whether the parts of the answer are the appliance's identity.
    #[serde(default)]
    pub(super) identity: bool,
    /// The limits on the appliance's clock, when the answer is a clock.
    pub(super) clock: Option<ClockRule>,
}

/// A line that no pattern takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OtherLines {
    /// It makes the answer *unrecognised*: what nobody has seen may be a fault.
    #[default]
    Report,
    /// It says nothing: the layout is known to have many more lines.
    Ignore,
}

/// A stretch of an answer with its parts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    /// The lines that start it, each with its own parts; empty for the answer as a whole.
    #[serde(default)]
    pub(super) start: Vec<Pattern>,
    /// Further lines that belong to it.
    #[serde(default)]
    pub(super) lines: Vec<Pattern>,
    /// Whether lines that nothing takes belong to it and say nothing (free text, counters).
    #[serde(default)]
    pub(super) free_text: bool,
    /// The parts whose words are names for which there may be layouts of their own (`each`).
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// What it gives.
    #[serde(default)]
    pub(super) readings: Vec<Rule>,
    /// What it counts.
    #[serde(default)]
    pub(super) counts: Vec<CountRule>,
    /// What it names as belonging together.
    #[serde(default)]
    pub(super) groups: Vec<GroupRule>,
    /// What it says of how something is set.
    #[serde(default)]
    pub(super) words: Vec<WordRule>,
    /// Which of its parts tell of an appliance that is managed.
    pub(super) manages: Option<ManagedRule>,
}

/// The parts that tell of an appliance that a CM manages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ManagedRule {
    /// Its name in the CM.
    pub(super) name: Option<String>,
    /// Where the CM finds it.
    pub(super) address: Option<String>,
    /// Its model.
    pub(super) model: Option<String>,
    /// Its serial.
    pub(super) serial: Option<String>,
    /// Its release.
    pub(super) release: Option<String>,
}

impl ManagedRule {
    /// The parts that it names.
    pub(super) fn parts(&self) -> impl Iterator<Item = &String> {
        [&self.name, &self.address, &self.model, &self.serial, &self.release].into_iter().flatten()
    }

    /// What parts tell of an appliance.
    pub(super) fn read(&self, place: String, parts: &Parts<'_, '_>) -> ManagedUnit {
        let part = |name: &Option<String>| parts.one(name.as_ref()?).map(|text| Outside::from(short(text)));
        ManagedUnit {
            place,
            name: part(&self.name),
            address: part(&self.address),
            model: part(&self.model),
            serial: part(&self.serial),
            release: part(&self.release),
        }
    }
}

/// How something is set, where the files say how it should be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordRule {
    /// The kind of the component.
    pub(super) kind: ComponentKind,
    /// The part that names it.
    pub(super) name: String,
    /// The parts with the words; what stands before ` (` counts.
    pub(super) of: Vec<String>,
}

/// A number that says nothing alone and is held against earlier ones.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountRule {
    /// The kind of what is counted.
    pub(super) kind: ComponentKind,
    /// The part that names it.
    pub(super) name: Option<String>,
    /// The name itself, where the appliance gives none.
    #[serde(default)]
    pub(super) named: String,
    /// The part with the number.
    pub(super) of: String,
}

/// Things that belong to one component: the ports of a pair.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupRule {
    /// The kind of the component.
    pub(super) kind: ComponentKind,
    /// The part that names it.
    pub(super) name: String,
    /// The part whose words are its members.
    pub(super) members: String,
}

/// How a reading is made of parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The kind of the component.
    pub(super) kind: ComponentKind,
    /// The part that names the component.
    pub(super) name: Option<String>,
    /// The name itself, for a component that the appliance does not name.
    pub(super) named: Option<String>,
    /// What is checked, in order; the worst verdict is the condition.
    pub(super) checks: Vec<Check>,
    /// Parts that are said in any case.
    #[serde(default)]
    pub(super) add: Vec<String>,
    /// Parts that are said when the reading is not good.
    #[serde(default)]
    pub(super) detail: Vec<String>,
}

/// One check of one or more parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// The parts.
    pub(super) of: Vec<String>,
    /// Whether a part may be absent.
    #[serde(default)]
    pub(super) optional: bool,
    /// Whether the checks after it mean something only when this one is good: who is switched off, or says nothing
    /// that is understood about it, cannot have failed.
    #[serde(default)]
    pub(super) gate: bool,
    /// Whether it is said only when it is not good.
    #[serde(default)]
    pub(super) silent: bool,
    /// How.
    pub(super) judge: Judge,
}

/// How a part is judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Judge {
    /// The whole part is in a table of words.
    Words(String),
    /// What stands before ` (` is in a table of words.
    Head(String),
    /// The words in the brackets at the end are in a table.
    Brackets(String),
    /// It is there.
    Present,
    /// A number with limits.
    Number(NumberRule),
    /// A time of the past.
    Age(AgeRule),
    /// A day of the future.
    Date(DateRule),
    /// It equals another part.
    Equals(EqualsRule),
}

/// Limits of a number; what lies beyond `warn` is a warning, beyond `bad` bad.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberRule {
    /// Its unit.
    pub(super) unit: Unit,
    /// Whether the sign does not matter for the limits.
    #[serde(default)]
    pub(super) magnitude: bool,
    /// The printed number is what is left of this whole.
    pub(super) left_of: Option<i64>,
    /// The lowest good value.
    pub(super) warn_below: Option<i64>,
    /// The highest good value.
    pub(super) warn_above: Option<i64>,
    /// The highest value that is not bad.
    pub(super) bad_above: Option<i64>,
}

/// Limits of an age, against the appliance's own clock.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgeRule {
    /// The oldest that is fresh; older is stale.
    pub(super) stale_after: Option<Length>,
    /// The oldest that is good; older is a warning.
    pub(super) warn_after: Option<Length>,
    /// The oldest that is not bad.
    pub(super) bad_after: Option<Length>,
    /// The condition when the session gave no clock to compare with.
    pub(super) without_clock: Condition,
}

/// Limits of an end date.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DateRule {
    /// So many days before the end, and fewer, are a warning; past is bad.
    pub(super) warn_days: i64,
}

/// Equality of two parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EqualsRule {
    /// The other part.
    pub(super) part: String,
    /// The condition when they differ.
    pub(super) otherwise: Condition,
}

/// Limits of the appliance's clock against ours.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockRule {
    /// The largest difference that is good.
    pub(super) warn_after: Length,
    /// The largest difference that is not bad.
    pub(super) bad_after: Length,
}

/// Words and what they mean. Upper and lower case are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Words(BTreeMap<Condition, Vec<String>>);

impl Words {
    /// What a word means, if it is known.
    pub(super) fn meaning(&self, text: &str) -> Option<Condition> {
        let known = |words: &Vec<String>| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        self.0.iter().find(|(_, words)| known(words)).map(|(condition, _)| *condition)
    }
}

/// A length of time in milliseconds, written as `90s`, `30m`, `12h`, `14d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Length(pub(super) i64);

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let error = || format!("{text:?} is no length of time such as 90s, 30m, 12h or 14d");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(error)?;
        let unit = match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(error()),
        };
        let number = number.parse::<u32>().map_err(|_| error())?;
        Ok(Self(i64::from(number) * unit))
    }
}

/// A mistake in a definition that its shape does not show.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mistake {
    /// An expression is wrong.
    Expression(regex::Error),
    /// A rule names a part that no line gives.
    Part(String),
    /// A check names a table of words that does not exist.
    Words(String),
}

impl Family {
    /// Compiles every expression, and looks for names that lead nowhere.
    pub(super) fn mistake(&self) -> Option<Mistake> {
        let items = || std::iter::once(&self.answer).chain(&self.items);
        let wrong = items().flat_map(|item| item.start.iter().chain(&item.lines)).find_map(|line| line.compile().err());
        wrong.map(Mistake::Expression).or_else(|| items().find_map(|item| self.mistake_in(item)))
    }

    fn mistake_in(&self, item: &Item) -> Option<Mistake> {
        let patterns = item.start.iter().chain(&item.lines).chain(&self.answer.lines);
        let parts = patterns.flat_map(Pattern::names).collect::<Vec<_>>();
        let unknown = |part: &&String| !parts.contains(&part.as_str());
        let counts = item.counts.iter().flat_map(|count| count.name.iter().chain([&count.of]));
        let groups = item.groups.iter().flat_map(|group| [&group.name, &group.members]);
        let words = item.words.iter().flat_map(|word| word.of.iter().chain([&word.name]));
        let managed = item.manages.iter().flat_map(ManagedRule::parts);
        let named = item.names.iter().chain(counts).chain(groups).chain(words).chain(managed);
        let name = named.into_iter().find(unknown).map(|part| Mistake::Part(part.clone()));
        name.or_else(|| mistake_in(&parts, &item.readings, &self.words))
    }
}

/// Looks for names that lead nowhere in rules that have these parts and tables of words.
pub(super) fn mistake_in(parts: &[&str], rules: &[Rule], words: &BTreeMap<String, Words>) -> Option<Mistake> {
    let unknown = |part: &String| (!parts.contains(&part.as_str())).then(|| Mistake::Part(part.clone()));
    rules.iter().find_map(|rule| {
        let named = rule.name.iter().chain(&rule.add).chain(&rule.detail);
        named.chain(rule.checks.iter().flat_map(|check| &check.of)).find_map(unknown).or_else(|| {
            rule.checks.iter().find_map(|check| match &check.judge {
                Judge::Words(table) | Judge::Head(table) | Judge::Brackets(table) => {
                    (!words.contains_key(table)).then(|| Mistake::Words(table.clone()))
                }
                Judge::Equals(rule) => unknown(&rule.part),
                Judge::Present | Judge::Number(_) | Judge::Age(_) | Judge::Date(_) => None,
            })
        })
    })
}
