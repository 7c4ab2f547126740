//! One configuration against those of its cohort: what nearly all others have and this one has otherwise.
//!
//! A fleet that one team keeps is alike on purpose. What differs on one unit of many is either meant for it, or forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::mask;
use super::readable::Readable;
use crate::model::config::ConfigLayout;
use crate::model::outside::Outside;

/// Words of a command that say what it sets, at most; the last word is a value.
const HEAD_WORDS: usize = 2;
/// Fewer siblings than this are no cohort.
pub const COHORT_MIN: usize = 2;
/// Values of this unit that are told beside an absent one.
const HERE_MAX: usize = 3;

crate::words! {
    /// How a unit differs from its siblings.
    pub enum Difference {
        /// It has more or fewer commands of one head.
        Count = "count",
        /// It has not a command that nearly all others have.
        Absent = "absent",
    }
}

/// One thing that nearly all siblings have alike, and this unit otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Odd {
    /// The section's title.
    pub section: Outside,
    /// How it differs.
    pub difference: Difference,
    /// The head of the commands that are counted, or the whole redacted command that is absent.
    pub command: Outside,
    /// How many commands of this head each of them has.
    pub usual: usize,
    /// How many siblings have it so.
    pub alike: usize,
    /// How many siblings there are.
    pub siblings: usize,
    /// How many commands of this head this unit has.
    pub here: usize,
    /// The commands of the same head that this unit has and most siblings have not, some of them.
    pub instead: Vec<Outside>,
}

/// The commands of a configuration, by section and head.
type Commands<'a> = BTreeMap<(&'a str, String), BTreeSet<&'a str>>;

fn commands<'a>(text: &'a Readable, layout: &ConfigLayout) -> Commands<'a> {
    let mut all = Commands::new();
    for part in text.parts(layout) {
        // A line that is a mask goes on with a value of the line before.
        for (_, line) in part.lines.into_iter().filter(|(_, line)| !line.starts_with('#') && !mask::is_mask(line)) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let head = words.len().saturating_sub(1).clamp(1, HEAD_WORDS);
            let head = words.get(..head).unwrap_or_default().join(" ");
            all.entry((part.title.as_data(), head)).or_default().insert(line);
        }
    }
    all
}

/// What at least `share` of a hundred siblings have alike and this unit has otherwise; nothing when there are fewer than
/// [`COHORT_MIN`].
pub fn odd(here: &Readable, siblings: &[Readable], layout: &ConfigLayout, share: usize) -> Vec<Odd> {
    let (ours, theirs) = (commands(here, layout), siblings.iter().map(|text| commands(text, layout)));
    let theirs: Vec<Commands<'_>> = theirs.collect();
    let enough = |alike: usize| alike * 100 >= share * theirs.len();
    if theirs.len() < COHORT_MIN {
        return Vec::new();
    }
    let none = BTreeSet::new();
    let keys: BTreeSet<&(&str, String)> = ours.keys().chain(theirs.iter().flat_map(BTreeMap::keys)).collect();
    let mut found = Vec::new();
    for key in keys {
        let mine = ours.get(key).unwrap_or(&none);
        let sets: Vec<&BTreeSet<&str>> = theirs.iter().map(|one| one.get(key).unwrap_or(&none)).collect();
        let having = |line: &str| sets.iter().filter(|set| set.contains(line)).count();
        let (usual, alike) = most_frequent(sets.iter().map(|set| set.len()));
        let odd = |difference, command: &str, usual, alike| Odd {
            section: key.0.into(),
            difference,
            command: command.into(),
            usual,
            alike,
            siblings: theirs.len(),
            here: mine.len(),
            instead: Vec::new(),
        };
        let rare = mine.iter().filter(|line| 2 * having(line) < theirs.len()).take(HERE_MAX);
        let instead: Vec<Outside> = rare.map(|line| Outside::from(*line)).collect();
        let lines: BTreeSet<&str> = sets.iter().flat_map(|set| set.iter().copied()).collect();
        let absent = lines.into_iter().filter(|line| !mine.contains(line) && enough(having(line)));
        let absent: Vec<Odd> = absent
            .map(|line| Odd { instead: instead.clone(), ..odd(Difference::Absent, line, usual, having(line)) })
            .collect();
        // An absent line that all others have says more than a count that follows from it.
        if absent.is_empty() && mine.len() != usual && enough(alike) {
            found.push(Odd { instead, ..odd(Difference::Count, &key.1, usual, alike) });
        }
        found.extend(absent);
    }
    found
}

/// The number that stands there most often, and how often; of two, the larger one.
fn most_frequent(numbers: impl Iterator<Item = usize>) -> (usize, usize) {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for number in numbers {
        *times.entry(number).or_default() += 1;
    }
    times.into_iter().max_by_key(|(number, times)| (*times, *number)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::backup::sample::{TEXT, layout, readable};

    /// A unit whose NTP servers are these; everything else is that of the sample, the address apart.
    fn unit(number: usize, servers: &[&str]) -> Readable {
        let ntp = servers.iter().map(|server| format!("ntp server {server}")).collect::<Vec<_>>().join("\n");
        let text = TEXT.replace("10.20.30.41 /24", &format!("10.20.30.{number} /24"));
        readable(&format!("{text}\n##\n## Time\n##\n{ntp}\n"))
    }

    fn told(here: &Readable, siblings: &[Readable], share: usize) -> Vec<String> {
        let tell = |odd: Odd| {
            let instead: Vec<&str> = odd.instead.iter().map(Outside::as_data).collect();
            let Odd { difference, command, usual, alike, siblings, here, .. } = &odd;
            let command = command.as_data();
            format!("{difference} {command}: {alike} of {siblings} have {usual}, here {here} {instead:?}")
        };
        odd(here, siblings, layout(), share).into_iter().map(tell).collect()
    }

    #[test]
    fn what_nearly_all_have_alike_is_told_where_it_differs() {
        let usual = ["10.0.0.1", "10.0.0.2"];
        let mut cohort: Vec<Readable> = (0..9).map(|number| unit(number, &usual)).collect();
        assert_eq!(told(&unit(99, &usual), &cohort, 90), [""; 0]);
        assert_eq!(
            told(&unit(99, &["10.0.0.1"]), &cohort, 90),
            ["absent ntp server 10.0.0.2: 9 of 9 have 2, here 1 []"]
        );
        assert_eq!(
            told(&unit(99, &["10.0.0.1", "10.9.9.9"]), &cohort, 90),
            ["absent ntp server 10.0.0.2: 9 of 9 have 2, here 2 [\"ntp server 10.9.9.9\"]"]
        );
        assert_eq!(
            told(&unit(99, &["10.0.0.1", "10.0.0.2", "10.9.9.9"]), &cohort, 90),
            ["count ntp server: 9 of 9 have 2, here 3 [\"ntp server 10.9.9.9\"]"]
        );
        // Each with two servers of its own: only the number is alike.
        cohort.extend((0..30).map(|number| unit(number, &[&format!("10.1.0.{number}"), &format!("10.2.0.{number}")])));
        assert_eq!(told(&unit(99, &[]), &cohort, 90), ["count ntp server: 39 of 39 have 2, here 0 []"]);
        assert_eq!(told(&unit(99, &["10.9.9.8", "10.9.9.9"]), &cohort, 90), [""; 0]);
    }

    #[test]
    fn the_share_decides_and_two_are_no_cohort() {
        let cohort: Vec<Readable> =
            (0..10).map(|number| unit(number, if number < 8 { &["10.0.0.1"] } else { &[] })).collect();
        assert_eq!(told(&unit(99, &[]), &cohort, 80).len(), 1);
        assert_eq!(told(&unit(99, &[]), &cohort, 81), [""; 0]);
        assert_eq!(told(&unit(99, &[]), &cohort[..1], 80), [""; 0]);
        assert_eq!(told(&unit(99, &[]), &[], 0), [""; 0]);
    }

    #[test]
    fn a_secret_that_all_others_share_is_told_without_being_shown() {
        let other = readable(&TEXT.replace("w4tchd0g", "An0ther-one"));
        let cohort: Vec<Readable> = (0..5).map(|number| unit(number, &[])).collect();
        let told = told(&other, &cohort, 90).join("\n");
        assert!(told.contains("absent snmp-server community ‹masked:"), "{told}");
        assert!(!told.contains("w4tchd0g") && !told.contains("An0ther"), "{told}");
    }
}
