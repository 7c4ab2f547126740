//! Pruning as a person does it: the table, what is gone afterwards, and what works as before.

#![cfg(test)]

use std::fs;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hoshu::model::actor::Act;
use hoshu::model::backup::{BackupKind, Grade};
use hoshu::model::limits::SMALL_OBJECT_BYTES;
use hoshu::store::BackupObject;
use serde_json::Value;

use crate::house::House;
use crate::past::{DAY, Past, now};
use crate::store::world;

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
    house.in_depot().len()
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

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_pruned_by_itself_and_the_last_good_one_of_each_stays() {
    let house = House::example();
    house.onboard();
    let past = Past::of(&house, SEAT).await;
    let at = |days: i64| (now().plus_ms(-days * DAY), now().plus_ms(-days * DAY));
    // Of each kind two of one day, long ago.
    let mut old = Vec::new();
    for kind in BackupKind::BACKUPS {
        let first = past.took_of(*kind, at(9), Grade::Taken, SMALL_OBJECT_BYTES).await;
        let (taken, seen) = at(9);
        past.took_of(*kind, (taken.plus_ms(1), seen.plus_ms(1)), Grade::Taken, SMALL_OBJECT_BYTES).await;
        past.took_of(*kind, at(8), Grade::Suspect, SMALL_OBJECT_BYTES).await;
        old.push(first.to_string());
    }
    let bundle = past.took_of(BackupKind::LogBundle, at(9), Grade::Taken, SMALL_OBJECT_BYTES).await;
    // What a killed command left the day before yesterday; another that came now may be one that is written.
    let nonce = "0".repeat(32);
    for (name, days) in [("1", 2), ("2", 0)] {
        let file = house.path(&format!("data/depot/00/{}.{nonce}", name.repeat(62)));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "half").unwrap();
        let modified = std::time::SystemTime::now() - std::time::Duration::from_hours(24 * days);
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    }
    drop(past);
    sql(&house, "UPDATE store_meta SET made_at = made_at - 864000000");
    assert_eq!(in_depot(&house), 18);
    let planned = house.hoshu(&["backup", "prune", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&planned["pruned"], &planned["swept"], in_depot(&house)), (&5.into(), &0.into(), 18), "{planned}");
    let done = house.hoshu(&["backup", "prune", "--json"]).expect(0).json();
    let gone = done["backups"].as_array().unwrap().iter().filter(|one| one["result"] == "pruned");
    let mut gone: Vec<&str> = gone.map(|one| one["backup"].as_str().unwrap()).collect();
    gone.sort_unstable();
    old.sort();
    assert_eq!(gone, old);
    assert_eq!((&done["kept"], &done["swept"], in_depot(&house)), (&10.into(), &1.into(), 12), "{done}");
    let audit = house.hoshu(&["audit", "list"]).expect(0).out;
    assert!(audit.contains("depot-swept") && audit.contains("backup-pruned"), "{audit}");
    // Bundles go by their age, the last one too.
    let bundles = |code| house.hoshu(&["bundle", "prune", "--json"]).expect(code).json();
    assert_eq!(bundles(0)["kept"], 1);
    house.edit("hoshu.yaml", "drop: {listen", "drop: {keep_bundles: 8d, listen");
    let named = format!("bundle{}", bundle.to_string().trim_start_matches("backup"));
    let left = bundles(0);
    assert_eq!((&left["pruned"], &left["bundles"][0]["bundle"]), (&1.into(), &named.as_str().into()), "{left}");
    assert_eq!(in_depot(&house), 11);
    let audit = house.hoshu(&["audit", "list"]).expect(0).out;
    assert!(audit.contains("bundle-pruned") && audit.contains(&format!("{{\"bundle\":\"{named}\"")), "{audit}");
    let words = ["bundle", "export", &named, "--to", "x", "--reason", "y"];
    let refused = house.hoshu(&words).expect(2).err;
    assert!(refused.contains("it was pruned on") && !house.path("x").exists(), "{refused}");
}

fn sql(house: &House, statements: &str) {
    let mut db = SqliteConnection::establish(house.path("data/hoshu.db").to_str().unwrap()).unwrap();
    db.batch_execute(&format!("DROP TRIGGER IF EXISTS object_no_update; {statements}")).unwrap();
}

fn objects(house: &House) -> i64 {
    let mut db = SqliteConnection::establish(house.path("data/hoshu.db").to_str().unwrap()).unwrap();
    diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM object").get_result(&mut db).unwrap()
}

fn take(house: &House) -> Value {
    let taken = house.hoshu(&["backup", "take", "--on", SEAT, "--json"]).expect(0).json();
    House::seat(&taken, SEAT)["backup"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_counts_no_more_and_takes_no_intact_one_with_it() {
    let house = House::example();
    house.onboard();
    let past = Past::of(&house, SEAT).await;
    let at = |days: i64| now().plus_ms(-days * DAY);
    // The later one stands for every day of the earlier.
    let intact = past.took((at(6), at(4)), Grade::Taken, 1_000).await.to_string();
    let damaged = past.took((at(6).plus_ms(1_000), at(0)), Grade::Taken, 1_000).await.to_string();
    drop(past);
    let result = |answer: &Value, id: &str| {
        let all = answer["backups"].as_array().unwrap();
        all.iter().find(|one| one["backup"] == id).unwrap()["result"].clone()
    };
    let planned = house.hoshu(&["backup", "prune", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(result(&planned, &intact), "pruned", "as long as nobody knows of the damage");
    let last = || house.hoshu(&["backup", "coverage", "--within", "30d", "--on", SEAT, "--json"]).expect(0).json();
    assert_eq!(House::seat(&last(), SEAT)["backup"], damaged);
    sql(&house, "UPDATE object SET body = zeroblob(length(body)) WHERE id = (SELECT max(id) FROM object)");

    let verified = house.hoshu(&["backup", "verify", "--on", SEAT, "--json"]).expect(4).json();
    assert_eq!(verified["backups"][0]["result"], "damaged", "{verified}");
    assert_eq!(House::seat(&last(), SEAT)["backup"], intact);
    let listed = house.hoshu(&["backup", "list", "--on", SEAT]).expect(0).out;
    assert!(listed.lines().any(|line| line.starts_with(&damaged) && line.contains("  damaged  ")), "{listed}");
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let judged = audit["records"].as_array().unwrap().iter().filter(|one| one["act"] == "backup-judged");
    assert_eq!(judged.map(|one| one["subject"].clone()).collect::<Vec<_>>(), [damaged.as_str()]);
    assert_eq!(objects(&house), 2);
    take(&house);
    assert_eq!(objects(&house), 3);
    let done = house.hoshu(&["backup", "prune", "--json"]).expect(0).json();
    assert_eq!((result(&done, &intact), result(&done, &damaged)), ("kept".into(), "kept".into()), "{done}");
    house.hoshu(&["backup", "accept", &damaged, "--reason", "the disk was read elsewhere"]).expect(0);
    let again = house.hoshu(&["backup", "prove", &damaged, "--json"]).expect(4).json();
    assert_eq!(again["backups"][0]["result"], "damaged", "{again}");
    let standing = house.hoshu(&["backup", "list", "--on", SEAT]).expect(0).out;
    assert!(standing.lines().any(|line| line.starts_with(&damaged) && line.contains("  damaged  ")), "{standing}");
}

#[test]
fn what_is_not_there_whole_is_sealed_anew() {
    let house = House::example();
    house.onboard();
    let first = take(&house);
    assert_eq!((take(&house)["id"].clone(), objects(&house)), (first["id"].clone(), 1), "nothing changed");
    for (number, damage) in [
        "UPDATE object SET body = zeroblob(5)".to_owned(),
        format!("UPDATE object SET body = NULL, path = 'ab/{}'", "0".repeat(62)),
    ]
    .into_iter()
    .enumerate()
    {
        sql(&house, &damage);
        let anew = take(&house);
        assert_eq!(
            (&anew["content"], objects(&house)),
            (&first["content"], 2 + i64::try_from(number).unwrap()),
            "{anew}"
        );
        house.hoshu(&["backup", "verify", "--on", SEAT]).expect(0);
        assert_eq!(take(&house)["id"], anew["id"], "and that one is there");
    }
}

#[test]
fn what_cannot_be_looked_at_is_a_failure_and_no_damage() {
    let house = House::example();
    house.onboard();
    take(&house);
    sql(
        &house,
        "DROP TRIGGER IF EXISTS customer_key_no_update; UPDATE customer_key SET private_sealed = zeroblob(100)",
    );
    for verb in ["verify", "prove"] {
        let answer = house.hoshu(&["backup", verb, "--on", SEAT, "--json"]).expect(4).json();
        let one = &answer["backups"][0];
        assert_eq!((&one["result"], &one["outcome"]), (&Value::Null, &"not-kept".into()), "{answer}");
    }
    let last = house.hoshu(&["backup", "coverage", "--on", SEAT]).expect(0);
    assert!(last.out.contains("  taken"), "{}", last.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_fails_takes_no_other_with_it() {
    let house = House::example();
    house.onboard();
    let at = |ms: i64| now().plus_ms(ms - 9 * DAY);
    // Of each seat two large ones of one day: the earlier goes.
    let mut earlier = Vec::new();
    for (number, name) in [(0, "acme-ex01"), (10, SEAT)] {
        let past = Past::of(&house, name).await;
        earlier.push(past.took((at(number), at(number)), Grade::Taken, SMALL_OBJECT_BYTES).await.to_string());
        past.took((at(number + 1), at(number + 1)), Grade::Taken, SMALL_OBJECT_BYTES).await;
    }
    sql(
        &house,
        "CREATE TRIGGER odd BEFORE INSERT ON pruned WHEN NEW.seat = 'acme-ex01' BEGIN SELECT RAISE(ABORT, 'odd'); END",
    );
    assert_eq!(in_depot(&house), 4);
    let done = house.hoshu(&["backup", "prune", "--json"]).expect(4).json();
    assert_eq!((&done["kept"], &done["pruned"], &done["failed"]), (&2.into(), &1.into(), &1.into()), "{done}");
    assert_eq!(in_depot(&house), 3);
    let one = done["backups"].as_array().unwrap().iter().find(|one| one["result"] == "failed").unwrap();
    assert_eq!(one["backup"], earlier[0].as_str());
    assert!(one["why"].as_str().unwrap().contains("odd"), "{one}");

    sql(
        &house,
        "DROP TRIGGER backup_no_update; UPDATE backup SET customer = '?' WHERE seat = 'acme-nx01'; DROP TRIGGER odd",
    );
    let done = house.hoshu(&["backup", "prune"]).expect(4);
    assert!(done.err.contains(": 1 kept, 1 pruned, 0 failed; those of 1 seat cannot be read"), "{}", done.err);
    assert!(
        done.out.lines().any(|line| line.starts_with(SEAT) && line.contains("failed  read the store")),
        "{}",
        done.out
    );
    assert_eq!(in_depot(&house), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_depot_that_is_not_mounted_is_no_damage_and_a_file_that_is_gone_is() {
    let house = House::example();
    house.onboard();
    let past = Past::of(&house, SEAT).await;
    past.took((now(), now()), Grade::Taken, SMALL_OBJECT_BYTES).await;
    drop(past);
    let verified = || {
        let answer = house.hoshu(&["backup", "verify", "--on", SEAT, "--json"]).expect(4).json();
        (answer["backups"][0]["result"].clone(), answer["backups"][0]["outcome"].clone())
    };
    let (depot, elsewhere) = (house.path("data/depot"), house.path("elsewhere"));
    fs::rename(&depot, &elsewhere).unwrap();
    assert_eq!(verified(), (Value::Null, "not-kept".into()));
    assert_eq!(fs::read_dir(&depot).unwrap().count(), 0, "nobody claims a folder in which objects should lie");
    fs::remove_dir(&depot).unwrap();
    fs::rename(&elsewhere, &depot).unwrap();
    fs::remove_file(&house.in_depot()[0]).unwrap();
    assert_eq!(verified(), ("damaged".into(), Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_that_of_every_backup_with_the_object() {
    let house = House::example();
    house.onboard();
    let past = Past::of(&house, SEAT).await;
    let first = past.took((now(), now()), Grade::Taken, 1_000).await;
    let object = world::house(&past.store).backup_get(first).await.unwrap().unwrap().object;
    let (new, audit) = (world::backup("acme", SEAT, past.asset, Grade::Taken), world::audit(Act::BackupTaken, SEAT));
    past.store.backup_add(new, BackupObject::Same(object), audit).await.unwrap();
    drop(past);
    sql(&house, "UPDATE object SET body = zeroblob(length(body))");
    house.hoshu(&["backup", "verify", "--on", SEAT]).expect(4);
    let left = house.hoshu(&["backup", "coverage", "--on", SEAT, "--json"]).expect(4).json();
    assert_eq!(House::seat(&left, SEAT)["missing"], "suspect-only", "{left}");
}
