//! Lists of what is known, for people, programs and spreadsheets; and a dealer's list held against them.

#![cfg(test)]

use serde_json::Value;

use crate::house::House;

fn rows(answer: &Value, list: &str, key: &str, is: &str) -> Vec<Value> {
    answer[list].as_array().unwrap().iter().filter(|one| one[key] == is).cloned().collect()
}

fn list(house: &House, words: &[&str]) -> Value {
    house.hoshu(&[&["ledger"], words, &["--json"]].concat()).expect(0).json()
}

#[test]
fn lists_say_what_was_met_and_what_nobody_knows() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "customer=acme", "--on", "chidori-nx01"]).expect(0);

    let serials = list(&house, &["serials"]);
    let state = |seat: &str| rows(&serials, "serials", "seat", seat)[0]["state"].clone();
    assert_eq!(
        (state("acme-nx01"), state("chidori-nx01"), state("ginga-nx01")),
        ("same".into(), "not-declared".into(), "not-met".into())
    );
    // A first contact registers the unit with the serial of the files, which is no sight of it.
    let contacted = &rows(&serials, "serials", "seat", "minato-nx02")[0];
    assert_eq!((&contacted["state"], &contacted["seen"]), (&"not-met".into(), &Value::Null), "{contacted}");
    // Whoever changes the file after the hardware was met is told.
    house.edit("inventory/customers/acme.yaml", "serial: FZ1701A3K7Q", "serial: FZ1701A3K7R");
    let serials = list(&house, &["serials", "--on", "acme-nx01"]);
    assert_eq!((&serials["serials"][0]["state"], serials["serials"].as_array().unwrap().len()), (&"differs".into(), 1));

    let licences = list(&house, &["licences"]);
    let support = rows(&licences, "licences", "licence", "FIREEYE_SUPPORT");
    assert!(support.len() >= 4 && support.iter().all(|one| one["condition"] == "good"), "{licences}");
    let unread = rows(&licences, "licences", "seat", "ginga-nx01");
    assert_eq!(
        (unread.len(), &unread[0]["condition"]),
        (1, &Value::Null),
        "a seat without a reading stays in the list"
    );
    let shown = house.hoshu(&["ledger", "licences", "--on", "ginga-nx01"]).expect(0).out;
    assert!(shown.contains("not read yet"), "{shown}");
}

#[test]
fn contracts_that_end_come_first_and_what_has_none_is_named() {
    let house = House::example();
    let today = chrono::Utc::now().with_timezone(&chrono_tz::Asia::Tokyo).date_naive();
    let soon = today.checked_add_days(chrono::Days::new(45)).unwrap().to_string();
    let gone = today.checked_sub_days(chrono::Days::new(3)).unwrap().to_string();
    house.edit("inventory/customers/acme.yaml", "until: 2029-03-31", &format!("until: {soon}"));
    house.edit("inventory/customers/chidori.yaml", "until: 2028-03-31", &format!("until: {gone}"));
    house.edit("inventory/customers/ginga.yaml", "    contract: M-2026-0001\n", "");
    let contracts = list(&house, &["contracts"]);
    let found: Vec<(&str, &str)> = contracts["contracts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["customer"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(found[..3], [("ginga", "missing"), ("chidori", "ended"), ("acme", "ends")], "{found:?}");
    let acme = &rows(&contracts, "contracts", "customer", "acme")[0];
    assert_eq!((&acme["days_left"], &acme["notice"]), (&45.into(), &60.into()), "{acme}");
    assert_eq!(acme["seats"].as_array().unwrap().len(), 4);
    // Another customer's contract is no row of a list for one.
    let one = list(&house, &["contracts", "--on", "customer=acme"]);
    assert_eq!(one["contracts"].as_array().unwrap().len(), 1, "{one}");
}

#[test]
fn a_guess_is_marked_and_what_nobody_knows_is_no_good_news() {
    let house = House::example();
    let ends = list(&house, &["eol"]);
    let of = |seat: &str| {
        let rows = rows(&ends, "ends", "seat", seat);
        rows.into_iter().find(|one| one["subject"] == "model").unwrap()
    };
    let (said, guess, counted, unknown) = (of("acme-nx01"), of("acme-ex01"), of("minato-nx02"), of("acme-fx01"));
    assert_eq!((&said["sureness"], &said["end_of_support"]), (&"said".into(), &"2027-03-31".into()));
    assert_eq!((&guess["sureness"], &guess["end_of_support"]), (&"guess".into(), &"2026-09-30".into()));
    assert_eq!((&counted["sureness"], &counted["end_of_support"]), (&"guess".into(), &"2028-06-30".into()));
    assert!(counted["source"].as_str().unwrap().contains("five years after the end of sale"), "{counted}");
    assert_eq!((&unknown["sureness"], &unknown["end_of_support"]), (&"unknown".into(), &Value::Null));
    // A file with mistakes is refused with their places, as every other one.
    let twice = "models:\n  - {model: NX4500, end_of_sale: 2022-03-31, source: a}\n  - {model: nx4500, source: b}\n";
    std::fs::write(house.path("inventory/eol.yaml"), twice).unwrap();
    let refused = house.hoshu(&["check"]).expect(3).err;
    assert!(refused.contains("stands here twice") && refused.contains("an end has a day"), "{refused}");
}

#[test]
fn a_list_goes_into_a_new_file_that_a_spreadsheet_reads() {
    let house = House::example();
    let written = house.hoshu(&["ledger", "contracts", "--to", "c.csv"]).expect(0);
    assert!(written.err.contains("written: c.csv, 9 rows"), "{}", written.err);
    house.hoshu(&["ledger", "contracts", "--to", "c.xlsx"]).expect(0);
    let csv = hoshu::sheet::read_csv("c.csv", &std::fs::read(house.path("c.csv")).unwrap()).unwrap().sheet;
    let book = hoshu::sheet::read_workbook(&std::fs::read(house.path("c.xlsx")).unwrap()).unwrap().remove(0);
    assert_eq!(csv.rows(), book.rows());
    for (at, cell) in &csv.cells {
        assert_eq!(book.cells.get(at).map(|cell| &cell.text), Some(&cell.text), "{at:?}");
    }
    let again = house.hoshu(&["ledger", "contracts", "--to", "c.csv"]).expect(1);
    assert!(again.err.contains("it exists already"), "{}", again.err);
    house.hoshu(&["ledger", "contracts", "--to", "c.ods"]).expect(2);
}

#[test]
fn a_dealers_list_is_held_against_files_and_hardware() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "customer=acme"]).expect(0);
    let head = "契約番号,お客様,ホスト名,シリアルNo.,型番,保守満了日\n";
    let whole = "M-2024-0117,acme,nx01,FZ1701A3K7Q,NX4500,2029/3/31\nM-2024-0117,acme,ex01,FZ1802B4M2T,EX8500,2029/3/31\n\
                 M-2024-0117,acme,ax01,FZ1609C8R4W,AX8400,2029/3/31\nM-2024-0117,acme,fx01,FZ1611D2H9X,FX8400,令和11年3月31日\n";
    std::fs::write(house.path("good.csv"), format!("{head}{whole}")).unwrap();
    let good = house.hoshu(&["ledger", "reconcile", "good.csv", "--from", "csv", "--json"]).expect(0).json();
    assert!(good["compared"].as_array().unwrap().iter().all(|one| one["standing"] == "agrees"), "{good}");

    // Serials of two units exchanged, another model and day, one that is not ours, and one of ours that is absent.
    let other = "M-2024-0117,acme,nx01,FZ1802B4M2T,NX4500,2029/3/31\nM-2024-0117,acme,ex01,FZ1701A3K7Q,EX8500,2029/3/31\n\
                 M-2024-0117,acme,ax01,FZ1609C8R4W,AX5600,2028/3/31\nM-2024-0117,acme,zz01,FZ9999X9X9X,NX1500,2029/2/30\n";
    std::fs::write(house.path("other.csv"), format!("{head}{other}")).unwrap();
    let ran = house.hoshu(&["ledger", "reconcile", "other.csv", "--from", "csv", "--to", "r.csv"]).expect(4);
    insta::assert_snapshot!("reconcile", ran.out);
    assert!(ran.err.contains("doubt: other.csv!F5: 2029/2/30 is no date (contract_until)"), "{}", ran.err);
    assert!(house.path("r.csv").exists());
    // Of other customers nothing is missing there, since the list names acme alone.
    assert!(!ran.out.contains("ginga"), "{}", ran.out);
    let all =
        house.hoshu(&["ledger", "reconcile", "other.csv", "--from", "csv", "--on", "all", "--json"]).expect(4).json();
    assert!(rows(&all, "compared", "standing", "missing-there").len() > 10, "{all}");
}

/// The unit was replaced and the dealer was not told: its list agrees with our files, and with no hardware.
#[test]
fn hardware_that_was_seen_counts_more_than_what_is_written() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(0);
    house.edit("inventory/customers/acme.yaml", "serial: FZ1701A3K7Q", "serial: FZ0000OLD1");
    std::fs::write(house.path("old.csv"), "ホスト名,お客様,シリアル\nnx01,acme,FZ0000OLD1\n").unwrap();
    let found = house.hoshu(&["ledger", "reconcile", "old.csv", "--from", "csv", "--json"]).expect(4).json();
    let one = &rows(&found, "compared", "seat", "acme-nx01")[0];
    let (standing, difference) = (&one["standing"], &one["differences"][0]);
    assert_eq!((standing, &difference["seen"]), (&"differs".into(), &"FZ1701A3K7Q".into()), "{one}");
    assert_eq!((&difference["theirs"], &difference["declared"]), (&"FZ0000OLD1".into(), &"FZ0000OLD1".into()));
}
