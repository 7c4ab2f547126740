//! Does a unit do its job? A unit that every lamp calls good, and that sees nothing.

#![cfg(test)]

use hoshu::lab::Fault;
use hoshu::model::finding::FindingState;
use hoshu::model::reading::{Component, ComponentKind, Condition, Reading};

use crate::time::{MINUTE, World};

fn pair(name: &str) -> Component {
    Component::new(ComponentKind::Traffic, name)
}

fn mail(name: &str) -> Component {
    Component::new(ComponentKind::Mail, name)
}

fn of<'a>(readings: &'a [Reading], component: &Component) -> &'a Reading {
    readings.iter().find(|reading| reading.component == *component).unwrap_or_else(|| panic!("{component:?}"))
}

#[tokio::test]
async fn a_unit_whose_mirror_port_was_moved_is_blind_though_every_lamp_is_good() {
    let world = World::with("acme-nx01").await;
    let unit = Component::only(ComponentKind::Traffic);
    let first = world.look().await;
    assert_eq!(of(&first, &unit).condition, Condition::Learning, "{first:?}");
    assert_eq!(of(&first, &pair("A")).condition, Condition::Learning, "{first:?}");
    world.pass(10 * MINUTE);
    let second = world.look().await;
    let reading = of(&second, &pair("A"));
    assert_eq!(reading.condition, Condition::Learning, "{reading:?}");
    assert!(reading.measure.is_some_and(|rate| rate.milli > 1_000_000), "{reading:?}");
    assert_eq!(of(&second, &unit).condition, Condition::Good, "{second:?}");
    world.break_by(Fault::Blind);
    let mut seen = Vec::new();
    for _ in 0..5 {
        world.pass(10 * MINUTE);
        let readings = world.look().await;
        let lamp = |one: &&Reading| !matches!(one.component.kind, ComponentKind::Traffic | ComponentKind::Channel);
        assert!(readings.iter().filter(lamp).all(|one| one.condition.is_good()), "every lamp is good: {readings:?}");
        seen.push((of(&readings, &unit).condition, of(&readings, &pair("A")).condition));
    }
    // The lab notices the fault at the first question after it: from there on half an hour must pass. Of the habits
    // nothing is known yet, and that hides nothing.
    let at = |unit| (unit, Condition::Learning);
    use Condition::{Blind, Good, Learning};
    assert_eq!(seen, [at(Good), at(Learning), at(Learning), at(Blind), at(Blind)]);
    let found = world.finding(ComponentKind::Traffic).await.unwrap();
    assert_eq!((found.condition, found.state, found.count), (Condition::Blind, FindingState::Hard, 2));
    assert_eq!(found.said.as_data(), "no packet at any monitoring port for 30m, with the links up");
    // It is mended; the lab notices that at the next question, too.
    world.mend();
    for (condition, state) in [(Blind, FindingState::Hard), (Good, FindingState::Hard), (Good, FindingState::Ended)] {
        world.pass(10 * MINUTE);
        assert_eq!(of(&world.look().await, &unit).condition, condition);
        assert_eq!(world.finding(ComponentKind::Traffic).await.unwrap().state, state);
    }
}

#[tokio::test]
async fn a_unit_in_line_that_somebody_set_to_tap_lets_everything_pass() {
    let world = World::with("acme-nx01").await;
    let good = world.look().await;
    let pairs = || ["A", "B"].map(|name| Component::new(ComponentKind::PortPair, name));
    assert!(pairs().iter().all(|pair| of(&good, pair).condition == Condition::Good), "{good:?}");
    world.break_by(Fault::TapMode);
    let tapped = world.look().await;
    for pair in pairs() {
        let reading = of(&tapped, &pair);
        let said = "op mode tap: the files say in line; nothing is blocked";
        assert_eq!((reading.condition, reading.said.as_data()), (Condition::Unprotected, said));
        assert_eq!(tapped.iter().filter(|one| one.component == pair).count(), 1, "one reading of one component");
    }
}

#[tokio::test]
async fn mail_that_passes_without_analysis_is_unprotected_and_no_mail_for_a_day_is_blind() {
    let world = World::with("acme-ex01").await;
    let first = world.look().await;
    let conditions = |readings: &[Reading]| ["analysed", "bypassed"].map(|name| of(readings, &mail(name)).condition);
    assert_eq!(conditions(&first), [Condition::Learning; 2], "{first:?}");
    world.pass(10 * MINUTE);
    assert_eq!(conditions(&world.look().await), [Condition::Learning, Condition::Good]);
    world.break_by(Fault::MtaBypass);
    world.pass(10 * MINUTE);
    world.look().await;
    world.pass(10 * MINUTE);
    assert_eq!(conditions(&world.look().await), [Condition::Learning, Condition::Unprotected]);
    world.mend();
    world.break_by(Fault::NoMail);
    let mut blind_after = None;
    for turn in 1..=52 {
        world.pass(30 * MINUTE);
        let readings = world.look().await;
        if of(&readings, &mail("analysed")).condition == Condition::Blind {
            blind_after.get_or_insert(turn);
            assert_eq!(of(&readings, &mail("analysed")).said.as_data(), "not one mail was analysed for 1d 0h");
        }
    }
    // The lab notices at the first question; a day of polls every half hour lies between.
    assert_eq!(blind_after, Some(48));
}

#[tokio::test]
async fn the_mode_of_an_ex_is_read_with_the_slow_tier() {
    let world = World::with("acme-ex01").await;
    world.poll().await;
    let found = world.finding(ComponentKind::Mta).await;
    assert!(found.is_none(), "{found:?}");
    world.break_by(Fault::MtaBypass);
    world.pass(6 * 60 * MINUTE);
    world.poll().await;
    let found = world.finding(ComponentKind::Mta).await.unwrap();
    assert_eq!((found.component.name.as_data(), found.condition), ("policy", Condition::Unprotected));
}
