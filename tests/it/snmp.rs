//! SNMP: against a real agent of net-snmp, against agents that lie, and through a poll of the simulated fleet.

#![cfg(test)]

mod snmpd;

use std::time::Duration;

use hoshu::access::{Access, AccessLimits, LabTable, Router, SnmpError, SshAccess};
use hoshu::model::inventory::{Algorithms, Channel, Gateway, Seat};
use hoshu::model::reading::Condition;
use hoshu::model::snmp::{Oid, SnmpAuth, SnmpLogin, SnmpObject, SnmpPrivacy};
use hoshu::model::time::Time;
use hoshu::readout::{Context, Definitions};
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
    let context = Context {
        now: Time::from_ms(1_795_500_000_000),
        clock: None,
        series: hoshu::model::series::Series::Nx,
        release: None,
    };
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
        let well = |one: &Value| one["condition"] == "good" || one["condition"] == "disabled";
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
