//! A recorded unit: what stands in the folder, what never does, and what layouts make of it.

#![cfg(test)]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::canary::{forms, holds};
use crate::house::{House, files};

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn answer<'a>(manifest: &'a Value, command: &str) -> &'a Value {
    let answers = manifest["answers"].as_array().unwrap();
    answers.iter().find(|one| one["command"] == command).unwrap_or_else(|| panic!("no {command} in {manifest}"))
}

fn text(folder: &Path, manifest: &Value, command: &str) -> String {
    std::fs::read_to_string(folder.join(answer(manifest, command)["file"].as_str().unwrap())).unwrap()
}

fn sent(house: &House, seat: &str) -> usize {
    house.unit(seat)["log"].as_array().unwrap().len()
}

#[test]
fn a_recording_reads_as_the_unit_did() {
    let house = House::example();
    house.onboard();
    for seat in ["acme-nx01", "acme-ex01", "acme-ax01", "acme-fx01", "momiji-cm01", "chidori-hx01"] {
        let ran = house.hoshu(&["appliance", "record", seat, "--to", &format!("rec-{seat}"), "--json"]).expect(0);
        let said = ran.json();
        assert_eq!(said["unanswered"], serde_json::json!([]), "{seat}");
        let folder = house.path(&format!("rec-{seat}"));
        let kept = manifest(&folder);
        assert_eq!(kept, said["recording"]);
        assert_eq!((&kept["realm"], &kept["by"], &kept["v"]), (&"lab".into(), &"tester".into(), &1.into()));
        assert!(kept["release"].as_str().unwrap().starts_with("10."), "{seat}");
        let answers = kept["answers"].as_array().unwrap();
        assert!(answers.len() > 18, "{seat}: {}", answers.len());
        for one in answers {
            let right = (&one["recognised"], &one["reads_alike"], &one["outcome"], &one["complete"]);
            let expected = (&"recognised".into(), &true.into(), &"answered".into(), &true.into());
            assert_eq!(right, expected, "{seat} {one}");
        }
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for (path, _) in files(&folder) {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        assert_eq!(files(&folder).len(), answers.len() + 1);
        // What was recorded of the unit is read in the same way from the folder.
        let checked = house.hoshu(&["appliance", "record", "--check", &format!("rec-{seat}"), "--json"]).expect(0);
        let checked = checked.json();
        for one in checked["answers"].as_array().unwrap() {
            let right = (&one["recognised"], &one["untouched"], &one["mark"]);
            assert_eq!(right, (&"recognised".into(), &true.into(), &"modelled".into()), "{seat} {one}");
        }
    }
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).json();
    let records = audit["records"].as_array().unwrap().iter().filter(|record| record["act"] == "recorded");
    assert_eq!(records.count(), 6);
}

#[test]
fn nothing_that_says_whose_it_is_stands_in_the_folder() {
    let house = House::example();
    house.onboard();
    let secrets = ["canary-Kr8zQpTw3v", "canary-Xo2mLsEa9d", "canary-Bf6yHnUc4j", "canary-Zt5vGkMi7r"];
    // Values that the inventory does not know, by form and as words.
    let names = [
        "10.99.88.77",
        "wombat7.quokkanet.example.net",
        "quokkanet",
        "numbatlogger",
        "taipanuser",
        "bilbyperson@echidnamail.co.jp",
        "echidnamail",
        "2001:db8:77:66::5544",
        "a4:5e:60:d1:c2:b3",
        "+81-90-8765-4321",
        "Zw4-99x-Kowari-17",
        "ヒクイドリ通商",
    ];
    for line in [
        format!("snmp-server community {} ro", secrets[0]),
        format!("snmp-server user canary v3 auth sha {}", secrets[1]),
        format!(
            "banner login ask {} of {} the-old-password-was {}",
            names[5..].join(" "),
            hex::encode(names[5]),
            secrets[2]
        ),
        format!("logging {}", names[0]),
        format!("ntp server {}", names[1]),
        format!("fenotify rsyslog trap-sink {} address {}", names[3], names[0]),
        format!("username {} role monitor", names[4]),
    ] {
        house.hoshu(&["lab", "change", "acme-nx01", &line]).expect(0);
    }
    let known = [
        "acme",
        "アクメ",
        "アクメ物産",
        "FZ1701A3K7Q",
        "3CECEF4E00CA",
        "3cecef4e00ca",
        "192.168.1.10",
        "東京本社",
        "東都ネットワーク",
    ];
    let words = ["appliance", "record", "acme-nx01", "--to", "rec", "--command", "show cmc appliances wombat7"];
    let output = house.command(&words).env("HOSHU_LOG", "trace").output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    let login = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap();
    let mut all: Vec<String> = secrets.iter().chain(&names).chain(&known).map(|text| (*text).to_owned()).collect();
    all.push(login.trim().to_owned());
    let folder = house.path("rec");
    let places = files(&folder);
    for one in &all {
        for form in forms(one).into_iter().chain([one.to_lowercase().into_bytes(), one.to_uppercase().into_bytes()]) {
            let found: Vec<_> = places.iter().filter(|(_, bytes)| holds(bytes, &form)).map(|(path, _)| path).collect();
            assert!(found.is_empty(), "{one} stands in {found:?}");
            let in_name = places.iter().any(|(path, _)| holds(path.file_name().unwrap().as_encoded_bytes(), &form));
            assert!(!in_name, "{one} stands in the name of a file");
        }
    }
    // The scanner is not blind, and the log shows no secret either.
    assert!(places.iter().any(|(_, bytes)| holds(bytes, b"198.18.0.")) && places.len() > 20);
    let kept = manifest(&folder);
    assert!(text(&folder, &kept, "show running-config").contains("snmp-server community ‹masked›"));
    for secret in secrets.iter().take(2).copied().chain([login.trim()]) {
        assert!(!holds(&output.stderr, secret.as_bytes()) && !holds(&output.stdout, secret.as_bytes()), "{secret}");
    }
    // The same value is the same in every answer.
    let address = text(&folder, &kept, "show interfaces")
        .lines()
        .find(|line| line.contains("IP address:"))
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap()
        .to_owned();
    assert!(text(&folder, &kept, "show running-config").contains(&format!("ip address {address} ")), "{address}");
    // The person who records is told of the words that were replaced.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("numbatlogger") && said.contains("replaced because no layout knows them"), "{said}");
}

#[test]
fn a_folder_that_is_there_stays_as_it_is() {
    let house = House::example();
    house.onboard();
    std::fs::create_dir(house.path("there")).unwrap();
    std::fs::write(house.path("file"), "x").unwrap();
    std::fs::create_dir(house.path("elsewhere")).unwrap();
    symlink(house.path("elsewhere"), house.path("link")).unwrap();
    symlink(house.path("nowhere"), house.path("dangling")).unwrap();
    std::fs::create_dir(house.path("left.unfinished")).unwrap();
    std::fs::write(house.path("left.unfinished/note"), "x").unwrap();
    let before = sent(&house, "acme-nx01");
    for folder in ["there", "file", "link", "dangling", "left", "no/parent", "/", ".."] {
        let ran = house.hoshu(&["appliance", "record", "acme-nx01", "--to", folder]);
        assert_eq!(ran.code, 1, "{folder}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("error[folder]"), "{folder}: {}", ran.err);
    }
    for words in [
        &["acme-nx01"][..],
        &["--to", "x"],
        &["acme-nx01", "--to", "x", "--command", "reload"],
        &["acme-nx01", "--to", "x", "--command", "show log | include x"],
        &["acme-nx99", "--to", "x"],
        &["acme-nx01", "--to", "x", "--check", "there"],
    ] {
        let ran = house.hoshu(&[&["appliance", "record"], words].concat());
        assert_eq!(ran.code, 2, "{words:?} {}", ran.err);
    }
    assert_eq!(sent(&house, "acme-nx01"), before, "somebody was dialled");
    assert_eq!(files(&house.path("there")).len() + files(&house.path("elsewhere")).len(), 0);
    assert!(house.path("left.unfinished/note").exists() && !house.path("x").exists());
    assert!(!house.path("x.unfinished").exists());
}

#[test]
fn one_command_that_fails_does_not_lose_the_others() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "command_s: 20", "command_s: 2");
    house.hoshu(&["lab", "hold", "acme-nx01", "show system health"]).expect(0);
    let ran = house.hoshu(&["appliance", "record", "acme-nx01", "--to", "rec"]).expect(4);
    assert!(ran.err.contains("show system health: "), "{}", ran.err);
    let kept = manifest(&house.path("rec"));
    let lost = answer(&kept, "show system health");
    assert_eq!((&lost["recognised"], &lost["file"], &lost["sha256"]), (&"not-had".into(), &Value::Null, &Value::Null));
    assert_ne!(lost["outcome"], "answered");
    let answers = kept["answers"].as_array().unwrap();
    assert_eq!(answers.iter().filter(|one| one["recognised"] == "recognised").count(), answers.len() - 1, "{kept}");
    assert_eq!(answer(&kept, "show running-config")["recognised"], "recognised");
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    // A unit that is another one is not recorded.
    house.break_unit("acme-ex01", "wrong-appliance");
    let ran = house.hoshu(&["appliance", "record", "acme-ex01", "--to", "other"]).expect(4);
    assert!(ran.err.contains("error[no-session]") && ran.err.contains("wrong-appliance"), "{}", ran.err);
    assert!(!house.path("other").exists() && !house.path("other.unfinished").exists());
}

#[test]
fn what_is_stopped_leaves_no_folder() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["lab", "hold", "acme-nx01", "show system health"]).expect(0);
    let mut child = house.command(&["appliance", "record", "acme-nx01", "--to", "rec"]).spawn().unwrap();
    crate::cli::until(|| house.unit("acme-nx01")["waiting"] == 1);
    assert!(house.path("rec.unfinished").exists() && !house.path("rec").exists());
    crate::cli::interrupt(child.id());
    // The signal is taken before the answer is released.
    std::thread::sleep(std::time::Duration::from_millis(300));
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!house.path("rec").exists() && !house.path("rec.unfinished").exists());
}

#[test]
fn a_check_tells_what_layouts_do_not_know() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "odd-words");
    let words = ["appliance", "record", "acme-nx01", "--to", "rec", "--command", "show configuration files"];
    house.hoshu(&[&words[..], &["--keep", "siem"]].concat()).expect(0);
    let folder = house.path("rec");
    let kept = manifest(&folder);
    assert_eq!(answer(&kept, "show configuration files")["recognised"], "no-layout");
    assert!(text(&folder, &kept, "show running-config").contains("trap-sink siem-"), "a word that is kept");
    let ran = house.hoshu(&["appliance", "record", "--check", "rec"]).expect(4);
    assert!(ran.out.contains("unrecognised") && ran.err.contains("no layout is seen by it"), "{}{}", ran.out, ran.err);
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    house.hoshu(&["appliance", "record", "acme-nx01", "--to", "fine"]).expect(0);
    let folder = house.path("fine");
    let kept = manifest(&folder);
    // A layout of the folder of the inventory that was seen on this release.
    let ntp =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/readout/definitions/ntp.yaml")).unwrap();
    std::fs::create_dir_all(house.path("inventory/readouts")).unwrap();
    let mark = |releases: &str| {
        let seen = ntp.replace("mark: modelled", &format!("mark: seen\nreleases: {releases}"));
        std::fs::write(house.path("inventory/readouts/ntp.yaml"), seen).unwrap();
        let checked = house.hoshu(&["appliance", "record", "--check", "fine", "--json"]).expect(0).json();
        let layouts = house.hoshu(&["card", "acme-nx01", "--json"]).expect(0).json()["layouts"].clone();
        let of_card = layouts.as_array().unwrap().iter().find(|one| one["name"] == "ntp").unwrap()["mark"].clone();
        let of_check = answer(&checked, "show ntp")["mark"].clone();
        assert_eq!(of_card, of_check);
        of_card
    };
    assert_eq!(
        (mark("{nx: ['10.0.4']}"), mark("{nx: ['10.0.3']}"), mark("{ex: ['10.0.4']}")),
        ("seen".into(), "modelled".into(), "modelled".into())
    );
    // A line that nobody knows, and an answer that somebody wrote on.
    let health = folder.join(answer(&kept, "show system hardware status")["file"].as_str().unwrap());
    let text = std::fs::read_to_string(&health).unwrap();
    std::fs::write(&health, format!("{text}    Flux capacitor: Good\n")).unwrap();
    let ran = house.hoshu(&["appliance", "record", "--check", "fine"]).expect(4);
    assert!(ran.out.contains("line 6 is taken by no pattern:     Flux capacitor: Good"), "{}", ran.out);
    assert!(ran.out.contains("changed since"), "{}", ran.out);
    // What is no recording is not read.
    let path = folder.join("manifest.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    let file = answer(&kept, "show clock")["file"].as_str().unwrap().to_owned();
    std::fs::write(house.path("secret"), "x").unwrap();
    for wrong in ["../secret", "/etc/passwd", ".hidden", "nowhere.txt", ""] {
        std::fs::write(&path, whole.replace(&file, wrong)).unwrap();
        let ran = house.hoshu(&["appliance", "record", "--check", "fine"]);
        assert_eq!(ran.code, 1, "{wrong}: {}", ran.out);
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::remove_file(folder.join(&file)).unwrap();
    symlink(house.path("secret"), folder.join(&file)).unwrap();
    assert_eq!(house.hoshu(&["appliance", "record", "--check", "fine"]).code, 1);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(house.hoshu(&["appliance", "record", "--check", "fine"]).code, 1);
    std::fs::write(&path, "[".repeat(2 << 20)).unwrap();
    let ran = house.hoshu(&["appliance", "record", "--check", "fine"]).expect(1);
    assert!(ran.err.contains("longer than"), "{}", ran.err);
    symlink(&folder, house.path("link")).unwrap();
    for folder in ["link", "nowhere", "hoshu.yaml"] {
        assert_eq!(house.hoshu(&["appliance", "record", "--check", folder]).code, 1, "{folder}");
    }
}
