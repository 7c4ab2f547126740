//! A thousand backups at once, killed at random moments, and copies of the store taken under load: nothing half counts,
//! nothing is lost, and no configuration lies in clear on the disk.
//!
//! `HOSHU_KILLS_UNITS` and `HOSHU_KILLS_ROUNDS` set another size; the seed is printed.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::house::{House, files};
use crate::store::place::Place;

/// What stands in each configuration of the lab and nowhere else: communities, shared secrets, licences, private keys.
const PLAIN: &[&str] = &["c0mm-", "rk-", "LK2-FIREEYE", "BEGIN RSA PRIVATE KEY"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = number("HOSHU_KILLS_SEED", u64::from(std::process::id()));
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn spawn(house: &House, words: &[&str]) -> Child {
    house.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The store has no flaw; a file without a row that is younger than a day is none.
fn is_clean(house: &House) {
    let checked = house.hoshu(&["store", "check", "--json"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let checked = checked.json();
    assert_eq!(checked["found"], 0, "{checked}");
}

/// Every backup with its content and its grade.
fn backups(house: &House) -> BTreeMap<String, (String, String)> {
    let listed = house.hoshu(&["backup", "list", "--most", "100000", "--json"]).expect(0).json();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let row = |one: &Value| (text(one, "id"), (text(one, "content"), text(one, "grade")));
    listed["backups"].as_array().unwrap().iter().map(row).collect()
}

/// Files in which a configuration stands in clear.
fn in_clear(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes) in files(folder) {
        for needle in PLAIN {
            if memchr::memmem::find(&bytes, needle.as_bytes()).is_some() {
                found.push(format!("{needle} in {}", path.display()));
            }
        }
    }
    found
}

fn names(house: &House) -> Vec<String> {
    let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
    let name = |one: &Value| one["seat"]["name"].as_str().unwrap().to_owned();
    listed["appliances"].as_array().unwrap().iter().map(name).collect()
}

/// Changes some units, so that there is something new to keep.
fn change_some(house: &House, seats: &[String], dice: &mut Dice) {
    for _ in 0..5 {
        let seat = &seats[usize::try_from(dice.below(seats.len() as u64)).unwrap()];
        let line = format!("ntp server 10.77.{}.{}", dice.below(250), dice.below(250));
        house.hoshu(&["lab", "change", seat, &line]).expect(0);
    }
}

/// Kills backups of the whole fleet at random moments, then lets one end, and compares with the fleet.
fn killed(house: &House, rounds: u64) {
    house.onboard();
    let (seats, mut dice) = (names(house), Dice::new());
    let began = Instant::now();
    let taken = house.hoshu(&["backup", "take", "--on", "all", "--json"]).expect(0).json();
    assert_eq!(taken["taken"].as_u64().unwrap(), seats.len() as u64);
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let (mut known, mut ended) = (backups(house), 0);
    for round in 0..rounds {
        change_some(house, &seats, &mut dice);
        let mut child = spawn(house, &["backup", "take", "--on", "all"]);
        std::thread::sleep(Duration::from_millis(dice.below(whole + whole / 5)));
        child.kill().unwrap();
        ended += u64::from(child.wait().unwrap().success());
        is_clean(house);
        let now = backups(house);
        let lost: Vec<_> = known.iter().filter(|(id, kept)| now.get(*id) != Some(kept)).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        assert!(now.values().all(|(_, grade)| grade == "taken"), "round {round}");
        known = now;
        if round % 10 == 0 {
            assert_eq!(in_clear(&house.path("data")), [""; 0], "round {round}");
        }
    }
    println!("{} units, {rounds} rounds, {ended} ended before the kill, {} backups, {whole} ms each", seats.len(), known.len());
    house.hoshu(&["backup", "take", "--on", "all"]).expect(0);
    let verified = house.hoshu(&["backup", "verify", "--on", "all", "--json"]).expect(0).json();
    assert_eq!(verified["verified"].as_u64().unwrap(), seats.len() as u64);
    house.hoshu(&["backup", "coverage"]).expect(0);
    is_clean(house);
    assert_eq!(in_clear(&house.path("data")), [""; 0]);
    // The scanner is not blind: it finds what it looks for where it is, and a harmless name in the store.
    let file = house.path("data/in-clear");
    house.hoshu(&["backup", "export", &seats[0], "--full", "--reason", "a test", "--to", "data/in-clear"]).expect(0);
    assert_eq!(in_clear(&house.path("data")).len(), PLAIN.len());
    std::fs::remove_file(file).unwrap();
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn a_thousand_backups_survive_kills_at_random_moments() {
    let units = usize::try_from(number("HOSHU_KILLS_UNITS", 1000)).unwrap();
    let rounds = number("HOSHU_KILLS_ROUNDS", 40);
    killed(&House::generated(units), rounds);
    if let Some(place) = Place::postgres() {
        let house = House::generated(units);
        house.edit("hoshu.yaml", "store: data/hoshu.db", &format!("store: '{}'", place.text));
        killed(&house, rounds / 2);
    }
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn large_configurations_survive_kills_at_random_moments() {
    // Large enough for a file of the depot each.
    let house = House::generated_with(60, &["--configuration-bytes", "600000"]);
    killed(&house, number("HOSHU_KILLS_ROUNDS", 40));
    let paths = files(&house.path("data/depot"));
    assert!(paths.len() >= 60, "{}", paths.len());
}

/// Copies a house as it lies on the disk, its lab's ports with it.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("/bin/cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn copies_taken_under_load_open_and_are_clean() {
    let units = usize::try_from(number("HOSHU_KILLS_UNITS", 1000)).unwrap();
    let house = House::generated_with(units / 5, &["--configuration-bytes", "300000"]);
    house.onboard();
    let (seats, mut dice) = (names(&house), Dice::new());
    let began = Instant::now();
    house.hoshu(&["backup", "take", "--on", "all"]).expect(0);
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    for round in 0..number("HOSHU_KILLS_ROUNDS", 40) / 2 {
        change_some(&house, &seats, &mut dice);
        let acknowledged: BTreeSet<String> = backups(&house).into_keys().collect();
        let mut child = spawn(&house, &["backup", "take", "--on", "all"]);
        std::thread::sleep(Duration::from_millis(dice.below(whole)));
        let folder = tempfile::tempdir().unwrap();
        let other = House::at(folder, house.dir.path(), |from, to| {
            if round % 2 == 0 {
                // As the loss of power leaves it: every file at one moment.
                let pid = Pid::from_child(&child);
                kill_process(pid, Signal::STOP).unwrap();
                copy(from, to);
                kill_process(pid, Signal::CONT).unwrap();
            } else {
                // As docs/key.md says: the store first, then the depot, while Hoshu works.
                copy_as_documented(from, to);
            }
        });
        child.wait().unwrap();
        is_clean(&other);
        let found: BTreeSet<String> = backups(&other).into_keys().collect();
        assert!(acknowledged.is_subset(&found), "round {round}: {:?}", acknowledged.difference(&found));
        // It opens, too.
        let seat = &seats[usize::try_from(dice.below(seats.len() as u64)).unwrap()];
        assert!(other.opened(seat, 0).out.contains("## Hostname: "));
    }
}

fn copy_as_documented(from: &Path, to: &Path) {
    let place = |name: &str| (from.join(name), to.join(name));
    std::fs::create_dir_all(to.join("data")).unwrap();
    std::fs::set_permissions(to.join("data"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for name in ["hoshu.yaml", "inventory", "keys", "lab"] {
        let (from, to) = place(name);
        copy(&from, &to);
    }
    let (store, target) = place("data/hoshu.db");
    crate::store::place::backup_file(&store, &target);
    let (depot, target) = place("data/depot");
    copy(&depot, &target);
}
