//! SNMP: against a real agent of net-snmp, against agents that lie, and through a poll of the simulated fleet.

#![cfg(test)]

pub(crate) mod liar;
mod snmpd;

use std::time::Duration;

use hoshu::access::{Access, AccessLimits, LabTable, Router, SnmpError, SshAccess};
use hoshu::model::inventory::{Algorithms, Channel, Gateway, GatewayAccess, Hop, HopKind, ProbeState, Seat};
use hoshu::model::reading::Condition;
use hoshu::model::series::Series;
use hoshu::model::snmp::{Oid, SnmpAuth, SnmpLogin, SnmpObject, SnmpPrivacy, SnmpValue};
use hoshu::model::time::Time;
use hoshu::readout::{Context, Definitions};
use liar::{Asked, Liar, number, text};
use snmpd::Snmpd;

use crate::access::world::{alone, gateway, limits, seat};

/// The way to one agent.
struct Way {
    access: SshAccess,
    seat: Seat,
    gateway: Gateway,
}

impl Way {
    fn new(port: u16, within: Duration) -> Self {
        let seat = seat(Algorithms::Modern, Channel::Shell);
        let table = format!("{{\"v\":1,\"ports\":{{}},\"snmp\":{{\"{}\":{port}}}}}", seat.name);
        let router = Router::Lab(LabTable::parse(&table).unwrap());
        let access = SshAccess::new(router, AccessLimits { snmp: within, ..limits() });
        Self { access, seat, gateway: gateway() }
    }

    async fn walk(&self, login: &SnmpLogin, roots: &[Oid]) -> Result<Vec<SnmpObject>, SnmpError> {
        let peer = hoshu::access::Peer { seat: &self.seat, gateway: &self.gateway, behind: None };
        self.access.objects(peer, login, roots).await
    }
}

fn walk(port: u16, login: SnmpLogin, within: Duration) -> Result<Vec<SnmpObject>, SnmpError> {
    alone(async move { Way::new(port, within).walk(&login, &vendor()).await })
}

fn vendor() -> Vec<Oid> {
    vec!["1.3.6.1.4.1.25597".parse().unwrap()]
}

fn community(text: &str) -> SnmpLogin {
    SnmpLogin::Community(text.into())
}

fn user(name: &str, auth: SnmpAuth, passphrase: &str, privacy: Option<(SnmpPrivacy, &str)>) -> SnmpLogin {
    let privacy = privacy.map(|(way, secret)| (way, secret.into()));
    SnmpLogin::User { name: name.to_owned(), auth, passphrase: passphrase.into(), privacy }
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_secs(1);
const AUTH: &str = "auth-passphrase";
const PRIV: &str = "priv-passphrase";

#[test]
fn a_real_agent_gives_every_object_by_each_version_and_way() {
    if !snmpd::is_here() {
        return;
    }
    let mut expected = snmpd::objects();
    expected.retain(|object| object.oid.below(&vendor()[0]).is_some());
    let snmpd = Snmpd::start(&expected);
    let aes = Some((SnmpPrivacy::Aes128, PRIV));
    let ways = [
        community("c0mmun1ty"),
        user("sha1user", SnmpAuth::Sha1, AUTH, aes),
        user("sha2user", SnmpAuth::Sha256, AUTH, aes),
        user("sha5user", SnmpAuth::Sha512, AUTH, Some((SnmpPrivacy::Aes256, PRIV))),
        user("signer", SnmpAuth::Sha256, AUTH, None),
    ];
    for login in ways {
        let shown = format!("{login:?}");
        let found = walk(snmpd.port, login, LONG).unwrap_or_else(|error| panic!("{shown}: {error}: {}", snmpd.log()));
        assert_eq!(found, expected, "{shown}");
        assert!(!shown.contains(AUTH) && !shown.contains("c0mmun1ty"), "{shown}");
    }
}

#[test]
fn what_a_real_agent_refuses_is_told_apart() {
    if !snmpd::is_here() {
        return;
    }
    let snmpd = Snmpd::start(&snmpd::objects());
    let aes = |secret| Some((SnmpPrivacy::Aes128, secret));
    let cases = [
        (community("another"), "no answer in time"),
        (user("nobody", SnmpAuth::Sha1, AUTH, aes(PRIV)), "refused: unknown user"),
        (
            user("sha1user", SnmpAuth::Sha1, "wrong-passphrase", aes(PRIV)),
            "refused: wrong passphrase or other way of authentication",
        ),
        (
            user("sha1user", SnmpAuth::Sha256, AUTH, aes(PRIV)),
            "refused: wrong passphrase or other way of authentication",
        ),
        // Decrypted with another key a question is noise, to which this agent says nothing.
        (user("sha1user", SnmpAuth::Sha1, AUTH, aes("wrong-passphrase")), "no answer in time"),
        (user("signer", SnmpAuth::Sha256, AUTH, aes(PRIV)), "refused: the user is not set up for this"),
        (user("sha1user", SnmpAuth::Sha1, AUTH, None), "refused: this user or community may not read the objects"),
    ];
    for (login, expected) in cases {
        let shown = format!("{login:?}");
        let found = walk(snmpd.port, login, SHORT).expect_err(&shown).to_string();
        assert_eq!(found, expected, "{shown}");
    }
}

#[test]
fn what_a_real_agent_gives_is_read_as_the_command_line_is() {
    if !snmpd::is_here() {
        return;
    }
    let snmpd = Snmpd::start(&snmpd::objects());
    let objects = walk(snmpd.port, community("c0mmun1ty"), LONG).unwrap();
    let definitions = Definitions::embedded().unwrap();
    let context = Context { now: Time::from_ms(1_795_500_000_000), clock: None, series: Series::Nx, release: None };
    let readout = definitions.read_snmp(&objects, false, &context);
    let bad: Vec<_> = readout.readings.iter().filter(|reading| !reading.condition.is_good()).collect();
    let names: Vec<String> = readout.readings.iter().map(|reading| reading.component.for_terminal()).collect();
    for name in ["disk 0", "disk 1", "fan 5", "psu 2", "raid", "temperature value", "licence CONTENT_UPDATES"] {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    // Without the clock of a session no age is known.
    let unread: Vec<_> = bad.iter().map(|one| (one.component.for_terminal(), one.condition)).collect();
    assert_eq!(unread, [("content".to_owned(), Condition::Missing)]);
    assert!(readout.identity.serial.is_some_and(|serial| !serial.is_empty()));
}

/// What a walk of an agent that lies ends with.
fn lied(within: Duration, says: impl FnMut(&Asked) -> Vec<(bool, Vec<u8>)> + Send + 'static) -> String {
    let liar = Liar::start(says);
    match walk(liar.port, community("c0mmun1ty"), within) {
        Ok(objects) => format!("{} objects", objects.len()),
        Err(error) => error.to_string(),
    }
}

/// So many objects behind what was asked for.
fn more(asked: &Asked, count: usize, value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    asked.next(count).into_iter().map(|oid| (oid, value.to_vec())).collect()
}

fn own(bytes: Vec<u8>) -> Vec<(bool, Vec<u8>)> {
    vec![(true, bytes)]
}

/// What ends a walk: the place behind the tree.
fn end(asked: &Asked) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(asked.oid.clone(), vec![0x82, 0])]
}

#[test]
fn an_agent_of_own_making_is_understood_when_it_does_not_lie() {
    let found =
        lied(LONG, |asked| own(asked.answer(&if asked.turn == 0 { more(asked, 3, &number(1)) } else { end(asked) })));
    assert_eq!(found, "3 objects");
}

#[test]
fn a_walk_that_does_not_end_is_stopped_by_objects_by_bytes_and_by_time() {
    let endless = lied(LONG, |asked| own(asked.answer(&more(asked, 25, &number(1)))));
    assert_eq!(endless, "a walk is longer than 10000 objects");
    let long = text(&vec![b'x'; 20_000]);
    let heavy = lied(LONG, move |asked| own(asked.answer(&more(asked, 3, &long))));
    assert_eq!(heavy, "a walk is longer than 4194304 bytes");
    let slow = lied(SHORT, |asked| {
        liar::wait(100);
        // Each packet comes in time; all of them together do not.
        own(asked.answer(&if asked.turn < 30 { more(asked, 1, &number(1)) } else { end(asked) }))
    });
    assert_eq!(slow, "no answer in time");
}

#[test]
fn a_walk_that_does_not_go_forward_ends() {
    let same = lied(LONG, |asked| {
        let mut first = more(asked, 1, &number(1));
        first.extend(first.clone());
        own(asked.answer(&first))
    });
    assert_eq!(same, "the walk does not go forward");
    let back = lied(LONG, |asked| {
        let mut objects = more(asked, 9, &number(1));
        objects.reverse();
        own(asked.answer(&objects))
    });
    assert_eq!(back, "the walk does not go forward");
    let circle = lied(LONG, |asked| own(asked.answer(&vec![(asked.oid.clone(), number(1)); 1])));
    assert_eq!(circle, "the walk does not go forward");
}

#[test]
fn only_the_agent_that_was_asked_answers_and_only_in_time() {
    let spoofed = lied(SHORT, |asked| vec![(false, asked.answer(&more(asked, 3, &number(1))))]);
    assert_eq!(spoofed, "no answer in time");
    let both = lied(LONG, |asked| {
        let right = asked.answer(&if asked.turn == 0 { more(asked, 1, &number(1)) } else { end(asked) });
        vec![(false, asked.answer(&more(asked, 20, &number(2)))), (true, right)]
    });
    assert_eq!(both, "1 objects");
    let other_id = lied(SHORT, |asked| own(Asked::answer_as(b"c0mmun1ty", &[1], 0, &more(asked, 1, &number(1)))));
    assert_eq!(other_id, "no answer in time");
    let stranger = lied(SHORT, |asked| {
        let id = asked.id.clone();
        own(Asked::answer_as(b"other", &id, 0, &more(asked, 1, &number(1))))
    });
    assert_eq!(stranger, "no answer in time");
    let late = lied(SHORT, |asked| {
        liar::wait(1_200);
        own(asked.answer(&more(asked, 1, &number(1))))
    });
    assert_eq!(late, "no answer in time");
}

#[test]
fn what_is_cut_broken_or_none_of_it_gives_nothing() {
    let cut = lied(SHORT, |asked| {
        let mut bytes = asked.answer(&more(asked, 9, &number(1)));
        bytes.truncate(bytes.len() / 2);
        own(bytes)
    });
    assert_eq!(cut, "no answer in time");
    assert_eq!(lied(SHORT, |_| own(b"SSH-2.0-OpenSSH_8.7\r\n".to_vec())), "no answer in time");
    let flood = lied(SHORT, |_| vec![(true, vec![0x30; 1_400]); 2_000]);
    assert_eq!(flood, "no answer in time");
    let error = |status| {
        lied(SHORT, move |asked| {
            let id = asked.id.clone();
            own(Asked::answer_as(b"c0mmun1ty", &id, status, &[]))
        })
    };
    assert_eq!(error(5), "SNMP protocol: the agent says that it has an error");
    assert_eq!(error(16), "refused: this user or community may not read the objects");
    assert_eq!(error(99), "SNMP protocol: the agent answers with an error status");
    let half = lied(SHORT, |asked| {
        let objects = more(asked, 5, &number(1));
        if asked.turn == 0 { own(asked.answer(&objects)) } else { Vec::new() }
    });
    assert_eq!(half, "no answer in time", "half a walk is none");
    assert_eq!(lied(SHORT, |asked| own(asked.answer(&end(asked)))), "0 objects");
}

#[test]
fn values_of_another_type_and_words_that_nobody_knows_are_never_well() {
    let object = |at: &str, value| SnmpObject { oid: format!("1.3.6.1.4.1.25597.{at}").parse().unwrap(), value };
    let words = |text: &str| SnmpValue::Text(text.into());
    let definitions = Definitions::embedded().unwrap();
    let (now, clock, series, release) = (Time::from_ms(0), None, Series::Nx, None);
    let context = Context { now, clock, series, release };
    for (at, value, name, expected) in [
        ("11.2.1.1.0", words("Good"), "raid", Condition::Good),
        ("11.2.1.1.0", words("Good\0"), "raid", Condition::Good),
        ("11.2.1.1.0", words("Tolerable"), "raid", Condition::Unrecognised),
        ("11.2.1.1.0", SnmpValue::Integer(1), "raid", Condition::Unrecognised),
        ("11.2.1.1.0", SnmpValue::Other("ipaddress".to_owned()), "raid", Condition::Unrecognised),
        ("11.1.1.4.0", words("32"), "temperature value", Condition::Malformed),
        ("11.1.1.4.0", SnmpValue::Integer(90), "temperature value", Condition::Warning),
        ("11.1.1.4.0", SnmpValue::Unsigned(u64::MAX), "temperature value", Condition::Malformed),
        ("11.5.1.10.0", SnmpValue::Integer(1), "licence FIREEYE_APPLIANCE", Condition::Good),
        ("11.5.1.10.0", SnmpValue::Integer(2), "licence FIREEYE_APPLIANCE", Condition::Bad),
        ("11.5.1.10.0", SnmpValue::Integer(0), "licence FIREEYE_APPLIANCE", Condition::Bad),
        ("11.5.1.10.0", SnmpValue::Integer(3), "licence FIREEYE_APPLIANCE", Condition::Unrecognised),
        ("11.5.1.10.0", words("1"), "licence FIREEYE_APPLIANCE", Condition::Unrecognised),
        ("11.5.1.16.1.5.7", words("400"), "licence", Condition::Malformed),
        ("11.2.1.3.1.3.1", words("Online"), "disk", Condition::Malformed),
    ] {
        let readout = definitions.read_snmp(&[object(at, value.clone())], false, &context);
        let found = readout.readings.iter().find(|reading| reading.component.for_terminal() == name);
        let found = found.unwrap_or_else(|| panic!("{at} {value:?}: {:?}", readout.readings));
        assert_eq!(found.condition, expected, "{at} {value:?}: {found:?}");
    }
    // Rows are told apart by the whole of their number, and a hostile name is one name.
    let disk = |row: &str, name: &str| {
        [object(&format!("11.2.1.3.1.2.{row}"), words(name)), object(&format!("11.2.1.3.1.3.{row}"), words("Online"))]
    };
    let objects = [disk("1.1", "0\n3"), disk("1.2", "1")].concat();
    let readings = definitions.read_snmp(&objects, false, &context).readings;
    let names: Vec<String> = readings.iter().map(|reading| reading.component.for_terminal()).collect();
    assert_eq!(names, ["disk 0\\u{a}3", "disk 1"]);
    assert!(definitions.read_snmp(&objects, true, &context).readings.is_empty(), "a virtual machine has no hardware");
    let many: Vec<SnmpObject> = (1..5_000).flat_map(|row| disk(&row.to_string(), &row.to_string())).collect();
    assert_eq!(definitions.read_snmp(&many, false, &context).readings.len(), hoshu::model::limits::READINGS_MAX);
}

#[test]
fn where_datagrams_have_no_way_nothing_is_sent() {
    type Change = fn(&mut Gateway);
    let hop = |kind| Hop {
        kind,
        host: "192.0.2.9".to_owned(),
        port: Some(1080),
        credential: None,
        questions: Vec::new(),
        menu: None,
    };
    let cases: [(Change, HopKind, &str); 5] = [
        (|_| (), HopKind::Socks5, "not available: SNMP does not go through a hop of kind socks5 (gateway direct)"),
        (
            |_| (),
            HopKind::SshForward,
            "not available: SNMP does not go through a hop of kind ssh-forward (gateway direct)",
        ),
        (
            |gateway| gateway.probes.snmp = ProbeState::Blocked,
            HopKind::Vpn,
            "not available: SNMP is declared as blocked behind gateway direct",
        ),
        (
            |gateway| gateway.probes.snmp = ProbeState::None,
            HopKind::Vpn,
            "not available: SNMP is declared as not offered behind gateway direct",
        ),
        (|gateway| gateway.access = GatewayAccess::Attended, HopKind::Vpn, "not available: gateway direct is attended"),
    ];
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let liar = Liar::start(move |one| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        own(one.answer(&end(one)))
    });
    for (change, kind, expected) in cases {
        let mut way = Way::new(liar.port, LONG);
        way.gateway.hops.push(hop(kind));
        change(&mut way.gateway);
        let login = community("c0mmun1ty");
        let told = alone(async move { way.walk(&login, &vendor()).await }).expect_err(expected).to_string();
        assert_eq!(told, expected);
    }
    // In live no loopback is asked, and a seat without an address is not.
    let mut way = Way::new(liar.port, LONG);
    way.access = SshAccess::new(Router::Live, limits());
    way.seat.address = Some("127.0.0.1".parse().unwrap());
    let login = community("c0mmun1ty");
    let told = alone(async move { way.walk(&login, &vendor()).await }).expect_err("loopback").to_string();
    assert!(told.starts_with("not available: 127.0.0.1 is this host itself"), "{told}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);
    let way = Way::new(liar.port, LONG);
    let login = community("c0mmun1ty");
    assert_eq!(alone(async move { way.walk(&login, &vendor()).await }), Ok(Vec::new()));
}

mod fleet {
    //! Through a poll of the simulated fleet, as a person asks for it.

    use serde_json::Value;

    use crate::house::House;

    fn poll(house: &House, seat: &str, code: i32) -> Value {
        let polled = house.hoshu(&["poll", "--on", seat, "--json"]).expect(code).json();
        House::seat(&polled, seat).clone()
    }

    /// The readings of a kind: name, condition, words.
    fn of(seat: &Value, kind: &str) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let readings = seat["readings"].as_array().unwrap().iter();
        let of_kind = readings.filter(|reading| reading["component"]["kind"] == kind);
        of_kind.map(|one| (text(&one["component"]["name"]), text(&one["condition"]), text(&one["said"]))).collect()
    }

    fn line(name: &str, condition: &str, said: &str) -> (String, String, String) {
        (name.to_owned(), condition.to_owned(), said.to_owned())
    }

    /// The findings of channels: name and state.
    fn findings(house: &House) -> Vec<(String, String)> {
        let listed = house.hoshu(&["finding", "list", "--json"]).expect(0).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let all = listed["findings"].as_array().unwrap().iter();
        let of_channel = all.filter(|one| one["component"]["kind"] == "channel");
        of_channel.map(|one| (text(&one["component"]["name"]), text(&one["state"]))).collect()
    }

    #[test]
    fn two_channels_agree_on_a_well_fleet_and_on_what_is_broken() {
        let house = House::example();
        house.onboard();
        for seat in ["acme-nx01", "minato-nx01", "momiji-cm01", "acme-ex01"] {
            let found = poll(&house, seat, 0);
            assert_eq!(of(&found, "channel"), [line("snmp", "good", "answers")], "{seat}");
        }
        assert!(of(&poll(&house, "chidori-ex01", 0), "channel").is_empty(), "nobody asks where nothing is declared");
        for fault in ["disk-failed", "fan-failed", "psu-failed", "licence-expired"] {
            house.break_unit("acme-nx01", fault);
        }
        let broken = poll(&house, "acme-nx01", 4);
        assert_eq!(of(&broken, "channel"), [line("snmp", "good", "answers")]);
        assert!(of(&broken, "disk").contains(&line("3", "bad", "Failed")));
        let queues = of(&poll(&house, "acme-ex01", 0), "mail-queue");
        assert_eq!(queues.len(), 7, "{queues:?}");
        assert_eq!(of(&poll(&house, "momiji-cm01", 0), "managed").len(), 4);
    }

    #[test]
    fn a_disagreement_is_noted_then_a_finding_and_never_of_the_disk() {
        let house = House::example();
        house.onboard();
        house.edit("hoshu.yaml", "credentials:", "findings: {channel: {hard_after: 1s}}\ncredentials:");
        house.break_unit("acme-nx01", "snmp-disagrees");
        let first = poll(&house, "acme-nx01", 4);
        let said = "channels disagree: SSH says good (Online), SNMP says bad (state Failed, healthy no)";
        let told = of(&first, "channel");
        assert!(told.contains(&line("snmp disk 3", "warning", said)), "{told:?}");
        assert!(of(&first, "disk").contains(&line("3", "good", "Online")));
        assert_eq!(first["last_gasp"], Value::Null, "the hardware is not known to fail");
        let both = |state: &str| ["snmp disk 3", "snmp raid"].map(|name| (name.to_owned(), state.to_owned()));
        assert_eq!(findings(&house), both("soft"));
        std::thread::park_timeout(std::time::Duration::from_millis(1100));
        poll(&house, "acme-nx01", 4);
        assert_eq!(findings(&house), both("hard"));
        house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
        poll(&house, "acme-nx01", 4);
        let mended = poll(&house, "acme-nx01", 0);
        assert!(of(&mended, "channel").contains(&line("snmp disk 3", "good", "no disagreement")));
        assert!(findings(&house).is_empty());
    }

    #[test]
    fn an_agent_that_is_silent_is_a_finding_of_the_channel_alone() {
        let house = House::example();
        house.onboard();
        house.edit("hoshu.yaml", "snmp_s: 5", "snmp_s: 1");
        poll(&house, "acme-ex01", 0);
        house.break_unit("acme-ex01", "snmp-silent");
        let silent = poll(&house, "acme-ex01", 4);
        assert_eq!(of(&silent, "channel"), [line("snmp", "bad", "no answer in time")]);
        assert!(of(&silent, "mail-queue").is_empty(), "silence is no reading of what nobody else speaks of");
        let well = |one: &Value| ["good", "disabled", "learning"].iter().any(|word| one["condition"] == *word);
        let mut other = silent["readings"].as_array().unwrap().iter();
        let bad = other.find(|one| one["component"]["kind"] != "channel" && !well(one));
        assert_eq!(bad, None);
        assert_eq!(findings(&house), [("snmp".to_owned(), "soft".to_owned())]);
        house.hoshu(&["lab", "mend", "acme-ex01"]).expect(0);
        assert_eq!(of(&poll(&house, "acme-ex01", 4), "mail-queue").len(), 7);
        poll(&house, "acme-ex01", 0);
        assert!(findings(&house).is_empty());
    }

    #[test]
    fn where_ssh_is_silent_a_user_of_v3_is_asked_and_a_community_is_not_shown() {
        let house = House::example();
        house.onboard();
        for seat in ["acme-ax01", "minato-nx01"] {
            poll(&house, seat, 0);
            house.break_unit(seat, "refused");
        }
        house.break_unit("acme-ax01", "psu-failed");
        let told = of(&poll(&house, "acme-ax01", 4), "channel");
        assert!(told.contains(&line("snmp", "good", "answers; SSH does not")), "{told:?}");
        assert!(
            told.contains(&line(
                "snmp psu 2",
                "warning",
                "SNMP says bad (state Failed, healthy no); SSH did not answer"
            )),
            "{told:?}"
        );
        let shown = house.hoshu(&["poll", "--on", "acme-ax01"]).expect(4).out;
        assert!(shown.contains("refused") && shown.contains("channel snmp good: answers; SSH does not"), "{shown}");
        assert!(of(&poll(&house, "minato-nx01", 4), "channel").is_empty());
    }

    #[test]
    fn an_agent_of_another_appliance_says_nothing_that_counts() {
        let house = House::example();
        house.onboard();
        poll(&house, "momiji-nx01", 0);
        // The two answer at each other's ports.
        let text = std::fs::read_to_string(house.path("lab/ports.json")).unwrap();
        let mut table: Value = serde_json::from_str(&text).unwrap();
        let other = table["snmp"]["momiji-nx02"].clone();
        table["snmp"]["momiji-nx01"] = other;
        std::fs::write(house.path("lab/ports.json"), table.to_string()).unwrap();
        house.break_unit("momiji-nx02", "fan-failed");
        let told = of(&poll(&house, "momiji-nx01", 4), "channel");
        let said = "another appliance: expected FZ2003F6K3C, found FZ2003F6K4D";
        assert_eq!(told, [line("snmp", "bad", said)]);
    }

    #[test]
    fn a_community_is_the_secret_of_nothing_else() {
        let house = House::example();
        house.hoshu(&["check"]).expect(0);
        std::fs::copy(house.path("lab/secrets/minato-operator"), house.path("lab/secrets/minato-community")).unwrap();
        let refused = house.hoshu(&["check"]).expect(3).err;
        assert!(refused.contains("a community is no secret of anything else, and this is one"), "{refused}");
        std::fs::write(house.path("lab/secrets/minato-community"), "another\n").unwrap();
        std::fs::write(house.path("lab/secrets/acme-snmp-privacy"), "short\n").unwrap();
        let told = house.hoshu(&["check"]).expect(0).out;
        assert!(told.contains("acme/snmp: the secret in") && told.contains("is shorter than 8 characters"), "{told}");
        // Hoshu goes on without it.
        house.onboard();
        let found = of(&poll(&house, "acme-nx01", 4), "channel");
        assert!(matches!(&found[..], [(name, condition, _)] if name == "snmp" && condition == "missing"), "{found:?}");
    }

    #[test]
    fn what_is_not_declared_any_more_or_has_no_way_goes_to_rest() {
        let house = House::example();
        house.onboard();
        house.edit("hoshu.yaml", "snmp_s: 5", "snmp_s: 1");
        house.break_unit("acme-nx01", "snmp-silent");
        poll(&house, "acme-nx01", 4);
        let hop = "- {kind: socks5, host: proxy.acme.example, port: 1080}";
        let vpn = "- kind: vpn              # this host already has the VPN, so Hoshu connects as if directly\n        \
                   host: vpn-acme";
        house.edit("inventory/customers/acme.yaml", vpn, hop);
        let checked = house.hoshu(&["check"]).expect(0).out;
        assert!(checked.contains("snmp through a hop (4): SNMP is of datagrams"), "{checked}");
        house.edit("inventory/customers/acme.yaml", hop, vpn);
        house.edit("inventory/customers/acme.yaml", "snmp: acme/snmp", "");
        let checked = house.hoshu(&["check"]).expect(0).out;
        assert!(checked.contains("snmp probes (1): no seat behind the gateway names a credential"), "{checked}");
        let rested = poll(&house, "acme-nx01", 4);
        let said = "SNMP is not declared for this seat";
        assert_eq!(of(&rested, "channel"), [line("snmp", "disabled", said)]);
        poll(&house, "acme-nx01", 0);
        assert!(findings(&house).is_empty());
    }
}
