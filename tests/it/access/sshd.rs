//! A real OpenSSH server on loopback.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hoshu::model::credential::{Login, LoginSecret};

const PROGRAM: &str = "/usr/sbin/sshd";
/// What releases of ten years ago offer.
pub(crate) const LEGACY: &str = "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\n\
    Ciphers aes128-cbc,aes256-cbc\nMACs hmac-sha1\n";

/// A command line that a login shell or a forced command plays: with a terminal it talks, without one it answers.
const CLI: &str = r#"#!/bin/sh
answer() {
  case "$1" in
    "show version") printf 'Product name: NX\nProduct release: 9.1.0.924861\n' ;;
    "show big") i=0; while [ $i -lt 3000 ]; do echo "interface ether$i ip address 192.0.2.1"; i=$((i+1)); done ;;
    "show endless") exec yes "one more line" ;;
    "show mute") exec sleep 60 ;;
    enable|"no cli session paging enable") ;;
    *) printf '%% Unrecognized command "%s".\nType "?" for help.\n' "$1"; return 1 ;;
  esac
}
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then answer "$SSH_ORIGINAL_COMMAND"; exit $?; fi
sign='>'
printf 'FireEye Command Line Interface\n\nnx01 %s ' "$sign"
while read -r line; do
  [ "$line" = exit ] && exit 0
  [ "$line" = enable ] && sign='#'
  answer "$line"
  printf 'nx01 %s ' "$sign"
done
"#;

/// Whether there is an OpenSSH server to test with. Where tests must not be left out, its absence is a failure.
pub(crate) fn is_here() -> bool {
    let here = Path::new(PROGRAM).exists();
    assert!(here || std::env::var("CI").is_err(), "{PROGRAM} is missing: apt-get install openssh-server");
    if !here {
        println!("skipped: {PROGRAM} is missing");
    }
    here
}

/// Waits until a server has written these words into its log; `false` when it ended, or did not in ten seconds.
pub(crate) fn says(child: &mut Child, log: &Path, words: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if std::fs::read(log).is_ok_and(|log| String::from_utf8_lossy(&log).contains(words)) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    false
}

pub(crate) struct Sshd {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Sshd {
    /// Starts a server with host keys of these types and lines of configuration.
    pub(crate) fn start(key_types: &[&str], config: &str) -> Self {
        Self::start_with(key_types, config, CLI)
    }

    /// As [`Self::start`], with another forced command; without one everybody has a shell.
    pub(crate) fn start_with(key_types: &[&str], config: &str, forced: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key_type in key_types {
            keygen(&at(&format!("host_{key_type}")), key_type, "");
        }
        keygen(&at("user"), "ed25519", "");
        keygen(&at("locked"), "ed25519", "open sesame");
        keygen(&at("user_rsa"), "rsa", "");
        let publics =
            ["user", "locked", "user_rsa"].map(|name| std::fs::read_to_string(at(&format!("{name}.pub"))).unwrap());
        std::fs::write(at("authorized_keys"), publics.concat()).unwrap();
        std::fs::write(at("cli"), forced).unwrap();
        std::fs::set_permissions(at("cli"), Permissions::from_mode(0o755)).unwrap();
        // The folder of separated privileges that OpenSSH was built with.
        std::fs::create_dir_all("/run/sshd").ok();
        let host_key = |key_type: &&str| format!("HostKey {}\n", at(&format!("host_{key_type}")).display());
        let host_keys = key_types.iter().map(host_key).collect::<Vec<_>>().concat();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\n{host_keys}AuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPidFile none\nLogLevel DEBUG3\n{cli}PrintMotd no\n\
             PrintLastLog no\n{config}\n",
            keys = at("authorized_keys").display(),
            cli = if forced.is_empty() { String::new() } else { format!("ForceCommand {}\n", at("cli").display()) },
        );
        std::fs::write(at("config"), text).unwrap();
        let child = Command::new(PROGRAM)
            .args(["-D", "-f"])
            .arg(at("config"))
            .arg("-E")
            .arg(at("log"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut sshd = Self { child, folder, port };
        let up = says(&mut sshd.child, &sshd.folder.path().join("log"), "Server listening on 127.0.0.1");
        assert!(up, "sshd does not start: {}", sshd.log());
        sshd
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The host key of a type, in one line without comment.
    pub(crate) fn pin(&self, key_type: &str) -> String {
        let line = std::fs::read_to_string(self.at(&format!("host_{key_type}.pub"))).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// A login with one of the users' keys: `user`, `user_rsa`, `locked`.
    pub(crate) fn login(&self, key: &str, passphrase: Option<&str>) -> Login {
        let pem = std::fs::read_to_string(self.at(key)).unwrap();
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let secret = LoginSecret::Key { pem: pem.into(), passphrase: passphrase.map(Into::into) };
        Login { user: user.trim().to_owned(), secret, enable: None }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn keygen(path: &Path, key_type: &str, passphrase: &str) {
    let bits = if key_type == "rsa" { &["-b", "2048"][..] } else { &[] };
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", key_type, "-N", passphrase, "-f"])
        .arg(path)
        .args(bits)
        .status()
        .unwrap();
    assert!(made.success(), "ssh-keygen -t {key_type}");
}
