//! A Hoshu of its own with a simulated fleet of its own, used as a person uses it: by its command line.

#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// What a command gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            // A signal shows as a shell shows it.
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The answer in JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Fails with everything that was said when the code is another one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }
}

/// The house.
pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    lab: Option<Child>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(lab) = &mut self.lab {
            lab.kill().unwrap();
            lab.wait().unwrap();
        }
    }
}

impl House {
    /// The example fleet, with the lab running and nothing done yet.
    pub(crate) fn example() -> Self {
        Self::example_with(|_| ())
    }

    /// As [`Self::example`], with files that are edited before the appliances start.
    pub(crate) fn example_with(edit: impl FnOnce(&Self)) -> Self {
        let mut house = Self::empty();
        house.hoshu(&["init", ".", "--lab"]).expect(0);
        edit(&house);
        house.lab = Some(house.start_lab(&["lab", "serve"]));
        house
    }

    /// An empty folder and no lab.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), lab: None }
    }

    /// A generated fleet.
    pub(crate) fn generated(seats: usize) -> Self {
        Self::generated_with(seats, &[])
    }

    /// A generated fleet with more words for its lab.
    pub(crate) fn generated_with(seats: usize, words: &[&str]) -> Self {
        let mut house = Self::empty();
        let seats = seats.to_string();
        let served = ["lab", "serve", "--fleet", &seats, "--dir", "."];
        house.lab = Some(house.start_lab(&[&served, words].concat()));
        house
    }

    /// Another house with what `copy` brings from the folder of this one into its own; it has no lab.
    pub(crate) fn copied(&self, copy: impl FnOnce(&Path, &Path)) -> Self {
        let other = Self::empty();
        copy(self.dir.path(), other.dir.path());
        other
    }

    /// As [`Self::example`], with another store.
    pub(crate) fn with_store(store: &str) -> Self {
        let house = Self::example();
        house.edit("hoshu.yaml", "store: data/hoshu.db", &format!("store: '{store}'"));
        house
    }

    fn start_lab(&self, words: &[&str]) -> Child {
        let mut lab = self.command(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(lab.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("ready")), "the lab ended before it was ready");
        // The pipe stays open as long as the lab writes into it.
        std::thread::spawn(move || lines.count());
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a text in a file that has it.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// A command that is not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoshu"));
        command
            .args(words)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("USER", "tester")
            .env("HOSHU_SETTINGS", "hoshu.yaml")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn hoshu(&self, words: &[&str]) -> Ran {
        Ran::of(&self.command(words).output().unwrap())
    }

    /// Opens the sealed copy of a backup: what the command said, with the configuration in clear as its data.
    pub(crate) fn opened(&self, which: &str, code: i32) -> Ran {
        let file = self.path("opened.cfg");
        let words = ["backup", "export", which, "--full", "--reason", "a test", "--to", "opened.cfg"];
        let mut ran = self.hoshu(&words).expect(code);
        if code == 0 {
            ran.out = std::fs::read_to_string(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
        }
        ran
    }

    /// Keys made, host keys accepted as they stand on the consoles.
    pub(crate) fn onboard(&self) {
        self.hoshu(&["key", "init"]).expect(0);
        self.hoshu(&["hostkey", "scan", "--on", "all"]).expect(0);
        // Seats whose way in is not yet served have no key to accept: 4.
        let accepted = self.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
        assert!(matches!(accepted.code, 0 | 4), "{}", accepted.err);
    }

    /// The files of objects in the depot.
    pub(crate) fn in_depot(&self) -> Vec<PathBuf> {
        let depot = self.path("data/depot");
        files(&depot).into_iter().map(|(path, _)| path).filter(|path| path.parent() != Some(&depot)).collect()
    }

    /// What the lab knows of a unit.
    pub(crate) fn unit(&self, seat: &str) -> Value {
        self.hoshu(&["lab", "show", seat, "--json"]).expect(0).json()
    }

    pub(crate) fn break_unit(&self, seat: &str, fault: &str) {
        self.hoshu(&["lab", "break", seat, fault]).expect(0);
    }

    /// The seat of an answer.
    pub(crate) fn seat<'a>(answer: &'a Value, seat: &str) -> &'a Value {
        let seats = answer["seats"].as_array().unwrap();
        seats.iter().find(|one| one["seat"] == seat).unwrap_or_else(|| panic!("no {seat} in {answer}"))
    }
}

/// Every file below a folder with its bytes.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            all.extend(files(&path));
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
    all
}
