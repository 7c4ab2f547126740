use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = "hostname serial number system appliance id name server servers configured address link up yes no uuid user role \
                 status good ether pether of product release build service health details healthy free space gb disk interface \
                 hw ip mask netmask host contact reference clock zone asia southeast time url support path config port nx web mps";
    words.split_whitespace().map(str::to_owned).collect()
});

fn scrub<'w>() -> Scrub<'w> {
    let mut scrub = Scrub::new(&WORDS, ["NX4500", "9.0.0.12"]);
    scrub.know(Kind::Host, "nx01");
    scrub.know(Kind::Customer, "acme");
    scrub.know_title(Kind::Customer, "アクメ物産株式会社");
    scrub.know_title(Kind::Customer, "Zebra Trading");
    scrub.know(Kind::User, "hoshu-read");
    scrub
}

fn shown(text: &str) -> String {
    let mut scrub = scrub();
    scrub.learn(text);
    scrubbed(&mut scrub, text).text.into_data()
}

fn scrubbed(scrub: &mut Scrub<'_>, text: &str) -> RedactedText {
    scrub.scrub(vec![RedactedText { text: text.into(), unreviewed: Vec::new() }]).pop().expect("one")
}

fn one(line: &str) -> String {
    shown(line).trim_end_matches('\n').to_owned()
}

#[test]
fn forms_are_replaced_and_layouts_stay() {
    for (line, expected) in [
        ("IP address: 10.9.8.7/24", "IP address: 198.18.0.2/24"),
        ("Netmask: 255.255.255.0", "Netmask: 255.255.255.0"),
        ("address 10.9.8.7:22 and 10.9.8.7", "address 198.18.0.2:22 word1 198.18.0.2"),
        ("ip 2001:db8:1::7%ether1", "ip 2001:db8::1"),
        ("HW address: 00:0C:29:5D:D7:28", "HW address: 02:00:00:00:00:01"),
        ("System serial number: FZ2211QA002", "System serial number: FZ000000001"),
        ("Contact: taro.yamada@acme.co.jp", "Contact: user1@host1.domain1.example"),
        ("Server: ntp1.acme.co.jp", "Server: host1.domain1.example"),
        ("Server: x.y.fireeye.com", "Server: host1.fireeye.com"),
        (
            "url https://taro@files.acme.jp:8443/config/tokyo",
            "url https://user1@host1.domain1.example:8443/config/word1",
        ),
        ("Contact: 03-1234-5678", "Contact: 00-0000-0001"),
        ("Time: 2025/12/15 08:52:18 zone: Asia/Tokyo", "Time: 2025/12/15 08:52:18 zone: Asia/Tokyo"),
        ("Build: build@vta114:FireEye/x", "Build: build@vta114:FireEye/x"),
        ("Product: NX4500 release 9.0.0.12", "Product: NX4500 release 9.0.0.12"),
        ("Free space 10240MB 211d ether1 pether10", "Free space 10240MB 211d ether1 pether10"),
        ("Name: nx01-acme", "Name: host1-customer1"),
        ("Name: NX01.acme", "Name: domain1.example"),
        ("User: hoshu-read", "User: user1"),
        ("Role: ACMEWIDE", "Role: customer1Word1"),
        ("名: アクメ物産株式会社です", "text1: customer1text2"),
        ("Name: Zebra Trading", "Name: customer1"),
        ("Name: Zebra Trading-zanzibar zanzibar", "Name: customer1-word1 word1"),
        ("Name: Zanzibar", "Name: Word1"),
        ("Name: ‹masked› 12", "Name: ‹masked› 12"),
        ("UUID: 123e4567-e89b-12d3-a456-426614174000", "UUID: 00000000-0000-4000-8000-000000000001"),
    ] {
        assert_eq!(one(line), expected, "{line}");
    }
}

#[test]
fn a_value_is_the_same_everywhere_and_columns_stay() {
    let text =
        "Appliance ID:  000C295DD728\nHW address:    00:0c:29:5d:d7:28   yes\nhost nx01   up\nhost zanzibar-9   up\n";
    assert_eq!(
        shown(text),
        "Appliance ID:  020000000001\nHW address:    02:00:00:00:00:01   yes\nhost host1  up\nhost word1-9      up\n"
    );
    // A counter of twelve digits stays, unless the digits are those of a MAC address.
    assert_eq!(one("Free space 123456789012"), "Free space 123456789012");
}

#[test]
fn an_encoded_value_masks_its_line() {
    let mut scrub = scrub();
    scrub.know(Kind::Host, "zanzibar");
    let found = scrubbed(&mut scrub, &format!("Name: no\nName: {}\n", hex::encode("Zanzibar")));
    assert!(!found.text.as_data().contains(&hex::encode("anzibar")), "{found:?}");
    // Hexadecimal digits that are digits alone pass as a number.
    scrub.know(Kind::Host, "gps4567");
    let found = scrubbed(&mut scrub, &format!("Free {}\n", hex::encode("gps4567")));
    assert_eq!((found.text.as_data(), &found.unreviewed[..]), ("‹masked›\n", &[0][..]));
}

#[test]
fn what_nobody_knows_is_told() {
    let mut scrub = scrub();
    let text = "Watchdog: yes\nName: Zanzibar zanzibar Zanzibar\n";
    drop(scrubbed(&mut scrub, text));
    let told: Vec<_> = scrub.unknown().iter().map(|(word, count)| (word.as_str(), *count)).collect();
    assert_eq!(told, [("Watchdog", 1), ("Zanzibar", 2), ("zanzibar", 1)]);
}

proptest! {
    #[test]
    fn no_identifier_survives_wherever_it_stands(before in "[ -~]{0,12}", after in "[ -~]{0,12}", which in 0_usize..7) {
        let canary = ["qx7zebrahost", "10.77.66.55", "FZ9988ZZZ99", "00:1b:44:11:3a:b7", "qz.wombat@zeb.example.org", "アクメ物産", "acme"][which];
        let mut scrub = scrub();
        scrub.know(Kind::Host, "qx7zebrahost");
        let line = format!("{before} {canary} {after}");
        scrub.learn(&line);
        let text = scrubbed(&mut scrub, &line);
        let there = line.contains(canary);
        prop_assert!(there && !text.text.as_data().to_lowercase().contains(&canary.to_lowercase()), "{line:?} {text:?}");
    }

    #[test]
    fn scrubbing_is_total(text in "(?s).{0,80}") {
        let mut scrub = scrub();
        scrub.learn(&text);
        let found = scrubbed(&mut scrub, &text);
        prop_assert_eq!(lines(found.text.as_data()).count(), lines(&text).count());
    }
}
