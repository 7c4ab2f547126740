//! From readings to spans: equal readings extend, another reading opens a new span.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::reading::{Component, ComponentKind, Condition, Reading, Span};
use crate::model::record::SpanChange;
use crate::model::time::Time;

/// What the readings of one poll change in the open spans of its seat.
///
/// A component without a reading changes nothing. Where one poll reads a component twice, what needs more attention
/// counts. A clock that went back never shortens a span.
pub fn advance(open: &[Span], readings: &[Reading], now: Time) -> Vec<SpanChange> {
    let open: BTreeMap<&Component, &Span> = open.iter().map(|span| (&span.component, span)).collect();
    let mut seen: BTreeMap<&Component, &Reading> = BTreeMap::new();
    for reading in readings {
        let kept = seen.entry(&reading.component).or_insert(reading);
        if reading.condition > kept.condition {
            *kept = reading;
        }
    }
    seen.into_values().map(|reading| change(open.get(&reading.component).copied(), reading, now)).collect()
}

fn change(open: Option<&Span>, reading: &Reading, now: Time) -> SpanChange {
    match open {
        Some(span) if span.condition == reading.condition && span.said == reading.said => {
            SpanChange::Extend { component: reading.component.clone(), last_at: now.max(span.last_at) }
        }
        _ => SpanChange::Open(Span {
            component: reading.component.clone(),
            condition: reading.condition,
            said: reading.said.clone(),
            first_at: now,
            last_at: now,
            polls: 1,
        }),
    }
}

/// One reading for each component: where one poll reads a component twice, what needs more attention counts.
pub fn worst(readings: Vec<Reading>) -> Vec<Reading> {
    let mut kept: BTreeMap<Component, Reading> = BTreeMap::new();
    for reading in readings {
        match kept.get_mut(&reading.component) {
            Some(known) if known.condition >= reading.condition => {
                known.measure = known.measure.or(reading.measure);
            }
            Some(known) => *known = reading,
            None => drop(kept.insert(reading.component.clone(), reading)),
        }
    }
    kept.into_values().collect()
}

/// Whether anything is not as it was: what a pulse says so makes the detail tier due at once. Whether the configuration
/// is saved says nothing of the hardware, and where it could not be fetched the session is over.
pub fn changed(changes: &[SpanChange]) -> bool {
    let saved = |span: &Span| span.component.kind == ComponentKind::Configuration;
    changes.iter().any(|change| matches!(change, SpanChange::Open(span) if !saved(span)))
}

/// The readings of a tier that was answered in full, with a *missing* reading for each component that an earlier
/// answer of the tier had and this one has not.
///
/// A part of an answer that nobody recognised and that is there no more was recognised this time, which is good news
/// and no gap. Reachability is no part of an answer. For a tier that was not answered in full this is not to be asked:
/// nothing can be said about what is absent.
pub fn with_missing<'a>(previous: impl IntoIterator<Item = &'a Component>, mut readings: Vec<Reading>) -> Vec<Reading> {
    let absent: BTreeSet<&Component> = {
        let present: BTreeSet<&Component> = readings.iter().map(|reading| &reading.component).collect();
        previous.into_iter().filter(|component| !present.contains(component)).collect()
    };
    readings.extend(absent.into_iter().filter_map(|component| match component.kind {
        ComponentKind::Reach => None,
        ComponentKind::Answer => Some(Reading::new(component.clone(), Condition::Good, "recognised")),
        _ => Some(Reading::new(component.clone(), Condition::Missing, "not in the answer")),
    }));
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str) -> Component {
        Component::new(ComponentKind::Disk, name)
    }

    fn reading(name: &str, condition: Condition) -> Reading {
        Reading::new(disk(name), condition, condition.as_str())
    }

    fn open(name: &str, condition: Condition, last_ms: i64) -> Span {
        let at = Time::from_ms(last_ms);
        Span { component: disk(name), condition, said: condition.as_str().into(), first_at: at, last_at: at, polls: 3 }
    }

    #[test]
    fn equal_readings_extend_and_others_open() {
        let spans = [open("0", Condition::Good, 10), open("1", Condition::Good, 10), open("2", Condition::Bad, 10)];
        let readings = [reading("0", Condition::Good), reading("1", Condition::Bad), reading("9", Condition::Good)];
        let changes = advance(&spans, &readings, Time::from_ms(20));
        assert_eq!(changes[0], SpanChange::Extend { component: disk("0"), last_at: Time::from_ms(20) });
        assert!(matches!(&changes[1], SpanChange::Open(span) if span.component == disk("1") && span.polls == 1));
        assert!(matches!(&changes[2], SpanChange::Open(span) if span.component == disk("9")));
        assert_eq!(changes.len(), 3, "disk 2 has no reading and no change");
        assert!(changed(&changes) && !changed(&changes[..1]));
    }

    #[test]
    fn other_words_of_the_same_condition_are_another_value() {
        let said = Reading::new(disk("0"), Condition::Good, "Online, spun up");
        assert!(changed(&advance(&[open("0", Condition::Good, 10)], &[said], Time::from_ms(20))));
    }

    #[test]
    fn a_configuration_that_was_not_fetched_asks_for_no_detail() {
        let saved = Component::new(ComponentKind::Configuration, "saved");
        let unread = Reading::new(saved, Condition::Missing, "timed-out");
        assert!(!changed(&advance(&[], std::slice::from_ref(&unread), Time::from_ms(20))));
        assert!(changed(&advance(&[], &[unread, reading("0", Condition::Good)], Time::from_ms(20))));
    }

    #[test]
    fn what_needs_more_attention_counts_when_a_component_is_read_twice() {
        for readings in [
            [reading("0", Condition::Bad), reading("0", Condition::Good)],
            [reading("0", Condition::Good), reading("0", Condition::Bad)],
        ] {
            let changes = advance(&[], &readings, Time::from_ms(20));
            assert!(
                matches!(&changes[..], [SpanChange::Open(span)] if span.condition == Condition::Bad),
                "{changes:?}"
            );
        }
    }

    #[test]
    fn a_clock_that_went_back_shortens_nothing() {
        let changes = advance(&[open("0", Condition::Good, 50)], &[reading("0", Condition::Good)], Time::from_ms(20));
        assert_eq!(changes, [SpanChange::Extend { component: disk("0"), last_at: Time::from_ms(50) }]);
    }

    #[test]
    fn a_component_that_vanished_from_a_full_answer_is_missing() {
        let previous = [
            disk("0"),
            disk("1"),
            Component::new(ComponentKind::Answer, "show x"),
            Component::only(ComponentKind::Reach),
        ];
        let readings = with_missing(&previous, vec![reading("0", Condition::Good)]);
        let found: Vec<(ComponentKind, &str, Condition)> = readings
            .iter()
            .map(|reading| (reading.component.kind, reading.component.name.as_data(), reading.condition))
            .collect();
        assert_eq!(
            found,
            [
                (ComponentKind::Disk, "0", Condition::Good),
                (ComponentKind::Disk, "1", Condition::Missing),
                (ComponentKind::Answer, "show x", Condition::Good),
            ]
        );
        assert_eq!(with_missing(&previous, readings.clone()), readings, "nothing is added twice");
    }
}
