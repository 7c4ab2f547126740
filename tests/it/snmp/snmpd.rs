//! A real agent of net-snmp on loopback that serves the vendor's objects.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hoshu::lab::unit::{SpecDefaults, Unit};
use hoshu::model::snmp::{SnmpObject, SnmpValue};
use hoshu::model::time::Time;

use crate::access::sshd::says;

const PROGRAM: &str = "/usr/sbin/snmpd";

/// Whether there is an agent to test with. Where tests must not be left out, its absence is a failure.
pub(crate) fn is_here() -> bool {
    let here = Path::new(PROGRAM).exists();
    assert!(here || std::env::var("CI").is_err(), "{PROGRAM} is missing: apt-get install snmpd");
    if !here {
        println!("skipped: {PROGRAM} is missing");
    }
    here
}

/// The users and communities that it knows.
const WHO: &str = "rocommunity c0mmun1ty\n\
    createUser sha1user SHA auth-passphrase AES priv-passphrase\nrouser sha1user priv\n\
    createUser sha2user SHA-256 auth-passphrase AES priv-passphrase\nrouser sha2user priv\n\
    createUser sha5user SHA-512 auth-passphrase AES-256 priv-passphrase\nrouser sha5user priv\n\
    createUser signer SHA-256 auth-passphrase\nrouser signer auth\n";

/// The objects of a simulated unit, which stand for those of a real one.
pub(crate) fn objects() -> Vec<SnmpObject> {
    let name = "c000-nx01".parse().unwrap();
    let spec = hoshu::lab::generated(2).into_iter().find(|spec| spec.seat == name).unwrap();
    let unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 0 });
    unit.objects(Time::from_ms(1_795_500_000_000))
}

pub(crate) struct Snmpd {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Snmpd {
    /// Starts an agent with these objects.
    pub(crate) fn start(objects: &[SnmpObject]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let line = |object: &SnmpObject| {
            let value = match &object.value {
                SnmpValue::Integer(number) => format!("integer {number}"),
                SnmpValue::Unsigned(number) => format!("uinteger {number}"),
                SnmpValue::Text(text) => format!("octet_str \"{}\"", text.as_data()),
                SnmpValue::Other(_) => return String::new(),
            };
            format!("override {} {value}\n", object.oid)
        };
        let vendor = objects.iter().filter(|object| object.oid.arcs().starts_with(&[1, 3, 6, 1, 4, 1, 25597]));
        let overrides: String = vendor.map(line).collect();
        std::fs::write(at("snmpd.conf"), format!("agentaddress udp:127.0.0.1:{port}\n{WHO}{overrides}")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["-f", "-C", "-c"])
            .arg(at("snmpd.conf"))
            .arg("-Lf")
            .arg(at("log"))
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .env("MIBS", "")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut snmpd = Self { child, folder, port };
        let up = says(&mut snmpd.child, &snmpd.folder.path().join("log"), "NET-SNMP version");
        assert!(up, "snmpd does not start: {}", snmpd.log());
        snmpd
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
