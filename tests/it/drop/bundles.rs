//! Log bundles: pushed as a backup is, and none.

use serde_json::Value;

use super::{add_drop, with_drop};
use crate::house::{House, files};

fn taken(house: &House, seat: &str, code: i32) -> Value {
    let answer = house.hoshu(&["bundle", "take", "--on", seat, "--json"]).expect(code).json();
    House::seat(&answer, seat).clone()
}

fn doubts(taken: &Value) -> Vec<&str> {
    taken["bundle"]["doubts"].as_array().unwrap().iter().map(|one| one["doubt"].as_str().unwrap()).collect()
}

#[test]
fn an_appliance_pushes_a_log_bundle_which_is_no_backup() {
    let (house, _) = with_drop();
    let first = taken(&house, "acme-nx01", 0);
    assert_eq!((&first["bundle"]["bytes"], doubts(&first)), (&1_200_000.into(), vec![]), "{first}");
    let id = first["bundle"]["id"].as_str().unwrap();
    // A CM writes no full backup, and has logs.
    assert_eq!(taken(&house, "momiji-cm01", 0)["bundle"]["standing"]["worth"], "taken");
    let listed = house.hoshu(&["bundle", "list", "--on", "acme-nx01"]).expect(0).out;
    assert!(listed.contains(id) && listed.contains("1200000 bytes"), "{listed}");
    // Sealed, and nowhere in clear.
    for (path, bytes) in files(&house.path("data")) {
        let clear = bytes.windows(20).any(|part| part == b" line 000000000012 .");
        assert!(!clear, "{}", path.display());
    }
    house.hoshu(&["store", "check"]).expect(0);
    // Wherever a backup is looked for, it is none.
    let backups = house.hoshu(&["backup", "list", "--json"]).expect(0).json();
    assert_eq!(backups["backups"], serde_json::json!([]));
    let missing = house.hoshu(&["backup", "coverage", "--on", "acme-nx01"]).expect(4).out;
    assert!(missing.contains("never"), "{missing}");
    let row = id.replace("bundle", "backup");
    for words in [
        &["backup", "verify", &row][..],
        &["backup", "show", &row],
        &["backup", "accept", &row, "--reason", "x"],
        &["backup", "export", &row, "--to", "x", "--full", "--reason", "x"],
    ] {
        let refused = house.hoshu(words).expect(2).err;
        assert!(refused.contains(&format!("{id} is a log bundle: hoshu bundle list")), "{refused}");
    }
    let pruned = house.hoshu(&["backup", "prune", "--json"]).expect(0).json();
    assert_eq!(pruned["backups"], serde_json::json!([]));
    // It leaves in clear, for a reason, once it is written down.
    house.hoshu(&["bundle", "export", id, "--to", "logs.tgz"]).expect(2);
    house.hoshu(&["bundle", "export", id, "--to", "logs.tgz", "--reason", " "]).expect(2);
    assert!(!house.path("logs.tgz").exists());
    house.hoshu(&["bundle", "export", id, "--to", "logs.tgz", "--reason", "case 4711"]).expect(0);
    let bytes = std::fs::read(house.path("logs.tgz")).unwrap();
    assert!(bytes.len() == 1_200_000 && bytes.starts_with(b" of sysdump-nx01-"), "{}", bytes.len());
    house.hoshu(&["bundle", "export", id, "--to", "logs.tgz", "--reason", "again"]).expect(1);
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let acts: Vec<(&str, &str)> = audit["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["act"].as_str().unwrap(), one["subject"].as_str().unwrap()))
        .collect();
    for act in [("push-asked", "acme-nx01"), ("bundle-taken", "acme-nx01"), ("bundle-exported", id)] {
        assert!(acts.contains(&act), "{act:?} in {acts:?}");
    }
    assert!(!acts.iter().any(|(act, _)| act.starts_with("backup-")), "{acts:?}");
}

#[test]
fn a_bundle_is_held_against_the_word_of_the_appliance() {
    let (house, _) = with_drop();
    let with = |fault: &str, code: i32| {
        house.break_unit("acme-nx01", fault);
        let taken = taken(&house, "acme-nx01", code);
        house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
        taken
    };
    let blind = with("takes-any-key", 4);
    assert_eq!(
        (&blind["bundle"]["standing"]["worth"], doubts(&blind)),
        (&"suspect".into(), vec!["drop-unauthenticated"])
    );
    let lost = with("misreports-push", 4);
    assert_eq!(doubts(&lost), ["not-reported"], "{lost}");
    let kept = house.in_depot().len();
    let cut = with("push-cut", 4);
    assert!(cut["reason"].as_str().unwrap().contains("before the file was whole"), "{cut}");
    let uploads = || house.unit("acme-nx01").to_string().matches("file debug-dump upload").count();
    let before = uploads();
    let full = with("no-backup-room", 4);
    assert!(full["reason"].as_str().unwrap().contains("no dump was written"), "{full}");
    assert_eq!((uploads(), house.in_depot().len()), (before, kept), "no login is made for nothing");
    assert!(doubts(&taken(&house, "acme-nx01", 0)).is_empty());
}

#[test]
fn a_bundle_needs_the_drop_and_the_change_credential() {
    let house = House::example();
    house.onboard();
    add_drop(&house, "");
    house.edit("inventory/customers/acme.yaml", ", change: acme/admin", "");
    let none = taken(&house, "acme-nx01", 4);
    assert_eq!(none["outcome"], "no-credential", "{none}");
    let held = house.unit("acme-nx01").to_string();
    assert!(!held.contains("debug generate dump"), "{held}");
}
