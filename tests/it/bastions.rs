//! Ways in through bastions that forward: real ones, hostile ones, and how one is shared.

#![cfg(test)]

use std::time::{Duration, Instant};

use hoshu::access::{Access, AccessError, AccessLimits, HopFault, LabTable, Router, SshAccess};
use hoshu::engine::session::Failure;
use hoshu::model::inventory::{Algorithms, Channel, Hop, HopKind};
use hoshu::model::reading::Outcome;
use russh::MethodKind;
use serde_json::json;

use crate::access::proxy::{self, Proxy, free_port};
use crate::access::server::{Appliance, Forward, Trouble, ed25519, pin};
use crate::access::sshd::{self, LEGACY, Sshd};
use crate::access::world::{Way, limits, password, show};
use crate::house::House;

/// A way of the lab to a port of loopback, through hops on ports of loopback: `hop0.example` and so on.
pub(crate) fn behind(hops: &[(HopKind, u16)], port: u16, algorithms: Algorithms, limits: AccessLimits) -> Way {
    let mut way = Way::new(port, algorithms, Channel::Shell, limits);
    let host = |at: usize| format!("hop{at}.example");
    let places: serde_json::Map<String, serde_json::Value> =
        hops.iter().enumerate().map(|(at, (_, port))| (format!("{}:1022", host(at)), (*port).into())).collect();
    way.gateway.hops = hops
        .iter()
        .enumerate()
        .map(|(at, (kind, _))| Hop {
            port: Some(1022),
            credential: kind.is_bastion().then(|| "acme/bastion".parse().unwrap()),
            ..Hop::new(*kind, &host(at))
        })
        .collect();
    let table = json!({"v": 1, "ports": {"nx01": port}, "hops": places}).to_string();
    way.access = SshAccess::new(Router::Lab(LabTable::parse(&table).unwrap()), limits);
    way
}

fn modern(bastion: u16, port: u16) -> Way {
    behind(&[(HopKind::SshForward, bastion)], port, Algorithms::Modern, limits())
}

/// A bastion of the tests' own, entered, with an appliance of theirs behind it.
async fn entered(bastion: Appliance, port: u16, limits: AccessLimits) -> Way {
    let (to, _) = bastion.serve().await;
    let mut way = behind(&[(HopKind::SshForward, to)], port, Algorithms::Modern, limits);
    way.enter(0, &[pin(&ed25519(7))], &password("hop")).await.unwrap();
    way
}

fn bastion(forward: Forward) -> Appliance {
    Appliance { keys: vec![ed25519(7)], password: "hop", forward, ..Appliance::default() }
}

#[track_caller]
pub(crate) fn expect(error: AccessError, fault: HopFault, outcome: Outcome, words: &str) {
    assert!(matches!(error, AccessError::Hop { fault: found, .. } if found == fault), "{error:?}");
    assert_eq!(error.to_string(), words);
    assert_eq!(Failure::from(error).outcome, outcome);
}

#[tokio::test]
async fn openssh_answers_behind_real_bastions_and_proxies() {
    if !sshd::is_here() || !proxy::are_here() {
        return;
    }
    let appliance = Sshd::start(&["ed25519"], "");
    let (outer, inner) = (Sshd::start(&["ed25519"], ""), Sshd::start(&["rsa"], ""));
    let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
    let (forward, socks5, http) =
        (HopKind::SshForward, (HopKind::Socks5, socks5.port), (HopKind::HttpConnect, http.port));
    let (first, second) = ((forward, outer.port), (forward, inner.port));
    for hops in [&[first][..], &[first, second], &[socks5, first, http, second, socks5], &[first, second, http]] {
        let mut way = behind(hops, appliance.port, Algorithms::Modern, limits());
        for (at, (kind, port)) in hops.iter().enumerate().filter(|(_, (kind, _))| kind.is_bastion()) {
            assert_eq!(*kind, forward);
            let (sshd, key) = if *port == outer.port { (&outer, "ed25519") } else { (&inner, "rsa") };
            let shown = way.access.show_hop_key(way.hop(at)).await.unwrap();
            assert_eq!(shown.public_key, sshd.pin(key));
            way.enter(at, &[sshd.pin(key)], &sshd.login("user", None)).await.unwrap();
        }
        assert_eq!(way.show_key().await.unwrap().public_key, appliance.pin("ed25519"));
        let answer = way.read(&[appliance.pin("ed25519")], &appliance.login("user", None), "show big").await.unwrap();
        assert_eq!(answer.text.as_data().lines().count(), 3000, "{hops:?}");
    }
}

#[tokio::test]
async fn an_old_openssh_answers_behind_a_real_bastion() {
    if !sshd::is_here() {
        return;
    }
    let (appliance, outer) = (Sshd::start(&["rsa"], LEGACY), Sshd::start(&["ed25519"], ""));
    let hops = [(HopKind::SshForward, outer.port)];
    let mut way = behind(&hops, appliance.port, Algorithms::Legacy, limits());
    way.enter(0, &[outer.pin("ed25519")], &outer.login("user", None)).await.unwrap();
    assert!(way.read(&[appliance.pin("rsa")], &appliance.login("user", None), "show version").await.unwrap().complete);
}

#[tokio::test]
async fn a_real_bastion_says_why_it_refuses() {
    if !sshd::is_here() {
        return;
    }
    let closed = free_port();
    let cannot = format!("no way through hop hop0.example (ssh-forward): it cannot connect to 127.0.0.1:{closed}");
    let may_not = format!(
        "refused by hop hop0.example (ssh-forward): it does not forward to 127.0.0.1:{closed} (administratively \
         prohibited)"
    );
    for (config, fault, outcome, words) in [
        ("", HopFault::NoWay, Outcome::TimedOut, &cannot),
        ("AllowTcpForwarding no", HopFault::Refused, Outcome::Refused, &may_not),
        ("PermitOpen 127.0.0.1:1", HopFault::Refused, Outcome::Refused, &may_not),
        ("DisableForwarding yes", HopFault::Refused, Outcome::Refused, &may_not),
    ] {
        let sshd = Sshd::start(&["ed25519"], config);
        let mut way = modern(sshd.port, closed);
        way.enter(0, &[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
        expect(way.show_key().await.unwrap_err(), fault, outcome, words);
        assert!(way.behind.as_ref().unwrap().is_open(), "{config}");
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let other = Sshd::start(&["ed25519"], "");
    let error = modern(sshd.port, closed).enter(0, &[sshd.pin("ed25519")], &other.login("user", None)).await;
    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("login refused by hop hop0.example (ssh-forward): account "), "{error}");
    assert_eq!(Failure::from(error).outcome, Outcome::LoginRefused);
    let gone = modern(closed, 1).enter(0, &[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap_err();
    let words = "nothing listens at hop hop0.example (ssh-forward): connection refused";
    expect(gone, HopFault::Closed, Outcome::Refused, words);
}

#[tokio::test]
async fn a_bastion_with_another_key_hears_no_login() {
    let (to, got) = bastion(Forward::Never).serve().await;
    let found = ed25519(7).public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let expected = ed25519(8).public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let unknown = modern(to, 1).enter(0, &[], &password("hop")).await.unwrap_err();
    let words = format!("host key not accepted of hop hop0.example (ssh-forward): ssh-ed25519 {found}");
    expect(unknown, HopFault::KeyUnknown, Outcome::KeyUnknown, &words);
    let changed = modern(to, 1).enter(0, &[pin(&ed25519(8))], &password("hop")).await.unwrap_err();
    let words =
        format!("host key changed of hop hop0.example (ssh-forward): expected {expected}, found ssh-ed25519 {found}");
    expect(changed, HopFault::KeyChanged, Outcome::KeyChanged, &words);
    let way = modern(to, 1);
    way.access.show_hop_key(way.hop(0)).await.unwrap();
    assert_eq!((got.auth(), got.secrets()), (0, vec![]));
}

#[tokio::test]
async fn a_bastion_that_asks_is_answered_as_it_is_declared_and_else_not_at_all() {
    let (port, _) = Appliance::default().serve().await;
    let asking = |question| Appliance {
        methods: vec![MethodKind::KeyboardInteractive],
        rounds: vec![vec![(question, false)]],
        ..bastion(Forward::To(port))
    };
    let (to, got) = asking("Bastion passcode: ").serve().await;
    let mut way = modern(to, port);
    way.gateway.hops[0].questions = vec!["Bastion passcode: ".parse().unwrap()];
    way.enter(0, &[pin(&ed25519(7))], &password("hop")).await.unwrap();
    way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.unwrap();
    assert_eq!(got.secrets(), ["hop"]);
    let (to, got) = asking("One-time passcode: ").serve().await;
    let mut way = modern(to, port);
    way.gateway.hops[0].questions = vec!["Bastion passcode: ".parse().unwrap()];
    let error = way.enter(0, &[pin(&ed25519(7))], &password("hop")).await.unwrap_err();
    let words = "unknown question of hop hop0.example (ssh-forward): \"One-time passcode: \"";
    expect(error, HopFault::Asked, Outcome::NoPrompt, words);
    assert_eq!(got.secrets(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bastion_that_leads_elsewhere_gets_the_appliances_password_for_nobody() {
    let (other, got) = Appliance { keys: vec![ed25519(9)], ..Appliance::default() }.serve().await;
    let way = entered(bastion(Forward::To(other)), free_port(), limits()).await;
    let changed = way.open(&[pin(&ed25519(1))], &password("right")).await.err().unwrap();
    assert!(matches!(changed, AccessError::KeyChanged { .. }), "{changed:?}");
    let unknown = way.open(&[], &password("right")).await.err().unwrap();
    assert!(matches!(unknown, AccessError::KeyUnknown { .. }), "{unknown:?}");
    assert_eq!((got.auth(), got.secrets()), (0, vec![]));
}

#[tokio::test]
async fn nothing_of_the_appliance_is_said_to_the_bastion_and_it_opens_no_channel() {
    let (port, appliance_got) = Appliance::default().serve().await;
    let hop = Appliance { trouble: Trouble::OpensChannels, ..bastion(Forward::To(port)) };
    let (to, got) = hop.serve().await;
    let mut way = modern(to, 4022);
    way.enter(0, &[pin(&ed25519(7))], &password("hop")).await.unwrap();
    way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.unwrap();
    while got.refused.load(std::sync::atomic::Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(got.accepted.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!((got.secrets(), got.lines()), (vec!["hop".to_owned()], vec![]));
    assert_eq!(appliance_got.secrets(), ["right"]);
    assert_eq!(*got.places.lock().unwrap(), ["127.0.0.1:4022"]);
}

#[tokio::test]
async fn a_bastion_that_is_silent_or_late_is_named() {
    let short = AccessLimits { connect: Duration::from_millis(300), handshake: Duration::from_millis(300), ..limits() };
    let port = free_port();
    let way = entered(bastion(Forward::NoAnswer), port, short).await;
    let words = format!("no way through hop hop0.example (ssh-forward): it did not reach 127.0.0.1:{port} in time");
    expect(way.show_key().await.unwrap_err(), HopFault::NoWay, Outcome::TimedOut, &words);
    // The bastion says that it is connected and answers for itself: it is the appliance that is silent.
    let way = entered(bastion(Forward::Silent), port, short).await;
    let error = way.show_key().await.unwrap_err();
    assert!(matches!(error, AccessError::TimedOut { what: "the key exchange", .. }), "{error:?}");
}

#[tokio::test]
async fn a_bastion_that_ends_takes_the_blame_for_all_behind_it() {
    let (port, _) = Appliance::default().serve().await;
    let pins = [pin(&ed25519(1))];
    // Within the greeting, and within the login.
    for bytes in [10, 1500] {
        let way = entered(bastion(Forward::Cut(port, bytes)), port, limits()).await;
        let error = way.open(&pins, &password("right")).await.err().unwrap();
        let words = "closed by hop hop0.example (ssh-forward): during the work behind it";
        expect(error, HopFault::Dropped, Outcome::Dropped, words);
        assert!(!way.behind.as_ref().unwrap().is_open());
    }
    // Sessions that are open when it ends.
    let way = entered(bastion(Forward::To(port)), port, limits()).await;
    let (mut one, mut other) =
        (way.open(&pins, &password("right")).await.unwrap(), way.open(&pins, &password("right")).await.unwrap());
    one.read(&show("show version"), 1000).await.unwrap();
    way.behind.as_ref().unwrap().leave().await;
    for session in [&mut one, &mut other] {
        let error = session.read(&show("show version"), 1000).await.unwrap_err();
        assert!(matches!(error, AccessError::Hop { fault: HopFault::Dropped, .. }), "{error:?}");
    }
    // One that ends while an appliance of its own trouble is silent behind it is not blamed for that.
    let (silent, _) = Appliance { trouble: Trouble::DropInAnswer, ..Appliance::default() }.serve().await;
    let way = entered(bastion(Forward::To(silent)), port, limits()).await;
    let error = way.read(&pins, &password("right"), "show version").await.unwrap_err();
    assert!(matches!(error, AccessError::Dropped(_)), "{error:?}");
    assert!(way.behind.as_ref().unwrap().is_open());
}

#[test]
fn a_bastion_that_is_half_open_is_named_and_no_task_is_left() {
    // A line that is cut without a word: the bytes of both sides go nowhere.
    let stage = crate::access::world::stage();
    let (port, bastion_port) = stage.block_on(async {
        let (port, _) = Appliance::default().serve().await;
        (port, bastion(Forward::To(port)).serve().await.0)
    });
    let (line, cut) = proxy::cuttable(bastion_port);
    let error = crate::access::world::alone(async move {
        let short = AccessLimits { command: Duration::from_millis(300), ..limits() };
        let mut way = behind(&[(HopKind::SshForward, line)], port, Algorithms::Modern, short);
        way.enter(0, &[pin(&ed25519(7))], &password("hop")).await.unwrap();
        let mut session = way.open(&[pin(&ed25519(1))], &password("right")).await.unwrap();
        cut.store(true, std::sync::atomic::Ordering::SeqCst);
        let begun = Instant::now();
        let error = session.read(&show("show version"), 1000).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        error
    });
    let words = "no answer from hop hop0.example (ssh-forward): a sign of life took longer than 5s";
    expect(error, HopFault::Late, Outcome::TimedOut, words);
    drop(stage);
}

/// The example fleet with acme's seats behind a real bastion.
pub(crate) fn house_behind(sshd: &Sshd, kind: HopKind) -> House {
    let house = House::example();
    let hop = format!("- kind: {kind}\n        credential: acme/bastion ");
    house.edit("inventory/customers/acme.yaml", "- kind: vpn ", &hop);
    house.edit("inventory/customers/acme.yaml", "vpn-acme", "192.0.2.9");
    let login = sshd.login("user", None);
    let hoshu::model::credential::LoginSecret::Key { pem, .. } = &login.secret else { panic!("a key") };
    let path = house.path("lab/secrets/bastion.key");
    std::fs::write(&path, secrecy::ExposeSecret::expose_secret(pem)).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let credential =
        format!("credentials:\n  acme/bastion: {{purpose: hop, user: {}, key: lab/secrets/bastion.key}}\n", login.user);
    house.edit("hoshu.yaml", "credentials:\n", &credential);
    lab_has(&house, sshd.port);
    house
}

fn lab_has(house: &House, port: u16) {
    let file = house.path("lab/ports.json");
    let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    table["hops"] = json!({"192.0.2.9:22": port});
    std::fs::write(&file, table.to_string()).unwrap();
}

pub(crate) const HOP: &str = "acme/tokyo-vpn/192.0.2.9:22";

pub(crate) fn poll(house: &House, on: &str) -> Vec<(String, String)> {
    let polled = house.hoshu(&["poll", "--on", on, "--json"]).json();
    let seats = polled["seats"].as_array().unwrap();
    let word = |seat: &serde_json::Value, field: &str| seat[field].as_str().unwrap_or_default().to_owned();
    seats.iter().map(|seat| (word(seat, "outcome"), word(seat, "reason"))).collect()
}

pub(crate) fn logins(sshd: &Sshd) -> usize {
    sshd.log().matches("Accepted publickey").count()
}

#[test]
fn a_fleet_behind_a_real_bastion_is_scanned_polled_and_backed_up_over_one_connection() {
    if !sshd::is_here() {
        return;
    }
    // Not one session, and one that is not logged in at a time: what is stormed says so.
    let sshd = Sshd::start(&["ed25519"], "MaxSessions 0\nMaxStartups 1:100:1\n");
    let house = house_behind(&sshd, HopKind::SshForward);
    let checked = house.hoshu(&["check"]).expect(0);
    assert!(!checked.out.contains("ssh-forward"), "{}", checked.out);
    house.hoshu(&["key", "init"]).expect(0);

    // First contact is with the hop: nobody logs in, and no appliance is asked.
    let scanned = house.hoshu(&["hostkey", "scan", "--on", "customer=acme", "--json"]).expect(4).json();
    assert_eq!(scanned["hops"][0]["hop"], HOP);
    assert_eq!(scanned["hops"][0]["key"]["state"], "seen");
    for seat in scanned["seats"].as_array().unwrap() {
        assert_eq!(seat["outcome"], "key-unknown", "{seat}");
        assert!(seat["reason"].as_str().unwrap().contains("hop 192.0.2.9 (ssh-forward)"), "{seat}");
    }
    assert_eq!(logins(&sshd), 0);
    assert!(!sshd.log().contains("userauth-request"), "{}", sshd.log());
    for (outcome, reason) in poll(&house, "customer=acme") {
        assert_eq!(outcome, "key-unknown");
        assert!(reason.starts_with("host key not accepted of hop 192.0.2.9 (ssh-forward): ssh-ed25519 "), "{reason}");
    }
    assert_eq!(logins(&sshd), 0);

    // Its key is accepted like that of a seat, by name or by a list; then the appliances are seen.
    let fingerprint = scanned["hops"][0]["key"]["fingerprint"].as_str().unwrap();
    let wrong = format!("{HOP} SHA256:abc\n");
    std::fs::write(house.path("list.txt"), wrong).unwrap();
    house.hoshu(&["hostkey", "accept", "--from", "list.txt", "--route", "console"]).expect(4);
    std::fs::write(house.path("list.txt"), format!("{HOP} {fingerprint}\n")).unwrap();
    house.hoshu(&["hostkey", "accept", "--from", "list.txt", "--route", "console"]).expect(0);
    let nobody = house.hoshu(&["hostkey", "accept", "acme/tokyo-vpn/192.0.2.8:22", "--route", "console"]).expect(2);
    assert!(nobody.err.contains("no hop"), "{}", nobody.err);
    house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(0);
    assert_eq!(logins(&sshd), 1, "one connection for the whole scan");
    house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
    for (outcome, reason) in poll(&house, "customer=acme") {
        assert_eq!((outcome.as_str(), reason.as_str()), ("answered", ""));
    }
    assert_eq!(logins(&sshd), 2, "one connection for the whole poll");
    house.hoshu(&["backup", "take", "--on", "customer=acme"]).expect(0);
    assert_eq!(logins(&sshd), 3, "one connection for all backups");
    let listed = house.hoshu(&["hostkey", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    let doors: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| (&key["seat"], &key["hop"])).collect();
    assert_eq!(doors, [(&json!("acme-nx01"), &json!(null)), (&json!(null), &json!(HOP))]);

    // Another machine at its place: nobody logs in there, and each seat says whose key has changed.
    let other = Sshd::start(&["ed25519"], "");
    lab_has(&house, other.port);
    for (outcome, reason) in poll(&house, "customer=acme") {
        assert_eq!(outcome, "key-changed");
        assert!(reason.starts_with("host key changed of hop 192.0.2.9 (ssh-forward): expected "), "{reason}");
    }
    assert!(!other.log().contains("userauth-request"), "{}", other.log());
    lab_has(&house, sshd.port);

    // Revoked, it is passed no more.
    let key = listed["keys"].as_array().unwrap().iter().find(|key| key["hop"] == HOP).unwrap();
    house.hoshu(&["hostkey", "revoke", key["id"].as_str().unwrap(), "--reason", "a test"]).expect(0);
    assert_eq!(poll(&house, "acme-nx01")[0].0, "key-unknown");
    assert_eq!(logins(&sshd), 3);
}

#[test]
fn a_bastion_that_refuses_is_tried_twice_in_all_and_no_appliance_is_blamed() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let house = house_behind(&sshd, HopKind::SshForward);
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]);
    house.hoshu(&["hostkey", "accept", HOP, "--route", "console"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(0);
    house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
    assert_eq!(poll(&house, "acme-nx01")[0].0, "answered");

    // Another account's key: the bastion refuses it.
    let stranger = Sshd::start(&["ed25519"], "");
    let hoshu::model::credential::LoginSecret::Key { pem, .. } = stranger.login("user", None).secret else {
        panic!("a key")
    };
    std::fs::write(house.path("lab/secrets/bastion.key"), secrecy::ExposeSecret::expose_secret(&pem)).unwrap();
    let failed = || sshd.log().matches("Failed publickey").count();
    let before = failed();
    for (outcome, reason) in poll(&house, "customer=acme") {
        assert!(matches!(outcome.as_str(), "login-refused" | "braked"), "{outcome}: {reason}");
        assert!(reason.contains("hop 192.0.2.9"), "{reason}");
    }
    // No appliance said so itself: nothing is hard at once.
    let found = house.hoshu(&["finding", "list", "--json"]).expect(0).json();
    let found = found["findings"].as_array().unwrap();
    let bad: Vec<_> = found.iter().filter(|one| one["condition"] == "bad").collect();
    assert!(!bad.is_empty() && bad.iter().all(|one| one["state"] == "soft"), "{found:?}");
    assert!(
        bad.iter().all(|one| one["said"].as_str().unwrap().starts_with("login-refused at hop 192.0.2.9")),
        "{bad:?}"
    );
    for (outcome, _) in poll(&house, "customer=acme") {
        assert_eq!(outcome, "braked");
    }
    assert_eq!(failed() - before, 2, "{}", sshd.log());
    let listed = house.hoshu(&["credential", "list", "--json"]).expect(0).json();
    let stops = |name: &str| {
        let all = listed["credentials"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["stops"].as_array().unwrap().len()
    };
    assert_eq!((stops("acme/bastion") > 0, stops("acme/operator")), (true, 0), "{listed}");
    house.hoshu(&["credential", "clear", "acme/bastion"]).expect(0);
    let pem = sshd.login("user", None);
    let hoshu::model::credential::LoginSecret::Key { pem, .. } = pem.secret else { panic!("a key") };
    std::fs::write(house.path("lab/secrets/bastion.key"), secrecy::ExposeSecret::expose_secret(&pem)).unwrap();
    assert_eq!(poll(&house, "acme-nx01")[0].0, "answered");
}

#[test]
fn a_credential_of_another_purpose_passes_no_hop() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let house = house_behind(&sshd, HopKind::SshForward);
    house.edit("hoshu.yaml", "purpose: hop", "purpose: read");
    let checked = house.hoshu(&["check"]).expect(3);
    assert!(checked.err.contains("hop is expected") || checked.out.contains("hop is expected"), "{}", checked.err);
}
