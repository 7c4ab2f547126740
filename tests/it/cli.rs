//! The main job by the command line, on both databases, and what must not happen on the way.

#![cfg(test)]

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::house::House;
use crate::store::place::Place;

fn story(house: &House) {
    house.hoshu(&["check"]).expect(0);
    house.onboard();

    let polled = house.hoshu(&["poll", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!((&polled["v"], &polled["answered"]), (&1.into(), &4.into()), "{polled}");
    assert_eq!(
        (&polled["good"], &polled["unjudged"]),
        (&2.into(), &2.into()),
        "the habits of an NX and an EX are learnt: {polled}"
    );

    let taken = house.hoshu(&["backup", "take", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!(taken["taken"], 4, "{taken}");
    house.hoshu(&["lab", "change", "acme-nx01", "ntp server 10.20.0.250"]).expect(0);
    house.hoshu(&["lab", "change", "acme-nx01", "snmp-server community hunter2-canary ro"]).expect(0);
    let again = house.hoshu(&["backup", "take", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!(House::seat(&again, "acme-nx01")["unchanged"], false);
    assert_eq!(House::seat(&again, "acme-ex01")["unchanged"], true);
    let diff = house.hoshu(&["backup", "diff", "acme-nx01"]).expect(0);
    assert!(diff.out.contains("+ntp server 10.20.0.250"), "{}", diff.out);
    assert!(diff.out.contains("snmp-server community ‹masked"), "{}", diff.out);
    assert!(!diff.out.contains("hunter2"), "{}", diff.out);
    assert!(house.hoshu(&["backup", "diff", "acme-ex01"]).expect(0).err.contains("no difference"));

    house.break_unit("acme-nx01", "disk-failed");
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]).expect(4).json();
    let disk = readings(&polled, "acme-nx01").into_iter().find(|one| one["component"]["kind"] == "disk").unwrap();
    assert_eq!(disk["condition"], "bad", "{disk}");
    assert_eq!(finding(house, "disk")["state"], "soft");
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    let found = finding(house, "disk");
    assert_eq!((&found["state"], &found["count"]), (&"hard".into(), &2.into()), "{found}");
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    house.hoshu(&["poll", "--on", "acme-nx01"]);
    assert_eq!(finding(house, "disk")["state"], "hard", "one good reading is no recovery");
    house.hoshu(&["poll", "--on", "acme-nx01"]);
    let listed = house.hoshu(&["finding", "list", "--ended", "--json"]).expect(0).json();
    let ended = listed["findings"].as_array().unwrap().iter().find(|one| one["component"]["kind"] == "disk").unwrap();
    assert_eq!(ended["state"], "ended", "{ended}");

    let card = house.hoshu(&["appliance", "show", "acme-nx01", "--json"]).expect(0).json();
    assert_eq!(card["asset"]["serial"], card["seat"]["serial"]);
    house.opened("acme-nx01", 0);
    let acts = house.hoshu(&["audit", "list", "--json", "--most", "1000"]).expect(0).json().to_string();
    for act in [
        "host-key-accepted",
        "asset-identified",
        "backup-taken",
        "backup-exported",
        "object-opened",
        "customer-key-made",
    ] {
        assert!(acts.contains(act), "{act} is not in the audit");
    }
}

#[test]
fn a_lab_has_one_limit_of_units_and_no_fault_of_zero_times() {
    let house = House::empty();
    for count in ["20001", "50000", "4000000000"] {
        let refused = house.hoshu(&["lab", "serve", "--fleet", count, "--dir", "big"]).expect(1).err;
        assert!(refused.contains(&format!("{count} units do not fit: 20000 at most")), "{refused}");
        assert!(!house.path("big").exists(), "nothing is written for a fleet that no lab can serve");
    }
    house.hoshu(&["lab", "serve", "--fleet", "0", "--dir", "none"]).expect(2);
    let refused = house.hoshu(&["lab", "break", "acme-nx01", "garble", "--times", "0"]).expect(2).err;
    assert!(refused.contains("--times"), "{refused}");
}

#[test]
fn a_generated_fleet_has_nothing_that_needs_attention() {
    let house = House::generated(20);
    house.onboard();
    let polled = house.hoshu(&["poll", "--on", "all", "--json"]).expect(0).json();
    let well = polled["good"].as_u64().unwrap() + polled["unjudged"].as_u64().unwrap();
    assert_eq!((&polled["answered"], well), (&20.into(), 20), "{polled}");
}

/// Polls a generated fleet of which a third each speaks by one, two and three channels; how long the poll took.
fn polled_over_mixed_channels(seats: usize) -> Duration {
    let house = House::generated_with(seats, &["--mixed-channels"]);
    house.onboard();
    let begun = Instant::now();
    let polled = house.hoshu(&["poll", "--on", "all", "--json"]).expect(0).json();
    let took = begun.elapsed();
    let well = polled["good"].as_u64().unwrap() + polled["unjudged"].as_u64().unwrap();
    assert_eq!((&polled["answered"], well), (&seats.into(), seats as u64), "{polled}");
    let by = |channel: &str| {
        let spoke =
            |reading: &&Value| reading["component"]["kind"] == "channel" && reading["component"]["name"] == channel;
        let all = polled["seats"].as_array().unwrap().iter();
        all.filter(|seat| seat["readings"].as_array().unwrap().iter().find(spoke).is_some()).count()
    };
    assert_eq!([by("snmp"), by("api")], [seats - seats.div_ceil(3), seats / 3]);
    took
}

#[test]
fn a_generated_fleet_may_speak_by_three_channels() {
    polled_over_mixed_channels(20);
}

#[test]
#[ignore = "a measurement"]
fn a_thousand_appliances_over_mixed_channels_are_polled_within_their_minute() {
    let took = polled_over_mixed_channels(1_000);
    println!("1,000 appliances over mixed channels, every tier: {:.1} s", took.as_secs_f64());
    assert!(took < Duration::from_mins(1), "{took:?}");
}

fn readings(polled: &Value, seat: &str) -> Vec<Value> {
    House::seat(polled, seat)["readings"].as_array().unwrap().clone()
}

fn finding(house: &House, kind: &str) -> Value {
    let listed = house.hoshu(&["finding", "list", "--json"]).expect(0).json();
    let all = listed["findings"].as_array().unwrap();
    all.iter().find(|one| one["component"]["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {listed}")).clone()
}

#[test]
fn the_whole_story_on_sqlite() {
    story(&House::example());
}

#[test]
fn the_whole_story_on_postgresql() {
    let Some(place) = Place::postgres() else { return };
    story(&House::with_store(&place.text));
}

#[test]
fn an_empty_or_unknown_selector_touches_nothing() {
    let house = House::example();
    for selector in ["", "nosuch-nx01", "customer=nobody", "series=nx,customer=umi,model=NX9999", "release=below:9.1"] {
        let refused = house.hoshu(&["poll", "--on", selector]).expect(2);
        assert!(refused.err.starts_with("error[selection]"), "{selector}: {}", refused.err);
        assert!(refused.err.contains("\nhint: "), "{selector}: {}", refused.err);
    }
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], 0);
}

#[test]
fn wrong_files_are_told_all_at_once_and_nothing_is_touched() {
    let house = House::example();
    house.edit("inventory/customers/acme.yaml", "series: fx", "seris: fx");
    house.edit("inventory/customers/umi.yaml", "series: nx", "series: nxx");
    let checked = house.hoshu(&["check"]).expect(3);
    assert!(checked.err.contains("acme.yaml") && checked.err.contains("umi.yaml"), "{}", checked.err);
    assert!(checked.err.contains("series"), "{}", checked.err);
    house.hoshu(&["poll", "--on", "all"]).expect(3);
    assert!(!house.path("data").exists());
}

#[test]
fn the_history_of_a_seat_tells_what_changed_and_leaves_out_what_stayed_good() {
    let house = House::example();
    house.onboard();
    let poll = |code| drop(house.hoshu(&["poll", "--on", "acme-nx01"]).expect(code));
    poll(0);
    house.break_unit("acme-nx01", "disk-failed");
    poll(4);
    house.break_unit("acme-nx01", "silent");
    poll(4);
    let history = house.hoshu(&["appliance", "history", "acme-nx01", "--back", "1h", "--json"]).expect(0).json();
    let texts = |list: &str, keys: [&str; 2]| -> Vec<String> {
        let items = history[list].as_array().unwrap().iter();
        items.map(|item| format!("{} {}", item[keys[0]], item[keys[1]])).collect()
    };
    assert_eq!(texts("polls", ["outcome", "polls"]), ["\"answered\" 2", "\"timed-out\" 1"]);
    let disk = |condition| {
        let spans = history["spans"].as_array().unwrap().iter();
        spans.filter(|span| span["component"]["kind"] == "disk" && span["condition"] == condition).count()
    };
    assert_eq!((disk("good"), disk("bad")), (1, 1), "the disk that failed, before and after: {history}");
    let shown = house.hoshu(&["appliance", "history", "acme-nx01"]).expect(0);
    assert!(shown.out.contains("Failed") && shown.err.contains("3 polls"), "{} {}", shown.out, shown.err);
}

#[test]
fn a_layout_of_the_house_that_cannot_be_used_is_told_by_check() {
    let house = House::example();
    std::fs::create_dir_all(house.path("inventory/readouts")).unwrap();
    std::fs::write(house.path("inventory/readouts/mine.yaml"), "mark: seen\nlayouts: none\n").unwrap();
    let checked = house.hoshu(&["check"]).expect(3);
    assert!(checked.err.starts_with("error[definitions]") && checked.err.contains("mine.yaml"), "{}", checked.err);
}

#[test]
fn a_second_command_is_told_who_holds_the_store() {
    let house = House::example();
    house.onboard();
    let mut first = house
        .command(&["poll", "--on", "acme-nx01", "--every", "1h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first round is through when its table stands there.
    let mut byte = [0];
    first.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    let refused = house.hoshu(&["backup", "take", "--on", "acme-nx01", "--wait", "1s"]).expect(7);
    assert!(refused.err.contains(&format!("process {}", first.id())), "{}", refused.err);
    assert!(refused.err.contains("hoshu poll"), "{}", refused.err);
    // Looking is possible meanwhile.
    house.hoshu(&["finding", "list"]).expect(0);
    interrupt(first.id());
    assert_eq!(first.wait().unwrap().code(), Some(130));
    house.hoshu(&["backup", "take", "--on", "acme-nx01", "--wait", "1s"]).expect(0);
}

pub(crate) fn interrupt(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::INT).unwrap();
}

#[test]
fn a_signal_ends_what_is_in_hand_and_starts_nothing_new() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {sessions: 1, per_site: 1, per_customer: 1, ");
    house.hoshu(&["lab", "hold", "acme-ax01", "show version"]).expect(0);
    let child = house
        .command(&["backup", "take", "--on", "customer=acme", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(|| house.unit("acme-ax01")["waiting"] == 1);
    interrupt(child.id());
    // The process has taken the signal when it says so; the answer is released only then.
    std::thread::sleep(Duration::from_millis(300));
    house.hoshu(&["lab", "release", "acme-ax01"]).expect(0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["taken"], 1, "what was in hand is finished: {answer}");
    assert_eq!(answer["failed"], 3, "the rest was not begun: {answer}");
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], house.unit("acme-fx01")["sessions_ever"]);
}

/// Waits for a state, not for a moment.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came true");
}

#[test]
fn a_killed_backup_leaves_no_half_of_itself() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["lab", "hold", "acme-nx01", "show running-config"]).expect(0);
    let mut child =
        house.command(&["backup", "take", "--on", "acme-nx01+acme-ex01"]).stdout(Stdio::null()).spawn().unwrap();
    until(|| house.unit("acme-nx01")["waiting"] == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    let listed = house.hoshu(&["backup", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 0, "{listed}");
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["backup", "show", "acme-nx01"]).expect(0);
}

#[test]
fn a_poll_over_a_kept_session_opens_no_new_one() {
    let house = House::example();
    house.onboard();
    let before = house.unit("acme-fx01")["sessions_ever"].as_i64().unwrap();
    house.hoshu(&["poll", "--on", "acme-fx01", "--tier", "pulse", "--every", "1s", "--times", "3"]).expect(0);
    let after = house.unit("acme-fx01");
    assert_eq!(after["sessions_ever"].as_i64().unwrap(), before + 1, "{after}");
    assert_eq!(after["sessions_open"], 0, "goodbye was said: {after}");
    let before = house.unit("acme-nx01")["sessions_ever"].as_i64().unwrap();
    house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "pulse", "--every", "1s", "--times", "2"]).expect(0);
    assert_eq!(house.unit("acme-nx01")["sessions_ever"].as_i64().unwrap(), before + 2, "held for a cycle only");
}

#[test]
fn lab_and_live_never_meet() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "realm: lab", "realm: live");
    house.edit("hoshu.yaml", "lab: {ports: lab/ports.json}", "");
    let refused = house.hoshu(&["poll", "--on", "all"]).expect(7);
    assert!(refused.err.contains("lab") && refused.err.contains("live"), "{}", refused.err);
    // A live store cannot open a lab's key either.
    house.edit("hoshu.yaml", "store: data/hoshu.db", "store: data/live.db");
    let refused = house.hoshu(&["key", "init"]).expect(6);
    assert!(refused.err.contains("realm"), "{}", refused.err);
}

#[test]
fn the_demo_runs_to_its_end_and_cleans_up() {
    let house = House::empty();
    let ran = house.command(&["demo"]).env("TMPDIR", house.dir.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    for words in ["21 taken, 0 suspect, 0 failed", "disk", "licence", "timed-out", "+ntp server 10.20.0.250"] {
        assert!(out.contains(words) || err.contains(words), "{words}: {out}{err}");
    }
    assert_eq!(std::fs::read_dir(house.dir.path()).unwrap().count(), 0, "nothing is left behind");
}
