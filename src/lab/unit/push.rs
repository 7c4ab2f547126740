//! `backup profile …` and `debug generate dump`: what a unit writes, and where it is told to push it. The words are modelled:
//! no document shows what the commands print, but for the name of a dump (CLI reference, `debug generate dump`).

use std::net::SocketAddr;

use super::page::{Page, local_as};
use super::shell::Output;
use super::state::{LastBackup, Unit};
use crate::lab::fault::Fault;
use crate::model::series::Series;
use crate::model::time::Time;

/// Bytes that repeat in the file of a simulated backup.
const LINE_BYTES: u64 = 64;

/// A file to be pushed, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The profile; a dump has none.
    pub profile: String,
    /// The account there.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The place.
    pub address: SocketAddr,
    /// The path there.
    pub path: String,
    /// The name of the file here.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// When it was begun.
    pub began_at: Time,
}

impl Push {
    /// A part of the file, from an offset on.
    pub fn part(&self, from: u64, count: usize) -> Vec<u8> {
        let line = |number: u64| {
            let text = format!("{} of {} line {number:012} ", self.profile, self.name);
            let mut text = format!("{text:.<63}");
            text.truncate(usize::try_from(LINE_BYTES).unwrap_or(64) - 1);
            text + "\n"
        };
        let (mut number, skip) = (from / LINE_BYTES, usize::try_from(from % LINE_BYTES).unwrap_or(0));
        let mut bytes = Vec::with_capacity(count + 64);
        while bytes.len() < count + skip {
            bytes.extend_from_slice(line(number).as_bytes());
            number += 1;
        }
        bytes.drain(..skip);
        bytes.truncate(count);
        bytes
    }
}

/// Bytes of a simulated dump.
const DUMP_BYTES: u64 = 1_200_000;
/// Dumps that a unit holds: the oldest goes.
const DUMPS_MAX: usize = 10;

/// `scp://user:password@address:port/path`; a lab reaches loopback alone.
fn place(url: &str) -> Option<(String, String, SocketAddr, String)> {
    let rest = url.strip_prefix("scp://")?;
    let (login, rest) = rest.split_once('@')?;
    let (user, password) = login.split_once(':')?;
    let (address, path) = rest.split_once('/')?;
    let address: SocketAddr = address.parse().ok()?;
    address.ip().is_loopback().then(|| (user.to_owned(), password.to_owned(), address, format!("/{path}")))
}

fn words(profile: &str) -> Option<(&'static str, u64)> {
    match profile {
        "config" => Some(("Config", 90_000)),
        "fedb" => Some(("Fedb", 400_000)),
        "config+fedb" => Some(("ConfigFedb", 490_000)),
        "full" => Some(("Full", 3_000_000)),
        _ => None,
    }
}

impl Unit {
    /// Writes a backup, and says where it is to be pushed.
    pub(super) fn backup(&mut self, profile: &str, to: &str, now: Time) -> Output {
        let error = |text: &str| Output { text: text.to_owned(), error: true, ..Output::default() };
        let Some((word, bytes)) = words(profile).filter(|_| self.series != Series::Cm || profile == "config") else {
            return error("% Invalid backup profile.\n");
        };
        if self.has(Fault::NoBackupRoom) {
            return error("% Backup failed: not enough space.\n");
        }
        let stamp = local_as(now, "%Y%m%d-%H%M%S");
        let name = format!("{}-{word}-{}-{stamp}.febkp", self.series, self.running().release);
        if to == "local" {
            self.last_backup = Some(LastBackup {
                profile: profile.to_owned(),
                destination: "local".to_owned(),
                began_at: now,
                ended_at: now,
                success: true,
                file: Some((name, bytes)),
            });
            return Output::default();
        }
        let Some((user, password, address, path)) = place(to) else {
            // As command lines do, it repeats what it was given, login and all.
            return error(&format!("% Cannot reach {to}\n"));
        };
        let (profile, began_at) = (profile.to_owned(), now);
        let push = Push { profile, user, password, address, path, name, bytes, began_at };
        Output { push: Some(Box::new(push)), ..Output::default() }
    }

    /// Writes a dump of logs and state.
    pub(super) fn write_dump(&mut self, now: Time) -> String {
        if self.has(Fault::NoBackupRoom) {
            return "% No space left on device.\n".to_owned();
        }
        let name_at = |at| format!("sysdump-{}-{}.tgz", self.settings.hostname(), local_as(at, "%Y%m%d-%H%M%S"));
        // A real dump takes longer than a second, so that no two have one name.
        let (mut at, mut name) = (now, name_at(now));
        while self.dumps.iter().any(|(held, _)| *held == name) {
            at = at.plus_ms(1_000);
            name = name_at(at);
        }
        if self.dumps.len() == DUMPS_MAX {
            self.dumps.remove(0);
        }
        self.dumps.push((name.clone(), DUMP_BYTES));
        format!("Generated dump {name}\n")
    }

    /// `show files debug-dump`.
    pub(super) fn dumps_held(&self) -> String {
        let mut page = Page::default();
        if self.dumps.is_empty() {
            page.line("No dump files.");
        }
        for (name, _) in &self.dumps {
            page.line(name);
        }
        page.text()
    }

    /// Says where a dump is to be pushed.
    pub(super) fn upload_dump(&mut self, which: &str, to: &str, now: Time) -> Output {
        let error = |text: &str| Output { text: text.to_owned(), error: true, ..Output::default() };
        let held = self.dumps.iter().rev().find(|(name, _)| which == "latest" || which == name);
        let Some((name, bytes)) = held.cloned() else { return error("% No such file.\n") };
        let Some((user, password, address, path)) = place(to) else {
            return error(&format!("% Cannot reach {to}\n"));
        };
        let push = Push { profile: String::new(), user, password, address, path, name, bytes, began_at: now };
        Output { push: Some(Box::new(push)), ..Output::default() }
    }

    /// Takes note of how a push ended. A unit that misreports says that it sent less.
    pub fn pushed(&mut self, push: &Push, success: bool, now: Time) {
        if push.profile.is_empty() {
            if self.take(Fault::MisreportsPush) {
                self.dumps.retain(|(name, _)| *name != push.name);
            }
            return;
        }
        let bytes = if self.take(Fault::MisreportsPush) { push.bytes / 2 } else { push.bytes };
        self.last_backup = Some(LastBackup {
            profile: push.profile.clone(),
            destination: format!("scp://{}", push.address),
            began_at: push.began_at,
            ended_at: now,
            success,
            file: success.then(|| (push.name.clone(), bytes)),
        });
    }

    /// `show backup available local`.
    pub(super) fn backups_available(&self) -> String {
        let mut page = Page::default();
        let Some((name, bytes)) = self.last_backup.as_ref().and_then(|last| last.file.as_ref()) else {
            return page.line("No backups available.").text();
        };
        let last = self.last_backup.as_ref();
        let profile = last.map_or("", |last| last.profile.as_str());
        let at = last.map_or_else(String::new, |last| local_as(last.ended_at, "%Y/%m/%d %H:%M:%S"));
        page.line(format!("Backup file {name}"));
        for (label, value) in [
            ("Profile", profile.to_owned()),
            ("Create time", at),
            ("Release", self.running().release.to_string()),
            ("Model", self.model.clone()),
            ("Actual size", format!("{bytes} bytes")),
            ("Compressed size", format!("{bytes} bytes")),
            ("Hostname", self.settings.hostname().to_owned()),
            ("Encrypted", "true".to_owned()),
        ] {
            page.line(format!("  {label:<16}:{value}"));
        }
        page.text()
    }
}
