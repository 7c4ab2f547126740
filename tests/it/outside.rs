//! Text from a hostile appliance through every sink of the command line: nothing that a terminal or a log obeys
//! comes out.

#![cfg(test)]

use std::collections::BTreeMap;

use hoshu::model::outside::is_hostile;

use crate::access::server::Appliance;
use crate::house::House;

/// ESC with CSI, OSC 52 and OSC 8, C1, carriage return and backspace, bidirectional and invisible characters, a forged
/// line of a log, and what other places than a terminal would obey.
const CORPUS: &str = "\u{1b}[2J\u{1b}]52;c;QUJD\u{7}\u{1b}]8;;http://x\u{1b}\\\u{9b}31m\u{8}\u{202e}txt\u{2066}\u{200b}\u{feff}=HYPERLINK(1)<script>{{x}}%s$(id)`id`";

fn answers() -> BTreeMap<&'static str, String> {
    let version = format!(
        "Product name:      Web MPS [licensed]\r\nProduct model:     FireEyeNX2500{CORPUS}\r\nProduct release:   wMPS (wMPS) \
         9.1.0.924861\r\nAppliance ID:      {CORPUS}\r\nSystem serial num: FZ{CORPUS}\r\n"
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
        answers: answers(),
        ..Appliance::default()
    };
    let (port, got) = appliance.serve().await;
    let ports = house.path("lab/ports.json");
    let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&ports).unwrap()).unwrap();
    table["ports"]["acme-nx01"] = port.into();
    std::fs::write(&ports, table.to_string()).unwrap();
    house.edit("inventory/customers/acme.yaml", "serial: FZ", "# FZ");
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    let mut shown = 0;
    for words in [
        &["poll", "--on", "acme-nx01", "--all"][..],
        &["poll", "--on", "acme-nx01", "--all", "--json"],
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
        &["audit", "list"],
        &["audit", "list", "--json"],
    ] {
        let output = house.command(words).env("HOSHU_LOG", "trace").output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 4)), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            let found: Vec<char> =
                text.chars().filter(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\t')).collect();
            assert!(found.is_empty(), "{words:?} lets {found:?} through: {text}");
            shown += usize::from(text.contains("HYPERLINK"));
        }
    }
    assert!(shown >= 6, "the corpus itself was shown only {shown} times: the test looks at nothing");
    // What an appliance says never becomes a word of a command.
    assert!(got.lines().iter().all(|line| !line.contains("HYPERLINK")), "{:?}", got.lines());
}
