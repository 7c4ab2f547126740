//! What lies in OpenBao: the root key, sealed by its transit engine.

#![cfg(test)]

mod bao;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::house::{House, files};
use bao::Bao;

/// What the token may do, and nothing else.
const POLICY: &str = r#"
path "transit/encrypt/hoshu" { capabilities = ["update"] }
path "transit/decrypt/hoshu" { capabilities = ["update"] }
"#;
const TRANSIT: &str = "{transit: {key: hoshu, file: keys/root.bao}}";

/// A house whose root key is sealed by a server, which has the key for it.
fn house(bao: &Bao) -> (House, String) {
    let house = House::empty();
    house.hoshu(&["init", ".", "--lab"]).expect(0);
    bao.run(&["secrets", "enable", "transit"]);
    bao.run(&["write", "-f", "transit/keys/hoshu"]);
    let token = bao.token(POLICY, &house.path("token"));
    let ca = bao.ca();
    let vault = format!("vault: {{address: '{}', ca: '{}', token_file: token}}", bao.address, ca.display());
    house.edit("hoshu.yaml", "root_key: {file: keys/root.key}", &format!("root_key: {TRANSIT}\n{vault}"));
    (house, token)
}

#[test]
fn the_root_key_is_made_sealed_and_opened_by_a_real_openbao() {
    if !bao::is_here() {
        return;
    }
    let bao = Bao::start();
    let (house, token) = house(&bao);
    house.hoshu(&["check"]).expect(0);
    let made = house.hoshu(&["key", "init"]).expect(0);
    assert!(made.err.contains("keys/root.bao, opened by key hoshu of https://127.0.0.1:"), "{}", made.err);
    let file = house.path("keys/root.bao");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o400);
    assert!(fs::read_to_string(&file).unwrap().starts_with("vault:v1:"));
    // In clear the root key is nowhere, and the token only where it was.
    for (path, bytes) in files(house.dir.path()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("AGE-SECRET-KEY"), "{}", path.display());
        assert!(path.ends_with("token") || !text.contains(&token), "{}", path.display());
    }
    let states = |house: &House| {
        let status = house.hoshu(&["key", "status", "--json"]).expect(0).json();
        assert!(status["customers"].as_array().unwrap().iter().all(|one| one["state"] == "good"), "{status}");
        status["root"]["public"].as_str().unwrap().to_owned()
    };
    let first = states(&house);
    // What is made is not made again, and a key of the server that was turned still opens it.
    bao.run(&["write", "-f", "transit/keys/hoshu/rotate"]);
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["key", "rotate", "--customer", "all"]).expect(0);
    assert_eq!(states(&house), first);
    // Another root key: the old one is opened by the server too.
    fs::rename(&file, house.path("keys/old.bao")).unwrap();
    house.hoshu(&["key", "rewrap", "--old-root", "keys/old.bao"]).expect(0);
    assert!(fs::read_to_string(&file).unwrap().starts_with("vault:v2:"));
    assert_ne!(states(&house), first);
}

#[test]
fn a_server_that_does_not_open_the_root_key_stops_work_and_says_why() {
    if !bao::is_here() {
        return;
    }
    let mut bao = Bao::start();
    let (house, token) = house(&bao);
    house.hoshu(&["key", "init"]).expect(0);
    let sealed = fs::read(house.path("keys/root.bao")).unwrap();
    let told = |told: &str| {
        let refused = house.hoshu(&["key", "rotate", "--customer", "all"]).expect(6);
        assert!(refused.err.contains(told) && refused.err.contains("hint: "), "{told}: {}", refused.err);
        assert!(!refused.err.contains(&token), "{}", refused.err);
        assert_eq!(fs::read(house.path("keys/root.bao")).unwrap(), sealed);
    };
    let set = |from: &str, to: &str| house.edit("hoshu.yaml", from, to);
    // Without its authority, or with another one, the token is not sent.
    let ca = format!(", ca: '{}'", bao.ca().display());
    set(&ca, "");
    told("certificate");
    let other = Bao::start();
    set(", token_file", &format!(", ca: '{}', token_file", other.ca().display()));
    told("certificate");
    drop(other);
    set(", ca: '/", ", ca: '/gone");
    told("cannot be read: No such file");
    set("/gone", "/");
    fs::write(house.path("ca.pem"), "no certificate").unwrap();
    let text = fs::read_to_string(house.path("hoshu.yaml")).unwrap();
    let at = text.find(", ca: '").unwrap();
    let end = at + text[at..].find("', token").unwrap();
    set(&text[at..=end], &format!(", ca: '{}'", house.path("ca.pem").display()));
    told("no certificate in PEM");
    fs::copy(bao.ca(), house.path("ca.pem")).unwrap();
    house.hoshu(&["key", "status"]).expect(0);
    // A token that others could read, that is none, that may not.
    fs::set_permissions(house.path("token"), Permissions::from_mode(0o644)).unwrap();
    told("0644");
    fs::set_permissions(house.path("token"), Permissions::from_mode(0o600)).unwrap();
    fs::write(house.path("token"), "s.nobody\n").unwrap();
    told("status 403: \"");
    fs::write(house.path("token"), "a\u{1}b\n").unwrap();
    told("a character that cannot be sent");
    fs::write(house.path("token"), &token).unwrap();
    house.hoshu(&["key", "status"]).expect(0);
    bao.run(&["write", "-f", "transit/keys/another"]);
    set("key: hoshu", "key: another");
    told("permission denied");
    set("key: another", "key: hoshu");
    // A forged or torn text is not opened.
    let path = house.path("keys/root.bao");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let mut torn = sealed.clone();
    torn.pop();
    fs::write(&path, &torn).unwrap();
    let refused = house.hoshu(&["key", "rotate", "--customer", "all"]).expect(6);
    assert!(refused.err.contains("status 400"), "{}", refused.err);
    fs::write(&path, &sealed).unwrap();
    bao.stop();
    told("Connection refused");
}

#[test]
fn settings_name_a_server_that_a_token_may_be_sent_to() {
    let house = House::empty();
    house.hoshu(&["init", ".", "--lab"]).expect(0);
    let told = |told: &str| {
        let refused = house.hoshu(&["check"]).expect(3);
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    };
    house.edit("hoshu.yaml", "{file: keys/root.key}", TRANSIT);
    told("there is no vault in these settings");
    house.edit("hoshu.yaml", TRANSIT, &format!("{TRANSIT}\nvault: {{address: 'ADDRESS', token_file: token}}"));
    let mut last = "ADDRESS".to_owned();
    for wrong in ["http://bao.example", "bao.example", "https://", "ftp://bao", "https://a:b@bao", "https://bao/?a=b"] {
        house.edit("hoshu.yaml", &format!("'{last}'"), &format!("'{wrong}'"));
        told("https://");
        wrong.clone_into(&mut last);
    }
    for good in ["https://bao.example:8200", "http://127.0.0.1:8200", "http://[::1]:8100", "https://[2001:db8::1]/bao/"] {
        house.edit("hoshu.yaml", &format!("'{last}'"), &format!("'{good}'"));
        house.hoshu(&["check"]).expect(0);
        good.clone_into(&mut last);
    }
}
