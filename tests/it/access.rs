//! SSH access against a real OpenSSH server and against a server of the tests' own.

#![cfg(test)]

pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod sshd;
pub(crate) mod world;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hoshu::access::{Access, AccessError, AccessLimits, KeyKind, Peer, Router, SshAccess};
use hoshu::model::credential::{Login, LoginSecret};
use hoshu::model::inventory::{Algorithms, Channel, Seat};
use hoshu::model::name::SeatName;
use russh::MethodKind;
use secrecy::SecretString;
use server::{Appliance, Trouble, ecdsa, ed25519, pin};
use sshd::{LEGACY, Sshd};
use world::{Way, limits, password, show};

fn modern(sshd: &Sshd, channel: Channel) -> Way {
    Way::new(sshd.port, Algorithms::Modern, channel, limits())
}

#[tokio::test]
async fn openssh_answers_in_a_shell() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let way = modern(&sshd, Channel::Shell);
    let mut session = way.open(&[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
    let answer = session.read(&show("show version"), 4096).await.unwrap();
    assert_eq!(answer.text.as_data(), "Product name: NX\nProduct release: 9.1.0.924861\n");
    assert!(answer.complete);
    let big = session.read(&show("show big"), 1 << 20).await.unwrap();
    assert_eq!(big.text.as_data().lines().count(), 3000);
    assert!(big.text.as_data().ends_with("interface ether2999 ip address 192.0.2.1\n"));
    let unknown = session.read(&show("show nothing"), 4096).await.unwrap();
    assert!(unknown.text.as_data().starts_with("% Unrecognized command"), "{:?}", unknown.text);
    assert_eq!(session.negotiated().kex, "curve25519-sha256");
    assert_eq!(session.negotiated().host_key, "ssh-ed25519");
    assert_eq!(session.negotiated().mac, "implicit");
    session.close().await;
}

#[tokio::test]
async fn openssh_answers_one_command_a_channel() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let way = modern(&sshd, Channel::Exec);
    let mut session = way.open(&[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
    for _ in 0..3 {
        let answer = session.read(&show("show version"), 4096).await.unwrap();
        assert_eq!(answer.text.as_data(), "Product name: NX\nProduct release: 9.1.0.924861\n");
        assert!(answer.complete);
    }
    let failed = session.read(&show("show nothing"), 4096).await.unwrap();
    assert!(!failed.complete && failed.text.as_data().starts_with("% Unrecognized"), "{failed:?}");
    let over = session.read(&show("show endless"), 10_000).await;
    assert!(matches!(over, Err(AccessError::OverLimit { limit: 10_000, .. })), "{over:?}");
    session.close().await;
}

#[tokio::test]
async fn keys_of_several_kinds_log_in() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let way = modern(&sshd, Channel::Exec);
    let pins = [sshd.pin("ed25519")];
    for login in [sshd.login("user_rsa", None), sshd.login("locked", Some("open sesame"))] {
        assert!(way.read(&pins, &login, "show version").await.unwrap().complete);
    }
    let wrong = way.open(&pins, &sshd.login("locked", Some("close sesame"))).await.err();
    assert!(matches!(wrong, Some(AccessError::UnusableKey(_))), "{wrong:?}");
    let strange = Login { user: "nobody-here".to_owned(), ..sshd.login("user", None) };
    match way.open(&pins, &strange).await.err() {
        Some(AccessError::LoginRefused { offered, .. }) => assert!(offered.as_data().contains("publickey")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_old_openssh_answers_a_legacy_seat_alone() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["rsa"], LEGACY);
    let legacy = Way::new(sshd.port, Algorithms::Legacy, Channel::Shell, limits());
    for user in ["user", "user_rsa"] {
        let opened = legacy.open(&[sshd.pin("rsa")], &sshd.login(user, None)).await;
        let mut session = opened.unwrap_or_else(|error| panic!("{user}: {error}\n{}", sshd.log()));
        assert_eq!(session.negotiated().kex, "diffie-hellman-group14-sha1");
        assert_eq!(
            (session.negotiated().mac.as_str(), session.negotiated().host_key.as_str()),
            ("hmac-sha1", "ssh-rsa")
        );
        assert!(session.read(&show("show version"), 4096).await.unwrap().complete);
        session.close().await;
    }
    let refused = modern(&sshd, Channel::Shell).open(&[sshd.pin("rsa")], &sshd.login("user", None)).await.err();
    match refused {
        Some(AccessError::Protocol(why)) => {
            assert!(why.contains("curve25519-sha256") && why.contains("diffie-hellman-group14-sha1"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_was_not_accepted_gets_no_message_of_authentication() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519", "ecdsa"], "");
    let other = format!("{} {}", "ssh-ed25519", pin(&ed25519(9)).split_once(' ').unwrap().1);
    let way = modern(&sshd, Channel::Shell);
    let login = sshd.login("user", None);

    let shown = way.show_key().await.unwrap();
    assert_eq!((shown.algorithm.as_str(), &shown.public_key), ("ssh-ed25519", &sshd.pin("ed25519")));
    assert!(shown.fingerprint.starts_with("SHA256:"));
    assert_eq!(shown.negotiated.kex, "curve25519-sha256");
    let ecdsa = way.access.show_key_of(way.peer(), KeyKind::EcdsaP256).await.unwrap();
    assert_eq!(ecdsa.public_key, sshd.pin("ecdsa"));
    let none = way.access.show_key_of(way.peer(), KeyKind::Rsa).await;
    assert!(matches!(none, Err(AccessError::Protocol(_))), "{none:?}");

    let first = way.open(&[], &login).await.err();
    match first {
        Some(AccessError::KeyUnknown { fingerprint, .. }) => assert_eq!(fingerprint, shown.fingerprint),
        other => panic!("{other:?}"),
    }
    // Another key of the same type, a type that the server has not, and a pin that is no key at all.
    for pins in [[other], [pin(&server::ecdsa())], ["ssh-ed25519 AAAA".to_owned()]] {
        let changed = way.open(&pins, &login).await.err();
        assert!(matches!(changed, Some(AccessError::KeyChanged { .. })), "{changed:?}");
    }
    let log = sshd.log();
    assert!(log.contains("receive packet: type 21"), "the log would show messages");
    assert!(!log.contains("receive packet: type 5 ") && !log.contains("receive packet: type 50"), "{log}");
    // The type that is pinned is asked for, though the server prefers another.
    assert!(way.read(&[sshd.pin("ecdsa")], &login, "show version").await.unwrap().complete);
    assert!(sshd.log().contains("receive packet: type 50"));
}

#[tokio::test]
async fn no_password_goes_to_a_key_that_was_not_accepted() {
    let mut appliance = Appliance { keys: vec![ed25519(1), ecdsa()], ..Appliance::default() };
    appliance.methods = vec![MethodKind::Password, MethodKind::KeyboardInteractive, MethodKind::PublicKey];
    let (first, second) = (pin(&appliance.keys[0]), pin(&appliance.keys[1]));
    let (port, got) = appliance.serve().await;
    let way = Way::shell(port);
    way.show_key().await.unwrap();
    let revoked = pin(&ed25519(2));
    assert!(matches!(way.open(&[], &password("right")).await.err(), Some(AccessError::KeyUnknown { .. })));
    for pins in [vec![revoked.clone()], vec![pin(&ecdsa())], vec![revoked, "no key".to_owned()]] {
        assert!(matches!(way.open(&pins, &password("right")).await.err(), Some(AccessError::KeyChanged { .. })));
    }
    assert_eq!((got.auth(), got.secrets(), got.connections.load(Ordering::SeqCst)), (0, vec![], 5));
    for pins in [vec![first], vec![second]] {
        assert!(way.read(&pins, &password("right"), "show version").await.unwrap().complete);
    }
    assert_eq!(got.auth(), 2);
}

#[tokio::test]
async fn a_shell_is_entered_by_enable_without_paging_and_left_by_exit() {
    let (port, got) = Appliance::default().serve().await;
    let way = Way::shell(port);
    let answer = way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.unwrap();
    assert_eq!(answer.text.as_data(), "Product name: NX\n");
    // The server hears the goodbye a moment after the client has said it.
    let begun = Instant::now();
    while got.lines().len() < 4 && begun.elapsed() < Duration::from_secs(5) {
        tokio::task::yield_now().await;
    }
    assert_eq!(got.lines(), ["enable", "no cli session paging enable", "show version", "exit"]);
}

#[tokio::test]
async fn an_answer_is_the_same_however_it_arrives() {
    let block = |n| format!("interface ether{n}\r\nnx02 # \r\nnx01 # is no prompt\r\n   nx01 > \r\n");
    let config = (0..200).map(block).collect::<Vec<_>>().concat();
    let expected = config.replace('\r', "");
    for (chunk, prompt) in [(0, "nx01"), (1, "nx01"), (7, "[CM-1] cm-01"), (1000, "nx01")] {
        let appliance = Appliance {
            answers: [("show running-config", config.clone())].into(),
            chunk,
            prompt,
            ..Appliance::default()
        };
        let (port, _) = appliance.serve().await;
        let answer =
            Way::shell(port).read(&[pin(&ed25519(1))], &password("right"), "show running-config").await.unwrap();
        assert!(answer.complete);
        assert_eq!(answer.text.as_data(), expected, "{chunk}");
    }
}

#[tokio::test]
async fn pages_are_turned_when_paging_stays_on() {
    let text = (0..7).map(|n| format!("line {n}\r\n")).collect::<Vec<_>>().concat();
    let appliance =
        Appliance { answers: [("show log", text.clone())].into(), trouble: Trouble::Pager, ..Appliance::default() };
    let (port, _) = appliance.serve().await;
    let answer = Way::shell(port).read(&[pin(&ed25519(1))], &password("right"), "show log").await.unwrap();
    assert_eq!(answer.text.as_data(), text.replace('\r', ""));
}

#[tokio::test]
async fn an_enable_password_is_given_when_it_is_asked_for() {
    let appliance = Appliance { enable_password: Some("up"), ..Appliance::default() };
    let (port, got) = appliance.serve().await;
    let way = Way::shell(port);
    let login = |enable: Option<&str>| Login { enable: enable.map(SecretString::from), ..password("right") };
    let pins = [pin(&ed25519(1))];
    assert!(way.read(&pins, &login(Some("up")), "show version").await.unwrap().complete);
    for enable in [None, Some("down")] {
        let refused = way.open(&pins, &login(enable)).await.err();
        assert!(matches!(refused, Some(AccessError::NoPrompt(_))), "{refused:?}");
    }
    assert_eq!(got.secrets(), ["right", "up", "right", "right", "down"]);
}

#[tokio::test]
async fn an_enable_password_that_is_echoed_is_quoted_nowhere() {
    let secret = "canary-Hn3vYb8s";
    for trouble in [Trouble::EchoesSecret, Trouble::None] {
        let (port, got) = Appliance { enable_password: Some("up"), trouble, ..Appliance::default() }.serve().await;
        let short = AccessLimits { login: Duration::from_millis(700), ..limits() };
        let way = Way::new(port, Algorithms::Modern, Channel::Shell, short);
        let login = Login { enable: Some(secret.into()), ..password("right") };
        let error = way.open(&[pin(&ed25519(1))], &login).await.err().unwrap();
        assert!(matches!(error, AccessError::NoPrompt(_)), "{error:?}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains(secret) && told.contains("not quoted"), "{told}");
        assert_eq!(got.secrets(), ["right", secret]);
    }
}

#[tokio::test]
async fn a_second_factor_is_no_refusal_and_hears_no_password() {
    let unasked = |error: &AccessError| {
        let seen = format!("{error}");
        matches!(error, AccessError::UnknownPrompt(_)) && seen.contains("second factor")
    };
    let (port, got) = Appliance {
        methods: vec![MethodKind::Password, MethodKind::KeyboardInteractive],
        rounds: vec![vec![("Password: ", false)]],
        trouble: Trouble::SecondFactor,
        ..Appliance::default()
    }
    .serve()
    .await;
    let error = Way::shell(port).open(&[pin(&ed25519(1))], &password("right")).await.err().unwrap();
    assert!(unasked(&error), "{error:?}");
    assert_eq!(got.secrets(), ["right"], "it is said once");
    if !sshd::is_here() {
        return;
    }
    // Two different keys.
    let sshd = Sshd::start(&["ed25519"], "AuthenticationMethods publickey,publickey");
    let error = modern(&sshd, Channel::Shell).open(&[sshd.pin("ed25519")], &sshd.login("user", None)).await;
    let error = error.err().unwrap();
    assert!(unasked(&error), "{error:?}");
}

#[tokio::test]
async fn a_known_question_for_the_password_is_answered_once() {
    let appliance = Appliance {
        methods: vec![MethodKind::KeyboardInteractive],
        rounds: vec![vec![("monitor's Password: ", false)], vec![]],
        ..Appliance::default()
    };
    let (port, got) = appliance.serve().await;
    let way = Way::shell(port);
    let pins = [pin(&ed25519(1))];
    assert!(way.read(&pins, &password("right"), "show version").await.unwrap().complete);
    let refused = way.open(&pins, &password("wrong")).await.err();
    assert!(matches!(refused, Some(AccessError::LoginRefused { .. })), "{refused:?}");
    // Once as a password, which is no method there, and once as an answer.
    assert_eq!(got.secrets(), ["right", "right", "wrong", "wrong"]);
}

#[tokio::test]
async fn a_declared_question_is_answered_and_the_password_is_said_in_no_other_way() {
    let appliance = Appliance {
        methods: vec![MethodKind::KeyboardInteractive, MethodKind::Password],
        rounds: vec![vec![("Passcode for monitor: ", false)], vec![]],
        ..Appliance::default()
    };
    let (port, got) = appliance.serve().await;
    let mut way = Way::shell(port);
    way.seat.ssh.questions = vec!["Passcode for [a-z]+: ".parse().unwrap()];
    let pins = [pin(&ed25519(1))];
    assert!(way.read(&pins, &password("right"), "show version").await.unwrap().complete);
    assert_eq!(got.secrets(), ["right"]);
    let refused = way.open(&pins, &password("wrong")).await.err();
    assert!(matches!(refused, Some(AccessError::LoginRefused { .. })), "{refused:?}");
    assert_eq!(got.secrets(), ["right", "wrong"]);
    // A peer that asks nothing hears nothing, and has refused nothing.
    let (port, got) = Appliance::default().serve().await;
    way.access = Way::shell(port).access;
    let none = way.open(&pins, &password("right")).await.err().unwrap();
    assert!(matches!(none, AccessError::Protocol(_)), "{none:?}");
    assert_eq!(got.secrets(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_login_is_tried_once_and_names_the_methods() {
    // With another method left, and with none, when the server ends the connection.
    for (methods, left) in
        [(vec![MethodKind::Password, MethodKind::PublicKey], "publickey"), (vec![MethodKind::Password], "")]
    {
        let (port, got) = Appliance { methods, ..Appliance::default() }.serve().await;
        match Way::shell(port).open(&[pin(&ed25519(1))], &password("wrong")).await.err() {
            Some(AccessError::LoginRefused { user, offered }) => {
                assert_eq!((user.as_str(), offered.as_data()), ("monitor", left));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(got.secrets(), ["wrong"]);
    }
}

#[tokio::test]
async fn a_server_opens_no_channel_to_us() {
    let (port, got) = Appliance { trouble: Trouble::OpensChannels, ..Appliance::default() }.serve().await;
    let way = Way::shell(port);
    let mut session = way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap();
    let begun = Instant::now();
    while got.refused.load(Ordering::SeqCst) < 4 && begun.elapsed() < Duration::from_secs(10) {
        session.read(&show("show version"), 4096).await.unwrap();
    }
    assert_eq!((got.accepted.load(Ordering::SeqCst), got.refused.load(Ordering::SeqCst)), (0, 4));
    session.close().await;
}

#[tokio::test]
async fn an_answer_at_the_limit_is_whole_and_one_byte_more_is_refused() {
    let text = "0123456789abcd\r\n".repeat(1000);
    let appliance = Appliance { answers: [("show x", text)].into(), ..Appliance::default() };
    let (port, _) = appliance.serve().await;
    let way = Way::shell(port);
    let pins = [pin(&ed25519(1))];
    let mut session = way.open(&pins, &password("right")).await.unwrap();
    assert_eq!(session.read(&show("show x"), 15_000).await.unwrap().text.as_data().len(), 15_000);
    let over = session.read(&show("show x"), 14_999).await;
    assert!(matches!(over, Err(AccessError::OverLimit { limit: 14_999, .. })), "{over:?}");
    // What was left of the answer can no longer be told from the next one.
    assert!(session.read(&show("show version"), 1000).await.is_err());
    session.close().await;
}

#[tokio::test]
async fn a_command_that_was_given_up_ends_the_session() {
    let (port, _) = Appliance { trouble: Trouble::SilentAnswer, ..Appliance::default() }.serve().await;
    let way = Way::shell(port);
    let mut session = way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(50), session.read(&show("show version"), 1000)).await;
    assert!(given_up.is_err());
    let next = session.read(&show("show version"), 1000).await;
    assert!(matches!(next, Err(AccessError::Dropped(_))), "{next:?}");
    session.close().await;
}

#[tokio::test]
async fn a_rekey_within_an_answer_changes_nothing() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "RekeyLimit 16K");
    let way = modern(&sshd, Channel::Shell);
    let mut session = way.open(&[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
    for _ in 0..3 {
        let big = session.read(&show("show big"), 1 << 20).await.unwrap();
        assert_eq!(big.text.as_data().lines().count(), 3000);
    }
    session.close().await;
    assert!(sshd.log().matches("SSH2_MSG_NEWKEYS received").count() > 3);
}

#[tokio::test]
async fn many_legacy_seats_at_once_do_not_hold_the_modern_ones() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["rsa"], &format!("{LEGACY}MaxStartups 100\n"));
    let legacy = Way::new(
        sshd.port,
        Algorithms::Legacy,
        Channel::Exec,
        AccessLimits { handshake: Duration::from_mins(1), ..limits() },
    );
    let keys = futures::future::join_all((0..8).map(|_| legacy.show_key())).await;
    assert!(keys.iter().all(|key| key.as_ref().is_ok_and(|key| key.public_key == sshd.pin("rsa"))), "{keys:?}");
}

#[tokio::test]
async fn a_legacy_seat_that_does_not_greet_takes_no_turn_from_others() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["rsa"], LEGACY);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hole = silent.local_addr().unwrap().port();
    let limits = AccessLimits { handshake: Duration::from_secs(8), ..limits() };
    let way = Way::new(sshd.port, Algorithms::Legacy, Channel::Exec, limits);
    let names: Vec<SeatName> = (0..6).map(|at| format!("hole{at}").parse().unwrap()).collect();
    let ports = names.iter().map(|name| (name.clone(), hole)).chain([(way.seat.name.clone(), sshd.port)]);
    let access = SshAccess::new(Router::Lab(ports.collect()), limits);
    let holes: Vec<_> = names.iter().map(|name| Seat { name: name.clone(), ..way.seat.clone() }).collect();
    let dark = futures::future::join_all(holes.iter().map(|seat| {
        let peer = Peer { seat, gateway: &way.gateway, behind: None };
        access.show_key(peer)
    }));
    let good = async {
        // The others come first.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        let shown = access.show_key(way.peer()).await;
        (shown, begun.elapsed())
    };
    let (dark, (shown, took)) = tokio::join!(dark, good);
    assert_eq!(shown.unwrap().public_key, sshd.pin("rsa"));
    assert!(took < Duration::from_secs(6), "{took:?} behind those that do not greet");
    for error in dark {
        assert!(matches!(error, Err(AccessError::TimedOut { what: "the key exchange", .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_named_before_anything_is_dialled() {
    let (port, got) = Appliance::default().serve().await;
    let secret = LoginSecret::Key { pem: "not a key".into(), passphrase: None };
    let login = Login { secret, ..password("") };
    let unusable = Way::shell(port).open(&[pin(&ed25519(1))], &login).await.err();
    assert!(matches!(unusable, Some(AccessError::UnusableKey(_))), "{unusable:?}");
    assert_eq!(got.connections.load(Ordering::SeqCst), 0);
}
