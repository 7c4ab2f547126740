//! What a poll does beside reading: the configuration of an appliance whose hardware begins to fail.

#![cfg(test)]

use serde_json::Value;

use crate::house::House;

fn poll(house: &House, on: &str, code: i32) -> Value {
    house.hoshu(&["poll", "--on", on, "--json"]).expect(code).json()
}

fn backups(house: &House, seat: &str) -> Vec<Value> {
    let listed = house.hoshu(&["backup", "list", "--on", seat, "--json"]).expect(0).json();
    listed["backups"].as_array().unwrap().clone()
}

fn reasons(house: &House) -> Vec<Value> {
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).json();
    let taken = |record: &&Value| record["act"] == "backup-taken";
    let detail = |record: &Value| serde_json::from_str::<Value>(record["detail"].as_str().unwrap()).unwrap();
    audit["records"].as_array().unwrap().iter().filter(taken).map(|record| detail(record)["why"].clone()).collect()
}

#[test]
fn the_configuration_is_pulled_once_when_a_disk_fails() {
    let house = House::example();
    house.onboard();
    let good = poll(&house, "acme-nx01", 0);
    assert_eq!(House::seat(&good, "acme-nx01")["last_gasp"], Value::Null);
    house.break_unit("acme-nx01", "disk-failed");
    let failing = poll(&house, "acme-nx01", 4);
    let gasp = &House::seat(&failing, "acme-nx01")["last_gasp"];
    assert_eq!(gasp["why"], "last-gasp: disk 3 bad, raid bad", "{gasp}");
    assert_eq!((&gasp["backup"]["grade"], &gasp["outcome"]), (&"taken".into(), &Value::Null), "{gasp}");
    let kept = backups(&house, "acme-nx01");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["id"], gasp["backup"]["id"]);
    assert_eq!(reasons(&house), ["last-gasp: disk 3 bad, raid bad"]);
    // It is one like any other: sealed, and it opens.
    house.hoshu(&["backup", "verify", "--on", "acme-nx01"]).expect(0);
    // The same findings, now hard, ask for nothing more; another part does.
    let again = poll(&house, "acme-nx01", 4);
    assert_eq!(House::seat(&again, "acme-nx01")["last_gasp"], Value::Null);
    assert_eq!(reasons(&house).len(), 1);
    house.break_unit("acme-nx01", "fan-failed");
    house.hoshu(&["lab", "change", "acme-nx01", "ntp server 192.0.2.77"]).expect(0);
    let shown = house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    let newest = backups(&house, "acme-nx01");
    assert_eq!(newest.len(), 2);
    let id = newest[0]["id"].as_str().unwrap();
    assert!(shown.out.contains(&format!("last gasp: {id} taken")), "{}", shown.out);
    assert!(shown.err.contains("last gasp: 1 seat: 1 taken, 0 suspect, 0 failed"), "{}", shown.err);
    // What is no hardware asks for none.
    house.break_unit("acme-nx01", "licence-expired");
    assert_eq!(House::seat(&poll(&house, "acme-nx01", 4), "acme-nx01")["last_gasp"], Value::Null);
}

#[test]
fn without_keys_the_poll_ends_well_and_says_so() {
    let house = House::example();
    for words in
        [&["hostkey", "scan", "--on", "acme-nx01"][..], &["hostkey", "accept", "acme-nx01", "--route", "console"]]
    {
        house.hoshu(words).expect(0);
    }
    house.break_unit("acme-nx01", "psu-failed");
    let sessions = || house.unit("acme-nx01")["sessions_ever"].as_u64().unwrap();
    let before = sessions();
    let shown = house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    assert!(shown.out.contains("answered") && shown.out.contains("psu 2 bad: Failed"), "{}", shown.out);
    assert!(shown.out.contains("last gasp: not-kept: use the keys: "), "{}", shown.out);
    assert!(shown.err.contains("last gasp: 1 seat: 0 taken, 0 suspect, 1 failed"), "{}", shown.err);
    let findings = house.hoshu(&["finding", "list"]).expect(0).out;
    assert!(findings.contains("psu 2"), "the poll is written: {findings}");
    assert_eq!(sessions(), before + 1, "what could not be sealed is not fetched");
    // Somebody makes the keys; what failed before is not tried again, and the next part that fails is.
    house.hoshu(&["key", "init"]).expect(0);
    assert_eq!(House::seat(&poll(&house, "acme-nx01", 4), "acme-nx01")["last_gasp"], Value::Null);
    house.break_unit("acme-nx01", "fan-failed");
    let failing = poll(&house, "acme-nx01", 4);
    let gasp = &House::seat(&failing, "acme-nx01")["last_gasp"];
    assert_eq!((&gasp["why"], &gasp["backup"]["grade"]), (&"last-gasp: fan 1 bad, fans bad".into(), &"taken".into()));
}

#[test]
fn a_seat_that_fails_is_not_left_for_others_before_its_configuration_is_there() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "login_s: 5", "login_s: 5, per_customer: 1");
    let seats = ["acme-ax01", "acme-ex01", "acme-fx01", "acme-nx01"];
    let log = |seat: &str| house.unit(seat)["log"].as_array().unwrap().clone();
    let before = seats.map(|seat| log(seat).len());
    for seat in seats {
        house.break_unit(seat, "fan-failed");
    }
    let answer = poll(&house, "customer=acme", 4);
    let mut visits: Vec<(i64, i64)> = Vec::new();
    for (seat, before) in seats.iter().zip(before) {
        assert_eq!(House::seat(&answer, seat)["last_gasp"]["backup"]["grade"], "taken", "{answer}");
        let times: Vec<i64> = log(seat)[before..].iter().map(|record| record["at"].as_i64().unwrap()).collect();
        visits.push((times[0], *times.last().unwrap()));
    }
    visits.sort_unstable();
    assert!(visits.windows(2).all(|two| two[0].1 <= two[1].0), "the visits of two seats overlap: {visits:?}");
}

#[test]
fn a_configuration_that_does_not_come_takes_no_other_reading_with_it() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {backup_s: 1, ");
    house.hoshu(&["lab", "hold", "acme-nx01", "show configuration"]).expect(0);
    let words = ["poll", "--on", "acme-nx01", "--tier", "detail", "--tier", "slow", "--json"];
    let polled = house.hoshu(&words).expect(4).json();
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!(seat["outcome"], "answered", "{seat}");
    let readings = seat["readings"].as_array().unwrap();
    let of = |kind: &str| readings.iter().filter(|one| one["component"]["kind"] == kind).collect::<Vec<_>>();
    assert!(!of("disk").is_empty(), "{seat}");
    let saved = of("configuration");
    assert_eq!((&saved[0]["condition"], &saved[0]["said"]), (&"missing".into(), &"timed-out".into()), "{seat}");
    assert!(seat["tiers"].as_array().unwrap().contains(&"slow".into()), "it is not asked each minute: {seat}");
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
}

#[test]
fn what_was_read_stands_when_the_look_at_the_details_breaks() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {backup_s: 1, ");
    house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "pulse", "--tier", "detail"]).expect(0);
    house.hoshu(&["lab", "hold", "acme-nx01", "show configuration"]).expect(0);
    // The slow tier alone is due. It tells something new, and its last question ends the session.
    let words = ["poll", "--on", "acme-nx01", "--every", "1s", "--times", "1", "--json"];
    let polled = house.hoshu(&words).expect(4).json();
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!((&seat["outcome"], &seat["tiers"]), (&"answered".into(), &serde_json::json!(["slow"])), "{seat}");
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
}

#[test]
fn after_a_wish_to_stop_a_seat_that_waits_for_its_turn_is_not_dialled() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {per_customer: 1, ");
    let seats = ["acme-ax01", "acme-ex01", "acme-fx01", "acme-nx01"];
    for seat in seats {
        house.hoshu(&["lab", "hold", seat, "show version"]).expect(0);
    }
    let words = ["poll", "--json", "--on", "customer=acme"];
    let child = house.command(&words).stdout(std::process::Stdio::piped()).spawn().unwrap();
    crate::cli::until(|| seats.iter().any(|seat| house.unit(seat)["waiting"] == 1));
    crate::cli::interrupt(child.id());
    // The signal is taken before the answer is released.
    std::thread::sleep(std::time::Duration::from_millis(300));
    for seat in seats {
        house.hoshu(&["lab", "release", seat]).expect(0);
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let polled: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes = seats.map(|seat| House::seat(&polled, seat)["outcome"].clone());
    let of = |word: &str| outcomes.iter().filter(|outcome| **outcome == word).count();
    assert_eq!((of("answered"), of("stopped")), (1, 3), "{polled}");
}

#[test]
fn an_unchanged_last_gasp_is_in_the_audit() {
    let house = House::example();
    house.onboard();
    poll(&house, "acme-nx01", 0);
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(0);
    house.break_unit("acme-nx01", "disk-failed");
    let failing = poll(&house, "acme-nx01", 4);
    let gasp = &House::seat(&failing, "acme-nx01")["last_gasp"];
    assert_eq!(gasp["unchanged"], true, "{gasp}");
    let why = gasp["why"].as_str().unwrap();
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).out;
    assert!(audit.contains(why), "{why}: {audit}");
}
