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
        let peer = hoshu::access::Peer { seat: &self.seat, gateway: &self.gateway };
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
    assert_eq!(unread, [("content".to_owned(), Condition::Unrecognised)]);
    assert!(readout.identity.serial.is_some_and(|serial| !serial.is_empty()));
}
