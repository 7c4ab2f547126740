//! Ways in through bastions that forward nothing: real OpenSSH with a shell and with a menu, and ones that lie.

#![cfg(test)]

use hoshu::access::{AccessError, AccessLimits, HopFault};
use hoshu::engine::session::Failure;
use hoshu::model::credential::{Login, LoginSecret};
use hoshu::model::inventory::{Algorithms, HopKind, Menu};
use hoshu::model::reading::Outcome;
use russh::MethodKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::access::proxy::free_port;
use crate::access::server::{Appliance, Got, Trouble, ed25519, pin};
use crate::access::sshd::{self, Sshd};
use crate::access::world::{Way, limits, password, show};
use crate::bastions::{HOP, behind, expect, house_behind, logins, poll};

/// What a bastion that forwards nothing is set to.
const CLOSED: &str = "AllowTcpForwarding no\nPermitTunnel no\nAllowAgentForwarding no\n";

fn print_of(seed: u8) -> String {
    ed25519(seed).public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string()
}

/// A way to a port of loopback behind a real bastion, which was entered.
async fn entered(sshd: &Sshd, port: u16, menu: Option<Menu>, limits: AccessLimits) -> Way {
    let mut way = behind(&[(HopKind::SshNested, sshd.port)], port, Algorithms::Modern, limits);
    way.gateway.hops[0].menu = menu;
    way.enter(0, &[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
    way
}

/// A way whose wait for something that does not come is short.
fn short() -> AccessLimits {
    let part = Duration::from_millis(700);
    AccessLimits { connect: part, handshake: part, login: part, command: Duration::from_secs(5), ..limits() }
}

async fn served(appliance: Appliance) -> (u16, std::sync::Arc<Got>) {
    appliance.serve().await
}

#[tokio::test]
async fn an_appliance_answers_behind_a_real_bastion_that_gives_a_shell() {
    if !sshd::is_here() {
        return;
    }
    let big = "interface ether1 ip address 192.0.2.1\r\n".repeat(3000);
    let mut appliance = Appliance::default();
    appliance.answers.insert("show big", big);
    let (port, got) = served(appliance).await;
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let way = entered(&sshd, port, None, limits()).await;
    let shown = way.show_key().await.unwrap();
    assert_eq!((shown.algorithm.as_str(), shown.fingerprint.clone()), ("ssh-ed25519", print_of(1)));
    assert_eq!((got.auth(), got.secrets()), (0, vec![]), "first contact stops before the login");
    // A pin of a key that was seen directly, and one of a fingerprint alone.
    for pins in [[pin(&ed25519(1))], [shown.public_key]] {
        let mut session = way.open(&pins, &password("right")).await.unwrap();
        let answer = session.read(&show("show version"), 1 << 20).await.unwrap();
        assert_eq!(answer.text.as_data(), "Product name: NX\n");
        assert_eq!(session.read(&show("show big"), 1 << 20).await.unwrap().text.as_data().lines().count(), 3000);
        assert!(session.read_other(&show("show version"), 1000).await.unwrap().is_none(), "one channel only");
        session.read(&show("show version"), 1000).await.unwrap();
        session.close().await;
    }
    assert_eq!(got.secrets(), ["right", "right"]);
    // Several at once are sessions of one connection.
    let pins = [pin(&ed25519(1))];
    let login = password("right");
    let (one, other) = tokio::join!(way.open(&pins, &login), way.open(&pins, &login));
    for mut session in [one.unwrap(), other.unwrap()] {
        session.read(&show("show version"), 1000).await.unwrap();
        session.close().await;
    }
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1);
    assert!(way.behind.as_ref().unwrap().is_open());
}

#[tokio::test]
async fn questions_instead_of_a_password_are_answered_behind_a_bastion() {
    if !sshd::is_here() {
        return;
    }
    let asking = |question| Appliance {
        methods: vec![MethodKind::KeyboardInteractive],
        rounds: vec![vec![(question, false)]],
        ..Appliance::default()
    };
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let pins = [pin(&ed25519(1))];
    let (port, got) = served(asking("Password: ")).await;
    let way = entered(&sshd, port, None, limits()).await;
    way.read(&pins, &password("right"), "show version").await.unwrap();
    assert_eq!(got.secrets(), ["right"]);
    let (port, got) = served(asking("Token: ")).await;
    let way = entered(&sshd, port, None, short()).await;
    let unknown = way.open(&pins, &password("right")).await.err().unwrap();
    assert!(matches!(unknown, AccessError::UnknownPrompt(_)), "{unknown:?}");
    assert_eq!(got.secrets(), Vec::<String>::new());
    assert_eq!(Failure::from(unknown).outcome, Outcome::NoPrompt);
}

#[tokio::test]
async fn another_key_behind_a_bastion_hears_no_login() {
    if !sshd::is_here() {
        return;
    }
    let (port, got) = served(Appliance::default()).await;
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let way = entered(&sshd, port, None, limits()).await;
    let unknown = way.open(&[], &password("right")).await.err().unwrap();
    assert!(
        matches!(&unknown, AccessError::KeyUnknown { fingerprint, .. } if *fingerprint == print_of(1)),
        "{unknown:?}"
    );
    for pins in [[pin(&ed25519(2))], [print_of(2)]] {
        let changed = way.open(&pins, &password("right")).await.err().unwrap();
        assert!(
            matches!(&changed, AccessError::KeyChanged { expected, .. } if *expected == print_of(2)),
            "{changed:?}"
        );
    }
    assert_eq!((got.auth(), got.secrets()), (0, vec![]));
}

#[tokio::test]
async fn a_refused_login_and_a_closed_port_behind_a_bastion_are_told_apart() {
    if !sshd::is_here() {
        return;
    }
    let (port, got) = served(Appliance::default()).await;
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let pins = [pin(&ed25519(1))];
    let way = entered(&sshd, port, None, limits()).await;
    let refused = way.open(&pins, &password("wrong")).await.err().unwrap();
    assert!(matches!(refused, AccessError::LoginRefused { .. }), "{refused:?}");
    assert_eq!(got.secrets(), ["wrong"], "it is tried once");
    let key = Login { secret: LoginSecret::Key { pem: "x".into(), passphrase: None }, ..password("x") };
    let unusable = way.open(&pins, &key).await.err().unwrap();
    assert!(matches!(unusable, AccessError::UnusableKey(_)), "{unusable:?}");
    let closed = free_port();
    let way = entered(&sshd, closed, None, limits()).await;
    let error = way.open(&pins, &password("right")).await.err().unwrap();
    let words = format!(
        "no way through hop hop0.example (ssh-nested): ssh: connect to host 127.0.0.1 port {closed}: Connection refused"
    );
    expect(error, HopFault::NoWay, Outcome::TimedOut, &words);
}

#[tokio::test]
async fn trouble_behind_a_bastion_ends_in_time_and_blames_the_right_one() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let pins = [pin(&ed25519(1))];
    for trouble in [Trouble::CloseAfterAuth, Trouble::NoChannel, Trouble::SilentShell, Trouble::EndlessGreeting] {
        let (port, _) = served(Appliance { trouble, ..Appliance::default() }).await;
        let way = entered(&sshd, port, None, short()).await;
        let error = way.open(&pins, &password("right")).await.err().unwrap();
        let right =
            matches!(error, AccessError::Dropped(_) | AccessError::UnknownPrompt(_) | AccessError::OverLimit { .. });
        assert!(right, "{trouble:?}: {error:?}");
        assert!(way.behind.as_ref().unwrap().is_open(), "{trouble:?}");
    }
    // The bastion ends while a session is open.
    let (port, _) = served(Appliance::default()).await;
    let way = entered(&sshd, port, None, limits()).await;
    let mut session = way.open(&pins, &password("right")).await.unwrap();
    way.behind.as_ref().unwrap().leave().await;
    let error = session.read(&show("show version"), 1000).await.unwrap_err();
    assert!(matches!(error, AccessError::Hop { fault: HopFault::Dropped, .. }), "{error:?}");
}

/// Waits until a server has got so many closed channels.
async fn closed(got: &Got, channels: usize) {
    let begun = std::time::Instant::now();
    while got.closed.load(Ordering::SeqCst) < channels {
        assert!(begun.elapsed() < Duration::from_secs(5), "a channel stays open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_session_of_a_bastion_that_comes_too_late_is_closed() {
    let (port, got) = served(Appliance { trouble: Trouble::LateChannel, ..Appliance::default() }).await;
    let limits = AccessLimits { handshake: Duration::from_millis(100), ..short() };
    let mut way = behind(
        &[(HopKind::SshNested, port)],
        1,
        Algorithms::Modern,
        AccessLimits { connect: Duration::from_millis(100), login: Duration::from_millis(300), ..limits },
    );
    way.enter(0, &[pin(&ed25519(1))], &password("right")).await.unwrap();
    let error = way.show_key().await.unwrap_err();
    assert!(matches!(error, AccessError::Hop { fault: HopFault::Late, .. }), "{error:?}");
    closed(&got, 1).await;
    assert!(way.behind.as_ref().unwrap().is_open());
}

#[tokio::test]
async fn a_channel_whose_command_is_refused_is_closed_and_the_shell_goes_on() {
    let (port, got) = served(Appliance { trouble: Trouble::NoExec, ..Appliance::default() }).await;
    let way = Way::shell(port);
    let mut session = way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap();
    for channels in 1..=3 {
        assert!(session.read_other(&show("show version"), 1000).await.unwrap().is_none());
        closed(&got, channels).await;
    }
    assert!(session.read(&show("show version"), 1000).await.unwrap().complete);
    session.close().await;
}

/// What a banner says looks like the last words of the bastion's client, which has not ended.
#[tokio::test]
async fn a_banner_that_looks_like_the_end_of_the_client_blames_nobody() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let pins = [pin(&ed25519(1))];
    let line = "Connection closed by 192.0.2.1 port 22\n";
    let (port, _) = served(Appliance { banner: Some(line.to_owned()), ..Appliance::default() }).await;
    let way = entered(&sshd, port, None, limits()).await;
    let answer = way.read(&pins, &password("right"), "show version").await.unwrap();
    assert!(answer.complete);
    // Text that nobody reads does not stop the bastion from saying that it is there.
    let flood = format!("{line}{}", "welcome to the yard\n".repeat(10_000));
    let (port, _) = served(Appliance { banner: Some(flood), ..Appliance::default() }).await;
    let way = entered(&sshd, port, None, limits()).await;
    let begun = std::time::Instant::now();
    let error = way.open(&pins, &password("right")).await.err().unwrap();
    assert!(!matches!(error, AccessError::Hop { .. } | AccessError::Network(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// A banner that looks like the client's question has the password typed while the terminal still echoes it.
#[tokio::test]
async fn a_password_that_a_bastion_echoes_is_quoted_nowhere() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, "");
    let pins = [pin(&ed25519(1))];
    let secret = "canary-Wd5kTz0q";
    for rounds in [vec![vec![("Token: ", false)]], vec![]] {
        let methods = if rounds.is_empty() { MethodKind::Password } else { MethodKind::KeyboardInteractive };
        let appliance = Appliance {
            methods: vec![methods],
            rounds,
            banner: Some("Set by the house.\nPassword:".to_owned()),
            trouble: Trouble::NoPrompt,
            ..Appliance::default()
        };
        let (port, _) = served(appliance).await;
        let way = entered(&sshd, port, None, short()).await;
        let error = way.open(&pins, &password(secret)).await.err().unwrap();
        let told = format!("{error} {error:?}");
        assert!(!told.contains(secret), "{told}");
    }
}

/// A bastion's menu, as a forced command. `{ssh}` is how it starts its client.
fn menu_script(port: u16, ssh: &str) -> String {
    format!(
        "#!/bin/sh\n[ -n \"$SSH_ORIGINAL_COMMAND\" ] && {{ echo 'no commands here'; exit 1; }}\nwhile :; do\n\
         printf '\\033[1mYard units\\033[0m\\n  1) nx02 192.0.2.2\\n  2) nx01 192.0.2.1\\n  q) leave\\n\\nSelect> '\n\
         read -r choice || exit 0\ncase \"$choice\" in\n\
         2) {ssh} -p {port} monitor@127.0.0.1 ;;\n q) exit 0 ;;\n *) echo unknown ;;\nesac\ndone\n"
    )
}

fn menu() -> Menu {
    Menu { ask: "Select> ".parse().unwrap(), choose: r" *([0-9]+)\) {hostname} {address}".parse().unwrap() }
}

const ASKS: &str = "ssh -F /dev/null -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=ask \
                    -o PubkeyAuthentication=no";

#[tokio::test]
async fn an_appliance_is_chosen_from_the_menu_of_a_real_bastion() {
    if !sshd::is_here() {
        return;
    }
    let (port, got) = served(Appliance::default()).await;
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, &menu_script(port, ASKS));
    let way = entered(&sshd, port, Some(menu()), limits()).await;
    assert_eq!(way.show_key().await.unwrap().fingerprint, print_of(1));
    let answer = way.read(&[print_of(1)], &password("right"), "show version").await.unwrap();
    assert_eq!(answer.text.as_data(), "Product name: NX\n");
    let changed = way.open(&[print_of(2)], &password("right")).await.err().unwrap();
    assert!(matches!(changed, AccessError::KeyChanged { .. }), "{changed:?}");
    assert_eq!(got.secrets(), ["right"]);

    // An appliance that the menu has not, or twice, is none that is guessed.
    for (hostname, entries) in [("nx09", 0), ("nx0[12]", 0)] {
        let mut way = entered(&sshd, port, Some(menu()), limits()).await;
        way.seat.hostname = hostname.to_owned();
        let words = format!("refused by hop hop0.example (ssh-nested): its menu has {entries} entries for nx01");
        expect(way.show_key().await.unwrap_err(), HopFault::Refused, Outcome::Refused, &words);
    }
    let twice = Menu { choose: r" *([0-9]+)\) [a-z]+0[12] ({address}|192\.0\.2\.2)".parse().unwrap(), ..menu() };
    let way = entered(&sshd, port, Some(twice), limits()).await;
    let words = "refused by hop hop0.example (ssh-nested): its menu has 2 entries for nx01";
    expect(way.show_key().await.unwrap_err(), HopFault::Refused, Outcome::Refused, words);
    // The client ends, and the menu comes back with a prompt that looks like an appliance's.
    let script = menu_script(port, &format!("{ASKS} -o NumberOfPasswordPrompts=1")).replace("Select> ", "yard > ");
    let closing = served(Appliance { trouble: Trouble::CloseAfterAuth, ..Appliance::default() }).await.0;
    let sshd_back = Sshd::start_with(&["ed25519"], CLOSED, &script.replace(&port.to_string(), &closing.to_string()));
    let back = Menu { ask: "yard > ".parse().unwrap(), ..menu() };
    let way = entered(&sshd_back, closing, Some(back), limits()).await;
    let error = way.open(&[print_of(1)], &password("right")).await.err().unwrap();
    assert!(matches!(error, AccessError::Dropped(_)), "{error:?}");
    // A menu that never asks as it is declared.
    let other = Menu { ask: "Choose: ".parse().unwrap(), ..menu() };
    let way = entered(&sshd, port, Some(other), short()).await;
    let error = way.show_key().await.unwrap_err();
    assert!(matches!(error, AccessError::Hop { fault: HopFault::Asked, .. }), "{error:?}");
    assert_eq!(got.secrets(), ["right"]);
}

#[tokio::test]
async fn a_bastion_that_hides_the_host_key_gets_no_password() {
    if !sshd::is_here() {
        return;
    }
    let (port, got) = served(Appliance::default()).await;
    // Its client trusts whatever answers; or asks for the password itself.
    let trusting = "ssh -F /dev/null -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR \
                    -o PubkeyAuthentication=no";
    let asking = "printf 'Password: '; read -r line; echo \"$line\"; true";
    // It says which key it is, and another one when it asks.
    let two = format!("echo 'ED25519 key fingerprint is {}.'; {ASKS}", print_of(1));
    // It plays the client, with the right fingerprint, and is not the client: this is its word, and here it is wrong.
    let playing = format!(
        "printf 'ED25519 key fingerprint is {}.\\nAre you sure you want to continue connecting (yes/no)? '; read -r x; true",
        print_of(2)
    );
    for (ssh, faults) in [
        (trusting, &[HopFault::HidesKey][..]),
        (asking, &[HopFault::HidesKey]),
        (two.as_str(), &[HopFault::HidesKey]),
        (playing.as_str(), &[]),
    ] {
        let sshd = Sshd::start_with(&["ed25519"], CLOSED, &menu_script(port, ssh));
        let way = entered(&sshd, port, Some(menu()), short()).await;
        let error = way.open(&[print_of(1)], &password("right")).await.err().unwrap();
        match &error {
            AccessError::Hop { fault, .. } => assert!(faults.contains(fault), "{ssh}: {error:?}"),
            AccessError::KeyChanged { .. } => assert!(faults.is_empty(), "{ssh}: {error:?}"),
            other => panic!("{ssh}: {other:?}"),
        }
        assert!(matches!(Failure::from(error).outcome, Outcome::KeyUnknown | Outcome::KeyChanged));
    }
    // The client of a bastion whose terminal goes away says an empty password by itself.
    assert!(got.secrets().iter().all(String::is_empty), "{:?}", got.secrets());
}

#[test]
fn a_fleet_behind_a_real_bastion_without_forwarding_is_scanned_polled_and_backed_up() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start_with(&["ed25519"], &format!("{CLOSED}MaxStartups 1:100:1\n"), "");
    let house = house_behind(&sshd, HopKind::SshNested);
    let checked = house.hoshu(&["check"]).expect(0);
    assert!(!checked.out.contains("ssh-nested"), "{}", checked.out);
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(4);
    house.hoshu(&["hostkey", "accept", HOP, "--route", "console"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(0);
    assert_eq!(house.unit("acme-nx01")["auth_attempts"], 0, "first contact stops before the login");
    // What stands on the consoles is what the bastion's client saw.
    house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
    for (outcome, reason) in poll(&house, "customer=acme") {
        assert_eq!((outcome.as_str(), reason.as_str()), ("answered", ""));
    }
    house.hoshu(&["backup", "take", "--on", "acme-ax01"]).expect(0);
    assert_eq!(logins(&sshd), 3, "one connection for a scan, a poll and a backup each");

    // The appliance shows another key, through the bastion: no login there.
    let before = house.unit("acme-ax01")["auth_attempts"].clone();
    house.break_unit("acme-ax01", "changed-host-key");
    let changed = poll(&house, "acme-ax01");
    assert_eq!(changed[0].0, "key-changed", "{changed:?}");
    assert_eq!(house.unit("acme-ax01")["auth_attempts"], before);
    house.hoshu(&["lab", "mend", "acme-ax01"]).expect(0);

    // Its password is refused, through the bastion: the seat's own credential is blamed, not the bastion's.
    house.break_unit("acme-ax01", "wrong-password");
    let refused = poll(&house, "acme-ax01");
    assert_eq!(refused[0].0, "login-refused", "{refused:?}");
    let listed = house.hoshu(&["credential", "list", "--json"]).expect(0).json();
    let all = listed["credentials"].as_array().unwrap();
    let stops = |name: &str| all.iter().find(|one| one["name"] == name).unwrap()["stops"].as_array().unwrap().len();
    assert_eq!((stops("acme/bastion"), stops("acme/operator") > 0), (0, true), "{listed}");
}

#[tokio::test]
async fn a_client_that_compares_is_answered_with_the_fingerprint() {
    if !sshd::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard");
    let playing = format!(
        "printf 'ED25519 key fingerprint is {}.\\nSure (yes/no/[fingerprint])? '; read -r x; echo \"$x\" > {}; true",
        print_of(1),
        heard.display()
    );
    let sshd = Sshd::start_with(&["ed25519"], CLOSED, &menu_script(1, &playing));
    let way = entered(&sshd, 1, Some(menu()), short()).await;
    way.open(&[print_of(1)], &password("right")).await.err().unwrap();
    assert_eq!(std::fs::read_to_string(heard).unwrap().trim(), print_of(1));
}
