//! Everything about one seat on one screen, without a word to an appliance.

#![cfg(test)]

use unicode_width::UnicodeWidthStr as _;

use crate::house::House;

/// How wide the text before a word is on a terminal.
fn column(line: &str, word: &str) -> usize {
    line[..line.find(word).unwrap_or_else(|| panic!("no {word:?} in {line:?}"))].width()
}

#[test]
fn a_card_has_everything_and_asks_nobody() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(0);
    house.break_unit("acme-nx01", "disk-failed");
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(4);
    let sessions = house.unit("acme-nx01")["sessions_ever"].clone();

    let card = house.hoshu(&["card", "acme-nx01"]).expect(0);
    assert_eq!(card.err, "");
    for text in [
        "acme-nx01 (nx01), nx NX4500",
        "acme アクメ物産株式会社",
        "東京本社データセンター (Asia/Tokyo)",
        "24時間入館可",
        "tokyo-vpn (unattended, vpn vpn-acme) to 192.168.1.10:22",
        "serial FZ1701A3K7Q, Web MPS NX4500",
        "accepted ssh-ed25519 SHA256:",
        "answered, ",
        " bad\n",
        "disk",
        "M-2024-0117 24x7 4h, 東都ネットワークシステムズ",
        "night: 土 from 25:00, 240 min",
        "acme/operator, from a file",
        "acme/admin, from a file",
        "停止すると本社の",
        "support: hardware NX4500",
        "佐藤 一郎",
        "not yet served: icmp probes",
    ] {
        assert!(card.out.contains(text), "{text:?} is not on the card:\n{}", card.out);
    }
    assert!(card.out.lines().any(|line| line.starts_with("finding") && line.contains("disk")), "{}", card.out);
    assert!(card.out.lines().any(|line| line.starts_with("backup") && line.contains("taken, of ")), "{}", card.out);
    assert!(card.out.lines().count() <= 40, "a card is one screen:\n{}", card.out);
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], sessions, "a card asks no appliance");

    let secret = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap();
    let json = house.hoshu(&["card", "acme-nx01", "--json"]).expect(0);
    for text in [&card.out, &json.out] {
        assert!(!text.contains(secret.trim()), "credentials are shown by reference");
    }
    let json = json.json();
    assert_eq!((&json["v"], &json["asset"]["serial"]), (&1.into(), &"FZ1701A3K7Q".into()));
    assert_eq!(json["backups"].as_array().unwrap().len(), 1);
    assert_eq!(json["credentials"][0]["name"], "acme/operator");
}

#[test]
fn japanese_takes_two_places_in_a_column() {
    let card = House::example().hoshu(&["card", "acme-nx01"]).expect(0).out;
    let line = |word: &str| card.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("{card}"));
    let (head, long, short) = (line("CONTACT"), line("アクメ物産 監視室"), line("佐藤 一郎"));
    assert_eq!(column(head, "ROLES"), column(long, "emergency"), "{card}");
    assert_eq!(column(long, "emergency"), column(short, "technical"), "{card}");
    assert_eq!(column(long, "24時間"), column(short, "平日"), "{card}");
}

#[test]
fn what_nobody_knows_is_said() {
    let house = House::example();
    let card = house.hoshu(&["card", "sora-nx01", "--all"]).expect(0).out;
    for text in [
        "not met yet",
        "nothing was read yet",
        "never",
        "not tried: not yet served",
        "way in air-gapped: no answers can be carried in",
    ] {
        assert!(card.contains(text), "{text:?}: {card}");
    }
    let attended = house.hoshu(&["card", "ginga-nx01"]).expect(0).out;
    assert!(attended.contains("a person opens it: hoshu session open ginga/center-otp"), "{attended}");
    let refused = house.hoshu(&["card", "acme-nx0l"]).expect(2).err;
    assert!(refused.contains("did you mean \"acme-nx01\""), "{refused}");
    // What is announced for others is no notice here; a power cut of the customer is one.
    let cut = house.hoshu(&["card", "minato-nx02"]).expect(0).out;
    assert!(cut.contains("work: minato-power-2026") && !card.contains("minato-power"), "{cut}");
}

/// An appliance whose traffic passes uninspected is never among the good.
#[test]
fn an_unprotected_unit_is_the_first_notice() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "bypass");
    house.hoshu(&["poll", "--on", "acme-nx01", "--all"]).expect(4);
    let card = house.hoshu(&["card", "acme-nx01"]).expect(0).out;
    let notices: Vec<&str> = card.lines().filter(|line| line.starts_with("notice")).collect();
    assert!(notices[0].contains("protection: port-pair") && notices[0].contains("uninspected"), "{card}");
    assert!(card.contains("unprotected"), "{card}");
}
