//! SNMP beside SSH: the second channel of a poll, asked with the detail tier where a seat declares it.

use std::collections::BTreeSet;

use crate::access::{Peer, SnmpError};
use crate::decide::channel::{self, First, Second, Spoke, Via};
use crate::engine::env::Env;
use crate::engine::fleet::Facts;
use crate::model::credential::CredentialName;
use crate::model::finding::Finding;
use crate::model::limits::READINGS_MAX;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition, Outcome, Reading, Span, Tier};
use crate::model::release::Release;
use crate::model::snmp::SnmpVersion;
use crate::readout::{ApplianceTime, Context};

/// What SSH told in the same poll.
#[derive(Debug, Clone)]
pub(super) struct Told<'a> {
    /// Its readings.
    pub readings: &'a [Reading],
    /// The kinds of component about which it was asked.
    pub asked: &'a BTreeSet<ComponentKind>,
    /// The appliance's clock.
    pub clock: Option<ApplianceTime>,
    /// Its release.
    pub release: Option<Release>,
}

/// How SSH ended, and what it told when it answered.
#[derive(Debug, Clone)]
pub(super) struct Beside<'a> {
    /// The tiers of the poll.
    pub tiers: &'a [Tier],
    /// How SSH ended.
    pub outcome: Outcome,
    /// The serial number that the hardware is known by.
    pub serial: Option<&'a Outside>,
    /// What it told; `None` when it did not answer.
    pub told: Option<Told<'a>>,
    /// What earlier polls saw.
    pub spans: &'a [Span],
    /// Findings that have not ended.
    pub findings: &'a [Finding],
}

impl Beside<'_> {
    /// The components of open spans and findings.
    pub(super) fn before(&self) -> Vec<&Component> {
        let spans = self.spans.iter().map(|span| &span.component);
        let findings = self.findings.iter().map(|finding| &finding.component);
        let mut all: Vec<&Component> = spans.chain(findings).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whether SNMP is asked of a seat after SSH ended so.
pub(super) fn goes_on(facts: &Facts, ssh: Outcome) -> bool {
    let in_clear = facts.seat.snmp.version == SnmpVersion::V2c;
    facts.seat.credentials.snmp.is_some() && channel::may_ask(ssh, in_clear)
}

/// The readings that SNMP adds to a poll; none of a seat that does not declare it. A failure is a reading of the channel
/// and of nothing else.
pub(super) async fn readings(env: &Env, facts: &Facts, beside: &Beside<'_>) -> Spoke {
    if !beside.tiers.contains(&Tier::Detail) || env.stop.is_asked() {
        return Spoke::default();
    }
    let Some(name) = &facts.seat.credentials.snmp else {
        return Spoke::only(ended(env, facts, beside, "SNMP is not declared for this seat"));
    };
    if let Some(why) = facts.gateway.without_snmp() {
        let why = format!("not available: {why}");
        let mut readings = ended(env, facts, beside, &why);
        readings.retain(|reading| reading.component != Via::Snmp.whole());
        readings.push(Via::Snmp.silent(Condition::Disabled, why));
        return Spoke::only(readings);
    }
    if !goes_on(facts, beside.outcome) {
        return Spoke::default();
    }
    let mut spoke = ask(env, facts, name, beside).await.unwrap_or_else(|silent| Spoke::only(vec![silent]));
    spoke.held.truncate(READINGS_MAX);
    spoke
}

/// What SNMP once said goes to rest when it is not declared any more: nobody will say it again.
fn ended(env: &Env, facts: &Facts, beside: &Beside<'_>, why: &str) -> Vec<Reading> {
    if beside.findings.is_empty() {
        return Vec::new();
    }
    let alone = env.definitions.snmp_only(facts.seat.series);
    let open = beside.findings.iter().map(|finding| &finding.component);
    let of_snmp = open.filter(|known| Via::Snmp.is_of(known) || alone.contains(&known.kind));
    of_snmp.map(|known| Reading::new(known.clone(), Condition::Disabled, why)).collect()
}

async fn ask(env: &Env, facts: &Facts, name: &CredentialName, beside: &Beside<'_>) -> Result<Spoke, Reading> {
    let seat = &facts.seat;
    let login =
        env.secrets.fetch_snmp(name).await.map_err(|error| Via::Snmp.silent(Condition::Missing, error.to_string()))?;
    if login.version() != seat.snmp.version {
        let why = format!("{name} is for SNMP {}, the seat is asked by {}", login.version(), seat.snmp.version);
        return Err(Via::Snmp.silent(Condition::Missing, why));
    }
    let roots = env.definitions.snmp_roots(seat.series, seat.virtual_machine);
    let peer = Peer { seat, gateway: &facts.gateway, behind: None };
    let objects = env.access.objects(peer, &login, &roots).await.map_err(|error| failed(&error))?;
    let context = Context {
        now: env.clock.now(),
        clock: beside.told.as_ref().and_then(|told| told.clock),
        series: seat.series,
        release: beside.told.as_ref().and_then(|told| told.release.clone()),
    };
    let readout = env.definitions.read_snmp(&objects, seat.virtual_machine, &context);
    if readout.known == 0 {
        return Err(Via::Snmp.silent(Condition::Missing, "answers, and has none of the vendor's objects"));
    }
    channel::speaks_for(beside.serial, readout.identity.serial.as_ref())?;
    let first = beside.told.as_ref().map(|told| First { readings: told.readings, asked: told.asked });
    let alone = &env.definitions.snmp_only(seat.series);
    let held = channel::cross_check(Via::Snmp, first, Second { readings: &readout.readings, alone }, &beside.before());
    Ok(Spoke { raw: readout.readings, held })
}

fn failed(error: &SnmpError) -> Reading {
    let condition = match error {
        SnmpError::NotAvailable(_) => Condition::Disabled,
        SnmpError::TimedOut | SnmpError::Refused(_) | SnmpError::Network(_) => Condition::Bad,
        SnmpError::OverLimit { .. } | SnmpError::NotIncreasing | SnmpError::Protocol(_) => Condition::Malformed,
        SnmpError::Unusable(_) => Condition::Missing,
    };
    Via::Snmp.silent(condition, error.to_string())
}
