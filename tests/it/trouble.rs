//! A fleet in which some appliances are hostile, broken or strange: they hurt themselves alone.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;

use crate::house::House;

/// Peak resident memory of a running process, in megabytes.
fn peak_mb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb / 1024)
}

#[test]
fn fifty_good_appliances_are_polled_beside_ten_hostile_ones() {
    let house = House::generated(60);
    house.onboard();
    let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
    let seats: Vec<String> = listed["appliances"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["seat"]["ssh"]["algorithms"] == "modern")
        .map(|line| line["seat"]["name"].as_str().unwrap().to_owned())
        .collect();
    let hostile = [
        ("endless-output", &["over-limit", "timed-out"][..]),
        ("garble", &["not-understood", "answered"]),
        ("silent", &["timed-out"]),
        ("drop-mid-command", &["dropped"]),
        ("no-prompt", &["no-prompt"]),
        ("session-table-full", &["closed-early"]),
        ("changed-host-key", &["key-changed"]),
        ("wrong-appliance", &["wrong-appliance"]),
        ("refused", &["refused"]),
        ("slow", &["answered", "timed-out"]),
        ("slow-line", &["answered"]),
    ];
    // Who an appliance is gets known at its first login.
    house.hoshu(&["poll", "--on", "all", "--tier", "pulse"]).expect(0);
    for (seat, (fault, _)) in seats.iter().zip(hostile) {
        house.break_unit(seat, fault);
    }
    let before = house.unit(&seats[6])["auth_attempts"].clone();
    let child = house
        .command(&["poll", "--on", "all", "--json", "--tier", "pulse"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(now) = peak_mb(pid) {
            peak = peak.max(now);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    let peak = watch.join().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(peak > 0 && peak < 300, "{peak} MB");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["seats"].as_array().unwrap().len(), 60);
    for (seat, (fault, outcomes)) in seats.iter().zip(hostile) {
        let found = House::seat(&answer, seat)["outcome"].as_str().unwrap();
        assert!(outcomes.contains(&found), "{fault} gave {found}: {}", House::seat(&answer, seat));
    }
    for seat in answer["seats"].as_array().unwrap() {
        if !seats.iter().take(hostile.len()).any(|name| seat["seat"] == name.as_str()) {
            assert_eq!(seat["outcome"], "answered", "{seat}");
        }
    }
    assert_eq!(house.unit(&seats[6])["auth_attempts"], before, "a changed key must not see one authentication message");
}

#[test]
fn a_first_contact_sends_no_authentication() {
    let house = House::example();
    for words in [&["poll", "--on", "all"][..], &["hostkey", "scan", "--on", "all"], &["poll", "--on", "all"]] {
        let ran = house.hoshu(words);
        assert!(matches!(ran.code, 0 | 4), "{}", ran.err);
    }
    for seat in ["acme-nx01", "furumachi-nx02", "momiji-cm01"] {
        assert_eq!(house.unit(seat)["auth_attempts"], 0, "{seat}");
    }
    // A fingerprint that is another one than the shown is not accepted.
    std::fs::write(house.path("wrong.txt"), "acme-nx01 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n").unwrap();
    house.hoshu(&["hostkey", "accept", "--from", "wrong.txt", "--route", "console"]).expect(4);
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    assert_eq!(house.unit("acme-nx01")["auth_attempts"], 0);
}

#[test]
fn a_revoked_key_is_refused_for_ever() {
    let house = House::example();
    house.onboard();
    let listed = house.hoshu(&["hostkey", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    let id = listed["keys"][0]["id"].as_str().unwrap().to_owned();
    house.hoshu(&["hostkey", "revoke", &id, "--reason", "the unit was swapped"]).expect(0);
    let before = house.unit("acme-nx01")["auth_attempts"].clone();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]);
    let refused = house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "console"]).expect(4);
    assert!(refused.err.contains("acme-nx01: it is revoked"), "{}", refused.err);
    assert_eq!(house.unit("acme-nx01")["auth_attempts"], before);
}

#[test]
fn one_lying_appliance_stops_only_itself() {
    let house = House::generated(40);
    house.onboard();
    house.hoshu(&["poll", "--on", "all", "--tier", "pulse"]);
    let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
    let seats: Vec<String> = listed["appliances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["seat"]["name"].as_str().unwrap().to_owned())
        .collect();
    house.break_unit(&seats[5], "wrong-password");
    let polled = house.hoshu(&["poll", "--on", "all", "--tier", "pulse", "--json"]).expect(4).json();
    assert_eq!(polled["answered"], 39, "{polled}");
    assert_eq!(House::seat(&polled, &seats[5])["outcome"], "login-refused");
    let before = house.unit(&seats[5])["auth_attempts"].clone();
    let polled = house.hoshu(&["poll", "--on", "all", "--tier", "pulse", "--json"]).expect(4).json();
    assert_eq!(House::seat(&polled, &seats[5])["outcome"], "braked", "no login is tried again by itself");
    assert_eq!(house.unit(&seats[5])["auth_attempts"], before);
    assert_eq!(polled["answered"], 39);
    // A person found out why, and clears it.
    house.hoshu(&["lab", "mend", &seats[5]]).expect(0);
    let credentials = house.hoshu(&["credential", "list", "--json"]).expect(0).json();
    let stopped =
        credentials["credentials"].as_array().unwrap().iter().find(|one| one["stops"][0]["seat"] == seats[5].as_str());
    let name = stopped.unwrap()["name"].as_str().unwrap().to_owned();
    house.hoshu(&["credential", "clear", &name, "--seat", &seats[5]]).expect(0);
    let polled = house.hoshu(&["poll", "--on", &seats[5], "--tier", "pulse", "--json"]).json();
    assert_eq!(House::seat(&polled, &seats[5])["outcome"], "answered");
}

#[test]
fn a_credential_that_everybody_refuses_is_tried_twice_in_all() {
    let house = House::example();
    house.onboard();
    let acme = ["acme-nx01", "acme-ex01", "acme-ax01", "acme-fx01"];
    for seat in acme {
        house.break_unit(seat, "wrong-password");
    }
    // One session at a time, so that no login is under way when the first refusal comes.
    house.edit("hoshu.yaml", "limits: {", "limits: {sessions: 1, ");
    let polled = house.hoshu(&["poll", "--on", "customer=acme", "--json"]).expect(4).json();
    let tried: i64 = acme.iter().map(|seat| house.unit(seat)["auth_attempts"].as_i64().unwrap()).sum();
    assert_eq!(tried, 2);
    let refused = acme.iter().filter(|seat| House::seat(&polled, seat)["outcome"] == "login-refused").count();
    let braked = acme.iter().filter(|seat| House::seat(&polled, seat)["outcome"] == "braked").count();
    // The further try is made on behalf of the seat that refused.
    assert_eq!((refused, braked), (1, 3), "{polled}");
    house.hoshu(&["poll", "--on", "customer=acme"]).expect(4);
    let again: i64 = acme.iter().map(|seat| house.unit(seat)["auth_attempts"].as_i64().unwrap()).sum();
    assert_eq!(again, tried, "it stays stopped until a person clears it");
}

#[test]
fn a_credential_that_many_refuse_at_once_is_stopped_everywhere_with_one_try_more() {
    for worked_before in [true, false] {
        let house = House::generated(24);
        house.onboard();
        if worked_before {
            house.hoshu(&["poll", "--on", "all", "--tier", "pulse"]);
        }
        let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
        let lines = listed["appliances"].as_array().unwrap();
        let name = lines[0]["seat"]["credentials"]["read"].as_str().unwrap();
        let customer = format!("customer={}", name.split('/').next().unwrap());
        let seats: Vec<&str> = lines
            .iter()
            .filter(|line| line["seat"]["credentials"]["read"] == name && line["not_tried"] == "")
            .map(|line| line["seat"]["name"].as_str().unwrap())
            .collect();
        for seat in &seats {
            house.break_unit(seat, "wrong-password");
        }
        let tried = || -> u64 { seats.iter().map(|seat| house.unit(seat)["auth_attempts"].as_u64().unwrap()).sum() };
        let poll = || house.hoshu(&["poll", "--on", &customer, "--json"]).expect(4).json();
        let before = tried();
        let polled = poll();
        let of = |outcome: &str| seats.iter().filter(|seat| House::seat(&polled, seat)["outcome"] == outcome).count();
        let refused = of("login-refused");
        assert!(refused > 2, "many at once: {polled}");
        assert_eq!(refused + of("braked"), seats.len(), "{polled}");
        for seat in &seats {
            let reason = House::seat(&polled, seat)["reason"].as_str().unwrap();
            assert!(reason.ends_with(&format!("{name}: credential-stopped")), "{reason}");
        }
        // Each seat that was under way, and the one further try.
        let attempts = tried() - before;
        assert!(attempts <= refused as u64 + 1, "{attempts} logins, {refused} seats refused");
        let stops = || -> Vec<Value> {
            let audit = house.hoshu(&["audit", "list", "--most", "500", "--json"]).expect(0).json();
            let records = audit["records"].as_array().unwrap().clone();
            records.into_iter().filter(|record| record["act"] == "credential-stopped").collect()
        };
        assert_eq!(stops().len(), 1, "{:?}", stops());
        assert_eq!(stops()[0]["detail"]["seat"], Value::Null, "{:?}", stops());
        let credentials = house.hoshu(&["credential", "list"]).expect(0).out;
        let line = credentials.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains("stopped everywhere since"), "{line}");
        let refused = house.hoshu(&["credential", "clear", name, "--seat", seats[0]]).expect(2);
        assert!(refused.err.contains("is stopped everywhere"), "{}", refused.err);
        let again = poll();
        for seat in &seats {
            assert_eq!(House::seat(&again, seat)["reason"], format!("{name}: credential-stopped"));
        }
        assert_eq!((tried() - before, stops().len()), (attempts, 1), "it stays stopped until a person clears it");
    }
}

#[test]
fn a_stop_that_is_not_there_is_not_taken_back() {
    let house = House::example();
    house.onboard();
    for (seat, words) in [
        ("nowhere", "there is no seat \"nowhere\""),
        ("momiji-nx02", "there is no stop of this credential on seat \"momiji-nx02\""),
        ("acme-nx01", "there is no stop of this credential on seat \"acme-nx01\""),
    ] {
        let refused = house.hoshu(&["credential", "clear", "acme/operator", "--seat", seat]).expect(2);
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).out;
    assert!(!audit.contains("credential-cleared"), "{audit}");
    house.hoshu(&["poll", "--on", "customer=acme", "--tier", "pulse"]);
    house.break_unit("acme-nx01", "wrong-password");
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]).expect(4).json();
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!(seat["outcome"], "login-refused");
    assert!(seat["reason"].as_str().unwrap().ends_with("acme/operator: seat-stopped"), "{seat}");
    house.hoshu(&["credential", "clear", "acme/operator", "--seat", "acme-nx01"]).expect(0);
    house.hoshu(&["credential", "clear", "acme/operator", "--seat", "acme-nx01"]).expect(2);
}

#[test]
fn words_that_nobody_has_seen_are_neither_good_nor_failed() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "odd-words");
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]).expect(4).json();
    let readings = House::seat(&polled, "acme-nx01")["readings"].as_array().unwrap().clone();
    let odd: Vec<_> = readings.iter().filter(|one| one["condition"] == "unrecognised").collect();
    assert!(!odd.is_empty(), "{polled}");
    assert!(readings.iter().all(|one| one["condition"] != "bad"), "{polled}");
}

#[test]
fn an_appliance_that_passes_traffic_uninspected_is_never_good() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "bypass");
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]).expect(4).json();
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!(seat["good"], false);
    let readings = seat["readings"].as_array().unwrap();
    assert!(readings.iter().any(|one| one["condition"] == "unprotected"), "{seat}");
    // A pulse does not look at port pairs; what is known of them stays known.
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "pulse", "--json"]).expect(4).json();
    assert_eq!(House::seat(&polled, "acme-nx01")["good"], false, "{polled}");
    let rounds = ["poll", "--on", "acme-nx01", "--every", "1s", "--times", "2"];
    house.hoshu(&rounds).expect(4);
}

#[test]
fn a_monitoring_port_that_loses_its_link_is_found() {
    let house = House::example();
    house.onboard();
    let links = |seat: &str| {
        let polled = house.hoshu(&["poll", "--on", seat, "--tier", "detail", "--json"]).json();
        let readings = House::seat(&polled, seat)["readings"].as_array().unwrap().clone();
        let links = readings.iter().filter(|one| one["component"]["kind"] == "interface");
        links
            .map(|one| format!("{} {}", one["component"]["name"].as_str().unwrap(), one["condition"].as_str().unwrap()))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let good = ["ether1", "ether2", "pether3", "pether4", "pether5", "pether6"].map(|port| format!("{port} good"));
    assert_eq!(links("acme-nx01"), good.into());
    assert_eq!(links("acme-ex01").len(), 2, "an EX has no port pairs, and is asked for none");
    house.break_unit("acme-nx01", "link-down");
    let broken = links("acme-nx01");
    assert!(broken.contains("pether6 bad") && broken.contains("pether5 good"), "{broken:?}");
    let findings = house.hoshu(&["finding", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    let port = |one: &Value| one["component"]["name"] == "pether6" && one["condition"] == "bad";
    assert!(findings["findings"].as_array().unwrap().iter().any(port), "{findings}");
    let log = house.unit("acme-nx01")["log"].as_array().unwrap().clone();
    let asked = log.iter().filter(|one| one["text"].as_str().unwrap().starts_with("show interfaces pether"));
    assert_eq!(asked.count(), 8, "four ports in each of two polls, and no port that it does not have");
}

#[test]
fn a_seat_without_ssh_by_declaration_is_not_tried_and_not_called_failed_or_good() {
    let house = House::example();
    house.onboard();
    let before = house.unit("acme-nx01")["sessions_ever"].clone();
    house.edit("inventory/customers/acme.yaml", "ssh: yes, https", "ssh: blocked, https");
    let polled = house.hoshu(&["poll", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!((&polled["no_ssh"], &polled["good"], &polled["answered"]), (&4.into(), &0.into(), &0.into()));
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!(
        (&seat["outcome"], &seat["good"], &seat["readings"]),
        (&"no-ssh".into(), &false.into(), &Value::Array(vec![]))
    );
    assert_eq!(seat["reason"], "no SSH: it is declared as blocked behind gateway tokyo-vpn");
    let taken = house.hoshu(&["backup", "take", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!((&taken["no_ssh"], &taken["failed"], &taken["taken"]), (&4.into(), &0.into(), &0.into()));
    let scanned = house.hoshu(&["hostkey", "scan", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!(House::seat(&scanned, "acme-nx01")["outcome"], "no-ssh");
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], before, "nobody dialled it");
    let findings = house.hoshu(&["finding", "list", "--on", "customer=acme", "--json"]).expect(0).json();
    assert_eq!(findings["findings"], Value::Array(vec![]));
    let said = "no SSH: it is declared as blocked behind gateway tokyo-vpn";
    let shown = house.hoshu(&["appliance", "show", "acme-nx01"]).expect(0).out;
    assert!(shown.lines().any(|line| line.starts_with("not tried") && line.ends_with(said)), "{shown}");
    let listed = house.hoshu(&["appliance", "list", "--on", "customer=acme"]).expect(0).out;
    assert_eq!(listed.matches(said).count(), 4, "{listed}");
    let summary = house.hoshu(&["poll", "--on", "customer=acme,series=nx", "--on", "umi-nx02"]).err;
    assert!(
        summary.contains("2 seats: ") && summary.contains(", 0 not yet served, 1 without SSH as declared ("),
        "{summary}"
    );
}

#[test]
fn damage_on_the_line_is_not_another_appliance() {
    let house = House::example();
    house.onboard();
    let asked = |seat: &str| {
        let log = house.unit(seat)["log"].as_array().unwrap().clone();
        log.iter().filter(|one| one["text"] == "show version").count()
    };
    let poll = |seat: &str| {
        let polled = house.hoshu(&["poll", "--on", seat, "--tier", "pulse", "--json"]).json();
        House::seat(&polled, seat).clone()
    };
    // The serial is damaged at the first login: the damage does not become what is known.
    house.break_unit("umi-nx02", "garble");
    assert_eq!(poll("umi-nx02")["outcome"], "not-understood");
    house.hoshu(&["lab", "mend", "umi-nx02"]).expect(0);
    assert_eq!(poll("umi-nx02")["outcome"], "answered");

    assert_eq!(poll("acme-nx01")["outcome"], "answered");
    assert_eq!(asked("acme-nx01"), 1, "one reading that agrees is enough");
    house.hoshu(&["lab", "break", "acme-nx01", "garble", "--times", "1"]).expect(0);
    assert_eq!(poll("acme-nx01")["outcome"], "answered", "the second reading is the one that counts");
    assert_eq!(asked("acme-nx01"), 3);

    house.break_unit("acme-nx01", "garble");
    let polled = poll("acme-nx01");
    assert_eq!((&polled["outcome"], &polled["good"]), (&"not-understood".into(), &false.into()), "{polled}");
    assert!(polled["reason"].as_str().unwrap().contains("its serial arrived damaged"), "{polled}");
    let reach = polled["readings"].as_array().unwrap().iter().find(|one| one["component"]["kind"] == "reach").unwrap();
    assert_eq!(reach["condition"], "malformed", "{polled}");
    assert_eq!(asked("acme-nx01"), 5, "twice, and not once more");
    let taken = house.hoshu(&["backup", "take", "--on", "acme-nx01", "--json"]).expect(4).json();
    assert_eq!(House::seat(&taken, "acme-nx01")["outcome"], "not-understood");
    let findings = house.hoshu(&["finding", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    assert_eq!(findings["findings"][0]["state"], "soft", "{findings}");

    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    house.break_unit("acme-nx01", "wrong-appliance");
    let before = asked("acme-nx01");
    assert_eq!(poll("acme-nx01")["outcome"], "wrong-appliance");
    assert_eq!(asked("acme-nx01"), before + 2, "it is believed when it says so twice");
    let findings = house.hoshu(&["finding", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    let hard = |one: &Value| one["state"] == "hard" && one["condition"] == "bad";
    assert!(findings["findings"].as_array().unwrap().iter().any(hard), "{findings}");
}

#[test]
fn silence_ends_no_finding() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "disk-failed");
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    house.break_unit("acme-nx01", "refused");
    for _ in 0..3 {
        house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    }
    let listed = house.hoshu(&["finding", "list", "--json"]).expect(0).json();
    let disk = listed["findings"].as_array().unwrap().iter().find(|one| one["component"]["kind"] == "disk").unwrap();
    assert_eq!((&disk["state"], &disk["count"]), (&"hard".into(), &2.into()), "{disk}");
}

#[test]
fn a_store_that_others_may_read_is_not_called_busy() {
    let house = House::example();
    house.onboard();
    fs::set_permissions(house.path("data/hoshu.db"), fs::Permissions::from_mode(0o644)).unwrap();
    for args in [&["finding", "list"][..], &["poll", "--on", "acme-nx01"]] {
        let refused = house.hoshu(args).expect(7);
        assert!(refused.err.starts_with("error[store]:") && refused.err.contains("0644"), "{}", refused.err);
        assert!(refused.err.contains("hint: take the rights away"), "{}", refused.err);
    }
}

#[test]
fn a_unit_that_asks_is_answered_when_the_question_is_known() {
    let house = House::example();
    house.onboard();
    let outcome = || {
        let polled = house.hoshu(&["poll", "--on", "acme-ax01", "--json"]).json();
        let seat = House::seat(&polled, "acme-ax01");
        (seat["outcome"].clone(), seat["reason"].as_str().unwrap_or_default().to_owned())
    };
    house.break_unit("acme-ax01", "asks-password");
    assert_eq!(outcome().0, "answered");
    house.break_unit("acme-ax01", "asks-token");
    let (word, reason) = outcome();
    assert_eq!((word, reason.as_str()), ("no-prompt".into(), "unknown question at login: \"Token: \""));
    house.hoshu(&["lab", "mend", "acme-ax01"]).expect(0);
    assert_eq!(outcome().0, "answered", "no credential was blamed");
}
