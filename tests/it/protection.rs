//! Does a unit do its job? A unit that every lamp calls good, and that sees nothing.

#![cfg(test)]

use hoshu::lab::Fault;
use hoshu::model::finding::FindingState;
use hoshu::model::reading::{Component, ComponentKind, Condition, Reading, Unit};

use serde_json::Value;

use crate::house::House;
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
    use Condition::{Blind, Good, Learning};
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
    // What made it blind is kept as a count, and not as a habit.
    let to = world.env.clock.now();
    let seat = "acme-ex01".parse().unwrap();
    let kept = async |unit| {
        world.env.rows().series(&seat, mail("analysed"), unit, to.plus_ms(-65 * MINUTE), to).await.unwrap().len()
    };
    assert_eq!((kept(Unit::Count).await, kept(Unit::PerHour).await), (3, 0));
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

/// Everything in an answer that calls a component good, or counts or names the seat among the good.
fn called_good(value: &Value, kind: &str, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let component = fields.get("component").unwrap_or(value);
            let is_it = component["kind"] == kind && component["name"] == name;
            let good = ["good", "unjudged"].iter().any(|word| {
                let field = fields.get(*word);
                field.is_some_and(|field| *field == Value::Bool(true) || field.as_u64().is_some_and(|count| count > 0))
            });
            if good
                || (is_it && ["good", "disabled"].iter().any(|word| fields.get("condition") == Some(&(*word).into())))
            {
                found.push(value.to_string());
            }
            // How many components are in which condition says nothing of the unit.
            let parts = fields.iter().filter(|(key, _)| *key != "conditions");
            parts.for_each(|(_, field)| called_good(field, kind, name, found));
        }
        Value::Array(all) => all.iter().for_each(|one| called_good(one, kind, name, found)),
        _ => {}
    }
}

/// Whatever shows a unit that does not do its job, it is good nowhere.
fn good_nowhere(seat: &str, faults: &[&str], component: (&str, &str), condition: &str) {
    let house = House::example();
    house.onboard();
    // Half an hour in a second: the lab has no other clock than ours.
    let rules = "protection: {zero_after: 1s, zero_polls: 2}\nrealm: lab";
    house.edit("hoshu.yaml", "realm: lab", rules);
    house.hoshu(&["backup", "take", "--on", seat]).expect(0);
    for fault in faults {
        house.break_unit(seat, fault);
    }
    shown_as_good_nowhere(&house, seat, component, condition);
}

/// As [`good_nowhere`], once it is as it is.
fn shown_as_good_nowhere(house: &House, seat: &str, component: (&str, &str), condition: &str) {
    house.hoshu(&["poll", "--on", seat]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let (kind, name) = component;
    let shown = if name.is_empty() { kind.to_owned() } else { format!("{kind} {name}") };
    let polled = house.hoshu(&["poll", "--on", seat]).expect(4);
    assert!(polled.out.contains(&format!("{shown} {condition}: ")), "{}", polled.out);
    assert!(polled.err.contains("1 seat: 0 good, 1 need attention"), "{}", polled.err);
    let quiet = house.hoshu(&["poll", "--on", seat, "--tier", "pulse"]).expect(4);
    assert!(quiet.err.contains("1 seat: 0 good, 1 need attention"), "{}", quiet.err);
    assert!(quiet.out.contains("open: hoshu finding list"), "{}", quiet.out);
    let listed = house.hoshu(&["finding", "list", "--on", seat]).expect(0).out;
    assert!(listed.lines().any(|line| line.contains(&shown) && line.contains(condition)), "{listed}");
    let list = house.hoshu(&["appliance", "list", "--on", seat]).expect(0).out;
    assert!(list.contains(&format!(": {condition}")), "{list}");
    let card = house.hoshu(&["card", seat]).expect(0).out;
    let mut notices = card.lines().filter(|line| line.contains("  protection: "));
    assert!(notices.any(|line| line.contains(&format!("protection: {shown}: "))), "{card}");
    let asked: [&[&str]; 10] = [
        &["poll", "--on", seat],
        &["poll", "--on", seat, "--tier", "pulse"],
        &["poll", "--on", seat, "--every", "1s", "--times", "1"],
        &["finding", "list", "--on", seat],
        &["appliance", "list", "--on", seat],
        &["appliance", "show", seat],
        &["card", seat],
        &["backup", "coverage", "--on", seat],
        &["ledger", "licences", "--on", seat],
        &["ledger", "serials", "--on", seat],
    ];
    for words in asked {
        let answer = house.hoshu(&[words, &["--json"]].concat()).json();
        let mut found = Vec::new();
        called_good(&answer, kind, name, &mut found);
        assert!(found.is_empty(), "{words:?} calls it good: {found:?}");
        let text = house.hoshu(&[words, &["--all"]].concat());
        let text = if text.code == 2 { house.hoshu(words).out } else { text.out };
        let line = text.lines().find(|line| line.contains(&shown) && line.contains(" good"));
        assert_eq!(line, None, "{words:?}");
    }
}

#[test]
fn a_unit_whose_alerts_reach_nobody_is_mute_and_good_nowhere() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "realm: lab", "events: {file: heard.csv}\nrealm: lab");
    // Its newest alert is two hours old, as its API tells; of nothing since the day before yesterday was ever heard.
    let heard = (chrono::Utc::now() - chrono::Duration::hours(40)).to_rfc3339();
    std::fs::write(house.path("heard.csv"), format!("momiji-ex01,{heard}\n")).unwrap();
    shown_as_good_nowhere(&house, "momiji-ex01", ("last-event", ""), "mute");
}

#[test]
fn a_unit_in_bypass_is_good_nowhere() {
    good_nowhere("acme-nx01", &["bypass"], ("port-pair", "A"), "unprotected");
}

#[test]
fn a_unit_that_only_taps_is_good_nowhere() {
    good_nowhere("acme-nx01", &["tap-mode"], ("port-pair", "A"), "unprotected");
}

#[test]
fn a_unit_that_sees_nothing_is_good_nowhere() {
    good_nowhere("acme-nx01", &["blind"], ("traffic", ""), "blind");
}

#[test]
fn an_ex_that_lets_mail_pass_is_good_nowhere() {
    good_nowhere("acme-ex01", &["mta-bypass"], ("mta", "policy"), "unprotected");
}

#[test]
fn what_is_useless_is_neither_good_nor_unknown_nor_unjudged() {
    for condition in Condition::ALL.iter().filter(|condition| condition.is_useless()) {
        assert!(
            condition.wants_attention() && !condition.is_unknown() && *condition > Condition::Warning,
            "{condition}"
        );
    }
    let unjudged = [Condition::Learning, Condition::Quiet];
    assert!(unjudged.iter().all(|condition| !condition.is_good() && !condition.wants_attention()));
}

#[test]
fn what_the_soc_last_heard_is_read_with_each_poll_and_a_missing_file_is_said_once() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "realm: lab", "events: {file: heard.csv}\nrealm: lab");
    let poll = || house.hoshu(&["poll", "--on", "acme-nx01", "--on", "acme-ax01", "--tier", "detail", "--json"]);
    let event = |answer: &Value, seat: &str| {
        let readings = House::seat(answer, seat)["readings"].as_array().unwrap().clone();
        let one = readings.into_iter().find(|one| one["component"]["kind"] == "last-event");
        one.map(|one| (one["condition"].as_str().unwrap().to_owned(), one["said"].as_str().unwrap().to_owned()))
    };
    let missing = poll().expect(0).json();
    assert_eq!(event(&missing, "acme-nx01"), None, "it is never good or bad");
    let doubt = missing["doubt"].as_str().unwrap();
    assert!(doubt.starts_with("last events: read ") && doubt.contains("heard.csv: No such file"), "{doubt}");
    let told = house.hoshu(&["poll", "--on", "customer=acme", "--tier", "detail"]).expect(0);
    assert_eq!(told.err.matches("last events: ").count(), 1, "once for all seats: {}", told.err);
    let hours_ago = |hours: i64| (chrono::Utc::now() - chrono::Duration::hours(hours)).to_rfc3339();
    let write = |text: String| std::fs::write(house.path("heard.csv"), text).unwrap();
    write(format!("seat,time\nacme-nx01,{}\nAX01,{}\nnonsense\n", hours_ago(2), hours_ago(30)));
    let heard = poll().expect(4).json();
    assert_eq!(event(&heard, "acme-nx01"), Some(("good".to_owned(), "heard".to_owned())));
    let silent = ("warning".to_owned(), "silent for longer than 1d 0h".to_owned());
    assert_eq!(event(&heard, "acme-ax01"), Some(silent), "{heard}");
    assert_eq!(heard["doubt"], "last events: 1 line not understood");
    // Without the file nothing stays good, and nothing becomes bad.
    std::fs::remove_file(house.path("heard.csv")).unwrap();
    let lost = poll().expect(4).json();
    for seat in ["acme-nx01", "acme-ax01"] {
        assert_eq!(event(&lost, seat).unwrap().0, "missing", "{lost}");
    }
    // A seat that the file does not name is neither.
    write(format!("acme-ax01,{}\n", hours_ago(0)));
    assert_eq!(event(&poll().json(), "acme-nx01").unwrap().0, "learning");
}
