//! What people look at and compare, and what leaves the house.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::house::House;
use crate::key::both;

const NX: &str = "acme-nx01";

fn take(house: &House, on: &str) {
    house.hoshu(&["backup", "take", "--on", on]);
}

fn change(house: &House, line: &str) {
    house.hoshu(&["lab", "change", NX, line]).expect(0);
}

#[test]
fn two_configurations_are_compared_without_a_key() {
    let house = House::example();
    house.onboard();
    take(&house, NX);
    for line in ["ntp server 10.20.0.77", "snmp-server community w4tch-dog-1 ro"] {
        change(&house, line);
    }
    take(&house, NX);
    fs::rename(house.path("keys/root.key"), house.path("keys/away")).unwrap();

    let shown = house.hoshu(&["backup", "show", NX, "--section", "ntp"]).expect(0).out;
    assert!(shown.lines().all(|line| line.starts_with("ntp ")) && shown.contains("10.20.0.77"), "{shown}");
    let refused = house.hoshu(&["backup", "show", NX, "--section", "nothing"]).expect(2).err;
    assert!(refused.contains("SNMP configuration"), "{refused}");
    let beside = house.hoshu(&["backup", "diff", NX, "--side-by-side"]).expect(0).out;
    assert!(
        beside.contains(">  ntp server 10.20.0.77") && beside.contains(">  snmp-server community ‹masked:"),
        "{beside}"
    );
    let ntp = house.hoshu(&["backup", "diff", NX, "--section", "time"]).expect(0).out;
    assert!(ntp.contains("+ntp server 10.20.0.77") && !ntp.contains("snmp"), "{ntp}");
    house.hoshu(&["backup", "diff", NX, "--section", "nothing"]).expect(2);

    let same = house.hoshu(&["backup", "diff", NX, "--from", "0s"]).expect(0);
    assert!(same.err.contains("no difference"), "{}", same.err);
    let refused = house.hoshu(&["backup", "diff", NX, "--from", "2020-02-29"]).expect(2).err;
    assert!(refused.contains("2020-02-29 23:59"), "{refused}");
    house.hoshu(&["backup", "diff", NX, "--from", "yesterday"]).expect(2);
    house.hoshu(&["backup", "diff", NX, "--to", "1d"]).expect(2);
    assert!(!house.hoshu(&["audit", "list", "--json"]).expect(0).out.contains("object-opened"));
}

#[test]
fn a_seat_is_held_against_its_siblings() {
    let house = House::example();
    house.onboard();
    take(&house, "customer=acme");
    let refused = house.hoshu(&["backup", "diff", NX, "--siblings"]).expect(2).err;
    assert!(refused.contains("2 at least are expected"), "{refused}");

    let fleet = House::generated(44);
    fleet.onboard();
    take(&fleet, "series=nx");
    let nx = |json: &serde_json::Value| json["odd"].as_array().unwrap().clone();
    let before = nx(&fleet.hoshu(&["backup", "diff", "c000-nx01", "--siblings", "--json"]).expect(0).json());
    fleet.hoshu(&["lab", "change", "c000-nx01", "no ntp server 10.2.1.1"]).expect(0);
    take(&fleet, "c000-nx01");
    let after = nx(&fleet.hoshu(&["backup", "diff", "c000-nx01", "--siblings", "--json"]).expect(0).json());
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    let odd = after.iter().find(|odd| !before.contains(odd)).unwrap();
    assert_eq!((&odd["difference"], &odd["command"]), (&"absent".into(), &"ntp server 10.2.1.1 version 4".into()));
    assert_eq!((&odd["alike"], &odd["siblings"], &odd["here"]), (&15.into(), &15.into(), &1.into()), "{odd}");
    // Another customer's seats are no siblings.
    let all = fleet.hoshu(&["backup", "diff", "c000-nx01", "--siblings", "--json"]).expect(0).json();
    assert!(
        all["siblings"].as_array().unwrap().iter().all(|seat| seat.as_str().unwrap().starts_with("c000-")),
        "{all}"
    );
}

#[test]
fn a_text_leaves_swept_and_a_configuration_in_clear_for_a_reason() {
    let house = House::example();
    house.onboard();
    change(&house, "banner login welcome-tigerlilies-all");
    take(&house, NX);
    assert!(house.hoshu(&["backup", "show", NX]).expect(0).out.contains("tigerlilies"));
    // Nothing tells that it is a secret, but that Hoshu itself comes with it.
    fs::write(house.path("lab/secrets/acme-operator"), "tigerlilies\n").unwrap();
    let refused = house.hoshu(&["backup", "export", NX, "--to", "a.cfg"]).expect(2).err;
    assert!(refused.contains("1 lines were masked"), "{refused}");
    assert!(!house.path("a.cfg").exists());
    house.hoshu(&["backup", "export", NX, "--to", "a.cfg", "--unreviewed"]).expect(0);
    let text = fs::read_to_string(house.path("a.cfg")).unwrap();
    assert!(text.contains("\n‹masked›\n") && !text.contains("tigerlilies") && text.contains("ntp server"));
    assert_eq!(fs::metadata(house.path("a.cfg")).unwrap().permissions().mode() & 0o777, 0o600);

    let again = house.hoshu(&["backup", "export", NX, "--to", "a.cfg", "--unreviewed"]).expect(1).err;
    assert!(again.contains("exists already"), "{again}");
    house.hoshu(&["backup", "export", NX, "--to", "b.cfg", "--full"]).expect(2);
    house.hoshu(&["backup", "export", NX, "--to", "b.cfg", "--full", "--reason", " "]).expect(2);
    assert!(!house.path("b.cfg").exists());
    assert!(house.opened(NX, 0).out.contains("tigerlilies"));
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let records = audit["records"].as_array().unwrap().iter();
    let left: Vec<_> =
        records.filter(|one| one["act"] == "backup-exported").map(|one| one["detail"].to_string()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].contains("a test") && left[1].contains(r#"\"unreviewed\":1"#), "{left:?}");
}

#[test]
fn only_reviewed_texts_go_into_git() {
    let house = House::example();
    house.onboard();
    take(&house, "customer=acme");
    change(&house, "banner login credential gratitude");
    take(&house, NX);
    let words = ["backup", "export", "--on", "customer=acme", "--git", "out", "--json"];
    let answer = house.hoshu(&words).expect(4).json();
    assert_eq!((&answer["changed"], &answer["left_out"]), (&3.into(), &1.into()), "{answer}");
    assert_eq!(House::seat(&answer, NX)["result"], "unreviewed");
    assert!(!house.path("out/acme/acme-nx01.cfg").exists() && house.path("out/acme/acme-ex01.cfg").exists());
    assert_eq!(house.hoshu(&words).expect(4).json()["changed"], 0);
    let all = house.hoshu(&[&words[..], &["--unreviewed"]].concat()).expect(0).json();
    assert_eq!((&all["changed"], &all["left_out"]), (&1.into(), &0.into()), "{all}");
    let text = fs::read_to_string(house.path("out/acme/acme-nx01.cfg")).unwrap();
    assert!(text.contains("banner login credential") && !text.contains("gratitude"), "{text}");
    house.hoshu(&["backup", "export", "--on", "customer=acme", "--git", "lab"]).expect(1);
    house.hoshu(&["backup", "export", "--git", "out"]).expect(2);
    house.hoshu(&["backup", "export", NX]).expect(2);
}

#[test]
fn a_text_that_was_changed_or_lost_is_made_again() {
    both(|place| {
        let house = House::with_store(&place.text);
        house.onboard();
        take(&house, NX);
        let before = house.hoshu(&["backup", "show", NX]).expect(0).out;
        let none = if place.is_sqlite() { "x'00'" } else { "'\\x00'" };
        for spoil in [&format!("UPDATE object_text SET packed = {none}"), "DELETE FROM object_text"] {
            place.raw(spoil).unwrap();
            assert_ne!(house.hoshu(&["backup", "show", NX]).code, 0, "{spoil}");
            house.hoshu(&["backup", "verify", "--on", NX]).expect(0);
            assert_eq!(house.hoshu(&["backup", "show", NX]).expect(0).out, before, "{spoil}");
        }
        assert!(house.hoshu(&["audit", "list", "--json"]).expect(0).out.contains("backup-redacted"));
    });
}

/// Lines of the shipped layout in which a secret stands.
const FRAMES: &[&str] = &[
    "license install {}",
    "username admin password 7 {}",
    "no username \"a\" curr-password {}",
    "enable password {}",
    "snmp-server community {} ro",
    "snmp-server host 10.0.0.1 traps version 2c {}",
    "snmp-server host 10.0.0.1 informs port 162 version 2c {}",
    "snmp-server user mon v3 encrypted auth md5 {} priv des {}",
    "snmp-server user mon v3 auth sha-256 {} priv aes-128 {}",
    "radius-server host 10.0.0.1 auth-port 1812 key {}",
    "radius-server host 10.0.0.1 key 5 {} retransmit 3",
    "radius-server host 10.0.0.1 secret {} key {}",
    "tacacs-server key 7 {}",
    "ldap bind-password {}",
    "ntp authentication-key 1 md5 {}",
    "ntp authentication key 1 sha1 7 {}",
    "email mailhub auth password {}",
    "cmc client server auth password password {}",
    "fenet proxy user u password {}",
    "crypto ipsec peer 10.0.0.1 keying ike preshared-key {}",
    "wsapi token {}",
    "ssh client user admin identity rsa2 private-key {}",
    "fenotify snmp trap-sink a community {}",
];

#[test]
fn no_rule_of_the_shipped_layout_leaves_a_part_of_a_secret() {
    use hoshu::model::series::Series;
    let definitions = hoshu::readout::load(std::path::Path::new("/nonexistent")).unwrap();
    let layout = definitions.config_layout(Series::Nx);
    let shown = |line: &str| {
        let text = hoshu::decide::backup::redact(line, layout, &|_, _| "0".repeat(64));
        text.text.as_data().to_owned()
    };
    for value in ["tigerlily", "tiger lily", "tiger lily rose bloom", "tiger \\\"lily\\\" rose", "tiger"] {
        for frame in FRAMES {
            for value in [format!("\"{value}\""), format!("\"{value}"), value.to_owned()] {
                // A value of several words needs its quotes; without them the appliance would not take the line.
                if value.contains(' ') && !value.starts_with('"') {
                    continue;
                }
                let line = frame.replace("{}", &value);
                let left = shown(&line);
                let words = ["tiger", "lily", "rose", "bloom"];
                assert!(words.iter().all(|word| !left.contains(word)), "{line}\n{left}");
            }
        }
    }
    // Masking everything would pass as well.
    assert_eq!(shown("snmp-server community tigerlily ro"), "snmp-server community ‹masked:0000000000000000› ro\n");
    assert_eq!(shown("ntp server 10.0.0.1 version 4"), "ntp server 10.0.0.1 version 4\n");
}

#[test]
fn a_file_that_cannot_be_finished_is_not_there() {
    let house = House::example();
    house.onboard();
    take(&house, NX);
    // What a killed command left is no configuration, and the next one takes its place.
    fs::write(house.path("a.cfg.unfinished"), "half a").unwrap();
    house.hoshu(&["backup", "export", NX, "--to", "a.cfg"]).expect(0);
    assert!(fs::read_to_string(house.path("a.cfg")).unwrap().contains("## Hostname: "));
    assert!(!house.path("a.cfg.unfinished").exists());
    let refused = house.hoshu(&["backup", "export", NX, "--to", "no-folder/a.cfg"]).expect(1).err;
    assert!(refused.contains("no-folder/a.cfg") && refused.contains("No such file"), "{refused}");
    fs::create_dir(house.path("b.cfg.unfinished")).unwrap();
    house.hoshu(&["backup", "export", NX, "--to", "b.cfg"]).expect(1);
    assert!(!house.path("b.cfg").exists());
}
