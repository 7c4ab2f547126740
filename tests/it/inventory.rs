//! The inventory and the settings as files on a disk.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use hoshu::inventory::example::EXAMPLE;
use hoshu::inventory::{
    Loaded, Refused, check_credentials, load, load_settings, not_served, schema_inventory, schema_settings,
};
use hoshu::model::limits::{INVENTORY_FILES_MAX, YAML_BYTES_MAX};
use hoshu::model::settings::RootSource;
use hoshu::yaml::{Node, Problem, Severity, Source, Value, parse};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn data(path: &str) -> String {
    fs::read_to_string(root("tests/data/inventory").join(path)).unwrap()
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |text, problem| text + &format!("{problem}\n"))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("customers")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load_files(files: &[(&str, &str)]) -> Result<Loaded, Refused> {
    load(folder(files).path(), today())
}

/// The problems of the example fleet after one change in one of its files.
fn changed(file: &str, old: &str, new: &str) -> Vec<Problem> {
    let texts: Vec<_> = EXAMPLE
        .iter()
        .map(|(name, text)| {
            assert!(*name != file || text.contains(old), "{old} is not in {file}");
            (*name, if *name == file { text.replacen(old, new, 1) } else { (*text).to_owned() })
        })
        .collect();
    let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    match load_files(&texts) {
        Ok(loaded) => loaded.warnings,
        Err(refused) => refused.problems,
    }
}

#[test]
fn the_example_fleet_loads_without_problem() {
    let loaded = load(&root("inventory"), today()).unwrap_or_else(|refused| panic!("{}", shown(&refused.problems)));
    assert_eq!(shown(&loaded.warnings), "");
    let inventory = &loaded.inventory;
    assert_eq!((inventory.customers.len(), inventory.seats.len()), (9, 24));
    let groups = not_served(inventory);
    let unserved: BTreeSet<_> =
        groups.iter().filter(|group| group.what.starts_with("way in")).flat_map(|group| &group.subjects).collect();
    assert!(unserved.len() * 4 < inventory.seats.len(), "{unserved:?}");
    let list = groups.iter().fold(String::new(), |text, group| text + &format!("{group}\n"));
    insta::assert_snapshot!("not_served", list);
    // What is embedded is what stands in the folder, file by file.
    let embedded: Vec<_> = EXAMPLE.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_eq!(embedded, loaded.files);
}

#[test]
fn the_digest_knows_names_and_texts() {
    let digest = |files: &[(&str, &str)]| load_files(files).unwrap().inventory.digest;
    let one = digest(&[("freezes.yaml", "freezes: []")]);
    assert_eq!(one, digest(&[("freezes.yaml", "freezes: []")]));
    assert_ne!(one, digest(&[("freezes.yaml", "freezes: [] ")]));
    assert_ne!(one, digest(&[]));
    assert_eq!(one.len(), 64);
}

#[test]
fn twelve_mistakes_give_twelve_diagnostics() {
    let text = data("twelve.yaml");
    let refused = load_files(&[("customers/twelve.yaml", &text)]).unwrap_err();
    let errors = refused.problems.iter().filter(|problem| problem.severity == Severity::Error);
    assert_eq!(errors.count(), 12, "{}", shown(&refused.problems));
    insta::assert_snapshot!("twelve", shown(&refused.problems));
    assert!(!format!("{refused:?} {}", shown(&refused.problems)).contains("hunter2"));
}

#[test]
fn mistakes_of_several_files_are_told_together() {
    let refused = load_files(&[
        ("customers/a.yaml", "name: b\n"),
        ("customers/c.yaml", "name: [\n"),
        ("releases.yaml", "approved: {nx: 9, vx: 9.1}\n"),
        (
            "works.yaml",
            "works: [{name: w, owner: us, customer: zzz, from: 2026-12-01 10:00, until: 2026-12-01 09:00}]\n",
        ),
        ("freezes.yaml", "freezes: [{name: f, from: 2026-12-02, until: 2026-12-01}]\nfreezers: 1\n"),
    ])
    .unwrap_err();
    let files: BTreeSet<_> = refused.problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files.len(), 5, "{}", shown(&refused.problems));
    assert!(refused.problems.is_sorted_by_key(|problem| (problem.file.clone(), problem.line)));
}

#[test]
fn each_rule_is_told_in_its_own_words() {
    let mut list = String::new();
    for (file, old, new) in [
        ("customers/acme.yaml", "name: acme-ax01", "name: momiji-nx01"),
        ("customers/acme.yaml", "name: acme\n", "name: acne\n"),
        ("customers/acme.yaml", "window: night", "window: nigth"),
        ("customers/acme.yaml", "contract: M-2024-0117", "contract: M-2024-0118"),
        ("customers/acme.yaml", "read: acme/operator", "read: momiji/operator"),
        ("customers/acme.yaml", "192.168.1.20", "192.168.1.10"),
        ("customers/acme.yaml", "192.168.1.20", "127.0.0.1"),
        ("customers/acme.yaml", "    address: 192.168.1.20\n", ""),
        ("customers/acme.yaml", "2029-03-31", "2026-11-23"),
        ("customers/acme.yaml", "2029-03-31", "2026-12-01"),
        ("customers/acme.yaml", "2029-03-31", "2024-03-31"),
        ("customers/acme.yaml", "roles: [emergency, site]", "roles: [site]"),
        ("customers/acme.yaml", "confirmed: 2026-10-02", "confirmed: 2025-10-02"),
        ("customers/acme.yaml", "confirmed: 2026-10-02", "confirmed: 2027-10-02"),
        ("customers/acme.yaml", "ssh: yes, https", "ssh: blocked, https"),
        ("customers/acme.yaml", "model: AX8400", "model: EX8400"),
        ("customers/acme.yaml", "data_path: file-scan", "data_path: tap"),
        ("customers/acme.yaml", "    address: 192.168.1.40", "    managed_by: momiji-cm01\n    address: 192.168.1.40"),
        ("customers/acme.yaml", "    address: 192.168.1.40", "    peer: acme-fx01\n    address: 192.168.1.40"),
        ("customers/momiji.yaml", "peer: momiji-nx01", "peer: momiji-ex01"),
        ("customers/momiji.yaml", "    hostname: nx02", "    hostname: nx02\n    model: NX4500"),
        ("customers/ginga.yaml", "data_path: manager", "data_path: manager\n    managed_by: ginga-nx01"),
        ("customers/momiji.yaml", "    hostname: cm01", "    hostname: cm01\n    managed_by: momiji-cm02"),
        ("customers/momiji.yaml", "managed_by: momiji-cm01", "managed_by: momiji-ex01"),
        ("customers/momiji.yaml", "FZ2003F6K4D", "FZ2003F6K3C"),
        ("customers/furumachi.yaml", ", legacy_until: 2027-12-31", ""),
        ("customers/furumachi.yaml", "legacy_until: 2027-12-31", "legacy_until: 2026-11-23"),
        ("customers/furumachi.yaml", "algorithms: legacy", "algorithms: modern"),
        ("customers/chidori.yaml", "    virtual: yes\n", ""),
        ("customers/minato.yaml", "supplier: other", "supplier: us"),
        ("customers/minato.yaml", "supplier: other", "contract: M-2025-0900\n    supplier: other"),
        ("customers/minato.yaml", "credentials: {read: minato/operator, snmp: minato/community}", "notes: [x]"),
        ("customers/minato.yaml", "snmp: yes", "snmp: blocked"),
        ("customers/minato.yaml", "snmp: minato/community", "snmp: acme/community"),
        ("customers/minato.yaml", "192.168.100.11", "192.168.100.10\n    ssh: {port: 2222}"),
        ("customers/minato.yaml", "snmp: {version: v2c}", "snmp: {version: v1}"),
        ("customers/umi.yaml", ", credential: umi/bastion", ""),
        ("customers/umi.yaml", "ssh-nested", "socks5, credential: acme/proxy"),
        ("customers/minato.yaml", "[{kind: vpn", "[{kind: socks5, host: x, port: 1}, {kind: vpn"),
        ("customers/minato.yaml", "[{kind: vpn", "[{kind: http-connect, host: x}, {kind: socks5, port: 1"),
        ("customers/sora.yaml", "access: air-gapped", "access: air-gapped\n    hops: [{kind: vpn, host: x}]"),
        ("customers/sora.yaml", "gateway: air-gap\n", "gateway: air-gab\n"),
        ("releases.yaml", "  fx: 10.0.4.1005222\n", ""),
        ("works.yaml", "site: futo", "site: futoo"),
        ("works.yaml", "2026-11-29 17:00", "2026-11-29 07:00"),
        (
            "works.yaml",
            "from: 2026-11-29 08:00\n    until: 2026-11-29",
            "from: 2026-11-22 08:00\n    until: 2026-11-22",
        ),
        ("freezes.yaml", "customer: momiji", "customer: momji"),
        ("freezes.yaml", "until: 2027-01-04", "until: 2026-12-26"),
    ] {
        let problems = changed(file, old, new);
        assert!(!problems.is_empty(), "{new:?} is accepted without a word");
        writeln!(list, "## {} -> {}", old.trim(), new.trim()).unwrap();
        for problem in problems {
            let hint = problem.hint.map(|hint| format!(" | {hint}")).unwrap_or_default();
            writeln!(list, "{} {}:{} {}{hint}", problem.severity, problem.file, problem.line, problem.message).unwrap();
        }
    }
    insta::assert_snapshot!("rules", list);
}

#[test]
fn scalars_survive_into_the_inventory_as_they_were_written() {
    let loaded = load(&root("tests/data/inventory/full"), today());
    let loaded = loaded.unwrap_or_else(|refused| panic!("{}", shown(&refused.problems)));
    let customer = loaded.inventory.customers.values().next().unwrap();
    assert_eq!(customer.contacts[0].name, "0012");
    assert_eq!(customer.contacts[0].hours.as_deref(), Some("off"));
    assert_eq!(customer.contracts[0].number, "12e4");
    assert_eq!(customer.windows[0].name, "9.10");
    assert_eq!(
        loaded.inventory.approved.values().map(ToString::to_string).collect::<Vec<_>>(),
        ["9.10", "9.1.0.924861"]
    );
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "<digest>")]}, {
        insta::assert_debug_snapshot!("full", loaded.inventory);
    });
}

/// The paths of all properties of a schema: `seats[].ssh.port`, `approved{}`.
fn properties(schema: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        found.insert(path.clone());
        properties(inner, &path, found);
    }
    if schema["items"].is_object() {
        properties(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        properties(&schema["additionalProperties"], &format!("{path}{{}}"), found);
    }
}

/// The paths that a file writes; the keys of maps with free keys are left out by asking the schema.
fn written(node: &Node, schema: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::Map(entries) if schema["additionalProperties"].is_object() => {
            for entry in entries {
                written(&entry.value, &schema["additionalProperties"], &format!("{path}{{}}"), found);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let path = format!("{path}.{}", entry.key);
                found.insert(path.clone());
                written(&entry.value, &schema["properties"][&entry.key], &path, found);
            }
        }
        Value::List(items) => {
            for item in items {
                written(item, &schema["items"], &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schemas_and_the_readers_know_the_same_fields() {
    let inventory = schema_inventory();
    let settings = schema_settings();
    for (file, schema) in [
        ("full/customers/full.yaml", &inventory["customer"]),
        ("full/releases.yaml", &inventory["releases"]),
        ("full/works.yaml", &inventory["works"]),
        ("full/freezes.yaml", &inventory["freezes"]),
        ("settings.yaml", &settings),
    ] {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let mut problems = Vec::new();
        let node = parse(&Source::new(file, data(file)), &mut problems).unwrap();
        let (mut known, mut used) = (BTreeSet::new(), BTreeSet::new());
        properties(schema, "", &mut known);
        written(&node, schema, "", &mut used);
        if file == "settings.yaml" {
            let sources = Source::new("settings-sources.yaml", data("settings-sources.yaml"));
            written(&parse(&sources, &mut problems).unwrap(), schema, "", &mut used);
        }
        assert!(known.len() > 1 || file.contains("releases"));
        assert_eq!(known, used, "{file}");
    }
}

#[test]
fn files_have_limits_and_stay_in_their_folder() {
    let message = |result: Result<Loaded, Refused>| shown(&result.unwrap_err().problems);
    let long = format!("works: []\n#{}", "x".repeat(usize::try_from(YAML_BYTES_MAX).unwrap()));
    assert!(message(load_files(&[("works.yaml", &long)])).contains("longer than"));
    assert!(message(load_files(&[("people.yaml", "a: b")])).contains("no such file is read here"));
    assert!(message(load_files(&[("customers/a.yml", "a: b")])).contains("customers/<name>.yaml"));

    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a.yaml"), "works: []\n").unwrap();
    let dir = folder(&[]);
    symlink(outside.path().join("a.yaml"), dir.path().join("works.yaml")).unwrap();
    assert!(message(load(dir.path(), today())).contains("leaves the folder"));

    let dir = folder(&[]);
    fs::remove_dir(dir.path().join("customers")).unwrap();
    symlink(outside.path(), dir.path().join("customers")).unwrap();
    assert!(message(load(dir.path(), today())).contains("leaves the folder"));

    let dir = folder(&[("customers/a.txt", "")]);
    fs::write(dir.path().join("freezes.yaml"), b"freezes: [\xff]").unwrap();
    assert!(message(load(dir.path(), today())).contains("not UTF-8"));
    assert!(message(load(&dir.path().join("nowhere"), today())).contains("could not be read"));

    let dir = folder(&[]);
    for number in 0..=INVENTORY_FILES_MAX {
        fs::write(dir.path().join(format!("customers/c{number}.yaml")), "").unwrap();
    }
    assert!(message(load(dir.path(), today())).contains("2000 files at most"));
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let seats = "  - {}\n".repeat(25_001);
    let text = format!("name: a\ntitle: a\nsites: []\ngateways: []\nseats:\n{seats}");
    let refused = load_files(&[("customers/a.yaml", &text)]).unwrap_err();
    assert_eq!(refused.problems.len(), 1_001);
    assert!(refused.problems[1_000].message.starts_with("there are more problems"));
    let refused = load_files(&[("customers/a.yaml", &text), ("customers/b.yaml", &text)]).unwrap_err();
    assert!(refused.problems.iter().any(|problem| problem.message.contains("50000 seats at most")));
}

fn settings_file(text: &str, mode: u32) -> Result<hoshu::inventory::LoadedSettings, Refused> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hoshu.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    load_settings(&path)
}

#[test]
fn settings_are_read_whole() {
    let loaded = load_settings(&root("tests/data/inventory/settings.yaml"));
    let loaded = loaded.unwrap_or_else(|refused| panic!("{}", shown(&refused.problems)));
    assert_eq!(shown(&loaded.warnings), "");
    let manifest = regex::escape(env!("CARGO_MANIFEST_DIR"));
    insta::with_settings!({filters => vec![(manifest.as_str(), "<root>")]}, {
        insta::assert_debug_snapshot!("settings", loaded.settings);
    });
}

#[test]
fn seats_and_settings_agree_about_credentials() {
    let settings = load_settings(&root("tests/data/inventory/settings.yaml")).unwrap().settings;
    let mut inventory = load(&root("inventory"), today()).unwrap().inventory;
    inventory.seats.retain(|name, _| ["acme-nx01", "umi-nx01", "minato-nx02"].contains(&name.as_str()));
    for seat in inventory.seats.values_mut().filter(|seat| seat.name.as_str() == "umi-nx01") {
        seat.credentials.change = seat.credentials.read.clone();
    }
    insta::assert_snapshot!("credentials", shown(&check_credentials(&inventory, &settings)));
}

#[test]
fn a_seat_is_asked_by_the_version_that_its_credential_is_for() {
    let folder = settings_file(
        &format!(
            "{SMALL}credentials:\n  acme/snmp: {{purpose: snmp, file: c}}\n  minato/community: {{purpose: read, user: u, file: m}}\n"
        ),
        0o600,
    );
    let mut inventory = load(&root("inventory"), today()).unwrap().inventory;
    inventory.seats.retain(|name, _| ["acme-nx01", "minato-nx02"].contains(&name.as_str()));
    let told = shown(&check_credentials(&inventory, &folder.unwrap().settings));
    assert!(told.contains("acme-nx01 is asked by SNMP v3, but the settings give acme/snmp for v2c"), "{told}");
    assert!(
        told.contains("minato-nx02 names minato/community to snmp, but the settings give it the purpose read"),
        "{told}"
    );
}

#[test]
fn an_api_is_known_by_a_pin_or_by_what_the_administrator_wrote() {
    let api = |more: &str| {
        let text = format!("{SMALL}credentials:\n  momiji/api: {{purpose: api, user: u, file: c{more}}}\n");
        settings_file(&text, 0o600).unwrap().settings
    };
    let mut inventory = load(&root("inventory"), today()).unwrap().inventory;
    inventory.seats.retain(|name, _| name.as_str() == "momiji-ex01");
    let nobody = "momiji-ex01 says not by what its certificate is known: momiji/api is sent to nobody";
    assert!(!shown(&check_credentials(&inventory, &api(""))).contains(nobody), "it has a pin");
    for seat in inventory.seats.values_mut() {
        seat.api.pins.clear();
    }
    let told = shown(&check_credentials(&inventory, &api("")));
    assert!(told.contains(nobody) && told.contains("or ca at the credential"), "{told}");
    assert!(!shown(&check_credentials(&inventory, &api(", ca: ca.pem"))).contains(nobody));
    let login = format!("{SMALL}credentials:\n  acme/a: {{purpose: read, user: u, file: c, ca: ca.pem}}\n");
    let refused = settings_file(&login, 0o600).unwrap_err();
    let told = shown(&refused.problems);
    assert!(told.contains("ca belongs to HTTPS APIs: write purpose: api"), "{told}");
}

#[test]
fn what_snmp_has_and_what_a_login_has_stay_apart() {
    for (credential, told) in [
        ("{purpose: snmp, file: c}", ""),
        ("{purpose: snmp, environment: HOSHU_C}", ""),
        ("{purpose: snmp, user: u, auth: sha-256, file: a}", ""),
        ("{purpose: snmp, user: u, auth: sha, file: a, privacy: aes-128, privacy_file: p}", ""),
        ("{purpose: snmp, user: u, file: a}", "a user of SNMP v3 is authenticated"),
        ("{purpose: snmp, auth: sha, file: a}", "SNMP v3 needs a user"),
        ("{purpose: snmp, user: u, auth: md5, file: a}", "md5"),
        ("{purpose: snmp, user: u, auth: sha, file: a, privacy: aes-128}", "privacy and privacy_file go together"),
        ("{purpose: snmp, file: a, privacy: aes-128, privacy_file: p}", "what is not authenticated is not encrypted"),
        ("{purpose: snmp, key: k}", "key is for logins"),
        ("{purpose: snmp, file: a, enable_file: e}", "enable_file is for logins"),
        ("{purpose: read, file: a}", "a login needs a user"),
        ("{purpose: read, user: u, file: a, auth: sha}", "auth belongs to SNMP"),
    ] {
        let loaded = settings_file(&format!("{SMALL}credentials: {{acme/x: {credential}}}\n"), 0o600);
        match loaded {
            Ok(loaded) => assert!(told.is_empty() && loaded.settings.credentials.len() == 1, "{credential}"),
            Err(refused) => {
                assert!(!told.is_empty() && shown(&refused.problems).contains(told), "{credential}: {refused:?}");
            }
        }
    }
    let shared = "{acme/x: {purpose: snmp, user: u, auth: sha, file: a, privacy: aes-128, privacy_file: p}, \
                  umi/x: {purpose: snmp, user: u, auth: sha, file: b, privacy: aes-128, privacy_file: p}}";
    let refused = settings_file(&format!("{SMALL}credentials: {shared}\n"), 0o600).unwrap_err();
    assert!(shown(&refused.problems).contains("a secret serves one customer alone"));
}

const SMALL: &str = "realm: live\nstore: s\ndepot: d\ninventory: i\nroot_key: {file: r}\n";

#[test]
fn settings_that_others_may_write_are_refused_in_live_only() {
    assert!(settings_file(SMALL, 0o644).is_ok());
    for mode in [0o664, 0o646] {
        let refused = settings_file(SMALL, mode).unwrap_err();
        assert!(refused.problems[0].message.contains("may write"), "{mode:o}");
        assert!(settings_file(&SMALL.replace("live", "lab"), mode).is_ok());
    }
}

#[test]
fn the_root_key_has_one_source() {
    let with = |source: &str| settings_file(&SMALL.replace("{file: r}", source), 0o600);
    let read = |source: &str| with(source).map(|loaded| loaded.settings.root_key).unwrap();
    assert_eq!(read("{systemd: root-key}"), RootSource::Systemd("root-key".to_owned()));
    assert_eq!(read("{command: [/bin/cat, a b]}"), RootSource::Command(vec!["/bin/cat".to_owned(), "a b".to_owned()]));
    let transit = read("{transit: {key: hoshu, file: /k}}\nvault: {address: 'https://bao', token_file: t}");
    assert_eq!(transit.to_string(), "/k, opened by key hoshu of https://bao");
    for (wrong, told) in [
        ("{}", "found none"),
        ("{file: r, systemd: s}", "found file and systemd"),
        ("{systemd: ../s}", "a plain name"),
        ("{command: [cat]}", "absolute path"),
        ("{command: []}", "absolute path"),
        ("{transit: {key: k}}", "\"file\" is missing"),
        ("{transit: {key: k, file: f}}", "there is no vault"),
        ("{transit: {key: k, file: f, mount: ../sys}}", "a path"),
    ] {
        let refused = with(wrong).unwrap_err();
        assert!(refused.problems.iter().any(|problem| problem.message.contains(told)), "{wrong}: {refused:?}");
    }
    let one = "age1awukcuc2wd4urcjdhup8v2gulscf7eyk84cdmc9gy94pfpykhd4qg0qhke";
    for (recovery, told) in [
        (format!("[{one}, {one}]"), "twice"),
        (format!("[{}]", &one[..61]), "a public age recipient"),
        ("[AGE-SECRET-KEY-1QQQQ]".to_owned(), "a public age recipient"),
        (format!("[{}]", one.to_uppercase()), "a public age recipient"),
    ] {
        let refused = settings_file(&format!("{SMALL}recovery: {recovery}\n"), 0o600).unwrap_err();
        assert!(refused.problems[0].message.contains(told), "{recovery}: {}", refused.problems[0].message);
    }
}

#[test]
fn settings_tell_every_mistake_and_no_secret() {
    let text = "realm: live
zone: Tokyo
store: postgres://hoshu:hunter2@127.0.0.1/hoshu
depot: d
inventry: i
root_key: hunter3
lab: {ports: p}
credentials:
  acme: {purpose: read, user: m, file: f}
  acme/operator: {purpose: reed, user: m, password: hunter4}
  acme/admin:
    purpose: change
    user: admin
    secret: |
      hunter5
    file: f
    key: k
  zett/monitor: {purpose: read, user: m, file: f}
  acme/other: {purpose: read, user: hunter 6, environment: not-a-variable, passphrase_file: p}
limits: {sessions: 0, per_site: many}
findings: {reech: {hard_after: 5, hard_after_count: 0}}
tiers: {pulse: 5s, detail: 1s}
protection: {zero_after: 25h, stop_percent: 20, weeks: 5}
events: {silent_after: 1h}
";
    let refused = settings_file(text, 0o600).unwrap_err();
    let dir = regex::Regex::new("[^ ]*/hoshu.yaml").unwrap();
    let all = shown(&refused.problems);
    insta::assert_snapshot!("settings_mistakes", dir.replace_all(&all, "hoshu.yaml"));
    assert!(!all.contains("hunter"), "{all}");
}

/// Each seat behind a bastion that forwards nothing is a session of it, of which OpenSSH gives ten.
#[test]
fn a_bastion_that_forwards_nothing_has_room_for_fewer() {
    let folder = tempfile::tempdir().unwrap();
    for (hop, sessions) in [("vpn", 16), ("ssh-forward", 16), ("ssh-nested", 8)] {
        for (name, text) in hoshu::inventory::example::EXAMPLE {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let kind =
                if hop == "vpn" { "vpn ".to_owned() } else { format!("{hop}\n        credential: acme/bastion ") };
            let text = text.replace("    sessions: 8\n", "");
            let text = if *name == "customers/acme.yaml" { text.replacen("vpn ", &kind, 1) } else { text };
            std::fs::write(path, text).unwrap();
        }
        let loaded = hoshu::inventory::load(folder.path(), today()).unwrap();
        let seat = &loaded.inventory.seats[&"acme-nx01".parse::<hoshu::model::name::SeatName>().unwrap()];
        assert_eq!(loaded.inventory.gateway(seat).unwrap().sessions, sessions, "{hop}");
    }
}

/// The last day of old algorithms is told of a month before, and after it that nothing is dialled.
#[test]
fn the_last_day_of_old_algorithms_is_told_in_time() {
    let folder = tempfile::tempdir().unwrap();
    for (until, told) in [
        ("2026-12-25", None),
        ("2026-12-23", Some("legacy algorithms end in less than 30 days")),
        ("2026-11-24", Some("legacy algorithms end in less than 30 days")),
        ("2026-11-23", Some("is over, and the seat is not dialled any more")),
    ] {
        for (name, text) in hoshu::inventory::example::EXAMPLE {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("legacy_until: 2027-12-31", &format!("legacy_until: {until}"))).unwrap();
        }
        let loaded = hoshu::inventory::load(folder.path(), today()).unwrap();
        let said = shown(&loaded.warnings);
        match told {
            None => assert!(!said.contains("legacy algorithms"), "{until}: {said}"),
            Some(words) => assert!(said.contains(words) && said.contains("later day"), "{until}: {said}"),
        }
    }
}
