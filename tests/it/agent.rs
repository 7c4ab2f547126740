//! Credentials that the user's SSH agent holds: a real agent signs for a real bastion, with one key and no other.

#![cfg(test)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hoshu::model::inventory::HopKind;
use russh::keys::{HashAlg, PrivateKey};
use serde_json::Value;

use crate::access::server::ed25519;
use crate::access::sshd::{self, Sshd};
use crate::bastions::{HOP, house_behind};
use crate::house::{House, Ran};

/// A real agent, with its socket in a folder.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Agent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent.sock");
        let mut command = Command::new("/usr/bin/ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "no agent");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, socket }
    }

    fn add(&self, words: &[&str]) {
        let mut command = Command::new("/usr/bin/ssh-add");
        let ran = command.args(words).env("SSH_AUTH_SOCK", &self.socket).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

fn poll(house: &House, agent: Option<&Agent>) -> (String, String) {
    let mut command = house.command(&["poll", "--on", "acme-nx01", "--json"]);
    if let Some(agent) = agent {
        command.env("SSH_AUTH_SOCK", &agent.socket);
    }
    let ran = Ran::of(&command.output().unwrap());
    let polled: Value = ran.json();
    let word = |field: &str| polled["seats"][0][field].as_str().unwrap().to_owned();
    (word("outcome"), word("reason"))
}

#[test]
fn a_key_of_an_agent_opens_a_bastion_and_no_other_key_of_it_is_shown() {
    if !sshd::is_here() || !Path::new("/usr/bin/ssh-agent").exists() {
        return;
    }
    // One key that is shown too many ends the connection.
    let sshd = Sshd::start(&["ed25519"], "MaxAuthTries 1\n");
    let house = house_behind(&sshd, HopKind::SshForward);
    let file = house.path("lab/secrets/bastion.key");
    let key = PrivateKey::from_openssh(std::fs::read_to_string(&file).unwrap()).unwrap();
    let print = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    house.edit("hoshu.yaml", "key: lab/secrets/bastion.key", &format!("agent: '{print}'"));
    house.hoshu(&["check"]).expect(0);
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(4);
    house.hoshu(&["hostkey", "accept", HOP, "--route", "console"]).expect(0);

    let (outcome, reason) = poll(&house, None);
    assert_eq!(outcome, "no-credential");
    assert!(reason.contains("\"SSH_AUTH_SOCK\" is not set"), "{reason}");

    let agent = Agent::start(house.dir.path());
    let other = house.path("other.key");
    let pem = ed25519(9).to_openssh(russh::keys::ssh_key::LineEnding::LF).unwrap();
    std::fs::write(&other, pem.as_bytes()).unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    agent.add(&[other.to_str().unwrap()]);
    let (outcome, reason) = poll(&house, Some(&agent));
    assert_eq!(outcome, "no-credential", "{reason}");
    assert!(reason.contains(&format!("it has no key {print}")), "{reason}");
    assert!(!sshd.log().contains("publickey"), "another key was shown: {}", sshd.log());

    agent.add(&[file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    let seen = house.command(&["hostkey", "scan", "--on", "acme-nx01"]).env("SSH_AUTH_SOCK", &agent.socket).output();
    Ran::of(&seen.unwrap()).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    let (outcome, reason) = poll(&house, Some(&agent));
    assert_eq!(outcome, "answered", "{reason}");
    assert!(sshd.log().contains(&print), "{}", sshd.log());

    // An agent that is gone is told as such, and no credential is blamed.
    let gone = Agent { socket: house.path("none.sock"), child: Command::new("/bin/true").spawn().unwrap() };
    let (outcome, reason) = poll(&house, Some(&gone));
    assert_eq!(outcome, "no-credential", "{reason}");
    assert!(reason.contains("the agent at"), "{reason}");
    let all = house.hoshu(&["credential", "list", "--json"]).expect(0).json();
    let own = all["credentials"].as_array().unwrap().iter().find(|one| one["name"] == "acme/bastion").unwrap();
    assert_eq!(own["stops"], serde_json::json!([]));
}
