//! The rules of the drop, each broken by a real client of OpenSSH.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hoshu::intake::drop::{
    Arrived, DropFault, DropLimits, DropServer, Expected, HostKey, Issued, Protocol, Sink, SinkError,
};
use secrecy::ExposeSecret;
use tokio::net::TcpSocket;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
pub(crate) const NAME: &str = "nx01-full.febkp";

/// Keeps what comes, and whether it was whole.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<(Vec<u8>, bool)>>);

impl Memory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
    fn is_whole(&self) -> bool {
        self.0.lock().unwrap().1
    }
}

impl Sink for Memory {
    fn write(&mut self, part: &[u8]) -> Result<(), SinkError> {
        self.0.lock().unwrap().0.extend_from_slice(part);
        Ok(())
    }
    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        self.0.lock().unwrap().1 = true;
        Ok(())
    }
}

/// A drop, and a folder for its clients.
pub(crate) struct Place {
    server: DropServer,
    dir: tempfile::TempDir,
}

pub(crate) const QUICK: fn() -> DropLimits = || DropLimits {
    grace: Duration::from_secs(3),
    idle: Duration::from_secs(2),
    ticket: Duration::from_mins(1),
    ..DropLimits::default()
};

pub(crate) async fn place(limits: DropLimits) -> Place {
    let server = DropServer::listen(SocketAddr::new(HERE, 0), HostKey::from_seed(&[7; 32]), limits).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let known = format!("[127.0.0.1]:{} {}\n", server.address().port(), HostKey::from_seed(&[7; 32]).public().unwrap());
    std::fs::write(dir.path().join("known_hosts"), known).unwrap();
    let ask = dir.path().join("ask");
    std::fs::write(&ask, "#!/bin/sh\nprintf '%s\\n' \"$DROP_PASSWORD\"\n").unwrap();
    std::fs::set_permissions(&ask, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    Place { server, dir }
}

impl Place {
    pub(crate) fn ticket(&self, seat: &str, bytes_max: u64) -> (Issued, Memory) {
        let sink = Memory::default();
        let expected = Expected {
            seat: seat.parse().unwrap(),
            name: NAME.to_owned(),
            bytes_max,
            sources: vec![HERE],
            sink: Box::new(sink.clone()),
        };
        (self.server.issue(expected).unwrap(), sink)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A client of OpenSSH with the ticket's password.
    pub(crate) fn client(&self, program: &str, issued: &Issued, words: &[&str]) -> Command {
        self.client_with(program, issued.login.user.expose_secret(), issued.login.password.expose_secret(), words)
    }

    fn client_with(&self, program: &str, user: &str, password: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        let port = self.server.address().port().to_string();
        command
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=no",
                "-o",
                "PreferredAuthentications=password",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            .args(["-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.dir.path().join("known_hosts").display()))
            .args(["-o", &format!("Port={port}"), "-o", &format!("User={user}")])
            .args(words)
            .env("SSH_ASKPASS", self.dir.path().join("ask"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DROP_PASSWORD", password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Speaks the old protocol of scp by hand.
    fn by_hand(&self, issued: &Issued, command: &str) -> Child {
        self.client("ssh", issued, &["-T", "127.0.0.1", command]).stdin(Stdio::piped()).spawn().unwrap()
    }
}

pub(crate) async fn ran(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) async fn ended(child: Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

pub(crate) async fn outcome(issued: &mut Issued) -> Result<Arrived, DropFault> {
    tokio::time::timeout(Duration::from_secs(20), issued.outcome()).await.expect("an outcome in time")
}

pub(crate) fn refused(place: &mut Place) -> Vec<String> {
    place.server.refused().into_iter().map(|one| one.what.as_data().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_comes_by_scp_by_its_old_protocol_and_by_sftp() {
    let place = place(QUICK()).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let file = place.file("any-name", &bytes);
    let (file, batch) =
        (file.to_str().unwrap(), place.file("batch", format!("put {} /{NAME}\n", file.display()).as_bytes()));
    let target = format!("127.0.0.1:/{NAME}");
    for (program, words, protocol) in [
        ("scp", vec!["-O", file, &target], Protocol::Scp),
        ("scp", vec![file, &target], Protocol::Sftp),
        ("sftp", vec!["-b", batch.to_str().unwrap(), "127.0.0.1"], Protocol::Sftp),
    ] {
        let (mut issued, sink) = place.ticket("nx01", 3_000_000);
        let output = ran(place.client(program, &issued, &words)).await;
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
        let arrived = outcome(&mut issued).await.unwrap();
        assert_eq!((arrived.bytes, arrived.protocol, arrived.source), (3_000_000, protocol, HERE));
        assert!(sink.bytes() == bytes && sink.is_whole());
        // The ticket is dead, and so nothing is expected any more.
        let again = ran(place.client(program, &issued, &words)).await;
        assert!(!again.status.success(), "{program} a second time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_no_ed25519_is_shown_another_key_and_no_third() {
    let place = place(QUICK()).await;
    let file = place.file("sent", b"configuration");
    let keys = HostKey::from_seed(&[7; 32]).publics().unwrap();
    let target = format!("127.0.0.1:/{NAME}");
    for (algorithm, key) in [("ecdsa-sha2-nistp256", &keys[1]), ("ssh-ed25519", &keys[0])] {
        // The client knows this key alone.
        let known = format!("[127.0.0.1]:{} {key}\n", place.server.address().port());
        std::fs::write(place.dir.path().join("known_hosts"), known).unwrap();
        let (mut issued, sink) = place.ticket("nx01", 100);
        let only = format!("HostKeyAlgorithms={algorithm}");
        let words = ["-o", &only, file.to_str().unwrap(), &target];
        let pushed = ran(place.client("scp", &issued, &words)).await;
        assert!(pushed.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&pushed.stderr));
        assert_eq!(outcome(&mut issued).await.unwrap().bytes, 13);
        assert!(sink.is_whole() && key.starts_with(algorithm));
    }
    // What a client of 2011 has beside that key (OpenSSH 5.9).
    let known = format!("[127.0.0.1]:{} {}\n", place.server.address().port(), keys[1]);
    std::fs::write(place.dir.path().join("known_hosts"), known).unwrap();
    let (mut issued, _) = place.ticket("nx01", 100);
    let old = [
        "HostKeyAlgorithms=ecdsa-sha2-nistp256",
        "KexAlgorithms=ecdh-sha2-nistp256",
        "Ciphers=aes256-ctr",
        "MACs=hmac-sha2-256",
    ];
    let mut words: Vec<&str> = old.iter().flat_map(|option| ["-o", option]).collect();
    words.extend(["-O", file.to_str().unwrap(), &target]);
    let pushed = ran(place.client("scp", &issued, &words)).await;
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    assert_eq!(outcome(&mut issued).await.unwrap().bytes, 13);
    let (issued, sink) = place.ticket("nx01", 100);
    let words = ["-o", "HostKeyAlgorithms=rsa-sha2-256", file.to_str().unwrap(), &target];
    let refused = ran(place.client("scp", &issued, &words)).await;
    assert!(!refused.status.success() && sink.bytes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_file_is_refused_and_takes_nothing_from_the_first() {
    let mut place = place(QUICK()).await;
    let file = place.file("first", b"first");
    let (mut issued, sink) = place.ticket("nx01", 100);
    let script = format!("put {0} /{NAME}\n-put {0} /{NAME}\n-put {0} /other\n", file.display());
    let batch = place.file("batch", script.as_bytes());
    let output = ran(place.client("sftp", &issued, &["-b", batch.to_str().unwrap(), "127.0.0.1"])).await;
    assert_eq!(outcome(&mut issued).await.unwrap().bytes, 5, "{output:?}");
    assert_eq!(sink.bytes(), b"first");
    assert_eq!(refused(&mut place).iter().filter(|what| what.starts_with("a second file")).count(), 2);
    // Two files by the old protocol are announced as a folder.
    let (mut issued, _) = place.ticket("nx01", 100);
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    assert!(!ran(place.client("scp", &issued, &["-O", file, file, &target])).await.status.success());
    assert!(matches!(outcome(&mut issued).await, Err(DropFault::Refused(_))));
    // By hand: a second line after the file.
    let (mut issued, sink) = place.ticket("nx01", 100);
    let mut child = place.by_hand(&issued, &format!("scp -t /{NAME}"));
    child.stdin.as_mut().unwrap().write_all(b"C0600 3 x\nabc\0C0600 3 y\ndef\0").unwrap();
    assert_eq!(outcome(&mut issued).await.unwrap().bytes, 3);
    ended(child).await;
    assert_eq!(sink.bytes(), b"abc");
    assert!(refused(&mut place).iter().any(|what| what == "the line C0600 3 y after its file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_file_than_expected_or_announced_is_refused() {
    let place = place(QUICK()).await;
    let file = place.file("long", &vec![b'x'; 300_001]);
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    for words in [vec!["-O", file, &target], vec![file, &target]] {
        let (mut issued, sink) = place.ticket("nx01", 300_000);
        assert!(!ran(place.client("scp", &issued, &words)).await.status.success());
        assert_eq!(outcome(&mut issued).await, Err(DropFault::TooLong(300_000)));
        assert!(!sink.is_whole());
    }
    for (sent, fault) in [
        (&b"C0600 3 x\nabcdef\0"[..], DropFault::TooLong(3)),
        (b"C0600 3 x\nabc\x01scp: read error\n", DropFault::Protocol("the client could not read its file to the end")),
    ] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let mut child = place.by_hand(&issued, &format!("scp -t /{NAME}"));
        child.stdin.as_mut().unwrap().write_all(sent).unwrap();
        assert_eq!(outcome(&mut issued).await, Err(fault));
        assert!(!sink.is_whole());
        ended(child).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_and_a_cut_end_it() {
    let place = place(QUICK()).await;
    let (mut issued, sink) = place.ticket("nx01", 100);
    let mut child = place.by_hand(&issued, &format!("scp -t /{NAME}"));
    child.stdin.as_mut().unwrap().write_all(b"C0600 10 x\nabc").unwrap();
    assert_eq!(outcome(&mut issued).await, Err(DropFault::Stalled(Duration::from_secs(2))));
    child.kill().unwrap();
    ended(child).await;
    assert!(!sink.is_whole());
    let (mut issued, sink) = place.ticket("nx01", 100);
    let mut child = place.by_hand(&issued, &format!("scp -t /{NAME}"));
    child.stdin.as_mut().unwrap().write_all(b"C0600 10 x\nabc").unwrap();
    drop(child.stdin.take());
    assert_eq!(outcome(&mut issued).await, Err(DropFault::Cut(3)));
    ended(child).await;
    assert!(!sink.is_whole());
    // Logged in, and nothing more.
    let (mut issued, _) = place.ticket("nx01", 100);
    let mut child = place.client("ssh", &issued, &["-N", "127.0.0.1"]).spawn().unwrap();
    assert_eq!(outcome(&mut issued).await, Err(DropFault::Cut(0)));
    child.kill().unwrap();
    ended(child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_nowhere() {
    let place = place(QUICK()).await;
    let file = place.file("file", b"abc");
    let file = file.to_str().unwrap();
    for path in ["/../etc/passwd", "../x", "/tmp/x", "sub/nx01-full.febkp", "/nx01-full.febkp/", "/nx02-full.febkp"] {
        for old in [true, false] {
            let (mut issued, sink) = place.ticket("nx01", 100);
            let target = format!("127.0.0.1:{path}");
            let words = if old { vec!["-O", file, &target] } else { vec![file, &target] };
            assert!(!ran(place.client("scp", &issued, &words)).await.status.success(), "{path}");
            let found = outcome(&mut issued).await;
            assert!(matches!(found, Err(DropFault::OtherName { .. } | DropFault::Cut(0))), "{path} {old}: {found:?}");
            assert!(sink.bytes().is_empty());
        }
    }
    for line in ["C0600 3 ../x\n", "C0600 3 ..\n", "D0755 0 x\n", "T1 0 1 0\n", "E\n", "C0600 3x\n"] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let mut child = place.by_hand(&issued, &format!("scp -t /{NAME}"));
        child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(matches!(outcome(&mut issued).await, Err(DropFault::Refused(_))), "{line}");
        assert!(sink.bytes().is_empty());
        ended(child).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_push_is_served() {
    let mut place = place(QUICK()).await;
    for (words, told) in [
        (vec!["127.0.0.1"], "a shell"),
        (vec!["-tt", "127.0.0.1"], "a shell"),
        (vec!["127.0.0.1", "id"], "the command id"),
        (vec!["127.0.0.1", "scp -f /nx01-full.febkp"], "the command scp -f /nx01-full.febkp"),
        (vec!["-s", "127.0.0.1", "netconf"], "the subsystem netconf"),
        (vec!["-W", "127.0.0.1:22", "127.0.0.1"], "a connection to 127.0.0.1:22"),
        (vec!["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", "127.0.0.1"], "a port to listen on"),
    ] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let output = ran(place.client("ssh", &issued, &words)).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}: {output:?}");
        assert!(matches!(outcome(&mut issued).await, Err(DropFault::Refused(_))), "{words:?}");
        assert!(sink.bytes().is_empty());
        let all = refused(&mut place);
        assert!(all.iter().any(|what| what == told), "{words:?}: {all:?}");
        assert_eq!(words.contains(&"-tt"), all.iter().any(|what| what == "a terminal"), "{all:?}");
    }
    // What is asked for by name is not there.
    for script in ["ls /", "get /nx01-full.febkp got"] {
        let (mut issued, _) = place.ticket("nx01", 100);
        let batch = place.file("batch", script.as_bytes());
        let output = ran(place.client("sftp", &issued, &["-b", batch.to_str().unwrap(), "127.0.0.1"])).await;
        assert!(!output.status.success(), "{script}: {output:?}");
        assert!(outcome(&mut issued).await.is_err());
    }
    for (script, told) in [
        ("-ls", "list of SFTP"),
        ("-rename /a /b", "rename of SFTP"),
        ("-mkdir /a", "mkdir of SFTP"),
        ("-rmdir /a", "rmdir of SFTP"),
        ("-ln -s /a /b", "symlink of SFTP"),
    ] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let batch = place.file("batch", script.as_bytes());
        let output = ran(place.client("sftp", &issued, &["-b", batch.to_str().unwrap(), "127.0.0.1"])).await;
        assert_eq!(outcome(&mut issued).await, Err(DropFault::Cut(0)), "{script}: {output:?}");
        assert!(sink.bytes().is_empty());
        let all = refused(&mut place);
        assert!(all.iter().any(|what| what == told), "{script}: {all:?}");
    }
}

/// A packet of SFTP: its length, its kind, its parts.
fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[kind], &body].concat()
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sftp_has_no_gap_and_is_written_once() {
    let place = place(QUICK()).await;
    let id = 1_u32.to_be_bytes();
    let hello = packet(1, &[&3_u32.to_be_bytes()]);
    let open = packet(3, &[&id, &text(NAME.as_bytes()), &0x1a_u32.to_be_bytes(), &0_u32.to_be_bytes()]);
    let write = |at: u64| packet(6, &[&id, &text(b"0"), &at.to_be_bytes(), &text(b"abc")]);
    // With a gap, and over what came already.
    for second in [4, 0] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let words = ["-T", "-s", "127.0.0.1", "sftp"];
        let mut child = place.client("ssh", &issued, &words).stdin(Stdio::piped()).spawn().unwrap();
        let sent = [&hello[..], &open, &write(0), &write(second), &packet(4, &[&id, &text(b"0")])].concat();
        child.stdin.as_mut().unwrap().write_all(&sent).unwrap();
        let fault = DropFault::Protocol("a write that does not go on where the last one ended");
        assert_eq!(outcome(&mut issued).await, Err(fault));
        assert!(!sink.is_whole());
        child.kill().ok();
        ended(child).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_one_channel() {
    let mut place = place(QUICK()).await;
    let (mut issued, sink) = place.ticket("nx01", 100);
    let socket = place.dir.path().join("master");
    let path = format!("ControlPath={}", socket.display());
    let mut master = place.client("ssh", &issued, &["-o", &path, "-M", "-N", "127.0.0.1"]).spawn().unwrap();
    let begun = Instant::now();
    while !socket.exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no master");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let through = |command: &str| place.client("ssh", &issued, &["-o", &path, "-T", "127.0.0.1", command]);
    let mut first = through(&format!("scp -t /{NAME}")).stdin(Stdio::piped()).spawn().unwrap();
    first.stdin.as_mut().unwrap().write_all(b"C0600 3 x\n").unwrap();
    // The first has its channel when it is told to go on.
    let mut yes = [0; 2];
    std::io::Read::read_exact(first.stdout.as_mut().unwrap(), &mut yes).unwrap();
    let second = ran(through(&format!("scp -t /{NAME}"))).await;
    assert!(!second.status.success() && second.stdout.is_empty(), "{second:?}");
    first.stdin.as_mut().unwrap().write_all(b"abc\0").unwrap();
    assert_eq!(outcome(&mut issued).await.unwrap().bytes, 3);
    assert_eq!(sink.bytes(), b"abc");
    drop(first.stdin.take());
    ended(first).await;
    master.kill().ok();
    ended(master).await;
    assert!(refused(&mut place).contains(&"a second channel".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_failures_kill_a_ticket_and_another_password_opens_nothing() {
    let mut place = place(QUICK()).await;
    let file = place.file("file", b"abc");
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    let (mut issued, _) = place.ticket("nx01", 100);
    let user = issued.login.user.expose_secret().to_owned();
    for _ in 0..3 {
        let output = ran(place.client_with("scp", &user, "wrong", &["-O", file, &target])).await;
        assert!(!output.status.success());
    }
    assert_eq!(outcome(&mut issued).await, Err(DropFault::GivenUp));
    // Something else is still expected from here, so that the right password gets as far as a login.
    let (_other, _) = place.ticket("nx02", 100);
    let output = ran(place.client("scp", &issued, &["-O", file, &target])).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Permission denied"), "{said}");
    assert_eq!(refused(&mut place), ["a login"; 4]);
    // Two failures leave it alive.
    let (mut issued, sink) = place.ticket("nx01", 100);
    let user = issued.login.user.expose_secret().to_owned();
    for _ in 0..2 {
        ran(place.client_with("scp", &user, "wrong", &["-O", file, &target])).await;
    }
    assert!(ran(place.client("scp", &issued, &["-O", file, &target])).await.status.success());
    outcome(&mut issued).await.unwrap();
    assert_eq!(sink.bytes(), b"abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_another_source_nothing_is_heard() {
    let mut place = place(QUICK()).await;
    let file = place.file("file", b"abc");
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    let (mut issued, _) = place.ticket("nx01", 100);
    let words = ["-O", "-o", "BindAddress=127.0.0.2", file, &target];
    assert!(!ran(place.client("scp", &issued, &words)).await.status.success());
    assert_eq!(refused(&mut place), ["a connection from where nothing is expected"]);
    // Where another seat is expected from there, its address opens nothing of this ticket.
    let sink = Box::new(Memory::default());
    let sources = vec!["127.0.0.2".parse().unwrap()];
    let expected = Expected { seat: "nx02".parse().unwrap(), name: NAME.to_owned(), bytes_max: 100, sources, sink };
    let _other = place.server.issue(expected).unwrap();
    assert!(!ran(place.client("scp", &issued, &words)).await.status.success());
    assert_eq!(refused(&mut place), ["a login"]);
    assert!(ran(place.client("scp", &issued, &["-O", file, &target])).await.status.success());
    outcome(&mut issued).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_connections_keep_nobody_out() {
    let place = place(DropLimits { grace: Duration::from_secs(4), ..QUICK() }).await;
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum.map_or(Some(65_536), |hard| Some(hard.min(65_536)));
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let sink = Box::new(Memory::default());
    let sources = vec!["127.0.0.2".parse().unwrap()];
    let expected = Expected { seat: "nx02".parse().unwrap(), name: NAME.to_owned(), bytes_max: 100, sources, sink };
    let _other = place.server.issue(expected).unwrap();
    let begun = Instant::now();
    let mut held = Vec::new();
    for _ in 0..1000 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        held.push(socket.connect(place.server.address()).await.unwrap());
    }
    let file = place.file("file", b"abc");
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    let (mut issued, sink) = place.ticket("nx01", 100);
    let output = ran(place.client("scp", &issued, &["-O", file, &target])).await;
    assert!(output.status.success(), "{output:?}");
    outcome(&mut issued).await.unwrap();
    assert_eq!(sink.bytes(), b"abc");
    // Ten are spoken to, until the grace is over; the others were closed at once.
    let mut spoken = 0;
    for stream in held {
        let mut all = Vec::new();
        let mut stream = stream;
        let limit = Duration::from_secs(10);
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut all);
        tokio::time::timeout(limit, read).await.expect("the drop hangs up").ok();
        spoken += usize::from(!all.is_empty());
    }
    assert_eq!(spoken, 10);
    assert!(begun.elapsed() >= Duration::from_secs(3), "the ten had their grace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_has_two_tickets_and_the_house_as_many_transfers_as_it_may() {
    let place = place(DropLimits { transfers: 2, idle: Duration::from_secs(20), ..QUICK() }).await;
    let (one, _) = place.ticket("nx01", 100);
    let (two, _) = place.ticket("nx01", 100);
    let third = || {
        let sink = Box::new(Memory::default());
        let (seat, sources) = ("nx01".parse().unwrap(), vec![HERE]);
        place.server.issue(Expected { seat, name: NAME.to_owned(), bytes_max: 100, sources, sink })
    };
    assert!(third().is_err());
    let mut moving = Vec::new();
    for issued in [&one, &two] {
        let mut child = place.by_hand(issued, &format!("scp -t /{NAME}"));
        child.stdin.as_mut().unwrap().write_all(b"C0600 10 x\nabc").unwrap();
        // A zero for the path, one for the line: the transfer has begun.
        let mut said = [0; 2];
        let mut out = child.stdout.take().unwrap();
        std::io::Read::read_exact(&mut out, &mut said).unwrap();
        moving.push((child, out));
    }
    assert!(third().is_err(), "what moves counts as well");
    let file = place.file("file", b"abc");
    let (file, target) = (file.to_str().unwrap(), format!("127.0.0.1:/{NAME}"));
    let (mut other, sink) = place.ticket("nx02", 100);
    assert!(!ran(place.client("scp", &other, &["-O", file, &target])).await.status.success());
    // Its turn comes when there is room: the ticket is as it was.
    let (mut child, _out) = moving.pop().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"defghij\0").unwrap();
    drop(child.stdin.take());
    ended(child).await;
    assert!(ran(place.client("scp", &other, &["-O", file, &target])).await.status.success());
    outcome(&mut other).await.unwrap();
    assert_eq!(sink.bytes(), b"abc");
    for (mut child, _) in moving {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
