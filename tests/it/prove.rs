//! What a simulated unit says of a configuration that was spoilt. All of it runs without a runtime and without a socket.

#![cfg(test)]

use hoshu::decide::backup::{Proving, compare};
use hoshu::engine::twin::{Twin as _, TwinOf};
use hoshu::lab::unit::{SpecDefaults, Unit};
use hoshu::lab::{SeatSpec, Twins, generated};
use hoshu::model::inventory::Channel;
use hoshu::model::series::Series;
use hoshu::model::time::Time;
use hoshu::readout::Definitions;

use crate::house::House;

const NOW: Time = Time::from_ms(1_795_453_200_000);

struct Bench {
    definitions: Definitions,
    unit: Unit,
    text: String,
}

impl Bench {
    fn of(wanted: impl Fn(&SeatSpec) -> bool) -> Self {
        let spec = generated(40).into_iter().find(wanted).unwrap();
        let mut unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 6_000 });
        let (mut shell, _) = unit.open("admin", Channel::Exec, NOW);
        let text = unit.step(&mut shell, "show running-config", NOW).text;
        Self { definitions: Definitions::embedded().unwrap(), unit, text }
    }

    fn prove_with(&self, twins: &Twins, text: &str) -> (Proving, String) {
        let of = TwinOf {
            series: self.unit.series,
            model: self.unit.model.clone(),
            release: self.unit.release().clone(),
            virtual_machine: self.unit.virtual_machine,
            at: NOW,
        };
        let loaded = twins.load(&of, text).unwrap();
        let stored = self.definitions.configuration(text.into());
        let printed = self.definitions.configuration(loaded.printed.into());
        let found = compare(&stored, &printed, &loaded.not_taken, self.definitions.config_layout(self.unit.series));
        for secret in self.unit.secrets() {
            assert!(!found.1.contains(&secret), "{found:?}");
        }
        found
    }

    fn prove(&self, text: &str) -> (Proving, String) {
        self.prove_with(&Twins::default(), text)
    }

    /// The text with another one in the place of a part that it has, and the number of the line on which that begins.
    fn spoilt(&self, from: &str, to: &str) -> (String, usize) {
        let at = self.text.find(from).unwrap_or_else(|| panic!("no {from:?}"));
        (self.text.replacen(from, to, 1), self.text[..at].matches('\n').count() + 1)
    }
}

#[test]
fn every_series_and_release_of_the_lab_is_proved() {
    let mut kinds = std::collections::BTreeSet::new();
    for spec in generated(40) {
        let bench = Bench::of(|one| one.seat == spec.seat);
        let found = bench.prove(&bench.text);
        assert_eq!(found.0, Proving::Proved, "{}: {}", spec.seat, found.1);
        kinds.insert((spec.series, spec.release));
    }
    assert!(kinds.len() > Series::ALL.len(), "old and new releases: {kinds:?}");
}

#[test]
fn a_spoilt_configuration_is_not_proved_and_its_line_is_named() {
    let bench = Bench::of(|spec| spec.series == Series::Nx);
    for (from, to, result, shown) in [
        // An unknown command, and one that is known and has an unknown word.
        ("logging trap notice", "frobnicate the unit", Proving::Refused, "frobnicate ‹masked›: % Unrecognized command"),
        (
            "ntp server 10.2.1.1 version",
            "ntp server 10.2.1.1 vresion",
            Proving::Refused,
            "ntp server 10.2.1.1 vresion ‹masked›",
        ),
        // A value that is no such value, and a command that ends too early.
        (
            "ip name-server 10.1.10.2",
            "ip name-server 10.1.10.2x",
            Proving::Refused,
            "ip name-server 10.1.10.2x: % Invalid value",
        ),
        ("ntp server 10.2.1.1 version 4", "ntp server 10.2.1.1 version", Proving::Refused, "% Incomplete command"),
        // Bytes that were damaged, and text of a pager.
        ("snmp-server community", "snmp-s\u{fffd}rver community", Proving::Refused, "‹masked›: % Invalid character"),
        ("logging trap", "lines 1-23 \u{1b}[Klogging trap", Proving::Refused, "‹masked›: % Invalid character"),
        // What stands twice is held once, with the later value.
        (
            "ip default-gateway 192.168.0.1",
            "ip default-gateway 10.0.0.1\nip default-gateway 10.0.0.2",
            Proving::Differs,
            "ip default-gateway 10.0.0.1",
        ),
        // A title that is cut moves what follows into another section.
        ("## SNMP configuration", "## SNM", Proving::Differs, "snmp-server"),
    ] {
        let (text, line) = bench.spoilt(from, to);
        let (found, words) = bench.prove(&text);
        assert_eq!(found, result, "{to}: {words}");
        assert!(words.contains(shown), "{to}: {words}");
        assert!(from.starts_with("##") || words.contains(&format!("line {line}: ")), "{to}: {line}: {words}");
    }
}

#[test]
fn a_cut_in_a_quoted_value_is_found_and_one_between_two_commands_is_not() {
    let bench = Bench::of(|spec| spec.series == Series::Ex);
    let whole = bench.text.lines().count();
    let key = bench.text.lines().position(|line| line.ends_with("private-key \"")).unwrap();
    let cut =
        |lines: usize| bench.text.lines().take(lines).map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    for lines in key + 1..key + 9 {
        let (found, words) = bench.prove(&cut(lines));
        assert_eq!(found, Proving::Refused, "{lines}");
        assert!(
            words.contains(&format!("line {}: ", key + 1)) && words.contains("% Unterminated quoted value"),
            "{words}"
        );
    }
    // A quote that was closed by chance, over a block that does not end.
    let closed = format!("{}\"\n", cut(key + 4));
    assert_eq!(bench.prove(&closed).0, Proving::Refused);
    // A command less is a configuration, too: the second fetch and the counts of sections tell, not this.
    for lines in [key, whole - 1] {
        assert_eq!(bench.prove(&cut(lines)).0, Proving::Proved);
    }
    // In the middle of each command at which a cut leaves half a word or half a command.
    let half = bench.text.find("cli default auto-logout").unwrap();
    for end in [half + 3, half + 11, half + 20] {
        let (found, words) = bench.prove(&format!("{}\n", &bench.text[..end]));
        assert_eq!(found, Proving::Refused, "{words}");
    }
}

#[test]
fn a_line_that_the_unit_takes_and_loses_is_found() {
    let bench = Bench::of(|spec| spec.series == Series::Hx);
    let (found, words) = bench.prove_with(&Twins::forgetting("ntp server 10.2.1.2"), &bench.text);
    assert_eq!(found, Proving::Differs);
    assert!(words.ends_with(": ntp server 10.2.1.2 version 4"), "{words}");
    let (found, words) = bench.prove_with(&Twins::forgetting("snmp-server community"), &bench.text);
    assert_eq!(found, Proving::Differs);
    assert!(words.ends_with(": snmp-server community ‹masked› ro"), "{words}");
}

#[test]
fn the_example_fleet_is_proved_and_no_appliance_is_asked() {
    let house = House::example();
    house.onboard();
    let taken = house.hoshu(&["backup", "take", "--on", "all", "--json"]).json();
    let count = taken["taken"].as_u64().unwrap();
    assert!(count >= 18, "{taken}");
    let before = house.unit("acme-nx01")["sessions_ever"].clone();
    let answer = house.hoshu(&["backup", "prove", "--on", "all", "--json"]).expect(0).json();
    assert_eq!(answer["proved"].as_u64(), Some(count), "{answer}");
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], before);
    let series = |one: &serde_json::Value| {
        taken["seats"]
            .as_array()
            .unwrap()
            .iter()
            .find(|seat| seat["seat"] == one["backup"]["seat"])
            .map(|seat| seat["series"].as_str().unwrap().to_owned())
    };
    let proved: std::collections::BTreeSet<_> =
        answer["backups"].as_array().unwrap().iter().filter_map(series).collect();
    assert_eq!(proved.len(), Series::ALL.len(), "{proved:?}");
    // What was learned is kept, and counted.
    let coverage = house.hoshu(&["backup", "coverage", "--json"]).expect(4).json();
    assert_eq!((&coverage["proved"], &coverage["verified"]), (&count.into(), &0.into()));
    let listed = house.hoshu(&["backup", "list", "--on", "acme-nx01"]).expect(0).out;
    assert!(listed.contains("proved: proved: ") && listed.contains("commands taken and given back"), "{listed}");
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).json();
    let opened = |record: &&serde_json::Value| {
        record["act"] == "object-opened" && record["detail"].as_str().unwrap().contains("\"prove\"")
    };
    assert_eq!(audit["records"].as_array().unwrap().iter().filter(opened).count() as u64, count);
}

#[test]
fn a_backup_that_is_spoilt_is_not_proved_and_what_was_learned_is_kept() {
    let house = House::example();
    house.onboard();
    let take = |seat: &str, code: i32| {
        let answer = house.hoshu(&["backup", "take", "--on", seat, "--json"]).expect(code).json();
        House::seat(&answer, seat)["backup"]["id"].as_str().unwrap().to_owned()
    };
    let prove = |id: &str, code: i32| {
        let answer = house.hoshu(&["backup", "prove", id, "--json"]).expect(code).json();
        answer["backups"][0].clone()
    };
    let good = take("acme-nx01", 0);
    assert_eq!(prove(&good, 0)["result"], "proved");
    house.break_unit("acme-nx01", "config-pager-text");
    let one = prove(&take("acme-nx01", 4), 4);
    assert_eq!(one["result"], "refused", "{one}");
    assert!(one["detail"].as_str().unwrap().contains("lines ‹masked›: % Unrecognized command"), "{one}");
    assert_eq!(one["backup"]["events"][0]["event"], "not-proved", "{one}");
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    // A cut between two commands is a whole configuration for the unit; that the backup does not count, it does not change.
    house.break_unit("acme-ex01", "truncated-shell");
    let short = prove(&take("acme-ex01", 4), 0);
    assert_eq!(short["result"], "proved", "{short}");
    let listed = house.hoshu(&["backup", "list", "--on", "acme-ex01"]).expect(0).out;
    assert!(listed.contains("suspect") && listed.contains("proved: proved"), "{listed}");
    // A doubt about the last good one takes the proof away with everything else: see the unit tests of standing.
    let listed = house.hoshu(&["backup", "list", "--on", "acme-nx01"]).expect(0).out;
    let line = listed.lines().find(|line| line.starts_with(&good)).unwrap();
    assert!(line.contains("  proved  "), "{listed}");
}
