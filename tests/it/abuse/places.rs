//! Text that means harm, from the places that are no answer of a command line: a bastion, an agent of SNMP, the HTTPS API.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hoshu::model::inventory::HopKind;
use hoshu::model::outside::is_hostile;

use crate::access::server::{Appliance, Forward, ed25519};
use crate::api::impostor::{Impostor, answer, well};
use crate::house::{House, files};
use crate::login::{Pty, obeyed};
use crate::outside::CORPUS;
use crate::snmp::liar::{Liar, text};

/// Runs commands and looks at all that they show; how often the corpus itself was among it.
fn shown(house: &House, all: &[&[&str]]) -> usize {
    let mut count = 0;
    for words in all {
        let output = house.command(words).env("HOSHU_LOG", "trace").output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 4)), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let (_, drawn) = Pty::start(house, words).code();
        let parts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        for text in parts.iter().chain([&drawn]) {
            assert!(obeyed(text).is_empty(), "{words:?} lets {:?} through: {text:?}", obeyed(text));
            count += usize::from(text.contains("HYPERLINK"));
        }
        // A pipe is given no sequence at all.
        assert!(!parts.concat().contains('\u{1b}'), "{words:?}");
    }
    count
}

const LOOKS: [&[&str]; 8] = [
    &["poll", "--on", "acme-nx01"],
    &["poll", "--on", "acme-nx01", "--json"],
    &["finding", "list"],
    &["finding", "list", "--json"],
    &["appliance", "show", "acme-nx01"],
    &["card", "acme-nx01", "--all"],
    &["card", "acme-nx01", "--json"],
    &["audit", "list"],
];

/// A house in which acme-nx01 has an API, whose place an impostor takes.
fn with_api(says: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (House, Impostor) {
    let house = House::example_with(|house| {
        house.edit("inventory/customers/acme.yaml", "snmp: acme/snmp", "api: acme/api");
        let source = "  acme/api: {purpose: api, user: api, file: lab/secrets/acme-api}\n";
        house.edit("hoshu.yaml", "credentials:\n", &format!("credentials:\n{source}"));
    });
    house.onboard();
    let impostor = Impostor::start(says);
    impostor.take_the_place(&house, "acme-nx01");
    (house, impostor)
}

#[test]
fn what_an_api_says_is_obeyed_by_nothing() {
    let health = serde_json::json!({
        "status": CORPUS,
        "appliance": {"name": CORPUS},
        CORPUS: CORPUS,
        "raid": {"status": CORPUS},
    });
    let (house, _impostor) = with_api(move |request| well(request, &health.to_string()));
    assert!(shown(&house, &LOOKS) >= 3);
    let xml = format!(
        "<?xml version=\"1.0\"?><fireeyeapis><message>{}</message></fireeyeapis>",
        "=HYPERLINK(1)\u{202e}\u{200b}"
    );
    let (house, _impostor) =
        with_api(move |request| if request.contains("/health/") { answer("200", "", &xml) } else { well(request, "") });
    assert!(shown(&house, &LOOKS) >= 3);
}

#[test]
fn an_address_in_the_answer_of_an_api_is_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://127.0.0.1:{}/collect", listener.local_addr().unwrap().port());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (body, next) = (away.clone(), away.clone());
    let (house, impostor) = with_api(move |request| {
        let health =
            format!(r#"{{"status":"Good","appliance":{{"name":"nx01"}},"alertUrl":"{body}","next":"{body}"}}"#);
        let alerts = format!(r#"{{"alertsCount":1,"alert":[{{"alertUrl":"{body}","id":1}}],"nextUrl":"{body}"}}"#);
        let line = request.lines().next().unwrap_or_default();
        if line.contains("/alerts") {
            answer("200", &format!("Link: <{next}>; rel=\"next\"\r\nRefresh: 0; url={next}\r\n"), &alerts)
        } else {
            well(request, &health)
        }
    });
    for _ in 0..2 {
        house.hoshu(&["poll", "--on", "acme-nx01", "--all", "--json"]);
    }
    let got = impostor.got();
    assert!(got.iter().any(|request| request.contains("/alerts")), "{got:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nothing was asked at {away}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_bastion_says_is_obeyed_by_nothing() {
    const MENU: &str = "\n        menu: {ask: 'Select> ', choose: ' *([0-9]+)[)] {hostname} {address}'}";
    for (kind, menu) in [(HopKind::SshForward, ""), (HopKind::SshNested, MENU)] {
        let house = House::example();
        house.edit(
            "inventory/customers/acme.yaml",
            "- kind: vpn ",
            &format!("- kind: {kind}\n        credential: acme/bastion{menu} "),
        );
        house.edit("inventory/customers/acme.yaml", "vpn-acme", "192.0.2.9");
        std::fs::write(house.path("lab/secrets/bastion"), "right").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(house.path("lab/secrets/bastion"), mode).unwrap();
        let source = "credentials:\n  acme/bastion: {purpose: hop, user: jump, file: lab/secrets/bastion}\n";
        house.edit("hoshu.yaml", "credentials:\n", source);
        let banner = Some(format!("{CORPUS}\r\n"));
        let answers = std::collections::BTreeMap::new();
        let greeting: &'static str = format!("{CORPUS}\r\nssh: connect to host {CORPUS} port 22: refused\r\n").leak();
        let bastion = Appliance {
            keys: vec![ed25519(1)],
            banner,
            forward: Forward::Never,
            answers,
            greeting,
            ..Appliance::default()
        };
        let (port, got) = bastion.serve().await;
        let file = house.path("lab/ports.json");
        let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        table["hops"] = serde_json::json!({"192.0.2.9:22": port});
        std::fs::write(&file, table.to_string()).unwrap();
        house.hoshu(&["key", "init"]).expect(0);
        house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]);
        house.hoshu(&["hostkey", "accept", crate::bastions::HOP, "--route", "console"]).expect(0);
        let looks: Vec<&[&str]> =
            [&["hostkey", "scan", "--on", "acme-nx01"][..]].into_iter().chain(LOOKS.iter().copied()).collect();
        let count = shown(&house, &looks);
        // One that forwards says why in a number; of a client on it the last words are quoted.
        assert_eq!(count > 0, kind == HopKind::SshNested, "{kind}: {count}");
        assert!(got.secrets().contains(&"right".to_owned()), "{kind}: it was entered");
    }
}

/// An identifier in its coding (X.690, 8.19), for numbers below 2^14 and those of 25597.
fn coded(oid: &str) -> Vec<u8> {
    let numbers: Vec<u32> = oid.split('.').map(|number| number.parse().unwrap()).collect();
    let mut bytes = vec![u8::try_from(numbers[0] * 40 + numbers[1]).unwrap()];
    for number in &numbers[2..] {
        let mut seven = vec![(number & 0x7f) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            seven.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.extend(seven.iter().rev());
    }
    bytes
}

#[test]
fn what_an_agent_of_snmp_says_is_obeyed_by_nothing() {
    let house = House::example();
    house.onboard();
    // Everything that is read of an agent, in the order of a walk.
    let mut objects: Vec<Vec<u8>> = (1..=20).map(|n| coded(&format!("1.3.6.1.4.1.25597.11.1.1.{n}.0"))).collect();
    objects.extend((1..=5).map(|n| coded(&format!("1.3.6.1.4.1.25597.11.2.1.{n}.0"))));
    objects.push(coded("1.3.6.1.4.1.25598.1.0"));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let liar = Liar::start(move |one| {
        count.fetch_add(1, Ordering::SeqCst);
        let next: Vec<_> = objects.iter().filter(|oid| **oid > one.oid).take(8).collect();
        let next = if next.is_empty() { vec![objects.last().unwrap()] } else { next };
        let said: Vec<_> = next.into_iter().map(|oid| (oid.clone(), text(CORPUS.as_bytes()))).collect();
        vec![(true, one.answer(&said))]
    });
    let path = house.path("lab/ports.json");
    let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    table["snmp"]["minato-nx01"] = liar.port.into();
    std::fs::write(&path, table.to_string()).unwrap();
    let count = shown(
        &house,
        &[
            &["poll", "--on", "minato-nx01"],
            &["poll", "--on", "minato-nx01", "--json", "--all"],
            &["finding", "list"],
            &["appliance", "show", "minato-nx01"],
            &["card", "minato-nx01", "--all"],
            &["card", "minato-nx01", "--json"],
        ],
    );
    assert!(
        asked.load(Ordering::SeqCst) > 0 && count >= 2,
        "{} questions, shown {count} times",
        asked.load(Ordering::SeqCst)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cm_lists_is_obeyed_by_nothing() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    let file = "inventory/customers/momiji.yaml";
    house.edit(file, "serial: FZ1904E5J1A", "# no serial");
    let password = std::fs::read_to_string(house.path("lab/secrets/momiji-operator")).unwrap().trim().to_owned();
    let version = "Product name:      CMS [licensed]\r\nProduct model:     CM9500\r\nProduct release:   CMS (CMS) 11.0.1.1024999\r\n\
                   Appliance ID:      02005E100005\r\nSystem serial num: FZ2401QE0E5\r\n";
    let listed = format!(
        "Appliance {CORPUS}:\r\n  Address:                    {CORPUS}\r\n  Enabled:                    yes\r\n  Connected:                  \
         {CORPUS}\r\n  Status check OK:            no\r\n  Version compatible:         {CORPUS}\r\n"
    );
    let answers =
        std::collections::BTreeMap::from([("show version", version.to_owned()), ("show cmc appliances", listed)]);
    let cm = Appliance { password: password.leak(), prompt: "cm01", answers, ..Appliance::default() };
    let (port, got) = cm.serve().await;
    let path = house.path("lab/ports.json");
    let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    table["ports"]["momiji-cm01"] = port.into();
    std::fs::write(&path, table.to_string()).unwrap();
    house.hoshu(&["hostkey", "scan", "--on", "momiji-cm01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "momiji-cm01", "--route", "console"]).expect(0);
    let count = shown(
        &house,
        &[
            &["poll", "--on", "momiji-cm01", "--all"],
            &["poll", "--on", "momiji-cm01", "--all", "--json"],
            &["finding", "list"],
            &["finding", "list", "--json"],
            &["appliance", "show", "momiji-cm01"],
            &["card", "momiji-cm01", "--all"],
            &["ask", "--on", "momiji-cm01", "show cmc appliances"],
        ],
    );
    assert!(got.lines().contains(&"show cmc appliances".to_owned()), "{:?}", got.lines());
    assert!(count >= 4, "{count}");
}

#[test]
fn what_leaves_as_a_text_is_obeyed_by_nothing() {
    let house = House::example();
    house.onboard();
    let text = "\u{9b}31m\u{202e}txt\u{2066}\u{200b}\u{feff}=HYPERLINK(1)";
    house.hoshu(&["lab", "change", "acme-nx01", &format!("banner login {text}")]).expect(0);
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["backup", "export", "--on", "acme-nx01", "--git", "git", "--unreviewed"]).expect(0);
    house.hoshu(&["backup", "export", "acme-nx01", "--to", "one", "--unreviewed"]).expect(0);
    let mut all: Vec<(std::path::PathBuf, Vec<u8>)> = files(&house.path("git"));
    all.retain(|(path, _)| !path.components().any(|part| part.as_os_str() == ".git"));
    all.push((house.path("one"), std::fs::read(house.path("one")).unwrap()));
    let mut found = 0;
    for (path, bytes) in all {
        let text = String::from_utf8(bytes).unwrap();
        let hostile: Vec<char> = text.chars().filter(|letter| is_hostile(*letter) && *letter != '\n').collect();
        assert!(hostile.is_empty(), "{}: {hostile:?}", path.display());
        found += usize::from(text.contains("HYPERLINK") && text.contains("\\u{202e}"));
    }
    assert_eq!(found, 2, "the text is there, as escapes");
    // Where the exact bytes are wanted, they are given, for a reason.
    assert!(house.opened("acme-nx01", 0).out.contains(text));
}
