//! Backups of a whole fleet killed at random moments, and copies of the store taken under load: nothing half counts,
//! nothing is lost, and no configuration lies in clear on the disk.
//!
//! What a loss of power takes is no kill's: the order in which a file and its row reach the disk is read off the calls of the
//! system.
//!
//! `HOSHU_KILLS_UNITS` and `HOSHU_KILLS_ROUNDS` set another size, `HOSHU_KILLS_SEED` repeats what was drawn.

#![cfg(test)]

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hoshu::lab::control::{Request, request};
use regex::Regex;
use regex::bytes::RegexSet;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;

use crate::cli::until;
use crate::house::{House, files};
use crate::store::place::{Place, backup_file};

/// What stands in every configuration of the lab and nowhere else: communities, shared secrets, licences, hashes of
/// passwords, private keys. Each is too long to turn up in sealed bytes by chance.
const SECRETS: [&str; 5] =
    ["c0mm-[a-z2-9]{10}", "rk-[a-z2-9]{14}", "LK2-FIREEYE_", r"\$[16]\$[./0-9A-Za-z]{8}\$", "BEGIN RSA PRIVATE KEY"];

/// About how many bytes a configuration has that, sealed, is a file of the depot.
const LARGE: &str = "900000";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn units() -> usize {
    usize::try_from(number("HOSHU_KILLS_UNITS", 1000)).unwrap()
}

fn rounds() -> u64 {
    number("HOSHU_KILLS_ROUNDS", 100)
}

/// `SplitMix64`.
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

    /// A moment of a command that takes `whole`: each round has its part of it, so that no part stays untried.
    fn moment(&mut self, whole: Duration, round: u64, rounds: u64) -> Duration {
        let part = u64::try_from(whole.as_micros()).unwrap() / rounds;
        Duration::from_micros(part * round + self.below(part))
    }
}

/// A house and all units of its fleet.
struct Fleet {
    house: House,
    seats: Vec<String>,
    dice: Dice,
    /// How long a backup of the whole fleet takes when half of it has changed.
    whole: Duration,
}

impl Fleet {
    fn new(house: House) -> Self {
        house.onboard();
        let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
        let name = |one: &Value| one["seat"]["name"].as_str().unwrap().to_owned();
        let seats = listed["appliances"].as_array().unwrap().iter().map(name).collect();
        Self { house, seats, dice: Dice::new(), whole: Duration::ZERO }
    }

    /// Backs all units up, and looks how long that takes later.
    fn fill(&mut self) {
        self.take();
        self.change_half();
        let began = Instant::now();
        self.take();
        self.whole = began.elapsed();
    }

    /// Changes half of the units, so that there is something to keep.
    fn change_half(&mut self) {
        let lab = self.house.path("lab");
        for seat in &self.seats {
            if self.dice.below(2) == 0 {
                let line = format!("ntp server 10.77.{}.{}", self.dice.below(250), self.dice.below(250));
                request(&lab, &Request::Change { unit: seat.parse().unwrap(), line }).unwrap();
            }
        }
    }

    /// A seat by lot.
    fn seat(&mut self) -> String {
        let count = self.seats.len() as u64;
        self.seats[usize::try_from(self.dice.below(count)).unwrap()].clone()
    }

    /// Takes a backup of every unit, and each counts.
    fn take(&self) {
        let taken = self.house.hoshu(&["backup", "take", "--on", "all", "--json"]).expect(0).json();
        assert_eq!(taken["taken"], self.seats.len(), "{taken}");
    }

    fn begin_to_take(&self) -> Child {
        let mut command = self.house.command(&["backup", "take", "--on", "all"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// The store has no flaw, and no secret lies in clear beside or in it.
fn is_clean(house: &House) {
    let checked = house.hoshu(&["store", "check", "--json"]).expect(0).json();
    assert_eq!(checked["found"], 0, "{checked}");
    assert_eq!(in_clear(&house.path("data")), [""; 0]);
}

/// Every backup as it is listed, but for when it was last seen.
fn backups(house: &House) -> BTreeMap<String, Value> {
    let mut listed = house.hoshu(&["backup", "list", "--most", "100000", "--json"]).expect(0).json();
    let row = |one: &mut Value| {
        one.as_object_mut().unwrap().remove("seen_at").unwrap();
        (one["id"].as_str().unwrap().to_owned(), one.take())
    };
    listed["backups"].as_array_mut().unwrap().iter_mut().map(row).collect()
}

/// Which backups are gone or others than they were.
fn lost(known: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> Vec<String> {
    let is_lost = |(id, kept): &(&String, &Value)| now.get(*id) != Some(kept);
    known.iter().filter(is_lost).map(|(id, kept)| format!("{kept}, now {:?}", now.get(id))).collect()
}

/// Files below a folder with a secret in clear, each with which of [`SECRETS`] it is.
fn in_clear(folder: &Path) -> Vec<String> {
    let secrets = RegexSet::new(SECRETS).unwrap();
    let found = |(path, bytes): &(_, Vec<u8>)| -> Vec<String> {
        secrets.matches(bytes).iter().map(|kind| format!("{} in {path:?}", SECRETS[kind])).collect()
    };
    files(folder).iter().flat_map(found).collect::<Vec<String>>()
}

/// Kills backups of the whole fleet at random moments, then lets one end, and compares with the fleet.
fn killed(house: House, rounds: u64) {
    let mut fleet = Fleet::new(house);
    let mut child = fleet.begin_to_take();
    until(|| !backups(&fleet.house).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    is_clean(&fleet.house);
    let first = backups(&fleet.house);
    fleet.fill();
    let (mut known, mut ended, mut halves) = (backups(&fleet.house), 0, 0);
    assert_eq!(lost(&first, &known), [""; 0], "the first backups");
    for round in 0..rounds {
        fleet.change_half();
        let mut child = fleet.begin_to_take();
        std::thread::sleep(fleet.dice.moment(fleet.whole, round, rounds));
        child.kill().unwrap();
        let has_ended = child.wait().unwrap().success();
        is_clean(&fleet.house);
        let now = backups(&fleet.house);
        assert_eq!(lost(&known, &now), [""; 0], "round {round}");
        assert!(now.values().all(|backup| backup["grade"] == "taken"), "round {round}: {now:?}");
        ended += u64::from(has_ended);
        halves += u64::from(!has_ended && now.len() > known.len());
        known = now;
    }
    let (house, count) = (&fleet.house, fleet.seats.len());
    println!(
        "{count} units, {} of them through at the first kill; {} ms each time: {rounds} more kills, {halves} of them when some units were through, {ended} after \
         the end; {} backups, {} files",
        first.len(),
        fleet.whole.as_millis(),
        known.len(),
        files(&house.path("data/depot")).len()
    );
    assert!(halves > 0, "no kill met a backup at work");
    fleet.take();
    let verified = house.hoshu(&["backup", "verify", "--on", "all", "--json"]).expect(0).json();
    assert_eq!(verified["verified"], count, "{verified}");
    house.hoshu(&["backup", "coverage"]).expect(0);
    is_clean(house);
    // Who looks for secrets is not blind: each is found where it is.
    let words = ["--full", "--reason", "a test", "--to", "data/in-clear"];
    house.hoshu(&[&["backup", "export", &fleet.seats[0]], words.as_slice()].concat()).expect(0);
    assert_eq!(in_clear(&house.path("data")).len(), SECRETS.len());
}

#[test]
fn backups_survive_kills_at_random_moments() {
    let house = House::generated(30);
    // Few at once, so that some units are through long before the others.
    house.edit("hoshu.yaml", "limits: {", "limits: {sessions: 4, ");
    killed(house, 6);
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn a_thousand_backups_survive_kills_at_random_moments() {
    killed(House::generated(units()), rounds());
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn a_thousand_backups_in_postgresql_survive_kills_at_random_moments() {
    let Some(place) = Place::postgres() else { return };
    let house = House::generated(units());
    house.edit("hoshu.yaml", "store: data/hoshu.db", &format!("store: '{}'", place.text));
    killed(house, rounds().div_ceil(2));
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn large_configurations_survive_kills_at_random_moments() {
    killed(House::generated_with(units() / 16, &["--configuration-bytes", LARGE]), rounds());
}

#[test]
#[ignore = "minutes: ./test deep kills"]
fn copies_taken_under_load_open_and_are_clean() {
    let mut fleet = Fleet::new(House::generated_with(units() / 10, &["--configuration-bytes", LARGE]));
    fleet.fill();
    let (rounds, mut halves) = (rounds().div_ceil(2), 0);
    for round in 0..rounds {
        fleet.change_half();
        let before = backups(&fleet.house).len();
        let mut child = fleet.begin_to_take();
        std::thread::sleep(fleet.dice.moment(fleet.whole, round, rounds));
        let known = backups(&fleet.house);
        let copy = fleet.house.copied(|from, to| {
            if round % 2 == 0 { copy_at_one_moment(&child, from, to) } else { copy_as_documented(from, to) }
        });
        is_clean(&copy);
        let copied = backups(&copy);
        assert_eq!(lost(&known, &copied), [""; 0], "round {round}");
        for _ in 0..3 {
            assert!(copy.opened(&fleet.seat(), 0).out.contains("## Hostname: "), "round {round}");
        }
        child.wait().unwrap();
        halves += u64::from(before < copied.len() && copied.len() < backups(&fleet.house).len());
    }
    let depot = files(&fleet.house.path("data/depot")).len();
    println!(
        "{} units: {rounds} copies, {halves} of them when some units were through, {depot} files",
        fleet.seats.len()
    );
    assert!(halves > 0 && depot >= fleet.seats.len(), "{halves} {depot}");
}

/// As a loss of power leaves it: every file at one moment.
fn copy_at_one_moment(child: &Child, from: &Path, to: &Path) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::STOP).unwrap();
    // Whoever is waited for here stands still, or has ended.
    let state = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), state).unwrap();
    copy(from, to);
    kill_process(pid, Signal::CONT).unwrap();
}

/// As docs/store.md says, while Hoshu works: the store first, then the depot.
fn copy_as_documented(from: &Path, to: &Path) {
    std::fs::DirBuilder::new().mode(0o700).create(to.join("data")).unwrap();
    backup_file(&from.join("data/hoshu.db"), &to.join("data/hoshu.db"));
    let depot = |house: &Path| house.join("data/depot/").into_os_string();
    let words = ["-a", "--chmod=D700,F600", "--exclude=*.*"];
    let status = Command::new("rsync").args(words).args([depot(from), depot(to)]).status().unwrap();
    assert!(status.success(), "{status}");
    for name in ["hoshu.yaml", "inventory", "keys", "lab"] {
        copy(&from.join(name), &to.join(name));
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["-a", "-T"]).arg(from).arg(to).status().unwrap();
    assert!(status.success(), "{status}");
}

/// What a command brings to the disk, in order: `sync` or `name`, and which file of `data/`. `None` without strace; with
/// CI=true that is a failure.
fn to_the_disk(house: &House, words: &[&str]) -> Option<Vec<String>> {
    if Command::new("strace").arg("-V").output().is_err() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "strace is not installed");
        return None;
    }
    let (command, trace) = (house.command(words), house.path("trace"));
    let calls = "trace=fsync,fdatasync,rename,renameat,renameat2";
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-qq", "-s", "4096", "-e", calls, "-o"]).arg(&trace);
    traced.arg(command.get_program()).args(command.get_args()).current_dir(house.dir.path()).env_clear();
    traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = traced.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let call = Regex::new(r#" (?:f\w*(sync)\(\d+<.*/data/(.*?)>|re(name)\w*\(.*/data/(.*?)")"#).unwrap();
    let trace = std::fs::read_to_string(trace).unwrap();
    let calls = trace.lines().filter_map(|line| call.captures(line));
    Some(calls.map(|found| found.extract::<2>().1.join(" ")).collect())
}

#[test]
fn a_large_object_is_on_the_disk_before_its_row() {
    let house = House::generated_with(1, &["--configuration-bytes", LARGE]);
    house.onboard();
    let Some(calls) = to_the_disk(&house, &["backup", "take", "--on", "all"]) else { return };
    let depot = house.path("data/depot");
    let in_a_folder = |(path, _): &(PathBuf, Vec<u8>)| path.parent() != Some(&depot);
    let object = files(&depot).into_iter().find(in_a_folder).unwrap().0;
    let object = object.strip_prefix(house.path("data")).unwrap().to_str().unwrap();
    let folder = object.rsplit_once('/').unwrap().0;
    let mut left = calls.iter();
    for wanted in [
        format!("sync {object}."),
        format!("name {object}"),
        format!("sync {folder}"),
        "sync depot".to_owned(),
        "sync hoshu.db-wal".to_owned(),
    ] {
        let is_it = |call: &String| if wanted.ends_with('.') { call.starts_with(&wanted) } else { *call == wanted };
        assert!(left.any(is_it), "{wanted} is not in its place: {calls:#?}");
    }
}
