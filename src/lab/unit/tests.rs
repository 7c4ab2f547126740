//! The command line of a unit, without any socket.

use super::*;
use crate::lab::fault::{Effect, Fault};
use crate::lab::fleet::{SeatSpec, generated};
use crate::model::inventory::{Channel, DataPath};
use crate::model::series::Series;
use crate::model::time::Time;
use proptest::prelude::*;

const NOW: Time = Time::from_ms(1_795_453_200_000);

fn unit_where(test: impl Fn(&SeatSpec) -> bool) -> Unit {
    let spec = generated(40).into_iter().find(test).expect("a unit of the generated fleet");
    Unit::build(&spec, SpecDefaults { configuration_bytes: 20_000 })
}

fn unit(series: Series) -> Unit {
    unit_where(|spec| spec.series == series && !spec.virtual_machine)
}

/// A shell and what it prints for each line, with the prompt after it.
struct Talk {
    unit: Unit,
    shell: Shell,
}

impl Talk {
    fn with(mut unit: Unit, user: &str) -> Self {
        let (shell, _) = unit.open(user, Channel::Shell, NOW);
        Self { unit, shell }
    }

    fn enabled(unit: Unit, user: &str) -> Self {
        let mut talk = Self::with(unit, user);
        talk.say("enable");
        talk
    }

    fn output(&mut self, line: &str) -> Output {
        self.unit.step(&mut self.shell, line, NOW)
    }

    fn say(&mut self, line: &str) -> String {
        self.output(line).text
    }
}

fn shows(fault: Fault, series: Series, command: &str, words: &str) {
    let mut talk = Talk::enabled(unit(series), "operator");
    assert!(!talk.say(command).contains(words), "{command} is not good to begin with");
    talk.unit.break_by(fault, None);
    let said = talk.say(command);
    assert!(said.contains(words), "{fault}: {said}");
    talk.unit.mend(Some(fault));
    assert!(!talk.say(command).contains(words), "{fault} was mended");
}

#[test]
fn modes_change_the_prompt_and_exit_leaves_them() {
    let mut talk = Talk::with(unit(Series::Nx), "admin");
    let host = talk.unit.settings.hostname().to_owned();
    assert_eq!(talk.output("").prompt, format!("{host} > "));
    assert_eq!(talk.output("en").prompt, format!("{host} # "));
    assert_eq!(talk.output("conf t").prompt, format!("{host} (config) # "));
    assert_eq!(talk.output("exit").prompt, format!("{host} # "));
    assert_eq!(talk.output("disable").prompt, format!("{host} > "));
    assert!(talk.output("exit").closed);
}

#[test]
fn what_a_role_may_not_do_does_not_exist() {
    let hidden = "% Unrecognized command \"configure\".\nType \"?\" for help.\n";
    assert_eq!(Talk::enabled(unit(Series::Nx), "monitor").say("configure terminal"), hidden);
    assert_eq!(Talk::enabled(unit(Series::Nx), "operator").say("configure terminal"), "");
    // The second word is the unknown one, since other commands begin with the first.
    let mut monitor = Talk::enabled(unit(Series::Nx), "monitor");
    assert!(monitor.say("show health all").starts_with("% Unrecognized command \"health\"."));
    assert!(Talk::with(unit(Series::Nx), "admin").say("show running-config").starts_with("% Unrecognized"));
}

#[test]
fn abbreviations_are_taken_when_they_are_clear() {
    let mut talk = Talk::enabled(unit(Series::Nx), "admin");
    assert_eq!(talk.say("sh ver"), talk.say("show version"));
    assert!(talk.say("show in").contains("Interface ether1 state"));
    assert!(talk.say("show interfaces pether3").contains("Interface pether3 state"));
    assert!(talk.say("show c").starts_with("% Ambiguous command \"c\"."));
    assert!(talk.say("show system").starts_with("% Incomplete command."));
    assert!(talk.say("show version please").starts_with("% Unrecognized command \"please\"."));
    assert!(talk.say("show ver?").contains("version"));
}

#[test]
fn only_a_terminal_is_paged_and_only_until_it_is_told_not_to() {
    let mut talk = Talk::enabled(unit(Series::Nx), "monitor");
    assert!(talk.output("show running-config").paged);
    talk.say("no cli session paging enable");
    assert!(!talk.output("show running-config").paged);
    let mut unit = unit(Series::Nx);
    let (mut exec, _) = unit.open("monitor", Channel::Exec, NOW);
    let output = unit.step(&mut exec, "show running-config", NOW);
    assert!(!output.paged && output.prompt.is_empty() && output.text.starts_with("##\n## Running database"));
}

#[test]
fn an_enable_password_is_asked_for_where_one_is_set() {
    let mut secured = unit(Series::Nx);
    secured.enable_password = Some("open sesame".to_owned());
    let mut talk = Talk::with(secured, "admin");
    assert_eq!(talk.output("enable").prompt, "Password: ");
    assert!(talk.output("wrong").error);
    talk.say("enable");
    assert!(talk.output("open sesame").prompt.ends_with(" # "));
}

#[test]
fn releases_differ_in_what_they_say_and_know() {
    let old = unit_where(|spec| spec.release.parts()[0] == 7);
    let mut old = Talk::enabled(old, "operator");
    assert!(old.say("show version").contains("Product model:     FireEye"));
    assert!(old.say("show health all").starts_with("% Unrecognized"));
    let mut new = Talk::enabled(unit(Series::Cm), "operator");
    assert!(new.say("show version").contains("Product model:     CM4500\n"));
    assert!(new.say("show version").contains("Base Platform OS:"));
    assert!(new.say("show health all").starts_with("Health Status:"));
}

#[test]
fn a_virtual_machine_has_no_hardware() {
    let mut talk = Talk::enabled(unit_where(|spec| spec.virtual_machine), "admin");
    assert!(talk.say("show system hardware status").starts_with("% Unrecognized command \"hardware\"."));
}

#[test]
fn a_change_moves_the_change_id_and_stays_unsaved_until_it_is_written() {
    let mut unit = unit(Series::Nx);
    let before = unit.settings.change_id;
    unit.change("ntp server 10.0.0.9", NOW).expect("a change");
    assert_eq!(unit.settings.change_id, before + 1);
    unit.change("ntp server 10.0.0.9", NOW).expect("the same again");
    assert_eq!(unit.settings.change_id, before + 1, "nothing changed");
    let mut talk = Talk::enabled(unit, "admin");
    assert!(talk.say("show running-config").contains("\nntp server 10.0.0.9\n"));
    let saved = talk.say("show configuration");
    assert!(!saved.contains("10.0.0.9"));
    // But for the header and that line, both are the same.
    let body = |text: &str| text.split_once("\n##\n\n").expect("a header").1.to_owned();
    let running = talk.say("show running-config");
    assert_eq!(body(&running).replace("ntp server 10.0.0.9\n", ""), body(&saved));
    talk.say("configure terminal");
    assert_eq!(talk.say("wr mem"), "Saving configuration file ... Done!\n");
    assert!(talk.say("show configuration").contains("\nntp server 10.0.0.9\n"));
    talk.say("no ntp server 10.0.0.9");
    assert!(!talk.say("show running-config").contains("10.0.0.9"));
    assert!(talk.output("host nx99").prompt.starts_with("nx99 (config) #"));
    assert!(talk.unit.change("reload", NOW).is_err());
}

#[test]
fn a_configuration_is_stable_has_about_its_size_and_its_secrets() {
    let mut talk = Talk::enabled(unit(Series::Ex), "monitor");
    let text = talk.say("show running-config");
    assert_eq!(text, talk.say("show running-config"));
    assert!((18_000..23_000).contains(&text.len()), "{}", text.len());
    let secrets = talk.unit.secrets();
    assert!(secrets.len() > 8);
    for secret in secrets {
        assert!(text.contains(&secret), "{secret}");
    }
    assert!(!text.contains("\n\n\n") && text.ends_with('\n'));
}

#[test]
fn a_truncated_configuration_ends_in_a_line_as_often_as_it_is_told() {
    let mut talk = Talk::enabled(unit(Series::Nx), "monitor");
    let whole = talk.say("show running-config");
    talk.unit.break_by(Fault::TruncatedConfig, Some(1));
    let cut = talk.say("show running-config");
    assert!(cut.len() < whole.len() * 2 / 3 && !whole.starts_with(&cut) && whole.starts_with(cut.trim_end()));
    assert_eq!(talk.say("show running-config"), whole);
    talk.unit.break_by(Fault::ConfigPagerText, None);
    assert!(talk.say("show running-config").contains("lines 1-23 "));
}

#[test]
fn faults_of_state_change_the_words() {
    shows(Fault::DiskFailed, Series::Nx, "show system hardware status raid", "Failed");
    shows(Fault::DiskRebuilding, Series::Nx, "show system hardware status raid", "Rebuilding");
    shows(Fault::RaidDegraded, Series::Nx, "show system hardware status", "Degraded");
    shows(Fault::PsuFailed, Series::Ex, "show system hardware status power", "Failed");
    shows(Fault::FanFailed, Series::Cm, "show system hardware status fan", "0 RPM (Failed)");
    shows(Fault::Hot, Series::Nx, "show system hardware status", "Critical");
    shows(Fault::OddWords, Series::Nx, "show system hardware status", "Tolerable");
    shows(Fault::LicenceExpired, Series::Ex, "show system health", "Degraded");
    shows(Fault::LicenceExpired, Series::Ex, "show licenses", "(expired)");
    shows(Fault::DtiLocked, Series::Nx, "show fenet status", "Locked         : yes");
    shows(Fault::ContentStale, Series::Nx, "show fenet status", "2026/10/1");
    shows(Fault::ServiceFailed, Series::Nx, "show health system", "Failed");
    shows(Fault::Bypass, Series::Nx, "show policymgr interfaces", "op mode     : bypass");
    shows(Fault::LinkDown, Series::Nx, "show interfaces pether6", "Link up:            no");
    shows(Fault::LinkDown, Series::Ex, "show interfaces ether2", "Link up:            no");
    shows(Fault::DiskFull, Series::Nx, "show files system", "Space Percent Free   0%");
    shows(Fault::NtpUnsynced, Series::Nx, "show ntp", "Clock is unsynchronized.");
    shows(Fault::ClockSkew, Series::Nx, "show clock", "02:47:00");
    shows(Fault::CmDisconnected, Series::Nx, "show cmc client", "Connected:                 no");
    shows(Fault::CmDisconnected, Series::Cm, "show cmc appliances", "no (connection attempt");
    shows(Fault::BootMismatch, Series::Nx, "show images", "Next boot partition: 2");
    shows(Fault::WrongAppliance, Series::Nx, "show version", "WRONG");
}

#[test]
fn a_moved_mirror_port_holds_the_counters_of_monitoring_ports_alone() {
    let mut unit = unit(Series::Nx);
    let (mut shell, _) = unit.open("admin", Channel::Exec, NOW);
    let mut count = |unit: &mut Unit, port: &str, hours: i64| {
        let output = unit.step(&mut shell, &format!("show interfaces {port}"), NOW.plus_ms(hours * 3_600_000));
        let line = output.text.lines().find(|line| line.contains("RX packets:")).expect("a counter").to_owned();
        line.split_whitespace().last().and_then(|word| word.parse::<u64>().ok()).expect("a number")
    };
    let (first, rate) =
        (count(&mut unit, "pether3", 0), count(&mut unit, "pether3", 1) - count(&mut unit, "pether3", 0));
    assert!(rate > 0);
    unit.break_by(Fault::Blind, None);
    let still = [2, 3, 9].map(|hour| count(&mut unit, "pether3", hour));
    assert_eq!(still, [first + 2 * rate; 3]);
    assert!(count(&mut unit, "ether1", 9) > count(&mut unit, "ether1", 8), "the management port goes on");
    unit.mend(Some(Fault::Blind));
    assert_eq!(count(&mut unit, "pether3", 10), first + 2 * rate, "it goes on where it stood");
    assert_eq!(count(&mut unit, "pether3", 11), first + 3 * rate);
}

#[test]
fn a_limited_fault_of_state_ends_with_so_many_sessions() {
    let mut unit = unit(Series::Nx);
    unit.break_by(Fault::DiskFailed, Some(2));
    unit.leave();
    assert!(unit.has(Fault::DiskFailed));
    unit.leave();
    assert!(!unit.has(Fault::DiskFailed));
}

#[test]
fn a_prompt_that_never_comes_is_greeted_and_nothing_more() {
    let mut broken = unit(Series::Nx);
    broken.break_by(Fault::NoPrompt, Some(1));
    let (mut shell, greeting) = broken.open("monitor", Channel::Shell, NOW);
    assert_eq!(greeting, Output { text: "Trellix Command Line Interface\n\n".to_owned(), ..Output::default() });
    assert_eq!(broken.step(&mut shell, "show version", NOW), Output::default());
    assert!(!broken.open("monitor", Channel::Shell, NOW).1.prompt.is_empty());
}

#[test]
fn a_unit_survives_being_written_down() {
    let mut before = unit(Series::Hx);
    before.break_by(Fault::Hot, Some(3));
    before.change("hostname hx99", NOW).expect("a change");
    let text = serde_json::to_string(&before).expect("JSON");
    assert_eq!(serde_json::from_str::<Unit>(&text).expect("a unit"), before);
}

#[test]
fn every_command_can_be_said_by_an_administrator() {
    for spec in generated(40) {
        let mut talk = Talk::enabled(Unit::build(&spec, SpecDefaults { configuration_bytes: 4_000 }), "admin");
        talk.say("configure terminal");
        for command in super::commands::COMMANDS {
            if command.words.starts_with("show ") && (command.offered)(&talk.unit) {
                let line = command.words.replace("<name>", "ether1").replace("<category>", "System");
                let said = talk.say(&line.replace("<profile>", "config"));
                assert!(!said.starts_with('%') && !said.is_empty(), "{}: {line}: {said}", spec.seat);
            }
        }
    }
}

#[test]
fn faults_are_spelled_as_they_are_listed() {
    for fault in Fault::ALL {
        assert_eq!(fault.as_str().parse::<Fault>().expect("a fault"), *fault);
        // A unit in line: what is set to tap is no tap before.
        let mut broken = unit_where(|spec| !spec.virtual_machine && spec.data_path == DataPath::InlineFailOpen);
        let healthy = broken.clone();
        broken.break_by(*fault, None);
        let differs = super::afflict::afflicted(&broken).into_owned() != broken;
        assert_eq!(differs, fault.effect() == Effect::State, "{fault}");
        broken.mend(None);
        assert_eq!(broken, healthy);
    }
}

proptest! {
    #[test]
    fn no_line_breaks_a_unit(lines in proptest::collection::vec("[ -~\t\u{3042}]{0,40}", 0..12)) {
        let mut talk = Talk::enabled(unit(Series::Nx), "admin");
        talk.say("configure terminal");
        for line in lines {
            let output = talk.output(&line);
            prop_assert!(output.closed || output.prompt.ends_with(' '), "{line:?}");
        }
    }
}
