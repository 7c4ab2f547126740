//! Killed, stopped and copied: what was acknowledged stays, and a lock goes with its holder.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use hoshu::model::actor::Act;
use hoshu::model::realm::Realm;
use hoshu::store::{HostLock, LockError, Store, StoreUrl};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::place::{NOW, Place, on_both};
use super::world::{audit, celsius, house, opened, poll};

const URL: &str = "HOSHU_TEST_STORE";

/// This test binary as another process that runs one of its tests.
fn child(test: &str, url: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("store::crash::{test}"), "--nocapture"])
        .env(URL, url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// The next number that the child says was acknowledged.
fn acknowledged(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    loop {
        let line = lines.next().expect("the child goes on").unwrap();
        // The test runner prints its own words before the first line.
        if let Some((_, number)) = line.split_once("acknowledged ") {
            return number.to_owned();
        }
    }
}

/// Runs in a child: writes intents from many tasks for ever, with polls beside them, and says what was acknowledged.
#[test]
fn child_writes() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = Store::open(&url.parse().unwrap(), Realm::Lab, NOW).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for task in 0..16 {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let subject = format!("{task}-{number}");
                    store.audit_add(audit(Act::ObjectOpened, &subject)).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    if writeln!(out, "acknowledged {subject}").and_then(|()| out.flush()).is_err() {
                        // The parent is gone.
                        std::process::exit(0);
                    }
                }
            });
        }
        for minute in 0.. {
            let mut record = poll("acme", &format!("nx{}", minute % 50), NOW.plus_ms(minute * 1_000));
            record.spans = vec![opened(super::world::disk(0), hoshu::model::reading::Condition::Good, "ok", record.at)];
            record.samples = vec![celsius(minute % 40)];
            store.observe(record).await.unwrap();
        }
    });
}

fn subjects(url: &StoreUrl) -> BTreeSet<String> {
    let store = Store::open(url, Realm::Lab, NOW).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let records = runtime.block_on(house(&store).audit_list(None, i64::MAX)).unwrap();
    records.into_iter().map(|record| record.subject).collect()
}

async fn what_was_acknowledged_survives_a_kill(place: Place) {
    let (mut child, mut lines) = child("child_writes", &place.text);
    let told: Vec<_> = (0..300).map(|_| acknowledged(&mut lines)).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it died counts as well.
    let rest = lines.map_while(Result::ok);
    let rest: Vec<_> =
        rest.filter_map(|line| line.split_once("acknowledged ").map(|(_, number)| number.to_owned())).collect();
    let url = place.url();
    let known = tokio::task::spawn_blocking(move || subjects(&url)).await.unwrap();
    // The last line may be cut in the middle.
    let whole = told.iter().chain(rest.iter().rev().skip(1));
    let lost: Vec<_> = whole.filter(|subject| !known.contains(*subject)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Copies what lies on the disk at one instant: the process stands still, as everything does when power goes.
#[test]
fn a_copy_under_load_opens_and_holds_what_was_acknowledged() {
    #[derive(QueryableByName)]
    struct Check {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let place = Place::sqlite();
    let (mut child, mut lines) = child("child_writes", &place.text);
    let pid = Pid::from_child(&child);
    let mut told = Vec::new();
    for copy in 0..5 {
        told.extend((0..120).map(|_| acknowledged(&mut lines)));
        kill_process(pid, Signal::STOP).unwrap();
        let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        assert!(stopped.is_some_and(|(_, status)| status.stopped()));
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        // The shared memory is not on the disk, so that it is not copied.
        for end in ["", "-wal"] {
            let from = format!("{}{end}", place.file().display());
            fs::copy(from, folder.path().join(format!("hoshu.db{end}"))).unwrap();
        }
        kill_process(pid, Signal::CONT).unwrap();
        let file = folder.path().join("hoshu.db");
        let known = subjects(&format!("sqlite:{}", file.display()).parse().unwrap());
        let lost: Vec<_> = told.iter().filter(|subject| !known.contains(*subject)).collect();
        assert!(lost.is_empty(), "copy {copy} lost {lost:?}");
        let mut db = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        // The last reader of the store may still be closing its connection.
        db.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        let check: Vec<Check> = diesel::sql_query("PRAGMA integrity_check").load(&mut db).unwrap();
        assert_eq!(check[0].integrity_check, "ok");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Runs in a child: becomes the host and stays it until its end.
#[test]
fn child_hosts() {
    let Ok(url) = std::env::var(URL) else { return };
    let lock = HostLock::acquire(&url.parse().unwrap(), "poll", NOW, Duration::ZERO).unwrap();
    println!("acknowledged lock");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    drop(lock);
}

async fn one_process_is_the_host(place: Place) {
    let acquire = |wait: u64| HostLock::acquire(&place.url(), "serve", NOW, Duration::from_secs(wait));
    let (mut holder, mut lines) = child("child_hosts", &place.text);
    assert_eq!(acknowledged(&mut lines), "lock");
    match acquire(0) {
        Err(LockError::Held { pid, since, command }) => {
            assert_eq!(pid, i64::from(holder.id()));
            assert!(command.contains("poll") && since.is_some(), "{command} {since:?}");
        }
        other => panic!("{other:?}"),
    }
    // A waiting process gets the lock when the holder is killed.
    let killer = std::thread::spawn(move || {
        holder.kill().unwrap();
        holder.wait().unwrap();
    });
    let lock = acquire(20).unwrap();
    killer.join().unwrap();
    assert!(matches!(acquire(0), Err(LockError::Held { .. })), "not even this process gets it twice");
    drop(lock);
    drop(acquire(20).unwrap());
}

on_both! {
    what_was_acknowledged_survives_a_kill
    one_process_is_the_host
}
