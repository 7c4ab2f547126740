//! Keys over their whole life, on both databases: made, rotated, sealed anew, recovered, destroyed; killed at any moment.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr as _;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use serde_json::Value;
use sha2::Digest as _;

use crate::house::House;
use crate::store::place::Place;

/// Two recovery pairs, made as a person makes them elsewhere; the house knows the public halves.
pub(crate) fn with_recovery(house: &House) -> [PathBuf; 2] {
    let pairs = [("recovery1", Identity::generate()), ("recovery2", Identity::generate())];
    let public = pairs.each_ref().map(|(_, pair)| pair.to_public().to_string()).join(", ");
    house.edit(
        "hoshu.yaml",
        "root_key: {file: keys/root.key}",
        &format!("root_key: {{file: keys/root.key}}\nrecovery: [{public}]"),
    );
    pairs.map(|(name, pair)| {
        let path = house.path(name);
        fs::write(&path, format!("# created: elsewhere\n{}\n", pair.to_string().expose_secret())).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    customer: String,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = Text)]
    public: String,
    #[diesel(sql_type = Nullable<Binary>)]
    private_sealed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    content_sealed: Option<Vec<u8>>,
}

/// The rows as they lie in the database.
fn rows(place: &Place) -> Vec<Row> {
    let query = diesel::sql_query(
        "SELECT customer, generation, public, private_sealed, content_sealed FROM customer_key \
         ORDER BY customer, generation",
    );
    if place.is_sqlite() { query.load(&mut place.file_db()).unwrap() } else { query.load(&mut place.pg()).unwrap() }
}

fn identity(path: &Path) -> Option<Identity> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"))?;
    Identity::from_str(line).ok()
}

/// What the stock format gives to an identity.
fn opened(identity: &Identity, sealed: &[u8]) -> Option<String> {
    age::decrypt(identity, sealed).ok().map(|text| String::from_utf8(text).unwrap())
}

/// Every secret that lies sealed in an SQLite store: private halves and content keys.
pub(crate) fn secrets(db: &Path, root: &Path) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Cell {
        #[diesel(sql_type = Binary)]
        sealed: Vec<u8>,
    }
    let root = identity(root).unwrap();
    let mut db = SqliteConnection::establish(db.to_str().unwrap()).unwrap();
    let ask = "SELECT private_sealed AS sealed FROM customer_key WHERE destroyed_at IS NULL \
               UNION ALL SELECT content_sealed FROM customer_key WHERE destroyed_at IS NULL";
    let cells: Vec<Cell> = diesel::sql_query(ask).load(&mut db).unwrap();
    let secret = |cell: &Cell| opened(&root, &cell.sealed).unwrap().lines().nth(1).unwrap().to_owned();
    cells.iter().map(secret).collect()
}

fn statuses(house: &House, code: i32) -> Value {
    house.hoshu(&["key", "status", "--json"]).expect(code).json()
}

fn customer<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["customers"].as_array().unwrap().iter().find(|one| one["customer"] == name).unwrap()
}

/// The different states of all customers, in order.
fn states(status: &Value) -> Vec<&str> {
    let customers = status["customers"].as_array().unwrap();
    let all: std::collections::BTreeSet<_> = customers.iter().map(|one| one["state"].as_str().unwrap()).collect();
    all.into_iter().collect()
}

fn take(house: &House, seat: &str) -> String {
    let answer = house.hoshu(&["backup", "take", "--on", seat, "--json"]).expect(0).json();
    House::seat(&answer, seat)["backup"]["id"].as_str().unwrap().to_owned()
}

pub(crate) fn both(test: impl Fn(&Place)) {
    test(&Place::sqlite());
    if let Some(place) = Place::postgres() {
        test(&place);
    }
}

#[test]
fn a_key_lives_and_ends() {
    both(|place| {
        let house = House::with_store(&place.text);
        let recovery = with_recovery(&house);
        house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
        assert_eq!(states(&statuses(&house, 4)), ["no-key"], "a new store has nothing, and says so");
        house.onboard();
        let status = statuses(&house, 0);
        assert_eq!((states(&status), &status["notes"]), (vec!["good"], &Value::Array(vec![])), "{status}");
        assert_eq!(customer(&status, "acme")["recovery"].as_array().unwrap().len(), 2);
        let first = take(&house, "acme-nx01");

        // Rotated: the old one opens, what did not change is known again, what changes is sealed to the new pair.
        let rotated = house.hoshu(&["key", "rotate", "--customer", "acme", "--json"]).expect(0).json();
        assert_eq!(
            (&rotated["customers"][0]["result"], &rotated["customers"][0]["generation"]),
            (&"rotated".into(), &2.into())
        );
        let again = house.hoshu(&["backup", "take", "--on", "acme-nx01", "--json"]).expect(0).json();
        assert_eq!(House::seat(&again, "acme-nx01")["unchanged"], true, "{again}");
        house.hoshu(&["lab", "change", "acme-nx01", "ntp server 10.20.0.250"]).expect(0);
        let second = take(&house, "acme-nx01");
        house.opened(&first, 0);
        assert!(house.opened(&second, 0).out.contains("10.20.0.250"));
        assert_eq!(customer(&statuses(&house, 0), "acme")["opened_by_root"], 2);
        assert_eq!(customer(&statuses(&house, 0), "umi")["generation"], 1);
        house.hoshu(&["key", "rotate", "--customer", "nobody"]).expect(2);
        house.hoshu(&["key", "rotate"]).expect(2);
        let before = rows(place);

        // A recipient goes: told, and mended by rewrap. Objects are not touched.
        let gone = identity(&recovery[1]).unwrap().to_public().to_string();
        house.edit("hoshu.yaml", &format!(", {gone}"), "");
        assert_eq!(states(&statuses(&house, 4)), ["other-recipients"]);
        house.hoshu(&["key", "rewrap"]).expect(0);
        assert_eq!(states(&statuses(&house, 0)), ["good"]);
        for row in rows(place) {
            let sealed = row.private_sealed.unwrap();
            assert!(opened(&identity(&recovery[0]).unwrap(), &sealed).is_some());
            assert!(opened(&identity(&recovery[1]).unwrap(), &sealed).is_none());
        }

        // Another root key: the old one opens what the new one cannot, and nothing is made without it.
        fs::rename(house.path("keys/root.key"), house.path("keys/old.key")).unwrap();
        assert_eq!(states(&statuses(&house, 4)), ["does-not-open"]);
        house.hoshu(&["key", "rewrap"]).expect(6);
        house.hoshu(&["key", "rewrap", "--old-root", "recovery1"]).expect(6);
        assert!(!house.path("keys/root.key").exists());
        let rewrapped = house.hoshu(&["key", "rewrap", "--old-root", "keys/old.key", "--json"]).expect(0).json();
        assert_eq!(rewrapped["root"], true, "{rewrapped}");
        let again = house.hoshu(&["key", "rewrap", "--old-root", "keys/old.key", "--json"]).expect(0).json();
        assert!(again["customers"].as_array().unwrap().iter().all(|one| one["result"] == "unchanged"), "{again}");
        let old = identity(&house.path("keys/old.key")).unwrap();
        assert!(rows(place).iter().all(|row| opened(&old, row.private_sealed.as_ref().unwrap()).is_none()));

        // The root key is lost: a recovery identity opens, and the wrong one does not.
        house.hoshu(&["key", "recover", "--identity", "recovery1"]).expect(2);
        fs::remove_file(house.path("keys/root.key")).unwrap();
        house.opened(&first, 6);
        house.hoshu(&["key", "recover", "--identity", "recovery2"]).expect(6);
        assert!(!house.path("keys/root.key").exists());
        let recovered = house.hoshu(&["key", "recover", "--identity", "recovery1"]).expect(0);
        assert!(recovered.err.contains("was on this machine"), "{}", recovered.err);
        assert_eq!(states(&statuses(&house, 0)), ["good"]);
        house.opened(&first, 0);
        house.opened(&second, 0);
        let same = rows(place).iter().zip(&before).all(|(now, before)| now.public == before.public);
        assert!(same, "the pairs are the same through all of it");

        destroy(&house, place, &second);
    });
}

fn destroy(house: &House, place: &Place, backup: &str) {
    let words = |name: &'static str, yes: &'static str| {
        vec!["key", "destroy", "--customer", name, "--reason", "contract 12 ended", "--yes", yes]
    };
    house.hoshu(&words("acme", "umi")).expect(2);
    house.hoshu(&words("nobody", "nobody")).expect(2);
    house.hoshu(&["backup", "show", backup]).expect(0);
    house.opened(backup, 0);
    let sealed: Vec<_> = rows(place).into_iter().filter(|row| row.customer == "acme").collect();
    assert_eq!(sealed.iter().map(|row| row.generation).collect::<Vec<_>>(), [1, 2]);
    let destroyed = house.hoshu(&words("acme", "acme")).expect(0);
    assert!(destroyed.err.contains("second one is not yet served"), "{}", destroyed.err);
    for row in rows(place) {
        assert_eq!(row.private_sealed.is_none(), row.customer == "acme");
    }
    if place.is_sqlite() {
        for (path, bytes) in crate::house::files(place.file().parent().unwrap()) {
            let left = sealed.iter().any(|row| {
                let secret = row.private_sealed.as_ref().unwrap();
                bytes.windows(64).any(|window| window == &secret[secret.len() - 64..])
            });
            assert!(!left, "the sealed key still lies in {}", path.display());
        }
    }
    let refused = house.opened(backup, 6);
    assert!(refused.err.contains("contract 12 ended"), "{}", refused.err);
    house.hoshu(&["backup", "show", backup]).expect(2);
    let refused = house.hoshu(&["backup", "take", "--on", "acme-nx01", "--json"]).expect(4).json();
    let seat = House::seat(&refused, "acme-nx01");
    assert_eq!(seat["outcome"], "not-kept");
    assert!(seat["reason"].as_str().unwrap().contains("contract 12 ended"), "{seat}");
    assert_eq!(customer(&statuses(house, 0), "acme")["state"], "destroyed");
    // It stays so: nobody makes it a new pair in silence.
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["key", "rotate", "--customer", "acme"]).expect(6);
    house.hoshu(&words("acme", "acme")).expect(2);
    house.hoshu(&["key", "export", "--customer", "acme", "--to", "x"]).expect(6);
    house.hoshu(&["key", "rotate", "--customer", "all"]).expect(0);
    house.hoshu(&["key", "rewrap"]).expect(0);
    assert_eq!(customer(&statuses(house, 0), "acme")["state"], "destroyed");
    let acts = house.hoshu(&["audit", "list", "--json", "--most", "1000"]).expect(0).json().to_string();
    for act in [
        "root-key-made",
        "customer-key-rotated",
        "customer-key-rewrapped",
        "customer-key-recovered",
        "customer-key-destroyed",
    ] {
        assert!(acts.contains(act), "{act} is not in the audit");
    }
}

#[test]
fn live_needs_two_ways_back() {
    let house = House::empty();
    house.hoshu(&["init", "."]).expect(0);
    let refused = house.hoshu(&["key", "init"]).expect(6);
    assert!(refused.err.contains("found 0") && refused.err.contains("age-keygen"), "{}", refused.err);
    assert!(!house.path("keys/root.key").exists(), "no root key without a way back");
    let checked = house.hoshu(&["check", "--json"]).expect(0).json();
    assert!(checked["warnings"].to_string().contains("recovery recipients"), "{checked}");
    let recovery = with_recovery(&house);
    house.hoshu(&["key", "init"]).expect(0);
    assert_eq!(states(&statuses(&house, 0)), ["good"]);
    // With one of them taken away nothing new is sealed, and a person is asked for.
    let gone = identity(&recovery[1]).unwrap().to_public().to_string();
    house.edit("hoshu.yaml", &format!(", {gone}"), "");
    house.hoshu(&["key", "rotate", "--customer", "all"]).expect(6);
    house.hoshu(&["key", "rewrap"]).expect(6);
    statuses(&house, 4);
    // The root key itself is no way back when it is lost.
    let root = identity(&house.path("keys/root.key")).unwrap().to_public().to_string();
    let left = identity(&recovery[0]).unwrap().to_public().to_string();
    house.edit("hoshu.yaml", &format!("[{left}]"), &format!("[{left}, {root}]"));
    let refused = house.hoshu(&["key", "rewrap"]).expect(6);
    assert!(refused.err.contains("the root key itself"), "{}", refused.err);
    // A recipient with a wrong checksum is found before anything is sealed to it.
    let last = if left.ends_with('q') { 'p' } else { 'q' };
    house.edit("hoshu.yaml", &format!("[{left}, {root}]"), &format!("[{left}, {}{last}]", &left[..61]));
    house.hoshu(&["check"]).expect(3);
    house.hoshu(&["key", "rewrap"]).expect(6);
}

#[test]
fn a_root_key_comes_from_elsewhere_as_well() {
    let house = House::empty();
    house.hoshu(&["init", ".", "--lab"]).expect(0);
    let told = |source: &str, told: &str| {
        let refused = house.hoshu(&["key", "init"]).expect(6);
        assert!(refused.err.contains(told), "{source}: {}", refused.err);
        assert!(refused.err.contains("hint: "), "{source}: {}", refused.err);
    };
    house.edit("hoshu.yaml", "{file: keys/root.key}", "{systemd: root-key}");
    told("systemd", "CREDENTIALS_DIRECTORY is not set");
    // A person makes it, with the stock tool and a line, and puts it where the settings say.
    let pair = Identity::generate();
    fs::create_dir(house.path("credentials")).unwrap();
    let text = format!("# hoshu root key, realm: lab\n{}\n", pair.to_string().expose_secret());
    fs::write(house.path("credentials/root-key"), text).unwrap();
    let program = format!("{{command: [/bin/cat, '{}']}}", house.path("credentials/root-key").display());
    house.edit("hoshu.yaml", "{systemd: root-key}", &program);
    house.hoshu(&["key", "init"]).expect(0);
    house.edit("hoshu.yaml", &program, "{systemd: root-key}");
    let mut command = house.command(&["key", "status", "--json"]);
    let output = command.env("CREDENTIALS_DIRECTORY", house.path("credentials")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(states(&status), ["good"]);
    let public = pair.to_public().to_string();
    assert_eq!(status["root"]["public"], public, "{status}");
    assert!(!status["notes"].as_array().unwrap().is_empty(), "in the lab too few recipients are a note");
}

#[test]
fn one_damaged_key_is_told_and_keeps_nobody_from_the_rest() {
    let place = Place::sqlite();
    let house = House::empty();
    house.hoshu(&["init", ".", "--lab"]).expect(0);
    house.edit("hoshu.yaml", "store: data/hoshu.db", &format!("store: '{}'", place.text));
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["key", "rotate", "--customer", "acme"]).expect(0);
    place.raw("UPDATE customer_key SET private_sealed = X'00' WHERE customer = 'acme' AND generation = 1").unwrap();
    fs::rename(house.path("keys/root.key"), house.path("keys/old.key")).unwrap();
    let words = ["key", "rewrap", "--old-root", "keys/old.key", "--json"];
    for (of_acme, of_others) in [("does-not-open", "rewrapped"), ("does-not-open", "unchanged")] {
        let rewrapped = house.hoshu(&words).expect(4).json();
        for one in rewrapped["customers"].as_array().unwrap() {
            let expected = if one["customer"] == "acme" { of_acme } else { of_others };
            assert_eq!(one["result"], expected, "{one}");
        }
        let present = identity(&house.path("keys/root.key")).unwrap();
        for row in rows(&place) {
            let is_open = opened(&present, row.private_sealed.as_ref().unwrap()).is_some();
            assert_eq!(is_open, (row.customer.as_str(), row.generation) != ("acme", 1));
        }
    }
    let status = statuses(&house, 4);
    let acme = customer(&status, "acme");
    assert_eq!((&acme["state"], &acme["opened_by_root"]), (&"does-not-open".into(), &1.into()), "{acme}");
}

/// Starts a command, and kills it once `moment` has come, or when it has ended by itself.
fn killed(house: &House, words: &[&str], mut moment: impl FnMut() -> bool) -> bool {
    let mut child = house.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ended = loop {
        if moment() {
            break false;
        }
        if child.try_wait().unwrap().is_some() {
            break true;
        }
    };
    // SIGKILL; one that has ended already is not there to be killed.
    child.kill().unwrap();
    child.wait().unwrap();
    !ended
}

/// Runs a command again and again, killed at another moment each time: at once, when the root key is there, after each
/// of some customers, and after some spans of time in between. Returns how often it was killed, and how often some
/// customers were done and others not.
fn kill_at_boundaries(
    house: &House,
    place: &Place,
    words: &[&str],
    old: &Identity,
    prepare: impl Fn(),
) -> (usize, usize) {
    let path = house.path("keys/root.key");
    let count = |act: &str| house_acts(place, act);
    let act = match words[1] {
        "rotate" => "customer-key-rotated",
        "recover" => "customer-key-recovered",
        _ => "customer-key-rewrapped",
    };
    let (mut kills, mut halfway) = (0, 0);
    let customers = rows(place).iter().filter(|row| row.generation == 1).count();
    for round in 0..8 {
        prepare();
        let began = count(act);
        let was_killed = killed(house, words, || match round {
            0 => true,
            1 => path.exists(),
            2..=4 => count(act) >= began + [1, 2, 3][round - 2],
            _ => {
                std::thread::sleep(Duration::from_millis(60 * (round as u64 - 4)));
                true
            }
        });
        kills += usize::from(was_killed);
        let present = identity(&path);
        let (rows, mut by_old) = (rows(place), 0);
        for row in &rows {
            let sealed = row.private_sealed.as_ref().unwrap();
            let old_text = opened(old, sealed);
            by_old += usize::from(old_text.is_some());
            let text = old_text.or_else(|| opened(present.as_ref()?, sealed));
            let text = text.unwrap_or_else(|| panic!("round {round}: {} {} is lost", row.customer, row.generation));
            let pair = Identity::from_str(text.lines().nth(1).unwrap()).unwrap();
            assert_eq!(pair.to_public().to_string(), row.public, "round {round}");
            let sealed = row.content_sealed.as_ref().unwrap();
            let content = opened(old, sealed).or_else(|| opened(present.as_ref()?, sealed));
            assert!(content.is_some(), "round {round}: the content key of {} is lost", row.customer);
        }
        let mixed = (by_old > 0 && by_old < rows.len()) || rows.len() % customers != 0;
        halfway += usize::from(mixed);
    }
    (kills, halfway)
}

fn house_acts(place: &Place, act: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let query = diesel::sql_query(format!("SELECT count(*) AS n FROM audit WHERE act = '{act}'"));
    let count: Count =
        if place.is_sqlite() { query.get_result(&mut place.file_db()) } else { query.get_result(&mut place.pg()) }
            .unwrap();
    count.n
}

#[test]
fn a_kill_leaves_every_key_readable() {
    both(|place| {
        let house = House::empty();
        house.hoshu(&["init", ".", "--lab"]).expect(0);
        house.edit("hoshu.yaml", "store: data/hoshu.db", &format!("store: '{}'", place.text));
        let recovery = with_recovery(&house);
        house.hoshu(&["key", "init"]).expect(0);
        let (root, old) = (house.path("keys/root.key"), house.path("keys/old.key"));

        let present = identity(&root).unwrap();
        let hit = kill_at_boundaries(&house, place, &["key", "rotate", "--customer", "all"], &present, || {});
        assert!(hit.0 >= 4 && hit.1 >= 1, "rotate ended too early: {hit:?}");
        house.hoshu(&["key", "rotate", "--customer", "all"]).expect(0);
        assert_eq!(states(&statuses(&house, 0)), ["good"]);

        // Each round begins with the old root key beside no new one, or goes on where the last was killed.
        let move_away = || {
            if !old.exists() {
                fs::rename(&root, &old).unwrap();
            }
        };
        move_away();
        let before = identity(&old).unwrap();
        let words = ["key", "rewrap", "--old-root", "keys/old.key"];
        let hit = kill_at_boundaries(&house, place, &words, &before, move_away);
        assert!(hit.0 >= 3 && hit.1 >= 1, "rewrap ended too early: {hit:?}");
        house.hoshu(&words).expect(0);
        assert_eq!(states(&statuses(&house, 0)), ["good"]);

        fs::remove_file(&old).unwrap();
        let before = identity(&root).unwrap();
        fs::remove_file(&root).unwrap();
        let words = ["key", "recover", "--identity", "recovery1"];
        let hit = kill_at_boundaries(&house, place, &words, &before, || {});
        assert!(hit.0 >= 3 && hit.1 >= 1, "recover ended too early: {hit:?}");
        let by_recovery = identity(&recovery[0]).unwrap();
        assert!(rows(place).iter().all(|row| opened(&by_recovery, row.private_sealed.as_ref().unwrap()).is_some()));
        let ran = house.hoshu(&words);
        assert!(matches!(ran.code, 0 | 2), "it goes on, or finds that it is done: {}", ran.err);
        assert_eq!(states(&statuses(&house, 0)), ["good"]);
    });
}

/// The stock tools, or nothing where they are not; with CI=true that is a failure.
fn age_is_there() -> bool {
    let there = Command::new("age").arg("--version").output().is_ok()
        && Command::new("age-keygen").arg("--version").output().is_ok();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "age is not installed");
    there
}

fn age(identity: &Path, from: &Path, to: &Path) {
    let ran = Command::new("age").arg("-d").arg("-i").arg(identity).arg("-o").arg(to).arg(from).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_stock_tools_open_a_key_and_an_artefact_with_a_recovery_identity() {
    if !age_is_there() {
        return;
    }
    let place = Place::sqlite();
    let house = House::with_store(&place.text);
    let made = Command::new("age-keygen").arg("-o").arg(house.path("mine")).output().unwrap();
    let told = String::from_utf8(made.stderr).unwrap();
    let public = told.split_whitespace().find(|word| word.starts_with("age1")).unwrap();
    house.edit(
        "hoshu.yaml",
        "root_key: {file: keys/root.key}",
        &format!("root_key: {{file: keys/root.key}}\nrecovery: [{public}]"),
    );
    house.onboard();
    take(&house, "acme-nx01");
    house.hoshu(&["key", "rotate", "--customer", "acme"]).expect(0);
    house.hoshu(&["lab", "change", "acme-nx01", "ntp server 10.20.0.250"]).expect(0);
    take(&house, "acme-nx01");
    for (generation, has_change) in [("1", false), ("2", true)] {
        let (sealed, key) = (house.path(&format!("key{generation}.age")), house.path(&format!("key{generation}")));
        let words =
            ["key", "export", "--customer", "acme", "--generation", generation, "--to", sealed.to_str().unwrap()];
        house.hoshu(&words).expect(0);
        house.hoshu(&words).expect(1);
        age(&house.path("mine"), &sealed, &key);
        let object = house.path(&format!("object{generation}.age"));
        fs::write(&object, body(&place, &format!("generation = {generation}"))).unwrap();
        age(&key, &object, &house.path("opened"));
        let opened = fs::read(house.path("opened")).unwrap();
        fs::remove_file(house.path("opened")).unwrap();
        let end = opened.iter().position(|byte| *byte == b'\n').unwrap();
        let header: Value = serde_json::from_slice(&opened[..end]).unwrap();
        assert_eq!((&header["customer"], &header["seat"]), (&"acme".into(), &"acme-nx01".into()));
        let text = String::from_utf8(zstd::decode_all(&opened[end + 1..]).unwrap()).unwrap();
        assert!(text.starts_with("##\n## Running database"));
        assert_eq!(text.contains("ntp server 10.20.0.250"), has_change);
    }
    let acts = house.hoshu(&["audit", "list", "--json"]).expect(0).json().to_string();
    assert_eq!(
        acts.matches("customer-key-exported").count(),
        4,
        "each is asked for before the file is written: {acts}"
    );
}

fn body(place: &Place, which: &str) -> Vec<u8> {
    #[derive(QueryableByName)]
    struct Body {
        #[diesel(sql_type = Binary)]
        body: Vec<u8>,
    }
    let query = diesel::sql_query(format!("SELECT body FROM object WHERE {which}"));
    let found: Body =
        if place.is_sqlite() { query.get_result(&mut place.file_db()) } else { query.get_result(&mut place.pg()) }
            .unwrap();
    found.body
}

#[test]
fn an_object_forged_with_the_public_key_is_refused() {
    both(|place| {
        let house = House::with_store(&place.text);
        house.onboard();
        let backup = take(&house, "acme-nx01");
        house.opened(&backup, 0);
        // The forger knows everything but private keys; the header is taken over from the true one to be generous.
        let root = identity(&house.path("keys/root.key")).unwrap();
        let key = rows(place).into_iter().find(|row| row.customer == "acme").unwrap();
        let text = opened(&root, key.private_sealed.as_ref().unwrap()).unwrap();
        let pair = Identity::from_str(text.lines().nth(1).unwrap()).unwrap();
        let plain = age::decrypt(&pair, &body(place, "seat = 'acme-nx01'")).unwrap();
        let end = plain.iter().position(|byte| *byte == b'\n').unwrap();
        let mut header: Value = serde_json::from_slice(&plain[..end]).unwrap();
        let content = zstd::decode_all(&plain[end + 1..]).unwrap();
        let content = String::from_utf8(content).unwrap().replace("hostname", "username backdoor\nhostname");
        header["sha256"] = hex::encode(sha2::Sha256::digest(&content)).into();
        header["bytes"] = content.len().into();
        let mut forged = serde_json::to_vec(&header).unwrap();
        forged.push(b'\n');
        forged.extend(zstd::encode_all(content.as_bytes(), 1).unwrap());
        let forged = age::encrypt(&Recipient::from_str(&key.public).unwrap(), &forged).unwrap();
        let (bytes, digest) = (hex::encode(&forged), hex::encode(sha2::Sha256::digest(&forged)));
        let set = if place.is_sqlite() {
            format!(
                "DROP TRIGGER object_no_update; UPDATE object SET body = X'{bytes}', digest = X'{digest}', bytes = {}",
                forged.len()
            )
        } else {
            format!(
                "DROP TRIGGER object_append_only ON object; UPDATE object SET body = '\\x{bytes}', digest = '\\x{digest}', bytes = {}",
                forged.len()
            )
        };
        place.raw(&set).unwrap();
        let refused = house.opened(&backup, 6);
        assert!(refused.err.contains("the audit of its backup has another digest"), "{}", refused.err);
        assert!(!refused.out.contains("backdoor"));
    });
}

#[test]
fn a_pair_that_somebody_put_there_is_not_used() {
    both(|place| {
        let house = House::with_store(&place.text);
        house.onboard();
        take(&house, "acme-nx01");
        // The forger seals a pair of his own to the public half of the root key, which is no secret.
        let root = identity(&house.path("keys/root.key")).unwrap().to_public();
        let forged = Identity::generate();
        let seal = |part: &str, generation: Option<u32>, secret: &str| {
            let header =
                serde_json::json!({"v": 1, "realm": "lab", "customer": "acme", "part": part, "generation": generation});
            hex::encode(age::encrypt(&root, format!("# {header}\n{secret}\n").as_bytes()).unwrap())
        };
        let private = seal("private", Some(2), forged.to_string().expose_secret());
        let content = seal("content", None, &"00".repeat(32));
        let blob = |hex: &str| if place.is_sqlite() { format!("X'{hex}'") } else { format!("'\\x{hex}'") };
        let insert = format!(
            "INSERT INTO customer_key (customer, generation, public, private_sealed, content_sealed, sealed_to, made_at) \
             SELECT customer, 2, '{}', {}, {}, sealed_to, made_at FROM customer_key WHERE customer = 'acme'",
            forged.to_public(),
            blob(&private),
            blob(&content)
        );
        place.raw(&insert).unwrap();
        let taken = house.hoshu(&["backup", "take", "--on", "customer=acme", "--json"]).expect(4).json();
        let told = House::seat(&taken, "acme-nx01");
        assert_eq!(told["outcome"], "not-kept", "{told}");
        assert!(told["reason"].as_str().unwrap().contains("put there by somebody else"), "{told}");
        assert_eq!(customer(&statuses(&house, 4), "acme")["state"], "not-recorded");
        // A new pair is one that counts again, with the content key of before and not the forger's.
        house.hoshu(&["key", "rotate", "--customer", "acme"]).expect(0);
        let again = house.hoshu(&["backup", "take", "--on", "acme-nx01", "--json"]).expect(0).json();
        assert_eq!(House::seat(&again, "acme-nx01")["unchanged"], true, "{again}");
        assert_eq!(states(&statuses(&house, 0)), ["good"]);
    });
}
