//! What lies in `OpenBao`: the root key, sealed by its transit engine, and passwords.

#![cfg(test)]

mod bao;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::house::{House, files};
use bao::Bao;

/// What the token may do, and nothing else.
const POLICY: &str = r#"
path "transit/encrypt/hoshu" { capabilities = ["update"] }
path "transit/decrypt/hoshu" { capabilities = ["update"] }
path "secret/data/hoshu/*" { capabilities = ["read"] }
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
    // A proxy of the environment sees nothing.
    let mut command = house.command(&["key", "status"]);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    assert!(command.output().unwrap().status.success());
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
    for good in ["https://bao.example:8200", "http://127.0.0.1:8200", "http://[::1]:8100", "https://[2001:db8::1]/bao/"]
    {
        house.edit("hoshu.yaml", &format!("'{last}'"), &format!("'{good}'"));
        house.hoshu(&["check"]).expect(0);
        good.clone_into(&mut last);
    }
}

/// The settings of a credential of the example, with another source.
fn credential(house: &House, name: &str, from: &str) {
    let text = fs::read_to_string(house.path("hoshu.yaml")).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{name}: "))).unwrap();
    let (head, _) = line.split_once("file: ").or_else(|| line.split_once("vault: ")).unwrap_or((line, ""));
    house.edit("hoshu.yaml", line, &format!("{head}{from}}}"));
}

#[test]
fn an_appliance_is_polled_with_a_password_from_the_vault() {
    if !bao::is_here() {
        return;
    }
    let bao = Bao::start();
    let house = House::example();
    house.onboard();
    let token = bao.token(POLICY, &house.path("token"));
    let text = fs::read_to_string(house.path("hoshu.yaml")).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("acme/operator: ")).unwrap();
    let file = line.split_once("file: ").unwrap().1.trim_end_matches('}').trim_matches('\'');
    let password = fs::read_to_string(house.path(file)).unwrap().trim().to_owned();
    fs::remove_file(house.path(file)).unwrap();
    let secret = house.path("secret.json");
    fs::write(&secret, serde_json::json!({"password": password, "number": 5}).to_string()).unwrap();
    bao.run(&["kv", "put", "-mount=secret", "hoshu/acme", &format!("@{}", secret.display())]);
    fs::remove_file(secret).unwrap();
    let vault = format!("vault: {{address: '{}', ca: '{}', token_file: token}}", bao.address, bao.ca().display());
    house.edit("hoshu.yaml", "credentials:\n", &format!("{vault}\ncredentials:\n"));
    credential(&house, "acme/operator", "vault: {path: hoshu/acme}");
    let outcome = |told: &str| {
        let answer = house.hoshu(&["poll", "--on", "acme-ax01", "--json"]);
        let seat = House::seat(&answer.json(), "acme-ax01").clone();
        assert!(!answer.out.contains(&token) && !answer.out.contains(&password));
        assert!(seat["reason"].as_str().unwrap_or_default().contains(told), "{told}: {seat}");
        seat["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(""), "answered");
    let listed = house.hoshu(&["credential", "list"]).expect(0);
    let line = listed.out.lines().find(|line| line.contains("acme/operator")).unwrap();
    assert!(line.contains(" vault "), "{line}");
    let checked = house.hoshu(&["check"]).expect(0);
    assert!(!checked.out.contains("cannot be read: acme/operator"), "{}", checked.out);
    for (from, told) in [
        ("vault: {path: hoshu/acme, field: number}", "that field of the secret as a text"),
        ("vault: {path: hoshu/acme, field: gone}", "that field of the secret as a text"),
        ("vault: {path: hoshu/gone}", "vault secret/hoshu/gone, field password: https://127.0.0.1:"),
        ("vault: {path: hoshu/gone}", " refuses with status 404"),
        ("vault: {path: elsewhere/acme}", "permission denied"),
        ("vault: {path: hoshu/acme, mount: kv}", "permission denied"),
    ] {
        credential(&house, "acme/operator", from);
        assert_eq!(outcome(told), "no-credential");
    }
}

#[test]
fn a_password_sealed_to_the_root_key_by_the_stock_tool_is_opened() {
    let house = House::example();
    house.onboard();
    let root = house.hoshu(&["key", "status", "--json"]).json()["root"]["public"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(house.path("hoshu.yaml")).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("acme/operator: ")).unwrap();
    let file = line.split_once("file: ").unwrap().1.trim_end_matches('}').trim_matches('\'').to_owned();
    for armor in [&["-a"][..], &[]] {
        let sealed = house.path("sealed.age");
        let words = [armor, &["-r", &root, "-o"]].concat();
        let status = Command::new("age").args(words).arg(&sealed).arg(house.path(&file)).status().unwrap();
        assert!(status.success());
        fs::set_permissions(&sealed, Permissions::from_mode(0o600)).unwrap();
        fs::write(house.path("hoshu.yaml"), &text).unwrap();
        credential(&house, "acme/operator", "sealed: sealed.age");
        let answer = house.hoshu(&["poll", "--on", "acme-ax01", "--json"]).json();
        assert_eq!(House::seat(&answer, "acme-ax01")["outcome"], "answered", "{answer}");
    }
    // Another root key does not open it, and the seat says so.
    fs::rename(house.path("keys/root.key"), house.path("keys/old.key")).unwrap();
    house.hoshu(&["key", "rewrap", "--old-root", "keys/old.key"]).expect(0);
    let answer = house.hoshu(&["poll", "--on", "acme-ax01", "--json"]).json();
    let seat = House::seat(&answer, "acme-ax01");
    assert_eq!(seat["outcome"], "no-credential", "{seat}");
    assert!(seat["reason"].as_str().unwrap().contains("from sealed"), "{seat}");
}
