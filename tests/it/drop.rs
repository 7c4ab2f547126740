//! What an appliance pushes: told by SSH, taken by the drop, sealed on its way.

#![cfg(test)]

use serde_json::Value;

use crate::house::{House, files};

/// A house whose settings have a drop on a port of its own.
fn with_drop() -> (House, u16) {
    let house = House::example();
    house.onboard();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = std::fs::read_to_string(house.path("hoshu.yaml")).unwrap();
    std::fs::write(house.path("hoshu.yaml"), format!("{settings}drop: {{listen: '127.0.0.1:{port}'}}\n")).unwrap();
    (house, port)
}

fn pushed(house: &House, seat: &str, profile: &str, code: i32) -> Value {
    let answer = house.hoshu(&["backup", "take", "--profile", profile, "--on", seat, "--json"]).expect(code).json();
    House::seat(&answer, seat).clone()
}

fn doubts(taken: &Value) -> Vec<&str> {
    taken["backup"]["doubts"].as_array().unwrap().iter().map(|one| one["doubt"].as_str().unwrap()).collect()
}

#[test]
fn an_appliance_pushes_a_full_backup_and_it_is_kept_sealed() {
    let (house, _) = with_drop();
    let taken = pushed(&house, "acme-nx01", "full", 0);
    let backup = &taken["backup"];
    assert_eq!((&backup["kind"], &backup["grade"]), (&"profile-full".into(), &"taken".into()), "{taken}");
    assert_eq!(backup["bytes"], 3_000_000);
    assert!(doubts(&taken).is_empty(), "{taken}");
    let listed = house.hoshu(&["backup", "list"]).expect(0).out;
    assert!(listed.contains("profile-full") && listed.contains("3000000 bytes"), "{listed}");
    // Sealed, and nowhere in clear.
    let clear = files(house.path("data").as_path())
        .into_iter()
        .filter(|(_, bytes)| bytes.windows(20).any(|part| part == b" line 000000000012 ."));
    assert_eq!(clear.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
    assert_eq!(house.in_depot().len(), 1);
    house.hoshu(&["store", "check"]).expect(0);
    // It is no configuration, and stands in no configuration's place.
    let coverage = house.hoshu(&["backup", "coverage", "--on", "acme-nx01"]).expect(4).out;
    assert!(coverage.contains("never"), "{coverage}");
    house.hoshu(&["backup", "show", backup["id"].as_str().unwrap()]).expect(2);
}
