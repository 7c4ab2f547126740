//! One question to many appliances: who says what, and what is shown of it.

#![cfg(test)]

use serde_json::Value;

use crate::house::House;

/// What it says changes with each setting that is not saved.
const FILES: &str = "show configuration files";
const CONFIG: &str = "show running-config";

fn ask(house: &House, words: &[&str], code: i32) -> Value {
    house.hoshu(&[&["ask", "--json"], words].concat()).expect(code).json()
}

/// The seats of each group.
fn groups(answer: &Value) -> Vec<Vec<&str>> {
    let seats = |group: &Value| group["seats"].as_array().unwrap().len();
    let groups = answer["groups"].as_array().unwrap();
    assert!(groups.iter().all(|group| seats(group) > 0));
    groups
        .iter()
        .map(|group| group["seats"].as_array().unwrap().iter().map(|seat| seat.as_str().unwrap()).collect())
        .collect()
}

/// The questions in the audit, newest first.
fn asked(house: &House) -> Vec<(String, Value)> {
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).json();
    let records = audit["records"].as_array().unwrap().iter().filter(|record| record["act"] == "asked");
    let detail = |record: &Value| serde_json::from_str::<Value>(record["detail"].as_str().unwrap()).unwrap();
    records.map(|record| (record["subject"].as_str().unwrap().to_owned(), detail(record))).collect()
}

#[test]
fn the_odd_one_comes_first() {
    let house = House::example();
    house.onboard();
    let all = ["acme-ax01", "acme-ex01", "acme-fx01", "acme-nx01"];
    assert_eq!(groups(&ask(&house, &["--on", "customer=acme", FILES], 0)), [all]);
    house.hoshu(&["lab", "change", "acme-ex01", "ntp server 192.0.2.77"]).expect(0);
    let answer = ask(&house, &["--on", "customer=acme", FILES], 0);
    assert_eq!(groups(&answer), [vec!["acme-ex01"], vec!["acme-ax01", "acme-fx01", "acme-nx01"]]);
    let odd = &answer["groups"][0];
    assert_eq!((&odd["against"], &answer["groups"][1]["against"]), (&"acme-ax01".into(), &Value::Null));
    let added = odd["hunks"][0]["lines"].as_array().unwrap().iter().find(|line| line["sign"] == "added").unwrap();
    assert!(added["text"].as_str().unwrap().contains("Unsaved changes: yes"), "{odd}");

    let shown = house.hoshu(&["ask", "--on", "customer=acme", FILES]).expect(0);
    let head = "1 of 4 answers: acme-ex01\n    --- acme-ax01\n    +++ acme-ex01\n    @@ -3 +3 @@\n";
    assert!(shown.out.starts_with(head), "{}", shown.out);
    assert!(
        shown.out.contains("3 of 4 answers: acme-ax01, acme-fx01, acme-nx01\n    initial (active)\n"),
        "{}",
        shown.out
    );
    assert!(shown.err.starts_with("4 seats: 4 answers in 2 groups, 0 without an answer ("), "{}", shown.err);
    // From the odd one, the others are told by what they have otherwise, and it is not printed itself.
    let from = house.hoshu(&["ask", "--on", "customer=acme", "--diff-from", "acme-ex01", FILES]).expect(0).out;
    assert!(from.starts_with("3 of 4 answers: acme-ax01, acme-fx01, acme-nx01\n    --- acme-ex01\n"), "{from}");
    assert!(from.ends_with("\n1 of 4 answers, as acme-ex01: acme-ex01\n\n"), "{from}");
    // Long lists of names are cut.
    let many = house.hoshu(&["ask", "--on", "all", "show wsapi"]).expect(0).out;
    assert!(many.contains("furumachi-nx01 and 11 more (--all)\n") && many.contains("not-yet-served"), "{many}");
    let many = house.hoshu(&["ask", "--on", "all", "--all", "show wsapi"]).expect(0).out;
    assert!(!many.contains("(--all)") && many.contains("furumachi-nx01, kitahama-ex01"), "{many}");
    let one = serde_json::json!({"v": 1, "on": ["customer=acme"], "seats": 4});
    assert_eq!(asked(&house).last().unwrap(), &(FILES.to_owned(), one));
    assert_eq!(asked(&house).len(), 6);
}

#[test]
fn what_only_looks_is_asked_and_nothing_else_is_dialled() {
    let house = House::example();
    house.onboard();
    let log = || house.unit("acme-nx01")["log"].clone();
    let before = log();
    for words in [
        &["reload"][..],
        &["sh ntp"],
        &["no show ntp"],
        &["show ntp | include x"],
        &["show ntp; reload"],
        &["show ntp\nreload"],
        &["show ntp", "--diff-from", "umi-nx02"],
        &["show ntp", "--on", "acme-nx99"],
    ] {
        let ran = house.hoshu(&[&["ask", "--on", "acme-nx01"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?} {}", ran.err);
    }
    assert_eq!(log(), before);
    assert_eq!(asked(&house), []);
    ask(&house, &["--on", "acme-nx01", "show ntp"], 0);
    let log = log();
    let sent: Vec<&Value> = log.as_array().unwrap().iter().skip(before.as_array().unwrap().len()).collect();
    assert_eq!(sent.iter().filter(|record| record["received"] == "login-accepted").count(), 1, "{sent:?}");
    assert_eq!(sent.iter().filter(|record| record["text"] == "show ntp").count(), 1, "{sent:?}");
}

#[test]
fn one_that_does_not_answer_is_listed_and_takes_nobody_with_it() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-fx01", "wrong-password");
    let answer = ask(&house, &["--on", "customer=acme", "--diff-from", "acme-fx01", FILES], 4);
    assert_eq!(groups(&answer), [["acme-ax01", "acme-ex01", "acme-nx01"]]);
    assert_eq!((&answer["asked"], &answer["answered"], &answer["diff_from"]), (&4.into(), &3.into(), &Value::Null));
    let without = answer["unanswered"].as_array().unwrap();
    assert_eq!(without.len(), 1);
    assert_eq!((&without[0]["seat"], &without[0]["outcome"]), (&"acme-fx01".into(), &"login-refused".into()));
    let shown = house.hoshu(&["ask", "--on", "acme-fx01", "--diff-from", "acme-fx01", FILES]).expect(4);
    assert!(shown.out.starts_with("SEAT       CUSTOMER  OUTCOME  WHY\nacme-fx01  acme      braked "), "{}", shown.out);
    assert!(shown.err.starts_with("acme-fx01 did not answer: the largest group"), "{}", shown.err);
    // Hardware that is not the seat's is not asked.
    house.break_unit("acme-ex01", "wrong-appliance");
    let answer = ask(&house, &["--on", "acme-ex01", FILES], 4);
    assert_eq!(answer["unanswered"][0]["outcome"], "wrong-appliance", "{answer}");
    let log = house.unit("acme-ex01")["log"].clone();
    assert_eq!(log.as_array().unwrap().iter().filter(|record| record["text"] == FILES).count(), 1, "{log}");
}

#[test]
fn the_question_is_in_the_audit_before_it_is_sent_and_can_be_stopped() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {sessions: 1, per_site: 1, per_customer: 1, ");
    house.hoshu(&["lab", "hold", "acme-ax01", "show version"]).expect(0);
    let words = ["ask", "--json", "--on", "customer=acme", FILES];
    let child = house.command(&words).stdout(std::process::Stdio::piped()).spawn().unwrap();
    crate::cli::until(|| house.unit("acme-ax01")["waiting"] == 1);
    assert_eq!(asked(&house).len(), 1);
    crate::cli::interrupt(child.id());
    // The signal is taken before the answer is released.
    std::thread::sleep(std::time::Duration::from_millis(300));
    house.hoshu(&["lab", "release", "acme-ax01"]).expect(0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["answered"], &answer["stopped"]), (&1.into(), &true.into()), "{answer}");
    let stopped = answer["unanswered"].as_array().unwrap();
    assert!(stopped.len() == 3 && stopped.iter().all(|one| one["outcome"] == "stopped"), "{answer}");
}

#[test]
fn a_credential_for_changes_is_not_needed_and_one_for_the_sweep_is_read_before_anybody_is_dialled() {
    let house = House::example();
    house.onboard();
    std::fs::remove_file(house.path("lab/secrets/acme-admin")).unwrap();
    assert_eq!(ask(&house, &["--on", "acme-nx01", FILES], 0)["answered"], 1);
    let before = house.unit("acme-nx01")["log"].clone();
    std::fs::remove_file(house.path("lab/secrets/acme-snmp")).unwrap();
    let answer = ask(&house, &["--on", "acme-nx01", FILES], 4);
    assert_eq!(answer["unanswered"][0]["outcome"], "no-credential", "{answer}");
    assert_eq!(house.unit("acme-nx01")["log"], before);
}

#[test]
fn no_answer_shows_a_secret() {
    let house = House::example();
    let password = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap().trim().to_owned();
    house.hoshu(&["hostkey", "scan", "--on", "all"]).expect(4);
    house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]).expect(4);
    let community = |seat: &str, community: &str| {
        let line = format!("snmp-server community {community} ro");
        house.hoshu(&["lab", "change", seat, &line]).expect(0);
    };
    community("acme-nx01", "tiger-one");
    // No rule and no word of a secret finds this one: it is the credential with which Hoshu comes.
    house.hoshu(&["lab", "change", "acme-nx01", &format!("banner login x.{password}.x")]).expect(0);
    let lines = |answer: &Value| -> Vec<String> {
        let groups = answer["groups"].as_array().unwrap().iter();
        let lines = groups.flat_map(|group| group["lines"].as_array().unwrap().clone());
        lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    // Without keys masks tell nothing.
    let bare = ask(&house, &["--on", "acme-nx01", CONFIG], 0);
    assert_eq!(bare["fingerprints"], false);
    assert!(lines(&bare).contains(&"snmp-server community ‹masked› ro".to_owned()), "{bare}");
    assert_eq!(lines(&bare).last().unwrap(), "‹masked›", "the line with the password");
    house.hoshu(&["key", "init"]).expect(0);
    let keyed = ask(&house, &["--on", "acme-nx01", CONFIG], 0);
    assert_eq!(keyed["fingerprints"], true);
    let faces = |answer: &Value| {
        let mut all = lines(answer);
        all.retain(|line| line.starts_with("snmp-server community ‹masked:"));
        assert!(!all.is_empty(), "{answer}");
        all
    };
    // Another secret is another answer, and the same one is the same.
    assert_eq!(faces(&ask(&house, &["--on", "acme-nx01", CONFIG], 0)), faces(&keyed));
    community("acme-nx01", "tiger-two");
    let changed = ask(&house, &["--on", "acme-nx01", CONFIG], 0);
    assert_ne!(faces(&changed), faces(&keyed));
    // Over two customers fingerprints say nothing.
    let wide = house.hoshu(&["ask", "--on", "acme-nx01", "--on", "furumachi-nx01", CONFIG]).expect(0);
    assert!(wide.out.contains("snmp-server community ‹masked› ro") && !wide.out.contains("‹masked:"), "{}", wide.out);
    assert!(wide.err.starts_with("masks are without fingerprints: "), "{}", wide.err);
    let below = house.hoshu(&["ask", "--on", "acme-nx01", "show snmp"]).expect(0).out;
    assert!(below.contains("    Read-only communities:\n    ‹masked›\n"), "{below}");
    for text in [bare.to_string(), keyed.to_string(), changed.to_string(), wide.out] {
        assert!(!text.contains("tiger-") && !text.contains(&password), "{text}");
        assert!(text.contains("‹masked"));
    }
}
