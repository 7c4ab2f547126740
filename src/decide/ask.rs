//! Many answers to one question: who said the same, and how the odd ones differ.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::decide::backup::{Hunk, Sign, diff_lines};
use crate::model::name::SeatName;
use crate::model::redacted::{RedactedLine, RedactedText};

/// Lines around a change.
const CONTEXT_LINES: usize = 2;

/// What one seat said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The answer with every secret masked.
    pub text: RedactedText,
    /// Whether its end was seen.
    pub complete: bool,
}

/// Seats that gave the same answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// Them, by name.
    pub seats: Vec<SeatName>,
    /// Whether the end of the answer was seen.
    pub complete: bool,
    /// The answer, with every secret masked.
    pub lines: Vec<RedactedLine>,
    /// The seat of the last group that this answer is held against; absent where nothing is.
    pub against: Option<SeatName>,
    /// That difference.
    pub hunks: Vec<Hunk>,
}

/// Groups equal answers, the smallest groups first. The others are held against the last one: the group of `from` when
/// that seat answered, else the largest, and then only those that are more alike than not.
pub fn groups(answers: &[(SeatName, Said)], from: Option<&SeatName>) -> Vec<Group> {
    let mut answers: Vec<&(SeatName, Said)> = answers.iter().collect();
    answers.sort_by_key(|(seat, _)| seat);
    let mut places: HashMap<(&str, bool), usize> = HashMap::new();
    let mut found: Vec<(Vec<&SeatName>, &Said)> = Vec::new();
    for (seat, said) in answers {
        let place = *places.entry((said.text.text.as_data(), said.complete)).or_insert(found.len());
        match found.get_mut(place) {
            Some((seats, _)) => seats.push(seat),
            None => found.push((vec![seat], said)),
        }
    }
    let of_from = found.iter().position(|(seats, _)| seats.iter().any(|seat| Some(*seat) == from));
    // Of two that are as large, the one whose first seat comes first.
    let largest =
        || (0..found.len()).max_by_key(|place| (found.get(*place).map(|(seats, _)| seats.len()), Reverse(*place)));
    let Some(place) = of_from.or_else(largest) else { return Vec::new() };
    let (others, other) = found.remove(place);
    found.sort_by_key(|(seats, _)| seats.len());
    let measure = from.filter(|_| of_from.is_some()).or(others.first().copied());
    let against = |said: &Said| {
        let hunks = diff_lines(&other.text, &said.text, CONTEXT_LINES);
        let is_wanted = of_from.is_some() || is_alike(&hunks, &other.text, &said.text);
        Some((measure?.clone(), hunks)).filter(|_| is_wanted)
    };
    let mut all: Vec<Group> = found.into_iter().map(|(seats, said)| group(seats, said, against(said))).collect();
    all.push(group(others, other, None));
    all
}

/// Whether at least half of the lines are in both.
fn is_alike(hunks: &[Hunk], old: &RedactedText, new: &RedactedText) -> bool {
    let changed = hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.sign != Sign::Same).count();
    changed * 2 <= old.lines().count() + new.lines().count()
}

fn group(seats: Vec<&SeatName>, said: &Said, difference: Option<(SeatName, Vec<Hunk>)>) -> Group {
    let (against, hunks) = difference.unzip();
    Group {
        seats: seats.into_iter().cloned().collect(),
        complete: said.complete,
        lines: said.text.lines().collect(),
        against,
        hunks: hunks.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seat(number: usize) -> SeatName {
        format!("seat-{number:03}").parse().expect("a name")
    }

    fn said(text: &str) -> Said {
        Said { text: RedactedText { text: text.into(), unreviewed: Vec::new() }, complete: true }
    }

    /// Answers of seats in the order of their numbers, and the groups in words.
    fn check(texts: &[&str], from: Option<usize>) -> String {
        let answers: Vec<_> = texts.iter().enumerate().map(|(number, text)| (seat(number), said(text))).collect();
        let mut shown = String::new();
        for group in groups(&answers, from.map(seat).as_ref()) {
            let seats: Vec<&str> = group.seats.iter().map(SeatName::as_str).collect();
            shown.push_str(&seats.join(" "));
            if let Some(against) = &group.against {
                shown.push_str(&format!(" against {against}"));
                for line in group.hunks.iter().flat_map(|hunk| &hunk.lines) {
                    let sign = ["", "-", "+"][line.sign as usize];
                    shown.push_str(&format!(" {sign}{}", line.text.as_data()));
                }
            }
            shown.push('\n');
        }
        shown
    }

    #[test]
    fn the_odd_one_comes_first_and_is_held_against_the_others() {
        let (usual, odd, other) = ("a\nb\nc\nd\n", "a\nb\nx\nd\n", "quite\nanother\n");
        assert_eq!(
            check(&[usual, odd, usual, other, usual], None),
            "seat-001 against seat-000 a b -c +x d\nseat-003\nseat-000 seat-002 seat-004\n"
        );
        // Against a seat by name everything is told, however different.
        assert_eq!(
            check(&[usual, odd, usual, other], Some(3)),
            "seat-001 against seat-003 -quite -another +a +b +x +d\n\
             seat-000 seat-002 against seat-003 -quite -another +a +b +c +d\nseat-003\n"
        );
        assert_eq!(check(&[usual, odd, usual], Some(2)), "seat-001 against seat-002 a b -c +x d\nseat-000 seat-002\n");
        // One that did not answer is no measure.
        assert_eq!(check(&[usual, odd], Some(9)), "seat-001 against seat-000 a b -c +x d\nseat-000\n");
        assert_eq!(check(&[], None), "");
    }

    #[test]
    fn an_answer_without_an_end_is_not_the_same() {
        let cut = Said { complete: false, ..said("a\n") };
        let found = groups(&[(seat(0), said("a\n")), (seat(1), cut), (seat(2), said("a\n"))], None);
        assert_eq!(
            found.iter().map(|group| (group.seats.len(), group.complete)).collect::<Vec<_>>(),
            [(1, false), (2, true)]
        );
    }

    proptest! {
        #[test]
        fn each_seat_is_in_one_group_and_the_order_of_answers_is_nothing(
            texts in prop::collection::vec("[ab]{0,2}", 0..40),
            turned in any::<prop::sample::Index>(),
            from in prop::option::of(0_usize..45),
        ) {
            let mut answers: Vec<_> = texts.iter().enumerate().map(|(n, text)| (seat(n), said(text))).collect();
            let from = from.map(seat);
            let found = groups(&answers, from.as_ref());
            let mut seats: Vec<SeatName> = found.iter().flat_map(|group| group.seats.clone()).collect();
            seats.sort();
            prop_assert_eq!(seats, (0..texts.len()).map(seat).collect::<Vec<_>>());
            for group in &found {
                let number = |seat: &SeatName| seat.as_str()[5..].parse::<usize>().expect("a number");
                let said: Vec<&str> = group.seats.iter().map(|seat| texts[number(seat)].as_str()).collect();
                prop_assert!(said.iter().all(|text| *text == said[0]));
            }
            let sizes: Vec<usize> = found.iter().map(|group| group.seats.len()).collect();
            prop_assert!(sizes[..sizes.len().saturating_sub(1)].is_sorted(), "{:?}", sizes);
            if !answers.is_empty() {
                let middle = turned.index(answers.len());
                answers.rotate_left(middle);
                answers.reverse();
            }
            prop_assert_eq!(groups(&answers, from.as_ref()), found);
        }
    }
}
