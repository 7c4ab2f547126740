//! What both databases have in common, and what they refuse.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use hoshu::model::actor::{Act, Proof};
use hoshu::model::asset::KeyState;
use hoshu::model::backup::{BackupKind, Grade};
use hoshu::model::backup_event::{BackupEvent, Learned, Worth};
use hoshu::model::finding::FindingState;
use hoshu::model::object::ObjectKind;
use hoshu::model::reading::{ComponentKind, Condition, Outcome};
use hoshu::model::realm::Realm;
use hoshu::model::record::BrakeState;
use hoshu::model::transcript::{SessionEnd, TranscriptKind};
use hoshu::store::{Store, StoreError};
use regex::Regex;

use super::place::{NOW, Place, on_both};
use super::world::{audit, backup, customer, house, new_object, seat};

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn script(folder: &str, name: &str) -> String {
    fs::read_to_string(format!("{}/migrations/{folder}/{name}/up.sql", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn both_folders_have_the_same_migrations() {
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

/// Table, column, type as schema.rs writes it.
type Columns = BTreeMap<String, Vec<(String, String)>>;

fn declared() -> Columns {
    let source = include_str!("../../../src/store/schema.rs");
    let table = Regex::new(r"(?m)^    (\w+) \(.*\) \{$").unwrap();
    let column = Regex::new(r"^        (\w+) -> ([\w<>]+),$").unwrap();
    let mut columns = Columns::new();
    let mut current = String::new();
    for line in source.lines() {
        if let Some(found) = table.captures(line) {
            current = found[1].to_owned();
        } else if let Some(found) = column.captures(line) {
            columns.entry(current.clone()).or_default().push((found[1].to_owned(), found[2].to_owned()));
        }
    }
    assert!(columns.len() >= 15, "{columns:?}");
    columns
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    filled: bool,
}

fn found(columns: Vec<Column>) -> Columns {
    let mut tables = Columns::new();
    for column in columns {
        let kind = match column.kind.to_ascii_uppercase().as_str() {
            "BIGINT" | "INTEGER" => "BigInt",
            "TEXT" => "Text",
            "BLOB" | "BYTEA" => "Binary",
            "BOOLEAN" => "Bool",
            other => panic!("{other} of {}.{}", column.of, column.name),
        };
        let kind = if column.filled { kind.to_owned() } else { format!("Nullable<{kind}>") };
        tables.entry(column.of).or_default().push((column.name, kind));
    }
    tables
}

fn look(place: &Place) -> Columns {
    if place.is_sqlite() {
        let mut db = place.file_db();
        let ask = "SELECT m.name AS \"of\", c.name AS name, c.type AS kind, (c.\"notnull\" OR c.pk > 0) AS filled \
                   FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                   AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '__diesel%' ORDER BY m.name, c.cid";
        found(diesel::sql_query(ask).load(&mut db).unwrap())
    } else {
        let ask = "SELECT table_name::text AS of, column_name::text AS name, data_type::text AS kind, \
                   (is_nullable = 'NO') AS filled FROM information_schema.columns WHERE table_schema = 'public' \
                   AND table_name NOT LIKE '\\_\\_diesel%' ORDER BY table_name, ordinal_position";
        found(diesel::sql_query(ask).load(&mut place.pg()).unwrap())
    }
}

async fn migrations_go_up_down_and_up_again(place: Place) {
    drop(place.open());
    assert_eq!(look(&place), declared());
    let folder = if place.is_sqlite() { "sqlite" } else { "postgres" };
    let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
    let migrations = || FileBasedMigrations::from_path(&path).unwrap();
    if place.is_sqlite() {
        let mut db = place.file_db();
        db.revert_all_migrations(migrations()).unwrap();
        assert_eq!(look(&place), Columns::new());
        db.run_pending_migrations(migrations()).unwrap();
    } else {
        let mut db = place.pg();
        db.revert_all_migrations(migrations()).unwrap();
        assert_eq!(look(&place), Columns::new());
        db.run_pending_migrations(migrations()).unwrap();
    }
    assert_eq!(look(&place), declared());
    drop(place.open());
}

#[test]
fn checks_hold_the_words_of_the_model() {
    fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|one| word(*one)).collect()
    }
    let expected = [
        ("store_meta", "realm", words(Realm::ALL, Realm::as_str)),
        ("host_key", "state", words(KeyState::ALL, KeyState::as_str)),
        ("reading_span", "kind", words(ComponentKind::ALL, ComponentKind::as_str)),
        ("reading_span", "condition", words(Condition::ALL, Condition::as_str)),
        ("poll_last", "outcome", words(Outcome::ALL, Outcome::as_str)),
        ("finding", "kind", words(ComponentKind::ALL, ComponentKind::as_str)),
        ("finding", "condition", words(Condition::ALL, Condition::as_str)),
        ("finding", "state", words(FindingState::ALL, FindingState::as_str)),
        ("object", "kind", words(ObjectKind::ALL, ObjectKind::as_str)),
        ("backup", "kind", words(BackupKind::ALL, BackupKind::as_str)),
        ("backup", "grade", words(Grade::ALL, Grade::as_str)),
        ("backup_event", "event", words(Learned::ALL, Learned::as_str)),
        ("pruned", "grade", words(Worth::ALL, Worth::as_str)),
        ("transcript", "kind", words(TranscriptKind::ALL, TranscriptKind::as_str)),
        ("transcript_end", "outcome", words(SessionEnd::ALL, SessionEnd::as_str)),
        ("credential_brake", "state", words(BrakeState::ALL, BrakeState::as_str)),
        ("audit", "proof", words(Proof::ALL, Proof::as_str)),
        ("audit", "act", words(Act::ALL, Act::as_str)),
    ];
    let quoted = Regex::new("'([^']+)'").unwrap();
    for folder in ["sqlite", "postgres"] {
        let text: String = names(folder).iter().map(|name| script(folder, name)).collect();
        for (table, column, words) in &expected {
            let body = text.split(&format!("CREATE TABLE {table} (")).nth(1).unwrap().split(';').next().unwrap();
            let check = body.split(&format!("CHECK ({column} IN (")).nth(1).unwrap().split("))").next().unwrap();
            let found: Vec<_> = quoted.captures_iter(check).map(|word| word.get(1).unwrap().as_str()).collect();
            assert_eq!(&found, words, "{folder} {table}.{column}");
        }
    }
}

async fn what_is_recorded_cannot_be_changed(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let new = backup("acme", "nx01", asset, Grade::Taken);
    let id =
        store.backup_add(new, new_object("acme", "nx01", b"sealed"), audit(Act::BackupTaken, "nx01")).await.unwrap();
    let event = BackupEvent { at: NOW, event: Learned::Verified, detail: "x".into() };
    store.backup_event_add(id, event, audit(Act::BackupJudged, "nx01")).await.unwrap();
    store.generation_add("d".into(), "files".into(), audit(Act::InventoryAccepted, "d")).await.unwrap();
    place.raw("INSERT INTO pruned VALUES (0, 'acme', 'nx01', 0, 0, 'taken', 0, 0, 'x')").unwrap();
    for (table, column) in [
        ("audit", "actor"),
        ("generation", "digest"),
        ("backup", "grade"),
        ("backup_event", "event"),
        ("object", "nonce"),
        ("pruned", "reason"),
    ] {
        for statement in [
            format!("UPDATE {table} SET {column} = 'x'"),
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {column} = {column}"),
        ] {
            let error = place.raw(&statement).unwrap_err();
            assert!(error.to_string().contains("append-only"), "{statement}: {error}");
        }
        if !place.is_sqlite() {
            assert!(place.raw(&format!("TRUNCATE {table} CASCADE")).is_err(), "{table}");
        }
    }
    assert_eq!(house(&store).audit_list(None, 100).await.unwrap().len(), 4);
}

async fn the_other_realm_and_a_later_schema_are_refused(place: Place) {
    let id = place.open().id().to_owned();
    assert_eq!(place.open().id(), id, "a store keeps its name");
    let refused = |result: Result<Store, StoreError>| result.err().expect("refused");
    let other = refused(Store::open(&place.url(), Realm::Live, NOW));
    assert!(matches!(other, StoreError::OtherRealm { expected: Realm::Live, found: Realm::Lab }), "{other:?}");
    let other = refused(Store::open_reader(&place.url(), Realm::Live));
    assert!(matches!(other, StoreError::OtherRealm { .. }), "{other:?}");
    drop(Store::open_reader(&place.url(), Realm::Lab).unwrap());

    place.raw("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')").unwrap();
    for result in [Store::open(&place.url(), Realm::Lab, NOW), Store::open_reader(&place.url(), Realm::Lab)] {
        let later = refused(result);
        assert!(matches!(&later, StoreError::OtherSchema { found, .. } if found == "20990101000000"), "{later:?}");
    }
}

async fn a_reader_makes_nothing_and_writes_nothing(place: Place) {
    assert!(Store::open_reader(&place.url(), Realm::Lab).is_err());
    assert!(!place.is_sqlite() || !place.file().exists());
    drop(place.open());
    let reader = Store::open_reader(&place.url(), Realm::Lab).unwrap();
    let refused = reader.audit_add(audit(Act::ObjectOpened, "x")).await;
    assert!(matches!(refused, Err(StoreError::NotWritten { .. })));
    assert!(house(&reader).audit_list(None, 10).await.unwrap().len() == 1);
}

on_both! {
    migrations_go_up_down_and_up_again
    what_is_recorded_cannot_be_changed
    the_other_realm_and_a_later_schema_are_refused
    a_reader_makes_nothing_and_writes_nothing
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs in a child of [`files_are_their_owners_whatever_the_umask`].
#[test]
fn child_opens() {
    if let Ok(url) = std::env::var("HOSHU_TEST_OPEN") {
        let store = Store::open(&url.parse().unwrap(), Realm::Lab, NOW).unwrap();
        let file = std::path::PathBuf::from(url.strip_prefix("sqlite:").unwrap());
        let beside = |end: &str| format!("{}{end}", file.display());
        println!(
            "modes {:o} {:o} {:o} {:o}",
            mode(file.parent().unwrap()),
            mode(&file),
            mode(beside("-wal").as_ref()),
            mode(beside("-shm").as_ref())
        );
        drop(store);
    }
}

#[test]
fn files_are_their_owners_whatever_the_umask() {
    for umask in ["0000", "0022", "0777"] {
        let place = Place::sqlite();
        let script = format!("umask {umask}; exec \"$0\" --exact store::schema::child_opens --nocapture");
        let program = std::env::current_exe().unwrap();
        let child = Command::new("sh").args(["-c", &script]).arg(program).env("HOSHU_TEST_OPEN", &place.text).output();
        let output = String::from_utf8(child.unwrap().stdout).unwrap();
        assert!(output.contains("modes 700 600 600 600"), "umask {umask}: {output}");
    }
}

#[test]
fn a_store_that_others_can_read_is_refused() {
    let place = Place::sqlite();
    drop(place.open());
    let file = place.file();
    let folder = file.parent().unwrap();
    for (path, wide, good) in [(file.as_path(), 0o640, 0o600), (folder, 0o701, 0o700), (folder, 0o750, 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(wide)).unwrap();
        for result in [Store::open(&place.url(), Realm::Lab, NOW), Store::open_reader(&place.url(), Realm::Lab)] {
            let error = result.err().expect("refused");
            assert!(matches!(error, StoreError::OpenToOthers { mode, .. } if mode == wide), "{error:?}");
        }
        fs::set_permissions(path, fs::Permissions::from_mode(good)).unwrap();
    }
    drop(place.open());
}
