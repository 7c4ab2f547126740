//! Every layout over written answers (`tests/data/readout/<series>-<release>[-<variant>]/<command>.txt`), whole and
//! damaged. All of them are modelled; a recorded answer is put beside them and read by the same tests.

#![expect(clippy::expect_used, clippy::panic, reason = "an answer that cannot be found ends its test")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use hoshu::model::outside::Outside;
use hoshu::model::reading::{Component, ComponentKind, Condition, Reading, Tier};
use hoshu::model::release::Release;
use hoshu::model::series::Series;
use hoshu::model::time::Time;
use hoshu::readout::{ApplianceTime, Context, Definitions, Layout, Mark, Readout};
use proptest::prelude::*;

/// 2026-11-23 17:00 UTC: 2026-11-24 02:00 in Tokyo.
const NOW: Time = Time::from_ms(1_795_453_200_000);

/// One unit with all its answers, by command.
struct Unit {
    name: String,
    context: Context,
    answers: BTreeMap<String, String>,
}

fn definitions() -> &'static Definitions {
    static ALL: LazyLock<Definitions> =
        LazyLock::new(|| Definitions::embedded().expect("the embedded definitions are right"));
    &ALL
}

fn layout_of<'a>(all: &'a Definitions, command: &str) -> &'a Layout {
    all.list()
        .find(|layout| layout.command.as_str() == command)
        .unwrap_or_else(|| panic!("no layout reads {command:?}"))
}

fn units(all: &Definitions) -> Vec<Unit> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/readout");
    let mut units = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of answers") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "snapshots" {
            continue;
        }
        let mut words = name.splitn(3, '-');
        let series = words.next().and_then(|word| word.parse::<Series>().ok()).expect("a series");
        let release = words.next().and_then(|word| word.parse::<Release>().ok()).expect("a release");
        let mut answers = BTreeMap::new();
        for file in fs::read_dir(&path).expect("a unit") {
            let file = file.expect("a file").path();
            let command = file.file_stem().expect("a name").to_string_lossy().replace('_', " ");
            answers.insert(command, fs::read_to_string(&file).expect("text"));
        }
        let mut context = Context { now: NOW, clock: None, series, release: Some(release) };
        let clock = answers.get("show clock").expect("each unit has a clock");
        context.clock = read(all, "show clock", clock, true, &context).clock;
        units.push(Unit { name, context, answers });
    }
    units.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(units.len() >= 7, "units of every series");
    units
}

fn read(all: &Definitions, command: &str, text: &str, complete: bool, context: &Context) -> Readout {
    all.read(layout_of(all, command), &Outside::from(text), complete, context)
}

/// Runs `check` over every answer with its readings.
fn each_answer(mut check: impl FnMut(&Definitions, &Unit, &str, &str, &Readout)) {
    let all = definitions();
    for unit in units(all) {
        for (command, text) in &unit.answers {
            let readout = read(all, command, text, true, &unit.context);
            check(all, &unit, command, text, &readout);
        }
    }
}

/// Whatever is good after the damage was good before.
fn assert_not_better(before: &Readout, after: &Readout, what: &dyn Fn() -> String) {
    for reading in after.readings.iter().filter(|reading| reading.condition.is_good()) {
        // The answer as a whole is only about lines that nobody knows, and one of those may be what was lost.
        if reading.component.kind == ComponentKind::Answer {
            continue;
        }
        let was_good = before.readings.iter().any(|r| r.component == reading.component && r.condition.is_good());
        assert!(was_good, "{}: {reading:?} was not good", what());
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[test]
fn the_readings_of_each_unit() {
    let all = definitions();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../data/readout/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for unit in units(all) {
        let mut shown = String::new();
        for layout in all.list() {
            let Some(text) = unit.answers.get(layout.command.as_str()) else { continue };
            let readout = read(all, layout.command.as_str(), text, true, &unit.context);
            writeln!(shown, "\n{}", layout.command).expect("a string");
            for Reading { component, condition, said, measure } in &readout.readings {
                let measure = measure.map(|measure| format!("  [{measure}]")).unwrap_or_default();
                let component = component.for_terminal();
                writeln!(shown, "  {condition:12} {component:32} {}{measure}", said.for_terminal()).expect("a string");
            }
            if let Some(seen) = readout.identity {
                writeln!(shown, "  {seen:?}").expect("a string");
            }
            if let Some(hostname) = readout.hostname {
                writeln!(shown, "  host name {hostname:?}").expect("a string");
            }
        }
        settings.bind(|| insta::assert_snapshot!(unit.name.clone(), shown));
    }
}

#[test]
fn each_component_is_read_once_and_the_answer_last() {
    each_answer(|_, unit, command, _, readout| {
        let mut components = readout.readings.iter().map(|reading| &reading.component).collect::<Vec<_>>();
        let answer = Component::new(ComponentKind::Answer, command);
        assert_eq!(components.last(), Some(&&answer), "{} {command}", unit.name);
        let count = components.len();
        components.sort();
        components.dedup();
        assert_eq!(components.len(), count, "{} {command}", unit.name);
    });
}

#[test]
fn line_ends_do_not_matter() {
    each_answer(|all, unit, command, text, readout| {
        let other = read(all, command, &text.replace('\n', "\r\n"), true, &unit.context);
        assert_eq!(&other, readout, "{} {command}", unit.name);
    });
}

#[test]
fn a_cut_at_any_byte_makes_nothing_better() {
    each_answer(|all, unit, command, text, readout| {
        for (cut, _) in text.char_indices() {
            let after = read(all, command, &text[..cut], false, &unit.context);
            assert_not_better(readout, &after, &|| format!("{} {command} cut at {cut}", unit.name));
            assert!(after.readings.iter().any(|reading| !reading.condition.is_good()), "{} {command} {cut}", unit.name);
            assert!(after.identity.is_none() && after.hostname.is_none() && after.clock.is_none());
        }
    });
}

#[test]
fn half_a_word_of_a_cut_answer_is_no_failure() {
    let all = definitions();
    let context = Context { now: NOW, clock: None, series: Series::Nx, release: None };
    let text = "    Module 1:   Failed\n    Module 2:   Fail";
    let cut = read(all, "show system hardware status power", text, false, &context);
    let psus = |readout: &Readout| {
        let psus = readout.readings.iter().filter(|r| r.component.kind == ComponentKind::Psu);
        psus.map(|r| (r.component.name.as_data().to_owned(), r.condition)).collect::<Vec<_>>()
    };
    assert_eq!(psus(&cut), [("1".to_owned(), Condition::Bad)]);
}

#[test]
fn what_a_whole_answer_should_have_is_missing_from_a_cut_one() {
    each_answer(|all, unit, command, text, readout| {
        let half = &text[..text.floor_char_boundary(text.len() / 2)];
        let after = read(all, command, half, true, &unit.context);
        assert_not_better(readout, &after, &|| format!("{} {command} halved", unit.name));
        let nothing = read(all, command, "", true, &unit.context);
        assert!(nothing.readings.iter().all(|reading| reading.condition == Condition::Missing), "{nothing:?}");
    });
}

#[test]
fn a_doubled_line_makes_nothing_better() {
    each_answer(|all, unit, command, text, readout| {
        let lines = lines(text);
        for at in 0..lines.len() {
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            let after = read(all, command, &doubled.concat(), true, &unit.context);
            assert_not_better(readout, &after, &|| format!("{} {command} doubled {:?}", unit.name, lines[at]));
        }
    });
}

#[test]
fn a_dropped_line_makes_nothing_better() {
    // These lines are printed only when there is something to say, so their absence cannot be told from health.
    const OPTIONAL: [(&str, &str); 4] = [
        ("show licenses", "End date:"),
        ("show licenses", "Tied to"),
        ("show licenses", "Agreement:"),
        ("show licenses", "Type:"),
    ];
    each_answer(|all, unit, command, text, readout| {
        let lines = lines(text);
        for at in 0..lines.len() {
            let line = lines[at].trim_start();
            if OPTIONAL.iter().any(|(of, beginning)| command == *of && line.starts_with(beginning)) {
                continue;
            }
            let mut dropped = lines.clone();
            dropped.remove(at);
            let after = read(all, command, &dropped.concat(), true, &unit.context);
            assert_not_better(readout, &after, &|| format!("{} {command} dropped {:?}", unit.name, lines[at]));
        }
    });
}

#[test]
fn swapped_lines_make_nothing_better() {
    each_answer(|all, unit, command, text, readout| {
        let lines = lines(text);
        for at in 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at - 1, at);
            let after = read(all, command, &swapped.concat(), true, &unit.context);
            assert_not_better(readout, &after, &|| format!("{} {command} swapped {:?}", unit.name, lines[at]));
        }
    });
}

#[test]
fn a_garbled_value_is_neither_good_nor_bad() {
    each_answer(|all, unit, command, text, readout| {
        let lines = lines(text);
        for at in 0..lines.len() {
            let Some((key, _)) = lines[at].rsplit_once(": ") else { continue };
            let garbled = format!("{key}: Gxxd0\n");
            let mut damaged = lines.clone();
            damaged[at] = &garbled;
            let after = read(all, command, &damaged.concat(), true, &unit.context);
            for reading in after.readings.iter().filter(|reading| !reading.condition.is_unknown()) {
                let same = |r: &&Reading| r.condition == reading.condition;
                let renamed = reading.component.name.as_data().contains("Gxxd0");
                let before = readout.readings.iter().filter(same).find(|r| renamed || r.component == reading.component);
                assert!(before.is_some(), "{} {command} garbled {garbled:?}: {reading:?}", unit.name);
            }
        }
    });
}

#[test]
fn an_unknown_command_is_missing_and_says_why() {
    let all = definitions();
    let context = Context { now: NOW, clock: None, series: Series::Nx, release: None };
    for layout in all.list() {
        let text = "% Unrecognized command \"status\".\r\nType \"?\" for help.\r\n";
        let readout = all.read(layout, &Outside::from(text), true, &context);
        let last = readout.readings.last().expect("the answer itself");
        assert_eq!(last.component, Component::new(ComponentKind::Answer, layout.command.as_str()));
        assert_eq!(last.said, "the appliance does not know the command, or the account may not use it".into());
        assert!(readout.readings.iter().all(|reading| reading.condition == Condition::Missing), "{}", layout.name);
        assert!(!layout.optional || readout.readings.len() == 1, "{}", layout.name);
    }
}

#[test]
fn an_error_in_the_middle_spoils_what_is_open() {
    let all = definitions();
    let context = Context { now: NOW, clock: None, series: Series::Nx, release: None };
    let text = "Overall power status:    Good\n    Module 1:   Good\n% internal error\n";
    let readout = read(all, "show system hardware status power", text, true, &context);
    let condition = |kind| readout.readings.iter().find(|r| r.component.kind == kind).map(|r| r.condition);
    assert_eq!(condition(ComponentKind::Power), Some(Condition::Good));
    assert_eq!(condition(ComponentKind::Psu), Some(Condition::Malformed));
    assert_eq!(condition(ComponentKind::Answer), Some(Condition::Malformed));
}

#[test]
fn contradictions_are_never_good_and_a_failure_among_them_stays() {
    let all = definitions();
    let context = Context { now: NOW, clock: None, series: Series::Nx, release: None };
    for (words, expected) in [
        (["Online", "Online"], Condition::Good),
        (["Online", "Rebuilding"], Condition::Malformed),
        (["Rebuilding", "Online"], Condition::Malformed),
        (["Online", "Failed"], Condition::Bad),
        (["Failed", "Online"], Condition::Bad),
        (["Online", "Onlinx"], Condition::Unrecognised),
    ] {
        let text = words.map(|word| format!("    Disk 0:       {word}\n")).concat();
        let readout = read(all, "show system hardware status raid", &text, true, &context);
        let disks = readout.readings.iter().filter(|r| r.component.kind == ComponentKind::Disk).collect::<Vec<_>>();
        assert_eq!(disks.iter().map(|r| r.condition).collect::<Vec<_>>(), [expected], "{disks:?}");
    }
}

#[test]
fn without_a_clock_an_age_is_unrecognised_and_the_services_still_speak() {
    let all = definitions();
    let unit = units(all).into_iter().find(|unit| unit.name == "nx-9.1-bad").expect("there");
    let context = Context { clock: None, ..unit.context };
    let readout = read(all, "show health all", &unit.answers["show health all"], true, &context);
    let of = |name: &str| {
        let component = Component::new(ComponentKind::Service, name);
        readout.readings.iter().find(|r| r.component == component).map(|r| r.condition)
    };
    assert_eq!(of(""), Some(Condition::Unrecognised));
    assert_eq!(of("Database Service"), Some(Condition::Bad));
    assert_eq!(of("System CPU/Memory/Disk IO Health"), Some(Condition::Good));
}

#[test]
fn nothing_counts_as_seen_before_a_real_unit_was_recorded() {
    assert!(
        definitions().list().all(|layout| layout.origin.mark == Mark::Modelled && !layout.origin.source.is_empty())
    );
}

#[test]
fn floods_are_bounded() {
    let all = definitions();
    let context = Context { now: NOW, clock: None, series: Series::Nx, release: None };
    let floods = [
        "    Disk 0:       Online\n".repeat(200_000),
        (0..100_000).fold(String::new(), |text, disk| text + &format!("Disk {disk}: Online\n")),
        "x".repeat(5 << 20),
        "Module 1:\n".to_owned() + &"Status: Good\n".repeat(300_000),
        "\n".repeat(4 << 20),
    ];
    for flood in floods {
        let readout = read(all, "show system hardware status", &flood, true, &context);
        assert!(readout.readings.len() <= 2_010, "{}", readout.readings.len());
        assert!(!readout.readings.last().expect("the answer").condition.is_good());
    }
}

#[test]
fn every_series_has_commands_in_every_tier() {
    let all = definitions();
    for series in Series::ALL {
        for tier in Tier::ALL {
            assert!(!all.commands(*series, None, *tier).is_empty(), "{series} {tier}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_survived_by_every_layout(text in "(\\PC{0,30}|[A-Z][a-z]{2,8}( [a-z]{2,6}){0,3} ?: [A-Za-z0-9/%]{0,9}|Interface [A-Z]|Disk [0-9]: Online|[\\r\\t ]{0,3})(\n(\\PC{0,30}|  [A-Za-z]{2,9}: (yes|no))){0,12}") {
        let all = definitions();
        let clock = ApplianceTime::parse("2026/11/24 02:00:00");
        let context = Context { now: NOW, clock, series: Series::Nx, release: None };
        for layout in all.list() {
            let readout = all.read(layout, &Outside::from(text.as_str()), true, &context);
            prop_assert!(!readout.readings.is_empty());
        }
    }
}
