//! A thief with a copy of everything that lies on the disk but the root key, taken while work is under way.

use std::process::Command;

use crate::canary::{forms, holds};
use crate::house::{House, files};
use crate::key::with_recovery;

#[test]
fn a_thief_of_the_disk_reads_nothing() {
    let house = House::example();
    with_recovery(&house);
    house.edit("hoshu.yaml", "credentials:\n", "transcripts: {of: all}\ncredentials:\n");
    house.onboard();
    let (secret, marker) = ("canary-Vn4qXr8t", "10.88.77.66");
    for line in [format!("snmp-server community {secret} ro"), format!("logging {marker}")] {
        house.hoshu(&["lab", "change", "acme-nx01", &line]).expect(0);
    }
    for words in [
        &["poll", "--on", "customer=acme", "--all"][..],
        &["backup", "take", "--on", "customer=acme"],
        &["ask", "--on", "acme-nx01", "show running-config"],
        &["backup", "export", "--on", "acme-nx01", "--git", "data/git", "--unreviewed"],
    ] {
        let ran = house.hoshu(words);
        assert!(matches!(ran.code, 0 | 4), "{words:?}: {}", ran.err);
    }
    // The copy is taken in the middle of a poll, with the log of the database beside it.
    house.hoshu(&["lab", "hold", "acme-nx01", "show version"]).expect(0);
    let mut child = house.command(&["poll", "--on", "customer=acme"]).spawn().unwrap();
    crate::cli::until(|| house.unit("acme-nx01")["waiting"] == 1);
    let loot = house.path("loot");
    let copied = Command::new("cp").arg("-a").arg(house.path("data")).arg(&loot).status().unwrap();
    assert!(copied.success());
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    child.wait().unwrap();

    let all = files(&loot);
    let names: Vec<String> = all.iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(names.iter().any(|name| name.ends_with("hoshu.db-wal")), "{names:?}");
    let operator = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap();
    let root = std::fs::read_to_string(house.path("keys/root.key")).unwrap();
    let root = root.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    let mut secrets = vec![secret.to_owned(), operator.trim().to_owned(), root];
    secrets.extend(crate::key::secrets(&house.path("data/hoshu.db"), &house.path("keys/root.key")));
    for secret in &secrets {
        for form in forms(secret) {
            let found: Vec<_> = all.iter().filter(|(_, bytes)| holds(bytes, &form)).map(|(path, _)| path).collect();
            assert!(found.is_empty(), "a secret stands in {found:?}");
        }
    }
    // The scanner is not blind: what may be seen is in the same copy.
    let sees = |part: &str, needle: &str| {
        all.iter().any(|(path, bytes)| path.display().to_string().contains(part) && holds(bytes, needle.as_bytes()))
    };
    assert!(sees("/git/", marker) && sees("hoshu.db", "acme-nx01"));

    // What is sealed lies there, and no identity in clear that could open it.
    assert!(all.iter().any(|(_, bytes)| holds(bytes, b"age-encryption.org/v1")));
    let keys: Vec<_> = all.iter().filter(|(_, bytes)| holds(bytes, b"AGE-SECRET-KEY-")).map(|(path, _)| path).collect();
    assert_eq!(keys, Vec::<&std::path::PathBuf>::new());

    // In the stolen store nothing opens without the root key, and nothing makes another.
    let thief = house.copied(|from, to| {
        for part in ["hoshu.yaml", "inventory", "lab"] {
            assert!(Command::new("cp").arg("-a").arg(from.join(part)).arg(to).status().unwrap().success());
        }
        assert!(Command::new("cp").arg("-a").arg(from.join("loot")).arg(to.join("data")).status().unwrap().success());
    });
    for words in [
        &["backup", "export", "acme-nx01", "--full", "--reason", "mine", "--to", "mine.cfg"][..],
        &["backup", "verify", "--on", "acme-nx01"],
        &["key", "rotate", "--customer", "acme"],
        &["key", "init"],
    ] {
        let refused = thief.hoshu(words);
        assert_ne!(refused.code, 0, "{words:?}: {}{}", refused.out, refused.err);
    }
    assert!(!thief.path("keys/root.key").exists() && !thief.path("mine.cfg").exists());
}
