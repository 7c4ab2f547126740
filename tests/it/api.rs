//! The HTTPS API as a channel of a poll, of the simulated fleet.

#![cfg(test)]

use serde_json::Value;

use crate::house::House;

/// The example fleet, in which the appliances of acme that are asked by SNMP have an API as well.
fn house() -> House {
    let house = House::example_with(|house| {
        house.edit("inventory/customers/acme.yaml", "snmp: acme/snmp", "snmp: acme/snmp, api: acme/api");
        let source = "credentials:\n  acme/api: {purpose: api, user: api, file: lab/secrets/acme-api}";
        house.edit("hoshu.yaml", "credentials:", source);
    });
    house.onboard();
    house
}

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

/// The requests to the API of a unit, in their order.
fn requests(house: &House, seat: &str) -> Vec<String> {
    let unit = house.unit(seat);
    let log = unit["log"].as_array().unwrap().iter().filter(|record| record["received"] == "api");
    log.map(|record| record["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_api_of_a_well_appliance_agrees_and_is_left_as_it_was_met() {
    let house = house();
    let found = poll(&house, "acme-nx01", 0);
    assert_eq!(of(&found, "channel"), [line("api", "good", "answers"), line("snmp", "good", "answers")]);
    assert_eq!(of(&found, "api-status"), [line("", "good", "Good")]);
    let expected = ["login", "health/system", "logout"];
    let asked = requests(&house, "acme-nx01");
    assert_eq!(asked.len(), expected.len(), "{asked:?}");
    assert!(asked.iter().zip(expected).all(|(found, end)| found.ends_with(end)), "{asked:?}");
}

#[test]
fn an_api_that_says_otherwise_is_a_finding_of_the_channel() {
    let house = house();
    poll(&house, "acme-nx01", 0);
    house.break_unit("acme-nx01", "api-disagrees");
    let found = poll(&house, "acme-nx01", 4);
    let said = "channels disagree: SSH says good (Good), the API says bad (raid Degraded)";
    assert!(of(&found, "channel").contains(&line("api raid", "warning", said)), "{:?}", of(&found, "channel"));
    assert!(of(&found, "raid").iter().all(|(_, condition, _)| condition == "good"));
    house.break_unit("acme-nx01", "api-disabled");
    let off = poll(&house, "acme-nx01", 4);
    let said = "the Web Services API is switched off there";
    assert!(of(&off, "channel").contains(&line("api", "disabled", said)), "{:?}", of(&off, "channel"));
}
