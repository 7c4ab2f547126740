//! Each thing that can be damaged, damaged once and named; and a clean house is clean.

#![cfg(test)]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hoshu::model::backup::Grade;
use hoshu::model::limits::SMALL_OBJECT_BYTES;
use hoshu::store::HostLock;
use serde_json::Value;

use crate::house::House;
use crate::past::{DAY, Past, now};

/// Two seats with a backup each of now, and one of them with an old and large one in the depot.
async fn filled(house: &House) {
    house.onboard();
    let past = Past::of(house, "acme-nx01").await;
    let at = now().plus_ms(-9 * DAY);
    past.took((at, at), Grade::Taken, SMALL_OBJECT_BYTES).await;
    drop(past);
    house.hoshu(&["backup", "take", "--on", "acme-nx01+acme-ex01"]).expect(0);
    sql(house, OLD);
}

/// The store is older than what was left over beside it.
const OLD: &str = "UPDATE store_meta SET made_at = 0";

/// What is wrong, as `what where flaw`, with the numbers of ids left out.
fn found(house: &House, repair: bool, code: i32) -> Vec<String> {
    let words: &[&str] = if repair { &["store", "check", "--repair", "--json"] } else { &["store", "check", "--json"] };
    let answer = house.hoshu(words).expect(code).json();
    let told = answer["problems"].as_array().unwrap().iter().map(|one| {
        let text = |field: &str| one[field].as_str().unwrap().to_owned();
        assert!(!text("advice").is_empty() && !text("detail").is_empty(), "{one}");
        let what = text("what");
        let what = what.split('-').next().unwrap();
        format!("{what} in {}: {}{}", text("place"), text("flaw"), if one["swept"] == true { ", swept" } else { "" })
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    told.dedup();
    told
}

fn sql(house: &House, statements: &str) {
    let mut db = SqliteConnection::establish(house.path("data/hoshu.db").to_str().unwrap()).unwrap();
    db.batch_execute(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Damages a house, looks, and takes the damage back.
fn damaged(house: &House, damage: impl FnOnce()) -> Vec<String> {
    copy(&house.path("data"), &house.path("kept"));
    damage();
    let told = found(house, false, 4);
    fs::remove_dir_all(house.path("data")).unwrap();
    fs::rename(house.path("kept"), house.path("data")).unwrap();
    told
}

fn large(house: &House) -> PathBuf {
    house.in_depot().remove(0)
}

fn in_depot(house: &House, path: &std::path::Path) -> String {
    path.strip_prefix(house.path("data/depot")).unwrap().to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_of_a_row_is_named() {
    let house = House::example();
    filled(&house).await;
    assert_eq!(found(&house, false, 0), [""; 0], "a clean house");
    let free = "DROP TRIGGER object_no_update; DROP TRIGGER backup_no_update; PRAGMA ignore_check_constraints = ON; \
                PRAGMA foreign_keys = OFF;";
    let small = "(SELECT min(id) FROM object WHERE body IS NOT NULL)";
    let zero = hex::encode(<sha2::Sha256 as sha2::Digest>::digest([0]));
    for (statement, expected) in [
        (
            format!("UPDATE object SET body = zeroblob(length(body)) WHERE id = {small}"),
            vec!["object in object: digest"],
        ),
        (format!("UPDATE object SET body = zeroblob(5) WHERE id = {small}"), vec!["object in object: size"]),
        (
            format!("UPDATE object SET digest = zeroblob(32) WHERE id = {small}"),
            vec!["object in object: digest", "object in object: not-recorded"],
        ),
        (
            format!("UPDATE object SET body = zeroblob(1), bytes = 1, digest = x'{zero}' WHERE id = {small}"),
            vec!["object in object: not-recorded"],
        ),
        (
            format!("UPDATE object SET kind = 'odd' WHERE id = {small}"),
            vec!["database in the store: database", "object in object: unreadable"],
        ),
        (
            "UPDATE backup SET object_id = (SELECT id FROM object WHERE seat = 'acme-ex01') WHERE seat = 'acme-nx01'"
                .to_owned(),
            vec!["backup in backup: other-owner"],
        ),
        (
            "UPDATE backup SET content = zeroblob(32) WHERE seat = 'acme-ex01'".to_owned(),
            vec!["backup in backup: not-recorded"],
        ),
        ("UPDATE backup SET object_id = 4711 WHERE seat = 'acme-ex01'".to_owned(), vec!["backup in backup: reference"]),
        ("DELETE FROM backup_seen".to_owned(), vec!["backup in backup: reference"]),
        ("DELETE FROM object_text".to_owned(), vec!["backup in backup: no-text"]),
        (
            "UPDATE customer_key SET public = 'age1other' WHERE customer = 'acme'".to_owned(),
            vec!["key 1 in customer_key: not-recorded"],
        ),
        (
            "UPDATE customer_key SET sealed_to = 'odd' WHERE customer = 'acme'".to_owned(),
            vec!["customer keys in the store: unreadable"],
        ),
        ("DELETE FROM asset WHERE id = 1".to_owned(), vec!["database in the store: reference"]),
    ] {
        let told = damaged(&house, || sql(&house, &format!("{free}{statement}")));
        assert_eq!(told, expected, "{statement}");
    }
    assert_eq!(found(&house, false, 0), [""; 0], "and clean again");
    house.hoshu(&["key", "destroy", "--customer", "acme", "--reason", "a test", "--yes", "acme"]).expect(0);
    assert_eq!(found(&house, false, 0), [""; 0], "a destroyed customer's backups have no texts");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_of_a_file_is_named() {
    let house = House::example();
    filled(&house).await;
    let file = large(&house);
    let place = in_depot(&house, &file);
    let told = |damage: &dyn Fn()| damaged(&house, damage);
    let cut = told(&|| File::options().write(true).open(&file).unwrap().set_len(10).unwrap());
    assert_eq!(cut, [format!("object in {place}: size")]);
    let flipped = told(&|| {
        let mut bytes = fs::read(&file).unwrap();
        bytes[4711] ^= 1;
        fs::write(&file, bytes).unwrap();
    });
    assert_eq!(flipped, [format!("object in {place}: digest")]);
    let gone = told(&|| fs::remove_file(&file).unwrap());
    assert_eq!(gone, [format!("object in {place}: missing")]);
    // A link is no file of the depot, wherever it leads.
    let linked = told(&|| {
        fs::rename(&file, house.path("data/elsewhere")).unwrap();
        symlink(house.path("data/elsewhere"), &file).unwrap();
    });
    assert_eq!(linked, [format!("file in {place}: foreign"), format!("object in {place}: unreadable")]);
    assert_eq!(found(&house, false, 0), [""; 0], "and clean again");
}

fn leave(house: &House, name: &str, days: u64) -> PathBuf {
    let path = house.path("data/depot").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "left").unwrap();
    let at = SystemTime::now() - Duration::from_hours(24 * days);
    File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_depot_left_over_is_swept_and_only_when_it_is_old() {
    let house = House::example();
    filled(&house).await;
    let (name, nonce) = ("1".repeat(62), "0".repeat(32));
    let young = [leave(&house, &format!("aa/{name}"), 0), leave(&house, &format!("aa/{name}.{nonce}"), 0)];
    let answer = house.hoshu(&["store", "check", "--json"]).expect(0).json();
    assert_eq!((&answer["young"], &answer["found"]), (&2.into(), &0.into()), "a backup may be under way: {answer}");
    let old = [leave(&house, &format!("bb/{name}"), 2), leave(&house, &format!("bb/{name}.{nonce}"), 2)];
    let told = found(&house, false, 4);
    assert_eq!(told, [format!("file in bb/{name}.{nonce}: unfinished"), format!("file in bb/{name}: orphan")]);
    assert!(old.iter().all(|path| path.exists()), "nothing is changed without --repair");
    // Names that the depot does not make, and links, are told and never removed.
    let outside = leave(&house, "../precious", 9);
    let foreign: Vec<PathBuf> = ["readme", "bb/readme", &format!("bb/{name}.{nonce}.x"), &format!("zz/{name}")]
        .map(|name| leave(&house, name, 9))
        .into();
    let link = house.path("data/depot").join(format!("bb/{}", "2".repeat(62)));
    symlink(&outside, &link).unwrap();
    let folder = house.path("data/depot/cc");
    symlink(house.path("data"), &folder).unwrap();
    let told = found(&house, true, 4);
    let expected = |name: &str, flaw: &str| told.contains(&format!("file in {name}: {flaw}"));
    assert!(expected(&format!("bb/{name}"), "orphan, swept"), "{told:?}");
    assert!(expected(&format!("bb/{name}.{nonce}"), "unfinished, swept"), "{told:?}");
    for name in ["readme", "bb/readme", &format!("bb/{name}.{nonce}.x"), "zz", "cc", &in_depot(&house, &link)] {
        assert!(expected(name, "foreign"), "{name}: {told:?}");
    }
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(old.iter().all(|path| !path.exists()));
    assert!(young.iter().chain(&foreign).chain([&outside, &link, &folder]).all(|path| path.exists()));
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let swept = audit["records"].as_array().unwrap().iter().filter(|one| one["act"] == "depot-swept").count();
    assert_eq!(swept, 1);
    for path in foreign.iter().chain([&link, &folder]) {
        fs::remove_file(path).unwrap();
    }
    fs::remove_dir(house.path("data/depot/zz")).unwrap();
    leave(&house, &format!("bb/{name}"), 2);
    assert_eq!(found(&house, true, 0), [format!("file in bb/{name}: orphan, swept")], "mended is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_needs_no_key_and_no_lock_and_a_prune_leaves_nothing_wrong() {
    let house = House::example();
    filled(&house).await;
    house.hoshu(&["backup", "prune", "--on", "all"]).expect(0);
    fs::rename(house.path("keys"), house.path("elsewhere")).unwrap();
    let url = format!("sqlite:{}", house.path("data/hoshu.db").display()).parse().unwrap();
    let lock = HostLock::acquire(&url, "hoshu poll", now(), Duration::ZERO).unwrap();
    assert_eq!(found(&house, false, 0), [""; 0]);
    house.hoshu(&["store", "check", "--repair", "--wait", "0s"]).expect(7);
    drop(lock);
    let clean = house.hoshu(&["store", "check", "--repair"]).expect(0);
    assert!(clean.out.is_empty() && clean.err.contains("3 backups, 3 objects, "), "{}{}", clean.out, clean.err);
    assert!(clean.err.contains(": 0 problems, 0 of them removed; 0 files younger"), "{}", clean.err);
}

#[test]
fn beside_a_depot_of_another_store_nothing_is_swept() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    let name = format!("bb/{}", "1".repeat(62));
    let path = leave(&house, &name, 2);
    assert_eq!(found(&house, true, 4), [format!("file in {name}: other-store")]);
    assert!(path.exists());
}

fn age(path: &std::path::Path) {
    let at = SystemTime::now() - Duration::from_hours(48);
    File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_older_store_the_depot_of_another_is_left_alone() {
    let house = House::example();
    filled(&house).await;
    let (file, mark) = (large(&house), house.path("data/depot/store-id"));
    age(&file);
    let told = [format!("file in {}: other-store", in_depot(&house, &file))];
    house.edit("hoshu.yaml", "data/hoshu.db", "data/other.db");
    let older = || {
        house.hoshu(&["store", "check"]).expect(4);
        let mut db = SqliteConnection::establish(house.path("data/other.db").to_str().unwrap()).unwrap();
        db.batch_execute(OLD).unwrap();
    };
    older();
    assert_eq!(found(&house, true, 4), told, "the depot names the first store");
    let named = fs::read_to_string(&mark).unwrap();
    fs::remove_file(&mark).unwrap();
    assert_eq!(found(&house, true, 4), told, "the depot names none");
    assert!(!mark.exists() && file.exists(), "nobody claims what has files");
    house.edit("hoshu.yaml", "data/other.db", "data/hoshu.db");
    let left = leave(&house, &format!("bb/{}", "1".repeat(62)), 2);
    let other = [format!("file in {}: other-store", in_depot(&house, &left))];
    assert_eq!(found(&house, true, 4), other, "nor is anything swept for the right one");
    fs::write(&mark, named).unwrap();
    assert_eq!(found(&house, true, 0), [format!("file in {}: orphan, swept", in_depot(&house, &left))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_restore_of_an_older_store_nothing_is_swept() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    sql(&house, OLD);
    let path = leave(&house, &format!("bb/{}", "1".repeat(62)), 2);
    assert_eq!(
        found(&house, true, 4),
        [format!("file in {}: other-store", in_depot(&house, &path))],
        "no row, no file"
    );
    let house = House::example();
    filled(&house).await;
    let names: Vec<String> = (10..21).map(|number| format!("bb/{}", number.to_string().repeat(31))).collect();
    let left: Vec<PathBuf> = names.iter().map(|name| leave(&house, name, 2)).collect();
    let told = found(&house, true, 4);
    assert_eq!(told, names.iter().map(|name| format!("file in {name}: other-store")).collect::<Vec<_>>());
    assert!(left.iter().all(|path| path.exists()));
    fs::remove_file(&left[0]).unwrap();
    assert_eq!(found(&house, true, 0).len(), 10, "ten are what killed commands may leave");
    assert!(left.iter().all(|path| !path.exists()) && large(&house).exists());
}

#[test]
fn a_store_on_postgres_is_looked_at_as_well() {
    let Some(place) = crate::store::place::Place::postgres() else { return };
    let house = House::with_store(&place.text);
    house.onboard();
    house.hoshu(&["backup", "take", "--on", "acme-nx01+acme-ex01"]).expect(0);
    let name = "1".repeat(62);
    assert_eq!(found(&house, false, 0), [""; 0]);
    leave(&house, &format!("bb/{name}"), 2);
    place.raw(OLD).unwrap();
    place.raw("ALTER TABLE object DISABLE TRIGGER USER; UPDATE object SET digest = sha256(digest) WHERE seat = 'acme-nx01'").unwrap();
    place
        .raw("ALTER TABLE backup DISABLE TRIGGER USER; UPDATE backup SET seat = 'acme-nx02' WHERE seat = 'acme-ex01'")
        .unwrap();
    let told: Value = found(&house, true, 4).into();
    let expected = [
        "backup in backup: not-recorded".to_owned(),
        "backup in backup: other-owner".to_owned(),
        format!("file in bb/{name}: other-store"),
        "object in object: digest".to_owned(),
        "object in object: not-recorded".to_owned(),
    ];
    assert_eq!(told, Value::from(expected.to_vec()));
}
