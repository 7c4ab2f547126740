//! The lab on its wires: SSH as real clients speak it, the control socket, and a fleet of thousands.

#![cfg(test)]

use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hoshu::access::{Access, AccessError, Peer};
use hoshu::lab::control::{self, Reply, Request};
use hoshu::lab::direct::{Direct, still_clock};
use hoshu::lab::rack::{Place, Rack, Received, Shown};
use hoshu::lab::unit::SpecDefaults;
use hoshu::lab::wire::public_host_key;
use hoshu::lab::{Fault, Lab, LabError, LabOptions, SeatSpec, generated, secret_file, write_inventory};
use hoshu::model::command::ReadCommand;
use hoshu::model::credential::{Login, LoginSecret};
use hoshu::model::inventory::{
    Algorithms, ApiPolicy, Channel, Gateway, GatewayAccess, ProbeState, Probes, Seat, SeatCredentials, SnmpPolicy,
    SshPolicy, Supplier,
};
use hoshu::model::name::SeatName;
use hoshu::model::time::Time;
use tokio::sync::oneshot;

const NOW: Time = Time::from_ms(1_795_453_200_000);
/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

fn options(dir: &Path, count: usize) -> LabOptions {
    LabOptions::new(dir, generated(count), still_clock(NOW).0)
}

fn seat(name: &str) -> SeatName {
    name.parse().expect("a name")
}

/// A lab that runs on a thread of its own until it is dropped.
struct Running {
    dir: tempfile::TempDir,
    rack: Arc<Rack>,
    ports: std::collections::BTreeMap<SeatName, u16>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Result<(), LabError>>>,
}

impl Running {
    fn start(count: usize, latency: Duration) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut options = options(dir.path(), count);
        options.latency = latency;
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let started = |lab: &Lab| tell.send((Arc::clone(lab.rack()), lab.ports().clone())).expect("a listener");
            hoshu::lab::serve(&options, started, async {
                stopped.await.ok();
            })
        });
        let (rack, ports) = told.recv_timeout(LONG).expect("a lab that starts");
        Self { dir, rack, ports, stop: Some(stop), thread: Some(thread) }
    }

    fn place(&self, name: &str) -> &Arc<Place> {
        self.rack.place(&seat(name)).expect("a unit")
    }

    fn show(&self, name: &str) -> Shown {
        match self.ask(&Request::Show { unit: seat(name) }) {
            Ok(Reply::Shown(shown)) => *shown,
            other => panic!("{other:?}"),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply, LabError> {
        control::request(self.dir.path(), request)
    }

    fn break_by(&self, name: &str, fault: Fault, remaining: Option<u32>) {
        self.ask(&Request::Break { unit: seat(name), fault, remaining: remaining.and_then(NonZeroU32::new) })
            .expect("a fault");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a lab without panic").expect("a lab that ends");
        }
    }
}

/// OpenSSH with a key that the unit knows. Where it is missing the tests that need it are skipped, but not in CI.
struct Client<'a> {
    lab: &'a Running,
    unit: &'a str,
    key: PathBuf,
    known_hosts: PathBuf,
}

impl<'a> Client<'a> {
    fn new(lab: &'a Running, unit: &'a str) -> Option<Self> {
        let dir = lab.dir.path();
        let key = dir.join("client_key");
        if !key.exists() {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(&key)
                .status()
                .and_then(|_| Command::new("ssh").arg("-V").stderr(Stdio::null()).status());
            if let Err(error) = made {
                assert!(std::env::var_os("CI").is_none(), "CI needs the OpenSSH client: {error}");
                eprintln!("skipped: no OpenSSH client");
                return None;
            }
        }
        let public = std::fs::read_to_string(dir.join("client_key.pub")).expect("a public key");
        let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let place = lab.place(unit);
        place.with(|unit| {
            for user in &mut unit.users {
                user.public_key = Some(public.clone());
            }
        });
        let host_key = public_host_key(&seat(unit), place.spec().algorithms, false).expect("a host key");
        let known_hosts = dir.join(format!("known_hosts-{unit}"));
        let port = lab.ports[&seat(unit)];
        std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {host_key}\n")).expect("a file");
        Some(Self { lab, unit, key, known_hosts })
    }

    fn command(&self, user: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-p", &self.lab.ports[&seat(self.unit)].to_string()])
            .args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"])
            .args(["-o", "LogLevel=INFO", "-o", "ConnectTimeout=20", "-i"])
            .arg(&self.key)
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.known_hosts.display()))
            .arg(format!("{user}@127.0.0.1"))
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        ssh
    }

    fn exec(&self, user: &str, command: &str) -> Output {
        self.command(user).arg(command).stdin(Stdio::null()).output().expect("ssh")
    }

    fn exec_text(&self, user: &str, command: &str) -> String {
        let output = self.exec(user, command);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Types into a shell with a terminal and gives everything that came back.
    fn shell(&self, user: &str, typed: &str) -> String {
        let mut child = self.command(user).arg("-tt").spawn().expect("ssh");
        child.stdin.take().expect("stdin").write_all(typed.as_bytes()).expect("typing");
        let output = child.wait_with_output().expect("ssh");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Waits until a state is there; the state is asked for, never slept for.
fn eventually(what: &str, test: impl Fn() -> bool) {
    let begun = Instant::now();
    while !test() {
        assert!(begun.elapsed() < LONG, "{what} never came");
        std::thread::yield_now();
    }
}

#[test]
fn openssh_gives_commands_on_channels_and_in_a_shell() {
    let lab = Running::start(40, Duration::ZERO);
    let Some(client) = Client::new(&lab, "c000-nx01") else { return };
    assert!(client.exec_text("monitor", "show version").contains("Product name:      Web MPS [licensed]\n"));
    let wrong = client.exec("monitor", "show nonsense");
    assert_eq!(wrong.status.code(), Some(1), "an error of the command line");
    let configuration = client.exec_text("monitor", "show running-config");
    assert!(configuration.len() > 18_000 && configuration.starts_with("##\n## Running database"));
    // The first screen stops, q leaves the pager, and after that nothing is paged.
    let typed = "en\rshow running-config\rqno cli session paging enable\rshow hosts\rexit\r";
    let shown = client.shell("monitor", typed);
    for words in ["c000-nx01 > ", "c000-nx01 # ", "lines 1-23 ", "\r\u{1b}[K", "Name server: 10.1.10.2"] {
        assert!(shown.contains(words), "{words:?} in {shown:?}");
    }
    assert!(!shown.contains("## SNMP configuration"), "q did not leave the pager");
    let log = lab.show("c000-nx01").log;
    let heard = |kind| log.iter().filter(|record| record.received == kind).count();
    assert_eq!((heard(Received::Exec), heard(Received::Shell)), (3, 5), "{log:?}");
}

#[test]
fn an_old_unit_speaks_old_algorithms_only() {
    let lab = Running::start(40, Duration::ZERO);
    let old = lab.rack.places().find(|place| place.spec().algorithms == Algorithms::Legacy).expect("an old unit");
    let name = old.spec().seat.to_string();
    let Some(client) = Client::new(&lab, &name) else { return };
    let refused = client.exec("monitor", "show version");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no matching"), "{refused:?}");
    let mut ssh = client.command("monitor");
    ssh.args(["-o", "KexAlgorithms=diffie-hellman-group14-sha1", "-o", "HostKeyAlgorithms=ssh-rsa"]).args([
        "-o",
        "Ciphers=aes128-cbc",
        "-o",
        "MACs=hmac-sha1",
        "show version",
    ]);
    let output = ssh.output().expect("ssh");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Product model:     FireEye"), "{output:?}");
    assert!(said.contains("\r\n"), "the oldest releases end lines with returns");
}

#[test]
fn faults_reach_the_wire() {
    let lab = Running::start(40, Duration::ZERO);
    let name = "c000-nx01";
    let Some(client) = Client::new(&lab, name) else { return };
    let raid = "show system hardware status raid";
    lab.break_by(name, Fault::DiskFailed, None);
    assert!(client.exec_text("monitor", raid).contains("Failed"));
    lab.ask(&Request::Mend { unit: seat(name), fault: None }).expect("mended");
    assert!(!client.exec_text("monitor", raid).contains("Failed"));

    lab.break_by(name, Fault::ChangedHostKey, Some(1));
    let changed = client.exec("monitor", "show version");
    let said = String::from_utf8_lossy(&changed.stderr).into_owned();
    assert!(said.contains("HOST IDENTIFICATION HAS CHANGED"), "{said}");
    assert!(client.exec("monitor", "show version").status.success(), "it was changed once");
}

#[test]
fn an_answer_breaks_off_or_comes_damaged() {
    let lab = Running::start(40, Duration::ZERO);
    let name = "c000-nx01";
    let Some(client) = Client::new(&lab, name) else { return };
    let whole = client.exec("monitor", "show version").stdout;
    lab.break_by(name, Fault::DropMidCommand, Some(1));
    let broken = client.exec("monitor", "show version");
    assert_eq!(broken.status.code(), Some(255), "{broken:?}");
    assert!(!broken.stdout.is_empty() && whole.starts_with(&broken.stdout) && broken.stdout.len() < whole.len());
    lab.break_by(name, Fault::Garble, Some(1));
    assert!(String::from_utf8(client.exec("monitor", "show version").stdout).is_err());
    assert_eq!(client.exec("monitor", "show version").stdout, whole);
}

#[test]
fn a_port_refuses_is_full_or_is_silent() {
    let lab = Running::start(40, Duration::ZERO);
    let name = "c000-nx01";
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], lab.ports[&seat(name)]));
    let greeting = || -> std::io::Result<Vec<u8>> {
        let mut stream = std::net::TcpStream::connect(address)?;
        let mut first = [0; 4];
        let got = stream.read(&mut first)?;
        Ok(first[..got].to_vec())
    };
    assert_eq!(greeting().expect("a greeting"), b"SSH-");
    lab.break_by(name, Fault::SessionTableFull, Some(1));
    assert_eq!(greeting().expect("an early end"), b"");
    lab.break_by(name, Fault::Refused, None);
    eventually("a closed port", || {
        greeting().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    });
    lab.ask(&Request::Mend { unit: seat(name), fault: None }).expect("mended");
    eventually("an open port", || greeting().is_ok());
    lab.break_by(name, Fault::Silent, Some(1));
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.write_all(b"SSH-2.0-test\r\n").expect("a greeting of ours");
    eventually("a session", || lab.show(name).faults.is_empty());
    stream.set_nonblocking(true).expect("a socket");
    let silence = stream.read(&mut [0; 1]).expect_err("silence");
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn refused_logins_are_counted_and_no_password_is_kept() {
    let lab = Running::start(40, Duration::ZERO);
    let name = "c000-nx01";
    let Some(client) = Client::new(&lab, name) else { return };
    lab.break_by(name, Fault::WrongPassword, Some(1));
    assert_eq!(client.exec("monitor", "show version").status.code(), Some(255));
    let refused = lab.show(name);
    assert_eq!(refused.auth_attempts, 1, "{:?}", refused.log);
    assert!(client.exec("monitor", "show version").status.success());
    let shown = lab.show(name);
    let accepted = shown.log.iter().filter(|record| record.received == Received::LoginAccepted).count();
    assert_eq!((shown.auth_attempts, accepted, shown.sessions_ever), (2, 1, 2));
    assert!(shown.log.iter().all(|record| !record.text.contains("lab-")));
}

#[test]
fn a_held_answer_waits_until_it_is_released() {
    let lab = Running::start(40, Duration::ZERO);
    let name = "c000-nx01";
    let Some(client) = Client::new(&lab, name) else { return };
    lab.ask(&Request::Hold { unit: seat(name), command: "show version".to_owned() }).expect("held");
    let mut child = client.command("monitor").arg("show version").stdin(Stdio::null()).spawn().expect("ssh");
    eventually("the command", || lab.show(name).waiting == 1);
    assert!(child.try_wait().expect("a child").is_none(), "it must not have got its answer");
    assert!(client.exec_text("monitor", "show hosts").contains("Hostname"), "other commands go on");
    lab.ask(&Request::Release { unit: seat(name) }).expect("released");
    let output = child.wait_with_output().expect("ssh");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Product name"), "{output:?}");
    assert_eq!(lab.show(name).waiting, 0);
}

#[test]
fn a_change_moves_the_change_id_and_a_wrong_one_is_refused() {
    let lab = Running::start(40, Duration::ZERO);
    let change = |line: &str| lab.ask(&Request::Change { unit: seat("c000-nx01"), line: line.to_owned() });
    let before = lab.show("c000-nx01");
    change("ntp server 10.0.0.9").expect("a change");
    let after = lab.show("c000-nx01");
    assert_eq!((after.change_id, after.saved), (before.change_id + 1, false));
    change("write memory").expect("saved");
    assert!(lab.show("c000-nx01").saved);
    let why = change("reload").expect_err("no such command").to_string();
    assert!(why.contains("Unrecognized command"), "{why}");
    assert!(lab.ask(&Request::Show { unit: seat("nobody") }).is_err());
}

#[test]
fn nothing_on_the_control_socket_ends_the_lab_but_the_word_for_it() {
    let mut lab = Running::start(3, Duration::ZERO);
    let socket = lab.dir.path().join("control.sock");
    assert_eq!(std::fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o600);
    let endless = vec![b'x'; 100_000];
    for bad in [&b""[..], b"\n", b"{", b"{\"do\":\"fly\"}\n", b"\xff\xfe\n", b"[[[[[[[[", b"null\n", &endless] {
        let mut stream = UnixStream::connect(&socket).expect("a socket");
        // The lab may have hung up before everything was written.
        stream.write_all(bad).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok();
        assert!(reply.is_empty() || reply.contains("\"refused\""), "{reply}");
    }
    assert_eq!(lab.show("c000-cm00").sessions_ever, 0);
    assert!(matches!(lab.ask(&Request::Stop {}), Ok(Reply::Done)));
    lab.thread.take().expect("a thread").join().expect("no panic").expect("an end");
    assert!(!socket.exists(), "the socket is cleaned up");
}

#[test]
fn the_lab_listens_on_loopback_only_and_keeps_its_secrets_to_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut options = options(dir.path(), 3);
    options.listen = "0.0.0.0".parse().expect("an address");
    let refused = hoshu::lab::serve(&options, |_| panic!("it must not start"), async {});
    assert!(matches!(refused, Err(LabError::NotLoopback(_))), "{refused:?}");
    let lab = Running::start(3, Duration::ZERO);
    let account = generated(1)[0].accounts[0].clone();
    let file = secret_file(lab.dir.path(), &account.credential);
    assert_eq!(std::fs::read_to_string(&file).expect("a secret"), account.password() + "\n");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let table = std::fs::read_to_string(lab.dir.path().join("ports.json")).expect("the table");
    let table: serde_json::Value = serde_json::from_str(&table).expect("JSON");
    assert_eq!(table["v"], 1);
    assert_eq!(table["ports"]["c000-nx01"], lab.ports[&seat("c000-nx01")]);
    // A second lab in the same folder would take the socket away from the first.
    let second = hoshu::lab::serve(&self::options(lab.dir.path(), 1), |_| {}, async {});
    assert!(matches!(second, Err(LabError::NoLab { .. })), "{second:?}");
}

/// Resident memory of this process in KB.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn two_thousand_units_start_in_seconds_and_stay_small() {
    let (before_kb, begun) = (resident_kb(), Instant::now());
    let lab = Running::start(2_000, Duration::ZERO);
    let took = begun.elapsed();
    assert_eq!(lab.ports.len(), 2_000);
    assert!(took < Duration::from_secs(15), "{took:?}");
    for place in lab.rack.places() {
        place.with(|unit| assert!(!unit.serial.is_empty()));
    }
    let grown_kb = resident_kb().saturating_sub(before_kb);
    assert!(grown_kb < 150_000, "{grown_kb} KB for 2,000 units that were all spoken to");
}

#[test]
fn a_generated_inventory_is_written_for_each_customer() {
    let dir = tempfile::tempdir().expect("a folder");
    write_inventory(dir.path(), &generated(100)).expect("an inventory");
    let text = std::fs::read_to_string(dir.path().join("customers/cust002.yaml")).expect("the third customer");
    assert_eq!(text.matches("\n  - name: c002-").count(), 20);
    assert!(dir.path().join("releases.yaml").exists());
}

fn gateway() -> Gateway {
    let none = ProbeState::None;
    let probes =
        Probes { icmp: none, ssh: ProbeState::Yes, https: none, snmp: none, oob: none, switch: none, cm: none };
    Gateway {
        name: "vpn1".parse().expect("a name"),
        access: GatewayAccess::Unattended,
        hops: Vec::new(),
        probes,
        sessions: 10,
    }
}

fn seat_of(spec: &SeatSpec, channel: Channel) -> Seat {
    Seat {
        name: spec.seat.clone(),
        customer: spec.customer.clone(),
        site: spec.site.clone(),
        gateway: spec.gateway.clone(),
        series: spec.series,
        model: spec.model.clone(),
        hostname: spec.hostname.clone(),
        address: spec.address,
        serial: None,
        data_path: spec.data_path,
        peer: None,
        managed_by: None,
        virtual_machine: spec.virtual_machine,
        supplier: Supplier::Us,
        contract: None,
        window: None,
        credentials: SeatCredentials::default(),
        ssh: SshPolicy {
            port: 22,
            algorithms: spec.algorithms,
            legacy_until: None,
            channel,
            sessions: 1,
            hold_s: 0,
            questions: Vec::new(),
        },
        snmp: SnmpPolicy::default(),
        api: ApiPolicy::default(),
        notes: Vec::new(),
        declared_at: (String::new(), 0),
    }
}

#[tokio::test]
async fn units_answer_without_sockets_and_pins_hold_there_too() {
    let (clock, hand) = still_clock(NOW);
    let fleet = generated(2);
    let spec = fleet[1].clone();
    let rack = Arc::new(Rack::new(fleet, SpecDefaults { configuration_bytes: 20_000 }, &clock));
    let (direct, gateway, seat) = (Direct::new(Arc::clone(&rack)), gateway(), seat_of(&spec, Channel::Shell));
    let peer = Peer { seat: &seat, gateway: &gateway, behind: None };
    let place = rack.place(&seat.name).expect("a unit");
    let secret = LoginSecret::Password(spec.accounts[0].password().into());
    let login = Login { user: spec.accounts[0].user.clone(), secret, enable: None };

    let pins = vec![direct.show_key(peer).await.expect("a key").public_key];
    assert!(matches!(direct.open(peer, &[], &login).await, Err(AccessError::KeyUnknown { .. })));
    place.break_by(Fault::ChangedHostKey, Some(1));
    assert!(matches!(direct.open(peer, &pins, &login).await, Err(AccessError::KeyChanged { .. })));
    assert_eq!(place.show().auth_attempts, 0, "nothing secret was shown");

    for (fault, expected) in [
        (Fault::Refused, "connection refused"),
        (Fault::Silent, "took longer"),
        (Fault::SessionTableFull, "closed before"),
        (Fault::WrongPassword, "login refused"),
        (Fault::NoPrompt, "no prompt"),
    ] {
        place.break_by(fault, Some(1));
        let error = direct.open(peer, &pins, &login).await.err().expect("a refusal").to_string();
        assert!(error.contains(expected), "{fault}: {error}");
    }

    let mut session = direct.open(peer, &pins, &login).await.expect("a session");
    let command = ReadCommand::new("show clock").expect("a command");
    let first = session.read(&command, 1000).await.expect("an answer");
    assert!(first.complete && first.text.as_data().contains("02:00:00"), "{:?}", first.text);
    hand.store(NOW.plus_ms(3_600_000).as_ms(), std::sync::atomic::Ordering::SeqCst);
    assert!(session.read(&command, 1000).await.expect("an answer").text.as_data().contains("03:00:00"));
    assert!(matches!(session.read(&command, 10).await, Err(AccessError::OverLimit { .. })));
    session.close().await;
    assert_eq!(place.show().sessions_open, 0);
}
