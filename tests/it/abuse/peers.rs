//! Secrets and the wrong peer: somebody else at the address, a key of another kind, old algorithms, many seats of one
//! credential.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hoshu::access::AccessError;
use hoshu::model::inventory::{Algorithms, Channel};
use serde_json::Value;

use crate::access::server::{Appliance, Got, ecdsa, ed25519};
use crate::access::world::{Way, limits};
use crate::house::House;

/// A wire in front of a server that keeps what the client says.
fn tapped(port: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let said = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&said);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                std::io::copy(&mut back, &mut to).ok();
                to.shutdown(std::net::Shutdown::Both).ok();
            });
            let all = Arc::clone(&all);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = client.read(&mut bytes) {
                    all.lock().unwrap().extend_from_slice(&bytes[..count]);
                    if server.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                server.shutdown(std::net::Shutdown::Both).ok();
            });
        }
    });
    (own, said)
}

/// Puts a server into the place of a seat.
fn stand_in(house: &House, seat: &str, port: u16) {
    let path = house.path("lab/ports.json");
    let mut table: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    table["ports"][seat] = port.into();
    std::fs::write(path, table.to_string()).unwrap();
}

const VERSION: &str = "Product name:      Web MPS [licensed]\r\nProduct model:     FireEyeNX2500\r\nProduct release:   wMPS (wMPS) \
                       9.1.0.924861\r\nAppliance ID:      1\r\nSystem serial num: FZ1\r\n";

/// Every command that comes to an appliance.
const DIALS: [&[&str]; 5] = [
    &["poll", "--on", "acme-nx01"],
    &["ask", "--on", "acme-nx01", "show version"],
    &["backup", "take", "--on", "acme-nx01"],
    &["backup", "take", "--profile", "full", "--on", "acme-nx01"],
    &["hostkey", "scan", "--on", "acme-nx01"],
];

fn dial(house: &House) {
    for words in DIALS {
        let ran = house.hoshu(words);
        assert!(matches!(ran.code, 0 | 4), "{words:?}: {}{}", ran.out, ran.err);
    }
}

/// A server that takes note, in the place of acme-nx01, with a tap before it.
async fn note_taker(
    house: &House,
    password: &'static str,
    key: russh::keys::PrivateKey,
) -> (Arc<Got>, Arc<Mutex<Vec<u8>>>) {
    let answers = std::collections::BTreeMap::from([("show version", VERSION.to_owned())]);
    let appliance = Appliance { password, keys: vec![key], answers, ..Appliance::default() };
    let (port, got) = appliance.serve().await;
    let (port, said) = tapped(port);
    stand_in(house, "acme-nx01", port);
    (got, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_accepted_hears_no_secret_whatever_is_done() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    house.edit("inventory/customers/acme.yaml", "serial: FZ", "# FZ");
    let secret = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap().trim().to_owned();
    let password: &'static str = secret.clone().leak();
    let quiet = |got: &Got, said: &Mutex<Vec<u8>>, what: &str| {
        assert_eq!((got.auth(), got.secrets()), (0, vec![]), "{what}");
        assert!(got.connections.load(std::sync::atomic::Ordering::SeqCst) > 0, "{what}: it was dialled");
        let said = said.lock().unwrap();
        assert!(said.starts_with(b"SSH-2.0-") && !said.windows(secret.len()).any(|part| part == secret.as_bytes()));
    };
    let (got, said) = note_taker(&house, password, ed25519(1)).await;
    dial(&house);
    quiet(&got, &said, "never seen");
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    house.hoshu(&["poll", "--on", "acme-nx01"]);
    assert!(got.auth() > 0 && got.secrets().contains(&secret), "with its key accepted it hears the password");

    let (got, said) = note_taker(&house, password, ed25519(2)).await;
    dial(&house);
    quiet(&got, &said, "another key");
    let (got, said) = note_taker(&house, password, ecdsa()).await;
    dial(&house);
    quiet(&got, &said, "a key of another type");

    let listed = house.hoshu(&["hostkey", "list", "--on", "acme-nx01", "--json"]).expect(0).json();
    let accepted = listed["keys"].as_array().unwrap().iter().find(|key| key["state"] == "accepted").unwrap();
    house.hoshu(&["hostkey", "revoke", accepted["id"].as_str().unwrap(), "--reason", "it was swapped"]).expect(0);
    let (got, said) = note_taker(&house, password, ed25519(1)).await;
    dial(&house);
    quiet(&got, &said, "a revoked key");
    // With another key accepted beside it, the revoked one is still refused.
    let (_, _) = note_taker(&house, password, ed25519(3)).await;
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]);
    let (got, said) = note_taker(&house, password, ed25519(1)).await;
    dial(&house);
    quiet(&got, &said, "a revoked key beside an accepted one");
}

#[test]
fn an_address_that_changes_takes_no_pin_away_and_brings_none() {
    let house = House::example();
    house.onboard();
    let outcome = |seat: &str| {
        let polled = house.hoshu(&["poll", "--on", seat, "--tier", "pulse", "--json"]).json();
        House::seat(&polled, seat)["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome("acme-nx01"), "answered");
    let file = "inventory/customers/acme.yaml";
    let text = std::fs::read_to_string(house.path(file)).unwrap();
    let of = |seat: &str| {
        let from = text.find(&format!("name: {seat}")).unwrap();
        let at = from + text[from..].find("address: ").unwrap() + "address: ".len();
        text[at..].chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect::<String>()
    };
    let (one, other) = (of("acme-nx01"), of("acme-ex01"));
    // The two seats change their addresses; the hardware stays what it is.
    let swapped = text
        .replace(&format!("address: {one}"), "address: @")
        .replace(&format!("address: {other}"), &format!("address: {one}"));
    std::fs::write(house.path(file), swapped.replace("address: @", &format!("address: {other}"))).unwrap();
    for seat in ["acme-nx01", "acme-ex01"] {
        assert_eq!(outcome(seat), "answered", "{seat}");
    }
    // Somebody else answers at the address: the pin is the hardware's.
    let table: Value = serde_json::from_slice(&std::fs::read(house.path("lab/ports.json")).unwrap()).unwrap();
    stand_in(&house, "acme-nx01", u16::try_from(table["ports"]["acme-ex01"].as_u64().unwrap()).unwrap());
    let before = house.unit("acme-ex01")["auth_attempts"].clone();
    assert_eq!(outcome("acme-nx01"), "key-changed");
    assert_eq!(house.unit("acme-ex01")["auth_attempts"], before);
}

/// What a client offers before anything is agreed on: the names of its first packet (RFC 4253, 7.1).
fn offered(algorithms: Algorithms) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_5.3\r\n").unwrap();
        let mut byte = [0];
        while byte != *b"\n" {
            stream.read_exact(&mut byte).unwrap();
        }
        let mut head = [0; 6];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        assert_eq!(head[5], 20, "SSH_MSG_KEXINIT");
        let mut packet = vec![0; length - 2];
        stream.read_exact(&mut packet).unwrap();
        let (mut rest, mut names) = (&packet[16..], Vec::new());
        for _ in 0..10 {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            names.extend(String::from_utf8(rest[4..4 + length].to_vec()).unwrap().split(',').map(str::to_owned));
            rest = &rest[4 + length..];
        }
        names
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async { Way::new(port, algorithms, Channel::Shell, limits()).show_key().await.err() });
    assert!(matches!(error, Some(AccessError::Dropped(_) | AccessError::Protocol(_))), "{error:?}");
    server.join().unwrap()
}

#[test]
fn a_modern_seat_offers_nothing_old() {
    let old = |name: &String| {
        let dead =
            ["sha1", "cbc", "md5", "arcfour", "3des", "ssh-dss", "group1-", "group14-sha1", "group-exchange-sha1"];
        dead.iter().any(|part| name.contains(part)) || name == "ssh-rsa" || name == "hmac-sha1"
    };
    let modern = offered(Algorithms::Modern);
    assert!(modern.iter().any(|name| name == "curve25519-sha256"), "{modern:?}");
    assert_eq!(modern.iter().filter(|name| old(name)).collect::<Vec<_>>(), Vec::<&String>::new());
    let legacy = offered(Algorithms::Legacy);
    assert!(legacy.iter().filter(|name| old(name)).count() >= 3, "{legacy:?}");
}

#[test]
fn one_lying_appliance_brakes_only_itself_among_many() {
    let house = House::generated(150);
    house.onboard();
    house.hoshu(&["poll", "--on", "all", "--tier", "pulse"]);
    let listed = house.hoshu(&["appliance", "list", "--json"]).expect(0).json();
    let name = |line: &Value| line["seat"]["name"].as_str().unwrap().to_owned();
    let lines = listed["appliances"].as_array().unwrap();
    let tried: Vec<_> = lines.iter().filter(|line| line["not_tried"] == "").collect();
    // The credential that most seats have.
    let holders = |line: &Value| {
        let own = &line["seat"]["credentials"]["read"];
        tried.iter().filter(|other| other["seat"]["credentials"]["read"] == *own).count()
    };
    let liar = tried.iter().max_by_key(|line| holders(line)).map(|line| name(line)).unwrap();
    let all = tried.len();
    house.break_unit(&liar, "wrong-password");
    for expected in ["login-refused", "braked"] {
        let polled = house.hoshu(&["poll", "--on", "all", "--tier", "pulse", "--json"]).expect(4).json();
        assert_eq!(House::seat(&polled, &liar)["outcome"], expected);
        assert_eq!(polled["answered"], all - 1, "{}", polled["answered"]);
    }
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).out;
    assert_eq!(audit.matches("\"credential-stopped\"").count(), 1, "one stop, of one seat");
}

#[test]
fn a_secret_of_two_customers_is_a_mistake_and_one_of_two_names_is_told() {
    let house = House::example();
    let secret = |name: &str| std::fs::read(house.path("lab/secrets").join(name)).unwrap();
    let check = || house.hoshu(&["check"]);
    let told = check().expect(0);
    let said = told.out + &told.err;
    assert!(!said.contains("one secret"), "{said}");
    // How many seats one secret opens.
    let line = said.lines().find(|line| line.contains("one that leaks opens several seats")).expect(&said).to_owned();
    assert!(line.contains("acme/operator (4 seats)"), "{line}");
    let (own, admin) = (secret("acme-operator"), secret("acme-admin"));
    std::fs::write(house.path("lab/secrets/acme-admin"), &own).unwrap();
    let told = check().expect(0);
    assert!((told.out + &told.err).contains("one secret has 2 names: acme/admin, acme/operator"));
    std::fs::write(house.path("lab/secrets/acme-admin"), admin).unwrap();
    // As another file of another customer: the content tells, not the name.
    std::fs::write(house.path("lab/secrets/momiji-operator"), &own).unwrap();
    let refused = check();
    assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
    let said = refused.out + &refused.err;
    assert!(said.contains("one secret is used by 2 customers: acme/operator, momiji/operator"), "{said}");
    assert!(!said.contains(String::from_utf8(own).unwrap().trim()), "the secret itself is not shown");
}
