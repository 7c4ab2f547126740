//! No secret in any output, log, table or file; the same scanner finds a harmless marker in each of those places.

#![cfg(test)]

use crate::house::{House, files};

pub(crate) fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex = hex::encode(secret);
    let url = secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let json = serde_json::to_string(secret).unwrap();
    vec![
        secret.into(),
        hex.to_uppercase().into(),
        hex.into(),
        url.into(),
        json.trim_matches('"').into(),
        base64(secret),
    ]
}

/// Base 64 without the last characters, which depend on what follows.
fn base64(secret: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for three in secret.as_bytes().chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        text.extend([18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize]));
    }
    text
}

pub(crate) fn holds(place: &[u8], needle: &[u8]) -> bool {
    place.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_secret_is_anywhere_but_where_it_belongs() {
    let house = House::example();
    let recovery = crate::key::with_recovery(&house);
    house.onboard();
    // Secrets that somebody typed into an appliance, and a marker beside them that may be seen.
    let typed = ["canary-Kr8zQpTw3v", "canary-Xo2mLsEa9d", "canary-Bf6yHnUc4j"];
    for line in [
        format!("snmp-server community {} ro", typed[0]),
        format!("snmp-server user canary v3 auth sha {}", typed[1]),
        // No rule knows this line; a word in it is enough.
        format!("banner login the-old-password-was {}", typed[2]),
        "logging 10.99.88.77".to_owned(),
    ] {
        house.hoshu(&["lab", "change", "acme-nx01", &line]).expect(0);
    }
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    house.break_unit("acme-ax01", "wrong-password");
    house.break_unit("acme-fx01", "snmp-silent");
    house.edit("hoshu.yaml", "snmp_s: 5", "snmp_s: 1");
    for words in [
        &["poll", "--on", "customer=acme"][..],
        &["poll", "--on", "customer=acme", "--json"],
        &["poll", "--on", "customer=minato"],
        &["ask", "--on", "customer=acme", "show running-config"],
        &["ask", "--on", "customer=acme", "show running-config", "--json"],
        &["ask", "--on", "acme-nx01", "--on", "furumachi-nx01", "show running-config"],
        &["backup", "take", "--on", "customer=acme"],
        &["backup", "take", "--on", "customer=acme", "--json"],
        &["backup", "show", "acme-nx01"],
        &["backup", "show", "acme-nx01", "--json"],
        &["backup", "prove", "--on", "customer=acme"],
        &["backup", "prove", "--on", "customer=acme", "--json"],
        &["backup", "diff", "acme-nx01"],
        &["backup", "diff", "acme-nx01", "--side-by-side", "--json"],
        &["backup", "verify", "--on", "acme-nx01", "--json"],
        &["backup", "export", "acme-nx01", "--to", "data/redacted", "--unreviewed", "--json"],
        &["backup", "export", "--on", "customer=acme", "--git", "data/git", "--unreviewed"],
        &["backup", "list", "--json"],
        &["key", "status"],
        &["key", "status", "--json"],
        &["key", "rotate", "--customer", "acme"],
        &["key", "rotate", "--customer", "all", "--json"],
        &["key", "export", "--customer", "acme", "--to", "data/exported"],
        &["key", "destroy", "--customer", "sora", "--reason", "ended", "--yes", "sora", "--json"],
        &["key", "rewrap", "--json"],
        &["key", "recover", "--identity", "recovery1"],
        &["key", "recover", "--identity", "recovery1", "--json"],
        &["appliance", "list", "--json"],
        &["appliance", "show", "acme-nx01"],
        &["appliance", "show", "acme-nx01", "--json"],
        &["finding", "list", "--json"],
        &["hostkey", "list", "--json"],
        &["credential", "list"],
        &["credential", "list", "--json"],
        &["audit", "list", "--most", "1000", "--json"],
        &["check", "--json"],
    ] {
        if words[1] == "recover" {
            std::fs::rename(house.path("keys/root.key"), house.path(&format!("old{}", words.len()))).unwrap();
        }
        let output = house.command(words).env("HOSHU_LOG", "trace").env("RUST_LOG", "trace").output().unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 4)), "{words:?} {code:?} {}", String::from_utf8_lossy(&output.stderr));
        places.push((format!("{words:?} data"), output.stdout));
        places.push((format!("{words:?} talk"), output.stderr));
    }
    for (path, bytes) in files(&house.path("data")) {
        places.push((path.display().to_string(), bytes));
    }

    let mut secrets: Vec<String> = typed.iter().map(|secret| (*secret).to_owned()).collect();
    for name in ["acme-operator", "acme-admin", "acme-snmp", "acme-snmp-privacy", "minato-community"] {
        secrets.push(std::fs::read_to_string(house.path("lab/secrets").join(name)).unwrap().trim().to_owned());
    }
    let roots = [house.path("keys/root.key"), house.path("old4"), house.path("old5")];
    for identity in roots.iter().chain(&recovery) {
        let text = std::fs::read_to_string(identity).unwrap();
        secrets.push(text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned());
    }
    // The private halves and content keys of customers are clear nowhere but in memory.
    let keys = crate::key::secrets(&house.path("data/hoshu.db"), &house.path("keys/root.key"));
    assert!(keys.len() > 20, "{}", keys.len());
    secrets.extend(keys);
    for secret in &secrets {
        assert!(secret.len() >= 8, "a secret of {} characters proves nothing", secret.len());
        for form in forms(secret) {
            let found: Vec<_> = places.iter().filter(|(_, bytes)| holds(bytes, &form)).map(|(name, _)| name).collect();
            assert!(found.is_empty(), "a secret stands in {found:?}");
        }
    }
    // The scanner is not blind: what may be seen is found where it belongs.
    let sees = |name: &str, needle: &str| {
        places.iter().any(|(at, bytes)| at.contains(name) && holds(bytes, needle.as_bytes()))
    };
    assert!(sees("\"show\", \"acme-nx01\"] data", "10.99.88.77"));
    assert!(sees("\"show\", \"acme-nx01\"] data", "‹masked"));
    assert!(sees("\"ask\"", "10.99.88.77"));
    assert!(sees("hoshu.db", "acme-nx01"));
    assert!(sees("\"audit\", \"list\"", "backup-taken"));
    assert!(sees("\"diff\"", "acme-nx01"));
}

#[test]
fn what_the_process_shows_of_itself_holds_no_secret() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["lab", "hold", "acme-nx01", "show version"]).expect(0);
    let mut child = house.command(&["poll", "--on", "acme-nx01"]).spawn().unwrap();
    crate::cli::until(|| house.unit("acme-nx01")["waiting"] == 1);
    let proc = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    let secret = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap();
    for name in ["cmdline", "environ"] {
        let bytes = std::fs::read(proc.join(name)).unwrap();
        assert!(!holds(&bytes, secret.trim().as_bytes()), "{name}");
    }
    let limits = std::fs::read_to_string(proc.join("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    child.wait().unwrap();
}
