//! What an appliance pushes: told by SSH, taken by the drop, sealed on its way.

#![cfg(test)]

mod bundles;
pub(crate) mod rules;

use hoshu::model::inventory::HopKind;
use serde_json::Value;

use crate::access::proxy::free_port;
use crate::access::sshd::{self, Sshd};
use crate::bastions::{HOP, house_behind};
use crate::house::{House, files};
use crate::key::with_recovery;
use crate::store::place::Place;

/// A house whose drop has a port of its own.
pub(crate) fn with_drop() -> (House, u16) {
    let house = House::example();
    house.onboard();
    let port = add_drop(&house, "");
    (house, port)
}

fn add_drop(house: &House, more: &str) -> u16 {
    let port = free_port();
    house.edit("hoshu.yaml", "'127.0.0.1:10022'", &format!("'127.0.0.1:{port}'{more}"));
    port
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
    // It opens, and leaves whole, for a reason, and not otherwise.
    let id = backup["id"].as_str().unwrap();
    let verified = house.hoshu(&["backup", "verify", id]).expect(0).out;
    assert!(
        verified.contains(" opens ") && verified.contains("it opens and is what arrived, 3000000 bytes"),
        "{verified}"
    );
    let to = house.path("full.febkp");
    house.hoshu(&["backup", "export", id, "--to", "full.febkp"]).expect(2);
    assert!(!to.exists());
    house.hoshu(&["backup", "export", id, "--to", "full.febkp", "--full", "--reason", "restore"]).expect(0);
    assert_eq!(std::fs::metadata(&to).unwrap().len(), 3_000_000);
    assert!(std::fs::read(&to).unwrap().starts_with(b"full of nx-Full-"));
    std::fs::remove_file(&to).unwrap();
    house.hoshu(&["backup", "prove", id]).expect(2);
    // It is no configuration, and stands in no configuration's place.
    let coverage = house.hoshu(&["backup", "coverage", "--on", "acme-nx01"]).expect(4).out;
    assert!(coverage.contains("never"), "{coverage}");
    house.hoshu(&["backup", "show", backup["id"].as_str().unwrap()]).expect(2);
}

#[test]
fn what_the_appliance_does_not_confirm_is_suspect_and_what_breaks_off_is_none() {
    let (house, _) = with_drop();
    house.break_unit("acme-nx01", "push-cut");
    let cut = pushed(&house, "acme-nx01", "config", 4);
    assert_eq!((&cut["outcome"], &cut["backup"]), (&"not-pushed".into(), &Value::Null), "{cut}");
    assert!(cut["reason"].as_str().unwrap().contains("before the file was whole"), "{cut}");
    assert!(house.in_depot().is_empty(), "what came so far is gone");
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    house.break_unit("acme-nx01", "misreports-push");
    let other = pushed(&house, "acme-nx01", "config", 4);
    assert_eq!((&other["backup"]["grade"], doubts(&other)), (&"suspect".into(), vec!["report-differs"]), "{other}");
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    // Nothing is told to an appliance that has no room.
    house.break_unit("acme-nx01", "no-backup-room");
    let asked = || house.unit("acme-nx01").to_string().matches("backup profile config to").count();
    let before = asked();
    let full = pushed(&house, "acme-nx01", "config", 4);
    assert!(full["reason"].as_str().unwrap().ends_with("can perform local or remote backup: no"), "{full}");
    assert_eq!(asked(), before);
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    pushed(&house, "acme-nx01", "config", 0);
    let refused = house.hoshu(&["audit", "list", "--json"]).expect(0).out;
    assert!(refused.contains("push-asked") && refused.contains("drop-key-made"), "{refused}");
}

#[test]
fn the_host_key_is_confirmed_and_no_other() {
    let (house, port) = with_drop();
    pushed(&house, "acme-nx01", "config", 0);
    // The second time it knows the key, and asks nothing.
    assert!(doubts(&pushed(&house, "acme-nx01", "config", 0)).is_empty());
    house.break_unit("acme-ex01", "takes-any-key");
    let blind = pushed(&house, "acme-ex01", "config", 0);
    assert_eq!(doubts(&blind), ["drop-unauthenticated"], "{blind}");
    // The address of another SSH server: its key is not ours, and is told no.
    let logins = || house.unit("acme-nx01")["auth_attempts"].as_u64().unwrap();
    let before = logins();
    let other = house.unit("acme-nx01")["port"].as_u64().unwrap();
    let (own, told) = (format!("listen: '127.0.0.1:{port}'"), format!("address: '127.0.0.1:{other}'"));
    house.edit("hoshu.yaml", &own, &format!("{own}, {told}"));
    let denied = pushed(&house, "acme-ax01", "config", 4);
    assert!(denied["reason"].as_str().unwrap().contains("another host key than that of the drop"), "{denied}");
    assert_eq!(logins(), before, "no login was tried there");
}

#[test]
fn the_one_time_login_is_written_nowhere() {
    let (house, port) = with_drop();
    pushed(&house, "acme-nx01", "config", 0);
    // An address that the unit does not reach: it repeats the whole command in its error.
    let own = format!("listen: '127.0.0.1:{port}'");
    house.edit("hoshu.yaml", &own, &format!("{own}, address: '192.0.2.9:22'"));
    let mut command = house.command(&["backup", "take", "--profile", "config", "--on", "acme-ex01"]);
    let output = command.env("RUST_LOG", "trace").env("HOSHU_LOG", "trace").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).into_owned();
    assert!(text.contains("Cannot reach scp://\u{2026}:\u{2026}@192.0.2.9:22/"), "{text}");
    // 32 letters of base 32 in a row are a half of a login, and nothing else here is.
    let half = regex::bytes::Regex::new("(?-u)[a-z2-7]{32}:[a-z2-7]{32}").unwrap();
    assert!(!half.is_match(&said), "{text}");
    for (path, bytes) in files(house.dir.path()) {
        assert!(!half.is_match(&bytes), "{}", path.display());
    }
    let shown = house.unit("acme-ex01").to_string();
    assert!(shown.contains("scp://\u{2026}@192.0.2.9") && !half.is_match(shown.as_bytes()), "{shown}");
}

#[test]
fn what_cannot_be_pushed_says_why() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "drop: {listen: '127.0.0.1:10022'}\n", "");
    let none = house.hoshu(&["backup", "take", "--profile", "full", "--on", "acme-nx01"]).expect(1);
    assert!(none.err.contains("error[drop]") && none.err.contains("docs/drop.md"), "{}", none.err);
    drop(house);
    let (house, port) = with_drop();
    let cm = pushed(&house, "ginga-cm01", "full", 4);
    assert!(cm["reason"].as_str().unwrap().contains("of series cm writes no backup of profile full"), "{cm}");
    // Nothing comes out of a site that nobody reaches over a network.
    let faces = house.hoshu(&["drop", "show"]).expect(0);
    let of = |gateway: &str| faces.out.lines().find(|line| line.starts_with(gateway)).unwrap().to_owned();
    assert!(of("sora/air-gap").contains(" none ") && of("acme/tokyo-vpn").contains(" direct "), "{}", faces.out);
    let own = format!("listen: '127.0.0.1:{port}'");
    house.edit("hoshu.yaml", &own, &format!("{own}, gateways: {{acme/tokyo-vpn: {{face: none}}}}"));
    let none = pushed(&house, "acme-nx01", "full", 0);
    assert_eq!(none["outcome"], "not-yet-served", "{none}");
    assert!(none["reason"].as_str().unwrap().contains("stay on the box alone"), "{none}");
    house.edit("inventory/customers/acme.yaml", ", change: acme/admin", "");
    house.edit("hoshu.yaml", "face: none", "face: direct");
    let blunt = pushed(&house, "acme-nx01", "full", 4);
    assert_eq!(
        (&blunt["outcome"], &blunt["reason"]),
        (&"no-credential".into(), &"the seat names no change credential".into())
    );
}

#[test]
fn a_push_comes_back_through_a_real_bastion_and_through_no_other_port() {
    if !sshd::is_here() {
        return;
    }
    for (config, code) in [("AllowTcpForwarding yes", 0), ("AllowTcpForwarding local", 4)] {
        let sshd = Sshd::start(&["ed25519"], config);
        let house = house_behind(&sshd, HopKind::SshForward);
        house.hoshu(&["key", "init"]).expect(0);
        house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(4);
        house.hoshu(&["hostkey", "accept", HOP, "--route", "console"]).expect(0);
        house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(0);
        house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
        // Without a face of its own the gateway has none: it has a bastion.
        let (reverse, own) = (free_port(), add_drop(&house, ""));
        let none = pushed(&house, "acme-nx01", "config", 0);
        assert_eq!(none["outcome"], "not-yet-served", "{none}");
        let faced = format!("gateways: {{acme/tokyo-vpn: {{face: reverse, address: '127.0.0.1:{reverse}'}}}}");
        house.edit("hoshu.yaml", &format!("'127.0.0.1:{own}'"), &format!("'127.0.0.1:{own}', {faced}"));
        let answer = house.hoshu(&["backup", "take", "--profile", "config", "--on", "acme-nx01+acme-ex01", "--json"]);
        let answer = answer.expect(code).json();
        for seat in ["acme-nx01", "acme-ex01"] {
            let taken = House::seat(&answer, seat);
            if code == 0 {
                assert_eq!(
                    (&taken["backup"]["grade"], taken["backup"]["bytes"].as_u64()),
                    (&"taken".into(), Some(90_000))
                );
            } else {
                let reason = taken["reason"].as_str().unwrap();
                assert!(
                    reason.contains("it does not listen on 127.0.0.1:") && reason.contains("192.0.2.9"),
                    "{reason}"
                );
            }
        }
        if code == 0 {
            let unit = house.unit("acme-nx01").to_string();
            assert!(unit.contains(&format!("@127.0.0.1:{reverse}/acme-nx01-config.febkp")), "{unit}");
            assert_eq!(sshd.log().matches("Local forwarding listening on 127.0.0.1").count(), 1, "{}", sshd.log());
        }
        assert!(std::net::TcpStream::connect(("127.0.0.1", reverse)).is_err(), "nobody listens when it is over");
    }
}

#[test]
fn the_host_key_of_the_drop_survives_a_lost_root_key() {
    let house = House::example();
    let _recovery = with_recovery(&house);
    house.onboard();
    add_drop(&house, "");
    pushed(&house, "acme-nx01", "config", 0);
    let show = || house.hoshu(&["drop", "show", "--json"]).expect(0).json()["keys"].clone();
    let key = show();
    std::fs::remove_file(house.path("keys/root.key")).unwrap();
    house.hoshu(&["drop", "show"]).expect(6);
    house.hoshu(&["key", "recover", "--identity", "recovery1"]).expect(0);
    assert_eq!(show(), key);
    // The appliance knows it still: it asks nothing, and that is no doubt.
    assert!(doubts(&pushed(&house, "acme-nx01", "config", 0)).is_empty());
    house.hoshu(&["key", "rewrap"]).expect(0);
    assert_eq!(show(), key);
    let shown = house.hoshu(&["drop", "show"]).expect(0);
    assert!(shown.out.contains("acme/tokyo-vpn") && shown.err.contains("SHA256:"), "{}{}", shown.out, shown.err);
}

#[test]
fn a_push_is_kept_in_postgresql() {
    let Some(place) = Place::postgres() else { return };
    let house = House::with_store(&place.text);
    house.onboard();
    add_drop(&house, "");
    let taken = pushed(&house, "acme-nx01", "full", 0);
    assert_eq!((&taken["backup"]["kind"], &taken["backup"]["grade"]), (&"profile-full".into(), &"taken".into()));
    let id = taken["backup"]["id"].as_str().unwrap();
    let verified = house.hoshu(&["backup", "verify", id]).expect(0).out;
    assert!(verified.contains("it opens and is what arrived, 3000000 bytes"), "{verified}");
    // The second of a day leaves no place for the first, and a bundle has a place of its own.
    let second = pushed(&house, "acme-nx01", "full", 0)["backup"]["id"].clone();
    house.hoshu(&["bundle", "take", "--on", "acme-nx01"]).expect(0);
    let pruned = house.hoshu(&["backup", "prune", "--json"]).expect(0).json();
    assert_eq!((&pruned["kept"], &pruned["pruned"]), (&1.into(), &1.into()), "{pruned}");
    let left = house.hoshu(&["backup", "list", "--json"]).expect(0).json();
    assert_eq!((left["backups"].as_array().unwrap().len(), &left["backups"][0]["id"]), (1, &second));
    assert_eq!(house.hoshu(&["bundle", "list", "--json"]).expect(0).json()["bundles"].as_array().unwrap().len(), 1);
    assert_eq!(house.in_depot().len(), 2);
    house.hoshu(&["store", "check"]).expect(0);
}
