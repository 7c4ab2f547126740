use proptest::prelude::*;

use super::*;

fn disk(condition: Condition, said: &str) -> Reading {
    Reading::new(Component::new(ComponentKind::Disk, "3"), condition, said)
}

fn held(ssh: Option<&[Reading]>, snmp: &[Reading], before: &[&Component]) -> Vec<(String, Condition, String)> {
    let (asked, alone) = (BTreeSet::from([ComponentKind::Disk]), BTreeSet::from([ComponentKind::MailQueue]));
    let first = ssh.map(|readings| First { readings, asked: &asked });
    let readings = cross_check(Via::Snmp, first, Second { readings: snmp, alone: &alone }, before);
    let shown =
        |reading: Reading| (reading.component.for_terminal(), reading.condition, reading.said.as_data().to_owned());
    readings.into_iter().map(shown).collect()
}

fn line(name: &str, condition: Condition, said: &str) -> (String, Condition, String) {
    (name.to_owned(), condition, said.to_owned())
}

const ANSWERS: &str = "answers";

#[test]
fn what_two_channels_say_alike_is_no_reading_of_its_own() {
    use Condition::{Bad, Good, Warning};
    let all = [(Good, Good), (Bad, Bad), (Bad, Warning), (Condition::Disabled, Good)];
    for (ssh, snmp) in all {
        let found = held(Some(&[disk(ssh, "x")]), &[disk(snmp, "y")], &[]);
        assert_eq!(found, [line("channel snmp", Good, ANSWERS)], "{ssh} {snmp}");
    }
}

#[test]
fn a_disagreement_says_both_and_touches_neither() {
    use Condition::{Bad, Good, Warning};
    let found = held(Some(&[disk(Good, "Online")]), &[disk(Bad, "Failed")], &[]);
    let said = "channels disagree: SSH says good (Online), SNMP says bad (Failed)";
    assert_eq!(found, [line("channel snmp disk 3", Warning, said), line("channel snmp", Good, ANSWERS)]);
    let said = "channels disagree: SSH says bad (Failed), SNMP says good (Online)";
    let found = held(Some(&[disk(Bad, "Failed")]), &[disk(Good, "Online")], &[]);
    assert_eq!(found[0], line("channel snmp disk 3", Warning, said));
}

#[test]
fn what_was_told_apart_once_is_followed_until_it_agrees() {
    let known = Component::new(ComponentKind::Channel, "snmp disk 3");
    let before = [&known];
    let (good, bad) = (disk(Condition::Good, "Online"), disk(Condition::Bad, "Failed"));
    let agreed = held(Some(std::slice::from_ref(&good)), std::slice::from_ref(&good), &before);
    assert_eq!(agreed[0], line("channel snmp disk 3", Condition::Good, "no disagreement"));
    let gone = held(Some(&[bad]), &[], &before);
    assert_eq!(gone[0], line("channel snmp disk 3", Condition::Missing, "SNMP says nothing of it"));
    let not_asked = cross_check(
        Via::Snmp,
        Some(First { readings: &[], asked: &BTreeSet::new() }),
        Second { readings: &[good], alone: &BTreeSet::new() },
        &before,
    );
    assert_eq!(not_asked.len(), 1, "a kind that SSH was not asked for has no step");
}

#[test]
fn what_is_not_understood_stays_so_and_unknown_is_no_disagreement() {
    use Condition::{Bad, Good, Missing, Unrecognised, Warning};
    let found = held(Some(&[disk(Good, "Online")]), &[disk(Unrecognised, "Tolerable")], &[]);
    assert_eq!(found[0], line("channel snmp disk 3", Unrecognised, "SNMP says unrecognised (Tolerable)"));
    let known = Component::new(ComponentKind::Channel, "snmp disk 3");
    let found = held(Some(&[disk(Good, "Online")]), &[disk(Missing, "no clock")], &[&known]);
    assert_eq!(found, [line("channel snmp", Good, ANSWERS)], "what SNMP cannot say has no step");
    for snmp in [Good, Bad] {
        assert_eq!(held(Some(&[disk(Missing, "")]), &[disk(snmp, "")], &[]).len(), 1, "{snmp}");
    }
    let found = held(Some(&[]), &[disk(Bad, "Failed")], &[]);
    assert_eq!(found[0], line("channel snmp disk 3", Warning, "SNMP says bad (Failed); SSH says nothing of it"));
    let found = held(None, &[disk(Bad, "Failed")], &[]);
    assert_eq!(found[0], line("channel snmp disk 3", Warning, "SNMP says bad (Failed); SSH did not answer"));
    assert_eq!(held(None, &[disk(Good, "Online")], &[]), [line("channel snmp", Good, "answers; SSH does not")]);
}

#[test]
fn a_warning_of_a_limit_fits_what_the_other_channel_rounds() {
    let days = |condition, days| disk(condition, "90 days").with(Measure::whole(days, Unit::Days));
    let found = held(Some(&[days(Condition::Warning, 90)]), &[days(Condition::Good, 91)], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    let found = held(Some(&[days(Condition::Good, 90)]), &[days(Condition::Bad, 91)], &[]);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn what_snmp_alone_speaks_of_is_a_reading_and_is_missed() {
    let queue = Component::new(ComponentKind::MailQueue, "hold");
    let found = held(Some(&[]), &[Reading::new(queue.clone(), Condition::Good, "")], &[&queue]);
    assert_eq!(found[0], line("mail-queue hold", Condition::Good, ""));
    assert_eq!(held(Some(&[]), &[], &[&queue])[0], line("mail-queue hold", Condition::Missing, "not in the answer"));
}

#[test]
fn nothing_of_an_agent_counts_that_does_not_say_the_right_serial() {
    let (right, wrong) = (Outside::from("FZ1"), Outside::from("FZ2"));
    assert_eq!(speaks_for(Some(&right), Some(&right)), Ok(()));
    let condition = |expected, found| speaks_for(expected, found).expect_err("it does not").condition;
    assert_eq!(condition(Some(&right), Some(&wrong)), Condition::Bad);
    assert_eq!(condition(Some(&right), None), Condition::Missing);
    assert_eq!(condition(None, Some(&right)), Condition::Missing);
}

#[test]
fn a_community_goes_only_to_whom_ssh_proved_and_nothing_to_a_stranger() {
    for outcome in Outcome::ALL {
        assert_eq!(may_ask(*outcome, true), *outcome == Outcome::Answered, "{outcome}");
    }
    for outcome in [Outcome::KeyUnknown, Outcome::KeyChanged, Outcome::WrongAppliance, Outcome::NotUnderstood] {
        assert!(!may_ask(outcome, false), "{outcome}");
    }
    assert!(may_ask(Outcome::TimedOut, false));
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let kind = prop::sample::select(vec![ComponentKind::Disk, ComponentKind::MailQueue, ComponentKind::Psu]);
    (kind, "[0-3]", prop::sample::select(Condition::ALL.to_vec()))
        .prop_map(|(kind, name, condition)| Reading::new(Component::new(kind, name), condition, ""))
}

proptest! {
    #[test]
    fn no_reading_of_ssh_is_given_again_whatever_snmp_says(
        ssh in prop::collection::vec(any_reading(), 0..8),
        snmp in prop::collection::vec(any_reading(), 0..8),
    ) {
        let alone = BTreeSet::from([ComponentKind::MailQueue]);
        let asked = BTreeSet::from([ComponentKind::Disk]);
        let first = First { readings: &ssh, asked: &asked };
        for reading in cross_check(Via::Snmp, Some(first), Second { readings: &snmp, alone: &alone }, &[]) {
            prop_assert!(matches!(reading.component.kind, ComponentKind::Channel | ComponentKind::MailQueue));
            prop_assert!(reading.condition != Condition::Bad || reading.component.kind == ComponentKind::MailQueue);
        }
    }
}

#[test]
fn what_three_channels_say_differently_is_told_once() {
    use Condition::{Bad, Good, Unrecognised, Warning};
    let names = |ssh: Condition, snmp: Condition, api: Condition, before: &[&Component]| {
        let spoke = |via: Via, condition| {
            let raw = vec![disk(condition, "x")];
            let (asked, alone) = (BTreeSet::from([ComponentKind::Disk]), BTreeSet::new());
            let ssh = [disk(ssh, "x")];
            let first = Some(First { readings: &ssh, asked: &asked });
            let held = cross_check(via, first, Second { readings: &raw, alone: &alone }, before);
            Spoke { raw, held }
        };
        let all = together(&[disk(ssh, "x")], spoke(Via::Snmp, snmp), spoke(Via::Api, api), before);
        let shown = |reading: Reading| format!("{} {}", reading.component.name.as_data(), reading.condition);
        all.into_iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(names(Good, Good, Good, &[]), ["api good", "snmp good"]);
    assert_eq!(names(Bad, Warning, Bad, &[]), ["api good", "snmp good"]);
    assert_eq!(names(Good, Bad, Good, &[]), ["all disk 3 warning", "api good", "snmp good"]);
    assert_eq!(names(Good, Bad, Bad, &[]), ["all disk 3 warning", "api good", "snmp good"]);
    // What cannot be understood on one side is no disagreement of three.
    let two = ["api good", "api disk 3 unrecognised", "snmp good", "snmp disk 3 warning"];
    assert_eq!(names(Good, Bad, Unrecognised, &[]), two);
    let [all, snmp] = ["all disk 3", "snmp disk 3"].map(|name| Component::new(ComponentKind::Channel, name));
    assert_eq!(names(Good, Good, Good, &[&all]), ["all disk 3 good", "api good", "snmp good"]);
    let moved = ["all disk 3 warning", "api good", "snmp good", "snmp disk 3 good"];
    assert_eq!(names(Good, Bad, Good, &[&snmp]), moved);
    let silent = together(&[], Spoke::default(), Spoke::default(), &[&all]);
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0].condition, Condition::Missing);
}

#[test]
fn of_two_channels_that_alone_speak_of_something_the_one_that_does_counts() {
    let managed = |condition| Reading::new(Component::new(ComponentKind::Managed, "nx01"), condition, "x");
    let spoke = |condition| Spoke::only(vec![managed(condition)]);
    let pairs = [
        (Condition::Missing, Condition::Good, Condition::Good),
        (Condition::Bad, Condition::Good, Condition::Bad),
        (Condition::Disabled, Condition::Bad, Condition::Bad),
    ];
    for (snmp, api, expected) in pairs {
        let all = together(&[], spoke(snmp), spoke(api), &[]);
        assert_eq!(all.iter().map(|one| one.condition).collect::<Vec<_>>(), [expected], "{snmp} {api}");
    }
}
