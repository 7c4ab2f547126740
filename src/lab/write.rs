//! Writes a generated fleet as an inventory, so that it is loaded by the same door as a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::error::LabError;
use super::fleet::SeatSpec;
use super::wire;
use crate::model::inventory::Algorithms;
use crate::model::name::CustomerName;
use crate::model::series::Series;

/// The lines of a seat. No value needs quotes: each is a name, a number or a word of a list.
fn seat(spec: &SeatSpec) -> Result<Vec<String>, LabError> {
    let read = spec.accounts.first().map(|account| format!("read: {}", account.credential));
    let snmp = spec.snmp.as_ref().map(|account| format!("snmp: {}", account.credential));
    let api = spec.accounts.get(1).filter(|_| spec.api).map(|account| format!("api: {}", account.credential));
    let credentials: Vec<String> = read.into_iter().chain(snmp).chain(api).collect();
    let pin = if spec.api { Some(wire::api_pin(&spec.seat)?) } else { None };
    let legacy = spec.algorithms == Algorithms::Legacy;
    let fields = [
        ("site", Some(spec.site.to_string())),
        ("gateway", Some(spec.gateway.to_string())),
        ("series", Some(spec.series.to_string())),
        ("model", Some(spec.model.clone())),
        ("hostname", Some(spec.hostname.clone())),
        ("address", spec.address.map(|address| address.to_string())),
        ("serial", spec.serial.clone()),
        ("data_path", Some(spec.data_path.to_string())),
        ("managed_by", spec.managed_by.as_ref().map(|(manager, _)| manager.to_string())),
        ("virtual", spec.virtual_machine.then(|| "yes".to_owned())),
        ("ssh", legacy.then(|| "{algorithms: legacy, legacy_until: 2099-12-31}".to_owned())),
        ("snmp", spec.snmp.as_ref().map(|account| format!("{{version: {}}}", account.version))),
        ("api", pin.map(|pin| format!("{{pin: {pin}}}"))),
        ("credentials", (!credentials.is_empty()).then(|| format!("{{{}}}", credentials.join(", ")))),
    ];
    let field = |(name, value): (&str, Option<String>)| value.map(|value| format!("    {name}: {value}"));
    let first = [String::new(), format!("  - name: {}", spec.seat)];
    Ok(first.into_iter().chain(fields.into_iter().filter_map(field)).collect())
}

fn customer(name: &CustomerName, fleet: &[&SeatSpec]) -> Result<String, LabError> {
    let sites = fleet.iter().map(|spec| &spec.site).collect::<BTreeSet<_>>();
    let gateways = fleet.iter().map(|spec| &spec.gateway).collect::<BTreeSet<_>>();
    let mut lines = vec!["# Generated for the lab.".to_owned(), format!("name: {name}"), format!("title: {name}")];
    lines.extend(["language: en".to_owned(), "sites:".to_owned()]);
    lines.extend(sites.into_iter().map(|site| format!("  - {{name: {site}, title: {site}, zone: Asia/Tokyo}}")));
    lines.push("gateways:".to_owned());
    let more = if fleet.iter().any(|spec| spec.snmp.is_some()) { ", snmp: yes, https: yes" } else { "" };
    let gateway = |name| format!("  - {{name: {name}, probes: {{ssh: yes{more}}}, sessions: 100}}");
    lines.extend(gateways.into_iter().map(gateway));
    lines.push("seats:".to_owned());
    for spec in fleet {
        lines.extend(seat(spec)?);
    }
    Ok(lines.join("\n") + "\n")
}

/// Writes a fleet as an inventory: one file for each customer under `customers/`, and `releases.yaml`. Files that are
/// there already are replaced.
pub fn write_inventory(dir: &Path, fleet: &[SeatSpec]) -> Result<(), LabError> {
    let folder = dir.join("customers");
    fs::create_dir_all(&folder).map_err(LabError::file("make", &folder))?;
    let mut by_customer = BTreeMap::<&CustomerName, Vec<&SeatSpec>>::new();
    let mut newest = BTreeMap::<Series, &SeatSpec>::new();
    for spec in fleet {
        by_customer.entry(&spec.customer).or_default().push(spec);
        let best = newest.entry(spec.series).or_insert(spec);
        if best.release < spec.release {
            *best = spec;
        }
    }
    for (name, seats) in by_customer {
        let path = folder.join(format!("{name}.yaml"));
        fs::write(&path, customer(name, &seats)?).map_err(LabError::file("write", &path))?;
    }
    let path = dir.join("releases.yaml");
    let line = |(series, spec): (Series, &SeatSpec)| format!("  {series}: {}\n", spec.release);
    let text = newest.into_iter().map(line).fold("approved:\n".to_owned(), |text, line| text + &line);
    fs::write(&path, text).map_err(LabError::file("write", &path))
}
