//! Text from a hostile appliance through every sink of the command line: nothing that a terminal or a log obeys
//! comes out.

#![cfg(test)]

use std::collections::BTreeMap;

use hoshu::model::outside::is_hostile;

use crate::access::server::Appliance;
use crate::house::House;
use crate::login::{Pty, obeyed};

/// ESC with CSI, OSC 52 and OSC 8, C1, carriage return and backspace, bidirectional and invisible characters, a forged
/// line of a log, and what other places than a terminal would obey.
pub(crate) const CORPUS: &str = "\u{1b}[2J\u{1b}]52;c;QUJD\u{7}\u{1b}]8;;http://x\u{1b}\\\u{9b}31m\u{8}\u{202e}txt\u{2066}\u{200b}\u{feff}=HYPERLINK(1)<script>{{x}}%s$(id)`id`";

/// What of it can be part of a serial as well: no damage, and still nothing to obey.
const PRINTABLE: &str = "=HYPERLINK(1)<script>{{x}}%s$(id)`id`";

/// The answers of an appliance that puts `text` into what it says of itself, and the corpus into all else.
fn answers(text: &str) -> BTreeMap<&'static str, String> {
    let version = format!(
        "Product name:      Web MPS [licensed]\r\nProduct model:     FireEyeNX2500{text}\r\nProduct release:   wMPS (wMPS) \
         9.1.0.924861\r\nAppliance ID:      {text}\r\nSystem serial num: FZ{text}\r\n"
    );
    let hardware =
        format!("System hardware status summary:\r\n    Temperature:      {CORPUS}\r\n    {CORPUS}: Good\r\n");
    let health = format!("Health Status:\r\n\r\n    Service:        : {CORPUS}\r\n    Health Status:  : {CORPUS}\r\n");
    let licence = format!("License 1: LK2-X\r\n   Feature:          {CORPUS}\r\n   Valid:            {CORPUS}\r\n");
    let config = format!(
        "##\r\n## Running database (file \"initial\" is currently active)\r\n## Generated at 2026/11/24 02:00:00 +0000\r\n\
         ## Software version: wmps wMPS (wMPS) 9.1.0.924861 {CORPUS}\r\n## Last config change ID: 7\r\n## Hostname: nx01\r\n\
         ##\r\n\r\n##\r\n## {CORPUS}\r\n##\r\nbanner login {CORPUS}\r\n"
    );
    BTreeMap::from([
        ("show version", version),
        ("show system hardware status", hardware),
        ("show health all", health),
        ("show licenses", licence),
        ("show running-config", config),
    ])
}

/// What a text would make somebody obey who reads it as a file.
fn hostile(text: &str) -> Option<char> {
    text.chars().find(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\r' | '\t'))
}

/// The transcripts of all sessions, played again.
fn no_session_obeys(house: &House) {
    let listed = house.hoshu(&["session", "list", "--json"]).expect(0).json();
    let mut shown = 0;
    for one in listed["sessions"].as_array().unwrap() {
        let id = one["id"].as_str().unwrap();
        for more in [&["--plain"][..], &["--json"], &["--speed", "1000"]] {
            let words = [&["session", "replay", id], more].concat();
            let text = house.hoshu(&words).out;
            assert_eq!(hostile(&text), None, "{words:?}: {text:?}");
            shown += usize::from(text.contains("HYPERLINK"));
        }
        let (_, text) = Pty::start(house, &["session", "replay", id, "--speed", "1000"]).code();
        assert!(obeyed(&text).is_empty(), "{id} lets {:?} reach a terminal", obeyed(&text));
    }
    assert!(shown >= 4, "the corpus stands in {shown} transcripts only");
}

/// A redacted text that leaves, and the cells of a workbook.
fn no_file_obeys(house: &House) {
    let text = std::fs::read_to_string(house.path("one")).unwrap();
    assert_eq!(hostile(&text), None, "{text:?}");
    assert!(text.contains("HYPERLINK"), "{text}");
    let python = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); \
        sys.stdout.buffer.write(b''.join(z.read(n) for n in z.namelist() if n.endswith('.xml')))";
    let unpacked = std::process::Command::new("python3").args(["-c", python]).arg(house.path("licences.xlsx")).output();
    let xml = String::from_utf8(unpacked.unwrap().stdout).unwrap();
    assert!(xml.contains("HYPERLINK") && !xml.contains("<f>") && !xml.contains("<script>"), "{xml}");
    assert_eq!(hostile(&xml), None, "{xml}");
}

/// What is run, of every noun, against the two.
const NOUNS: &[&[&str]] = &[
    &["poll", "--on", "acme-nx01", "--all"],
    &["poll", "--on", "acme-nx01", "--all", "--json"],
    &["poll", "--on", "acme-ex01"],
    &["poll", "--on", "acme-ex01", "--json"],
    &["ask", "--on", "acme-nx01", "--on", "acme-ex01", "show licenses"],
    &["ask", "--on", "acme-nx01", "--on", "acme-ex01", "show licenses", "--json"],
    &["ask", "--on", "acme-nx01", "show running-config"],
    &["backup", "take", "--on", "acme-ex01"],
    &["backup", "take", "--on", "acme-ex01", "--json"],
    &["appliance", "show", "acme-ex01"],
    &["appliance", "show", "acme-ex01", "--json"],
    &["backup", "take", "--on", "acme-nx01"],
    &["backup", "take", "--on", "acme-nx01", "--json"],
    &["backup", "show", "acme-nx01"],
    &["backup", "show", "acme-nx01", "--json"],
    &["backup", "diff", "acme-nx01"],
    &["backup", "list"],
    &["finding", "list"],
    &["finding", "list", "--json"],
    &["appliance", "list"],
    &["appliance", "show", "acme-nx01"],
    &["appliance", "show", "acme-nx01", "--json"],
    &["card", "acme-nx01", "--all"],
    &["card", "acme-nx01", "--json"],
    &["card", "acme-ex01"],
    &["ledger", "serials"],
    &["ledger", "serials", "--json"],
    &["ledger", "licences", "--on", "customer=acme"],
    &["ledger", "licences", "--on", "customer=acme", "--to", "licences.csv"],
    &["ledger", "serials", "--to", "serials.csv"],
    &["ledger", "eol"],
    &["backup", "export", "acme-nx01", "--to", "one", "--unreviewed"],
    &["backup", "export", "--on", "acme-nx01", "--git", "git", "--unreviewed"],
    &["backup", "prove", "--on", "acme-nx01"],
    &["backup", "verify", "--on", "acme-nx01"],
    &["backup", "coverage", "--on", "customer=acme"],
    &["ledger", "licences", "--on", "customer=acme", "--to", "licences.xlsx"],
    &["hostkey", "list"],
    &["credential", "list"],
    &["session", "list"],
    &["session", "list", "--json"],
    &["check"],
    &["audit", "list", "--most", "1000"],
    &["audit", "list", "--json"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sink_obeys_an_appliance() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    let password = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap().trim().to_owned();
    let appliance = Appliance {
        password: password.leak(),
        prompt: "nx01",
        greeting: "\u{1b}]0;owned\u{7}welcome \u{202e}\r\n",
        banner: Some(CORPUS.to_owned()),
        answers: answers(PRINTABLE),
        ..Appliance::default()
    };
    // One is believed to be what it says, the other says what no appliance says of itself.
    let odd = Appliance { answers: answers(CORPUS), ..appliance.clone() };
    let (port, got) = appliance.serve().await;
    let (odd_port, odd_got) = odd.serve().await;
    let ports = house.path("lab/ports.json");
    let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&ports).unwrap()).unwrap();
    table["ports"]["acme-nx01"] = port.into();
    table["ports"]["acme-ex01"] = odd_port.into();
    std::fs::write(&ports, table.to_string()).unwrap();
    house.edit("inventory/customers/acme.yaml", "serial: FZ", "# FZ");
    house.edit("hoshu.yaml", "credentials:\n", "transcripts: {of: all}\ncredentials:\n");
    for seat in ["acme-nx01", "acme-ex01"] {
        house.hoshu(&["hostkey", "scan", "--on", seat]).expect(0);
        house.hoshu(&["hostkey", "accept", seat, "--route", "console"]).expect(0);
    }
    let (mut shown, mut drawn) = (0, 0);
    for words in NOUNS {
        let output = house.command(words).env("HOSHU_LOG", "trace").output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 4)), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            let found: Vec<char> =
                text.chars().filter(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\t')).collect();
            assert!(found.is_empty(), "{words:?} lets {found:?} through: {text}");
            shown += usize::from(text.contains("HYPERLINK"));
        }
        if words.contains(&"--to") {
            // What exists already is not written over.
            continue;
        }
        // The same on a terminal, where lines are drawn anew and colours are used.
        let (code, text) = Pty::start(&house, words).code();
        assert!(matches!(code, 0 | 4), "{words:?}: {text}");
        assert!(obeyed(&text).is_empty(), "{words:?} lets {:?} reach a terminal: {text:?}", obeyed(&text));
        drawn += usize::from(text.contains("HYPERLINK"));
    }
    assert!(drawn >= 12, "the corpus itself was drawn only {drawn} times");
    no_session_obeys(&house);
    no_file_obeys(&house);
    assert!(shown >= 12, "the corpus itself was shown only {shown} times: the test looks at nothing");
    for name in ["serials.csv", "licences.csv"] {
        let text = std::fs::read_to_string(house.path(name)).unwrap();
        let hostile = |letter: &char| is_hostile(*letter) && !matches!(letter, '\n' | '\r' | '\u{feff}');
        assert_eq!(text.chars().find(hostile), None, "{name}: {text}");
        assert!(text.contains("HYPERLINK") && text.matches('\u{feff}').count() == 1, "{name}: {text}");
        assert!(!text.contains(",=") && !text.contains("\n="), "{name} has a formula: {text}");
    }
    let polled = house.hoshu(&["poll", "--on", "acme-ex01", "--json"]).json();
    let odd = House::seat(&polled, "acme-ex01");
    assert_eq!(odd["outcome"], "not-understood", "{odd}");
    assert!(odd["reason"].as_str().unwrap().contains("HYPERLINK"), "{odd}");
    // What an appliance says never becomes a word of a command.
    for lines in [got.lines(), odd_got.lines()] {
        assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains("HYPERLINK")), "{lines:?}");
    }
}
