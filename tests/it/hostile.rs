//! Peers that mean harm: each ends in its named error within its limit, and leaves no task behind.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hoshu::access::{AccessError, AccessLimits};
use hoshu::model::inventory::{Algorithms, Channel};
use russh::MethodKind;

use crate::access::server::{Appliance, Trouble, ed25519, pin};
use crate::access::world::{Way, alone, limits, password, show, stage};

/// Limits that a test waits for.
fn short() -> AccessLimits {
    let half = Duration::from_millis(500);
    AccessLimits { handshake: half, login: half, command: half, ..limits() }
}

/// Connects to a TCP server of this behaviour and says how that ended. The server's thread is joined.
fn against(behaviour: impl FnOnce(TcpStream) + Send + 'static) -> AccessError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server: JoinHandle<()> = std::thread::spawn(move || behaviour(listener.accept().unwrap().0));
    let begun = Instant::now();
    let error = alone(async move {
        let way = Way::new(port, Algorithms::Modern, Channel::Shell, short());
        way.open(&[pin(&ed25519(1))], &password("right")).await.err().expect("an error")
    });
    assert!(begun.elapsed() < Duration::from_secs(5), "{error:?} after {:?}", begun.elapsed());
    server.join().unwrap();
    error
}

/// Reads until the client goes away.
pub(crate) fn wait_for_end(mut stream: TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// Writes until the client goes away.
pub(crate) fn write_forever(mut stream: TcpStream, text: &[u8]) {
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    while stream.write_all(text).is_ok() {}
}

#[test]
fn a_server_that_says_nothing() {
    assert!(matches!(against(wait_for_end), AccessError::TimedOut { what: "the key exchange", .. }));
}

#[test]
fn a_server_that_greets_and_says_nothing() {
    let error = against(|mut stream| {
        stream.write_all(b"SSH-2.0-x\r\n").unwrap();
        wait_for_end(stream);
    });
    assert!(matches!(error, AccessError::TimedOut { what: "the key exchange", .. }), "{error:?}");
}

#[test]
fn a_server_that_never_comes_to_its_greeting() {
    for text in [&b"x"[..], b"welcome\r\n", &[0; 1000]] {
        let error = against(move |stream| write_forever(stream, text));
        assert!(matches!(error, AccessError::Protocol(_)), "{error:?}");
    }
}

#[test]
fn a_server_that_greets_and_talks_garbage() {
    let error = against(|mut stream| {
        stream.write_all(b"SSH-2.0-x\r\n").unwrap();
        write_forever(stream, b"\xff\xff\xff\xffgarbage");
    });
    assert!(matches!(error, AccessError::Protocol(_)), "{error:?}");
}

#[test]
fn a_server_that_closes_before_its_greeting() {
    assert!(matches!(against(drop), AccessError::ClosedEarly));
    let error = against(|mut stream| {
        stream.write_all(b"Exceeded MaxStartups\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        wait_for_end(stream);
    });
    assert!(matches!(error, AccessError::ClosedEarly), "{error:?}");
}

#[test]
fn a_server_that_closes_behind_its_greeting() {
    let error = against(|mut stream| {
        stream.write_all(b"SSH-2.0-x\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        wait_for_end(stream);
    });
    assert!(matches!(error, AccessError::Dropped("the key exchange")), "{error:?}");
}

#[test]
fn a_port_that_nobody_listens_on() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = alone(async move { Way::shell(port).show_key().await.err() });
    assert!(matches!(error, Some(AccessError::Refused)), "{error:?}");
}

/// Opens a session to an appliance, reads a command and says how that ended.
fn read(appliance: Appliance, channel: Channel, limits: AccessLimits) -> AccessError {
    let stage = stage();
    let (port, _) = stage.block_on(appliance.serve());
    let begun = Instant::now();
    let error = alone(async move {
        let way = Way::new(port, Algorithms::Modern, channel, limits);
        way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.expect_err("an error")
    });
    assert!(begun.elapsed() < Duration::from_secs(8), "{error:?} after {:?}", begun.elapsed());
    error
}

fn troubled(trouble: Trouble, channel: Channel) -> AccessError {
    read(
        Appliance { trouble, ..Appliance::default() },
        channel,
        AccessLimits { handshake: limits().handshake, ..short() },
    )
}

/// Whether an error is the one that a trouble should end in.
type IsNamed = fn(&AccessError) -> bool;

#[test]
fn troubles_of_a_shell_have_names() {
    let cases: [(Trouble, IsNamed); 12] = [
        (Trouble::CloseAfterAuth, |error| matches!(error, AccessError::Dropped(_))),
        (Trouble::NoChannel, |error| matches!(error, AccessError::NoChannel(_))),
        (Trouble::NoShell, |error| matches!(error, AccessError::NoChannel(_))),
        (Trouble::CloseBeforePrompt, |error| matches!(error, AccessError::Dropped(_))),
        (Trouble::SilentShell, |error| matches!(error, AccessError::TimedOut { .. })),
        (
            Trouble::NoPrompt,
            |error| matches!(error, AccessError::NoPrompt(tail) if tail.as_data().contains("Set-up wizard")),
        ),
        (Trouble::NoEnable, |error| matches!(error, AccessError::NoPrompt(_))),
        (Trouble::EndlessGreeting, |error| matches!(error, AccessError::OverLimit { what: "the greeting", .. })),
        (Trouble::SilentAnswer, |error| matches!(error, AccessError::TimedOut { what: "a command", .. })),
        (Trouble::EndlessAnswer, |error| matches!(error, AccessError::OverLimit { what: "the answer", .. })),
        (Trouble::EndlessLine, |error| matches!(error, AccessError::OverLimit { what: "a line", .. })),
        (Trouble::DropInAnswer, |error| matches!(error, AccessError::Dropped("a command"))),
    ];
    for (trouble, is_named) in cases {
        let error = troubled(trouble, Channel::Shell);
        assert!(is_named(&error), "{trouble:?}: {error:?}");
    }
}

#[test]
fn troubles_of_a_channel_a_command_have_names() {
    let cases: [(Trouble, IsNamed); 6] = [
        (Trouble::NoChannel, |error| matches!(error, AccessError::NoChannel(_))),
        (Trouble::NoShell, |error| matches!(error, AccessError::NoChannel(_))),
        (Trouble::SilentAnswer, |error| matches!(error, AccessError::TimedOut { what: "a command", .. })),
        (Trouble::EndlessAnswer, |error| matches!(error, AccessError::OverLimit { what: "the answer", .. })),
        (Trouble::EndlessLine, |error| matches!(error, AccessError::OverLimit { what: "a line", .. })),
        (Trouble::DropInAnswer, |error| matches!(error, AccessError::Dropped("a command"))),
    ];
    for (trouble, is_named) in cases {
        let error = troubled(trouble, Channel::Exec);
        assert!(is_named(&error), "{trouble:?}: {error:?}");
    }
}

#[test]
fn silence_within_an_answer_has_a_limit_of_its_own() {
    let appliance = Appliance { trouble: Trouble::SilentAnswer, ..Appliance::default() };
    let error = read(appliance, Channel::Shell, AccessLimits { idle: Duration::from_millis(300), ..limits() });
    assert!(matches!(error, AccessError::TimedOut { what: "silence in an answer", .. }), "{error:?}");
}

#[test]
fn a_banner_without_end_is_given_up() {
    let banner = Some("x".repeat(70_000));
    let error = read(Appliance { banner, ..Appliance::default() }, Channel::Shell, limits());
    assert!(matches!(error, AccessError::OverLimit { what: "the banner", .. }), "{error:?}");
}

#[test]
fn text_that_nobody_asked_for_ends_the_session() {
    let error = troubled(Trouble::Unasked, Channel::Shell);
    assert!(matches!(error, AccessError::NoPrompt(_)), "{error:?}");
}

/// Questions at the login, and the secrets that the server got for them.
fn questions(rounds: Vec<Vec<(&'static str, bool)>>) -> (AccessError, Vec<String>) {
    let stage = stage();
    let appliance = Appliance { methods: vec![MethodKind::KeyboardInteractive], rounds, ..Appliance::default() };
    let (port, got) = stage.block_on(appliance.serve());
    let error = alone(async move {
        Way::shell(port).open(&[pin(&ed25519(1))], &password("right")).await.err().expect("an error")
    });
    // The password is offered first by the method of that name, as ever; the questions get it or not.
    (error, got.secrets())
}

#[test]
fn an_unknown_question_gets_no_answer() {
    for round in [
        vec![("Token: ", false)],
        vec![("Password: ", true)],
        vec![("Password: ", false), ("Token: ", false)],
        vec![("Password: ", false); 100],
        vec![("Password of your bank account, please?", false)],
    ] {
        let count = round.len();
        let (error, secrets) = questions(vec![round]);
        assert!(matches!(error, AccessError::UnknownPrompt(_)), "{count}: {error:?}");
        assert!(secrets.len() <= 1, "{secrets:?}");
    }
}

#[test]
fn where_questions_are_declared_an_unknown_one_gets_not_a_byte_of_the_password() {
    for round in [
        vec![("Token: ", false)],
        vec![("New password: ", false)],
        vec![("Passcode: ", true)],
        vec![("Passcode: ", false), ("Passcode: ", false)],
        vec![("Passcode: \nand your token: ", false)],
    ] {
        let stage = stage();
        let appliance = Appliance {
            methods: vec![MethodKind::KeyboardInteractive, MethodKind::Password],
            rounds: vec![round],
            ..Appliance::default()
        };
        let (port, got) = stage.block_on(appliance.serve());
        let error = alone(async move {
            let mut way = Way::shell(port);
            way.seat.ssh.questions = vec!["Passcode: ".parse().unwrap()];
            way.open(&[pin(&ed25519(1))], &password("right")).await.err().expect("an error")
        });
        assert!(matches!(error, AccessError::UnknownPrompt(_)), "{error:?}");
        assert_eq!(got.secrets(), Vec::<String>::new());
    }
}

#[test]
fn questions_without_end_are_given_up() {
    let (error, _) = questions(vec![vec![]; 50]);
    assert!(matches!(error, AccessError::UnknownPrompt(_)), "{error:?}");
    let (error, secrets) = questions(vec![vec![("Password: ", false)]; 50]);
    assert!(matches!(error, AccessError::LoginRefused { .. }), "{error:?}");
    assert!(secrets.len() <= 2, "{secrets:?}");
}

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const RESET: u8 = 2;

/// A wire that can be cut without a word, or reset.
fn cuttable(port: u16) -> (u16, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let state = Arc::new(AtomicU8::new(WHOLE));
    let flag = Arc::clone(&state);
    std::thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (to_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let back = Arc::clone(&flag);
        std::thread::spawn(move || pass(from_server, to_client, &back));
        pass(client, server, &flag);
    });
    (own, state)
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    let mut buffer = [0; 4096];
    while let Ok(count) = from.read(&mut buffer) {
        match state.load(Ordering::SeqCst) {
            RESET => {
                // The last copies of the sockets that are closed reset their connections; the other thread wakes up.
                for socket in [&from, &to] {
                    rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).ok();
                }
                to.shutdown(Shutdown::Read).ok();
                return;
            }
            WHOLE if count > 0 && to.write_all(&buffer[..count]).is_ok() => {}
            CUT if count > 0 => {}
            _ => break,
        }
    }
    to.shutdown(Shutdown::Both).ok();
}

/// What becomes of a command after the wire became `cut`.
fn after(cut: u8) -> Option<AccessError> {
    let stage = stage();
    let (port, _) = stage.block_on(Appliance::default().serve());
    let (port, wire) = cuttable(port);
    alone(async move {
        let limits = AccessLimits { keepalive: Duration::from_millis(100), ..limits() };
        let way = Way::new(port, Algorithms::Modern, Channel::Shell, limits);
        let mut session = way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap();
        assert!(session.read(&show("show version"), 1000).await.is_ok());
        wire.store(cut, Ordering::SeqCst);
        let begun = Instant::now();
        let error = session.read(&show("show version"), 1000).await.err();
        // A goodbye that nobody hears takes two seconds: an end that is noticed takes less.
        assert!(begun.elapsed() < Duration::from_millis(1500), "{error:?}");
        session.close().await;
        error
    })
}

#[test]
fn a_black_hole_is_found_by_keepalives() {
    let error = after(CUT);
    assert!(matches!(error, Some(AccessError::TimedOut { what: "an answer to keepalives", .. })), "{error:?}");
}

#[test]
fn a_reset_is_noticed_at_once() {
    let error = after(RESET);
    assert!(matches!(error, Some(AccessError::Dropped("a command"))), "{error:?}");
}

#[test]
fn a_session_that_is_dropped_leaves_no_task_behind() {
    let stage = stage();
    let (port, _) = stage.block_on(Appliance::default().serve());
    alone(async move {
        let way = Way::shell(port);
        drop(way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap());
        // Given up in the middle of everything.
        for micros in (0..5000).step_by(500) {
            let login = password("right");
            let pins = [pin(&ed25519(1))];
            tokio::time::timeout(Duration::from_micros(micros), way.open(&pins, &login)).await.ok();
        }
    });
}
