//! Pruning as a person does it: the table, what is gone afterwards, and what works as before.

#![cfg(test)]

use hoshu::model::backup::Grade;
use hoshu::model::limits::SMALL_OBJECT_BYTES;
use serde_json::Value;

use crate::house::{House, files};
use crate::past::{DAY, Past, now};

const SEAT: &str = "acme-nx01";

/// A hundred days of the past, one backup a day, every tenth of them suspect and every twentieth a large one; then two
/// that are taken now.
async fn fill(house: &House) {
    let past = Past::of(house, SEAT).await;
    for day in (1..=100).rev() {
        let at = now().plus_ms(-day * DAY);
        let grade = if day % 10 == 0 { Grade::Suspect } else { Grade::Taken };
        let bytes = if day % 20 == 1 { SMALL_OBJECT_BYTES } else { 1_000 };
        past.took((at, at), grade, bytes).await;
    }
    drop(past);
    house.hoshu(&["backup", "take", "--on", SEAT]).expect(0);
    house.hoshu(&["lab", "change", SEAT, "ntp server 10.20.0.99"]).expect(0);
    // The second one of a day leaves no place for the first.
    house.hoshu(&["backup", "take", "--on", SEAT]).expect(0);
}

fn results(answer: &Value, result: &str) -> usize {
    answer["backups"].as_array().unwrap().iter().filter(|one| one["result"] == result).count()
}

fn in_depot(house: &House) -> usize {
    files(&house.path("data/depot")).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_and_everything_else_works_as_before() {
    let house = House::example();
    house.onboard();
    fill(&house).await;
    assert_eq!(in_depot(&house), 5);
    let listed = || house.hoshu(&["backup", "list", "--on", SEAT, "--json"]).expect(0).json();
    let before = listed();
    let planned = house.hoshu(&["backup", "prune", "--on", SEAT, "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&planned["dry_run"], listed()), (&true.into(), before), "a dry run changes nothing");
    let (kept, pruned) = (planned["kept"].as_u64().unwrap(), planned["pruned"].as_u64().unwrap());
    // 14 days, 8 weeks and 4 or 5 months, some of which share a backup, and the suspects of the last 14 days.
    assert!((20..=28).contains(&kept) && kept + pruned == 102, "{kept} {pruned}");

    let done = house.hoshu(&["backup", "prune", "--on", SEAT]).expect(0);
    assert!(done.err.contains(&format!("102 backups: {kept} kept, {pruned} pruned")), "{}", done.err);
    assert!(done.out.lines().next().unwrap().ends_with("RESULT  WHY"), "{}", done.out);
    let after = listed();
    assert_eq!(after["backups"].as_array().unwrap().len() as u64, kept);
    let again = house.hoshu(&["backup", "prune", "--json"]).expect(0).json();
    assert_eq!((results(&again, "pruned"), results(&again, "kept") as u64), (0, kept), "a second time nothing goes");

    // Large objects are gone from the depot but for those of backups that are still listed.
    assert!(in_depot(&house) < 5, "{}", in_depot(&house));
    let gone = planned["backups"].as_array().unwrap().iter().find(|one| one["result"] == "pruned").unwrap();
    let shown = house.hoshu(&["backup", "show", gone["backup"].as_str().unwrap()]).expect(2);
    assert!(shown.err.contains("it was pruned on"), "{}", shown.err);
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let record = audit["records"].as_array().unwrap().iter().find(|one| one["act"] == "backup-pruned").unwrap();
    let detail: Value = serde_json::from_str(record["detail"].as_str().unwrap()).unwrap();
    assert_eq!((&record["subject"], &record["actor"]), (&SEAT.into(), &"tester".into()));
    assert_eq!(detail["pruned"].as_array().unwrap().len() as u64, pruned, "{detail}");

    house.hoshu(&["backup", "show", SEAT]).expect(0);
    house.hoshu(&["backup", "verify", "--on", SEAT]).expect(0);
    house.hoshu(&["backup", "coverage", "--on", SEAT]).expect(0);
    let taken = house.hoshu(&["backup", "take", "--on", SEAT]).expect(0);
    assert!(taken.out.contains("unchanged"), "{}", taken.out);
    house.hoshu(&["lab", "change", SEAT, "ntp server 10.20.0.98"]).expect(0);
    house.hoshu(&["backup", "take", "--on", SEAT]).expect(0);
    let diff = house.hoshu(&["backup", "diff", SEAT]).expect(0);
    assert!(diff.out.contains("+ntp server 10.20.0.98"), "{}", diff.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_says_how_many() {
    let house = House::example();
    house.onboard();
    let past = Past::of(&house, SEAT).await;
    for day in (1..=10).rev() {
        let at = now().plus_ms(-day * DAY);
        past.took((at, at), Grade::Taken, 100).await;
    }
    drop(past);
    let kept = || house.hoshu(&["backup", "prune", "--dry-run", "--json"]).expect(0).json()["kept"].clone();
    assert_eq!(kept(), 10);
    let until = "    until: 2029-03-31\n";
    let set = |rule: &str| {
        house.edit("inventory/customers/acme.yaml", until, &format!("{until}    backup_retention: {rule}\n"));
    };
    set("{daily: 3, weekly: 0, monthly: 0}");
    assert_eq!(kept(), 3);
    house.edit("inventory/customers/acme.yaml", "daily: 3, ", "daily: 0, ");
    let refused = house.hoshu(&["check"]).expect(3);
    assert!(refused.err.contains("daily") || refused.out.contains("daily"), "{}{}", refused.out, refused.err);
}
