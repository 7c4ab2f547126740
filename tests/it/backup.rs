//! What counts as a backup, and what an appliance or a line can do to one.

#![cfg(test)]

use hoshu::decide::backup::{Evidence, Fetched, Session, Verdict, complete};
use hoshu::lab::generated;
use hoshu::lab::unit::{SpecDefaults, Unit};
use hoshu::model::backup::{Backup, BackupKind, Grade, SectionCount};
use hoshu::model::id::{AssetId, ObjectId};
use hoshu::model::inventory::Channel;
use hoshu::model::series::Series;
use hoshu::model::time::Time;
use hoshu::readout::Definitions;
use serde_json::Value;

use crate::house::House;

fn taken(house: &House, seat: &str, code: i32) -> Value {
    let answer = house.hoshu(&["backup", "take", "--on", seat, "--json"]).expect(code).json();
    House::seat(&answer, seat).clone()
}

fn doubts(taken: &Value) -> Vec<String> {
    let doubts = taken["backup"]["doubts"].as_array().unwrap();
    doubts.iter().map(|one| one["doubt"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_spoilt_configuration_is_kept_and_never_counts() {
    let house = House::example();
    house.onboard();
    let good = taken(&house, "acme-nx01", 0);
    for (fault, doubt) in [("truncated-config", "section-shrunk"), ("config-pager-text", "pager-text")] {
        house.break_unit("acme-nx01", fault);
        let spoilt = taken(&house, "acme-nx01", 4);
        assert_eq!(spoilt["backup"]["grade"], "suspect", "{fault}: {spoilt}");
        assert!(doubts(&spoilt).iter().any(|found| found == doubt), "{fault}: {:?}", doubts(&spoilt));
        house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    }
    let card = house.hoshu(&["appliance", "show", "acme-nx01", "--json"]).expect(0).json();
    assert_eq!(card["last_backup"]["id"], good["backup"]["id"], "the last good one stays");
    // The first backup of a seat has nothing to be held against: two fetches must agree, and they are cut alike.
    house.break_unit("acme-ex01", "drop-mid-command");
    let dropped = house.hoshu(&["backup", "take", "--on", "acme-ex01", "--json"]).expect(4).json();
    assert_eq!(House::seat(&dropped, "acme-ex01")["backup"], Value::Null, "{dropped}");
}

#[test]
fn a_change_in_the_middle_is_fetched_again() {
    let house = House::example();
    house.onboard();
    taken(&house, "acme-nx01", 0);
    house.hoshu(&["lab", "hold", "acme-nx01", "show running-config"]).expect(0);
    let child = house
        .command(&["backup", "take", "--on", "acme-nx01", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::cli::until(|| house.unit("acme-nx01")["waiting"] == 1);
    house.hoshu(&["lab", "change", "acme-nx01", "ntp server 10.20.0.77"]).expect(0);
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let shown = house.hoshu(&["backup", "show", "acme-nx01"]).expect(0);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = House::seat(&answer, "acme-nx01")["backup"]["change_id"].as_u64().unwrap();
    assert!(shown.out.contains(&format!("## Last config change ID: {id}")), "{}", shown.out);
}

#[test]
fn another_appliance_at_the_address_gives_no_backup_and_no_reading() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(0);
    let asked = || house.unit("acme-nx01").to_string().matches("running-config").count();
    let before = asked();
    house.break_unit("acme-nx01", "wrong-appliance");
    let refused = taken(&house, "acme-nx01", 4);
    assert_eq!((&refused["outcome"], &refused["backup"]), (&"wrong-appliance".into(), &Value::Null), "{refused}");
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]).expect(4).json();
    let seat = House::seat(&polled, "acme-nx01");
    assert_eq!(seat["outcome"], "wrong-appliance");
    let readings = seat["readings"].as_array().unwrap();
    assert!(readings.iter().all(|one| one["component"]["kind"] == "reach"), "{seat}");
    assert_eq!(asked(), before, "the configuration of a foreign appliance was asked for");
}

#[test]
fn without_keys_nothing_is_fetched() {
    let house = House::example();
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    let refused = house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(6);
    assert!(refused.err.contains("root key"), "{}", refused.err);
    house.hoshu(&["key", "init"]).expect(0);
    taken(&house, "acme-nx01", 0);
    // A lost root key stops the work; it is never replaced by itself.
    std::fs::remove_file(house.path("keys/root.key")).unwrap();
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(6);
    house.hoshu(&["key", "init"]).expect(6);
    assert!(!house.path("keys/root.key").exists());
    house.opened("acme-nx01", 6);
    assert!(!house.path("opened.cfg").exists());
    // What people look at needs no key.
    house.hoshu(&["backup", "show", "acme-nx01"]).expect(0);
}

#[test]
fn without_room_nothing_is_fetched() {
    let house = House::example();
    house.onboard();
    house.edit("hoshu.yaml", "limits: {", "limits: {depot_reserve_mib: 16777216, ");
    let refused = taken(&house, "acme-nx01", 4);
    assert_eq!((&refused["outcome"], &refused["backup"]), (&"not-kept".into(), &Value::Null), "{refused}");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("expected 16777218.0 MiB free, found "), "{reason}");
    let unit = house.unit("acme-nx01").to_string();
    assert!(!unit.contains("show version"), "nobody logged in: {unit}");
    house.edit("hoshu.yaml", "depot_reserve_mib: 16777216", "depot_reserve_mib: 0");
    taken(&house, "acme-nx01", 0);
    assert!(house.unit("acme-nx01").to_string().contains("show version"));
}

#[test]
fn the_stock_tool_opens_an_artefact_with_the_root_key() {
    // age reads the customer's identity with the root key, and the artefact with that identity.
    if std::process::Command::new("age").arg("--version").output().is_err() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "age is not installed");
        return;
    }
    let house = House::example();
    house.onboard();
    taken(&house, "acme-nx01", 0);
    let db = house.path("data/hoshu.db");
    let cell = |query: &str| -> Vec<u8> {
        use diesel::prelude::*;
        #[derive(QueryableByName)]
        struct Cell {
            #[diesel(sql_type = diesel::sql_types::Binary)]
            bytes: Vec<u8>,
        }
        let mut db = diesel::SqliteConnection::establish(db.to_str().unwrap()).unwrap();
        diesel::sql_query(query).get_result::<Cell>(&mut db).unwrap().bytes
    };
    let identity = house.path("identity");
    std::fs::write(
        house.path("sealed-identity"),
        cell("SELECT private_sealed AS bytes FROM customer_key WHERE customer = 'acme'"),
    )
    .unwrap();
    std::fs::write(house.path("sealed"), cell("SELECT body AS bytes FROM object")).unwrap();
    let age = |key: &std::path::Path, from: &std::path::Path, to: &std::path::Path| {
        let status =
            std::process::Command::new("age").arg("-d").arg("-i").arg(key).arg("-o").arg(to).arg(from).status();
        assert!(status.unwrap().success());
    };
    age(&house.path("keys/root.key"), &house.path("sealed-identity"), &identity);
    // What is sealed around the identity says whose it is in its first line.
    let text = std::fs::read_to_string(&identity).unwrap();
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    std::fs::write(&identity, format!("{secret}\n")).unwrap();
    age(&identity, &house.path("sealed"), &house.path("opened"));
    let opened = std::fs::read(house.path("opened")).unwrap();
    let end = opened.iter().position(|byte| *byte == b'\n').unwrap();
    let header: Value = serde_json::from_slice(&opened[..end]).unwrap();
    assert_eq!((&header["customer"], &header["seat"]), (&"acme".into(), &"acme-nx01".into()));
    let body = zstd::decode_all(&opened[end + 1..]).unwrap();
    assert!(String::from_utf8(body).unwrap().starts_with("##\n## Running database"));
}

/// The result of a seat in the answer of `backup take --json`.
fn take_one(house: &House, seat: &str, code: i32) -> Value {
    let answer = house.hoshu(&["backup", "take", "--on", seat, "--json"]).expect(code).json();
    House::seat(&answer, seat).clone()
}

#[test]
fn a_first_backup_that_the_shell_cuts_is_told_by_the_other_channel() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "truncated-shell");
    let cut = take_one(&house, "acme-nx01", 4);
    assert_eq!(cut["backup"]["grade"], "suspect", "two equal cuts of the shell do not count: {cut}");
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    let whole = take_one(&house, "acme-nx01", 0);
    assert_eq!((&whole["backup"]["grade"], &whole["one_channel"]), (&"taken".into(), &false.into()), "{whole}");
}

#[test]
fn an_appliance_with_one_channel_has_its_first_backup_and_says_so_and_a_later_one_tells_that_it_was_cut() {
    let house = House::example();
    house.onboard();
    house.break_unit("acme-nx01", "exec-refused");
    house.break_unit("acme-nx01", "truncated-shell");
    let cut = take_one(&house, "acme-nx01", 0);
    assert_eq!((&cut["backup"]["grade"], &cut["one_channel"]), (&"taken".into(), &true.into()), "{cut}");
    let id = cut["backup"]["id"].as_str().unwrap();
    // The same change ID, and more commands: the earlier one was cut.
    house.hoshu(&["lab", "mend", "acme-nx01", "truncated-shell"]).expect(0);
    let whole = take_one(&house, "acme-nx01", 0);
    assert_eq!(whole["doubted"], id, "{whole}");
    let listed = house.hoshu(&["backup", "list", "--on", "acme-nx01"]).expect(0).out;
    let line = listed.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.contains("doubted"), "{listed}");
    // One that does not count can be accepted with a reason, once.
    assert!(house.hoshu(&["backup", "accept", id, "--reason", " "]).expect(2).err.contains("a reason is expected"));
    house.hoshu(&["backup", "accept", id, "--reason", "compared by hand"]).expect(0);
    let again = house.hoshu(&["backup", "accept", id, "--reason", "compared by hand"]).expect(2);
    assert!(again.err.contains("counts already: it is taken (accepted)"), "{}", again.err);
}

#[test]
fn verify_holds_a_backup_against_the_other_channel() {
    let house = House::example();
    house.onboard();
    let id = take_one(&house, "acme-nx01", 0)["backup"]["id"].as_str().unwrap().to_owned();
    let verify = |code: i32| -> Value {
        let answer = house.hoshu(&["backup", "verify", "--on", "acme-nx01", "--json"]).expect(code).json();
        answer["backups"][0].clone()
    };
    let first = verify(0);
    assert_eq!((&first["result"], &first["backup"]["id"]), (&"verified".into(), &id.clone().into()), "{first}");
    assert!(house.hoshu(&["backup", "list", "--on", "acme-nx01"]).expect(0).out.contains("verified"));
    house.hoshu(&["lab", "change", "acme-nx01", "ntp server 192.0.2.77"]).expect(0);
    assert_eq!(verify(4)["result"], "changed");
    house.break_unit("acme-nx01", "exec-refused");
    take_one(&house, "acme-nx01", 0);
    assert_eq!(verify(0)["result"], "one-channel");
    // What is opened stands in the audit, and so does what was learned.
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let acts = |act: &str| audit["records"].as_array().unwrap().iter().filter(|record| record["act"] == act).count();
    assert_eq!((acts("object-opened"), acts("backup-judged")), (3, 1), "{audit}");
}

#[test]
fn a_channel_that_breaks_off_is_not_called_absent() {
    let house = House::example();
    house.onboard();
    // The first fetch is answered; the other channel breaks in the middle, and a new session goes on without it.
    house.hoshu(&["lab", "hold", "acme-nx01", "show running-config"]).expect(0);
    let words = ["backup", "take", "--on", "acme-nx01"];
    let child = house.command(&words).stdout(std::process::Stdio::piped()).spawn().unwrap();
    crate::cli::until(|| house.unit("acme-nx01")["waiting"] == 1);
    house.hoshu(&["lab", "break", "acme-nx01", "drop-mid-command", "--times", "1"]).expect(0);
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains(", the other channel broke off") && !shown.contains("one channel only"), "{shown}");
}

#[test]
fn verify_does_not_call_a_channel_absent_that_is_late() {
    let house = House::example();
    house.onboard();
    take_one(&house, "acme-nx01", 0);
    house.edit("hoshu.yaml", "limits: {", "limits: {backup_s: 1, ");
    house.hoshu(&["lab", "hold", "acme-nx01", "show running-config"]).expect(0);
    let verified = house.hoshu(&["backup", "verify", "--on", "acme-nx01"]).expect(4);
    assert!(
        verified.out.contains("timed-out") && verified.out.contains("the other channel broke off"),
        "{}",
        verified.out
    );
    house.hoshu(&["lab", "release", "acme-nx01"]).expect(0);
}

#[test]
fn coverage_says_why_a_seat_has_none() {
    let house = House::example();
    house.onboard();
    take_one(&house, "acme-nx01", 0);
    house.break_unit("acme-fx01", "refused");
    house.hoshu(&["poll", "--on", "acme-fx01"]).expect(4);
    let answer = house.hoshu(&["backup", "coverage", "--json"]).expect(4).json();
    let why = |seat: &str| {
        let one = House::seat(&answer, seat);
        (one["missing"].as_str().unwrap_or_default().to_owned(), one["outcome"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(why("acme-nx01"), (String::new(), String::new()));
    assert_eq!(why("acme-ex01"), ("never-taken".to_owned(), String::new()));
    assert_eq!(why("acme-fx01"), ("failed".to_owned(), "refused".to_owned()));
    let seats = answer["seats"].as_array().unwrap();
    assert!(seats.iter().any(|one| one["missing"] == "not-yet-served" || one["missing"] == "no-ssh"), "{answer}");
    let missing = seats.iter().filter(|one| !one["missing"].is_null()).count();
    assert_eq!((&answer["missing"], &answer["covered"]), (&missing.into(), &1.into()));
    let old = house.hoshu(&["backup", "coverage", "--on", "acme-nx01", "--within", "0s", "--json"]).expect(4).json();
    assert_eq!(old["seats"][0]["missing"], "too-old");
}

#[test]
fn a_section_that_somebody_made_smaller_is_fetched_twice_and_counts() {
    let house = House::example();
    house.onboard();
    taken(&house, "acme-nx01", 0);
    let fetches = || house.unit("acme-nx01").to_string().matches("show running-config").count();
    let before = fetches();
    house.hoshu(&["lab", "change", "acme-nx01", "no ntp server 10.2.1.1"]).expect(0);
    let smaller = taken(&house, "acme-nx01", 0);
    assert_eq!((&smaller["backup"]["grade"], &smaller["unchanged"]), (&"taken".into(), &false.into()), "{smaller}");
    assert_eq!(fetches(), before + 2, "a change is believed when a second fetch agrees");
    taken(&house, "acme-nx01", 0);
    assert_eq!(fetches(), before + 3, "what did not change is fetched once");
}

/// One unit of a series and what it prints.
struct Bench {
    definitions: Definitions,
    unit: Unit,
}

impl Bench {
    fn of(series: Series) -> Self {
        let spec = generated(40).into_iter().find(|spec| spec.series == series).unwrap();
        let unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 0 });
        Self { definitions: Definitions::embedded().unwrap(), unit }
    }

    fn text(&mut self, at: i64) -> String {
        let now = Time::from_ms(at);
        let (mut shell, _) = self.unit.open("admin", Channel::Exec, now);
        self.unit.step(&mut shell, "show running-config", now).text
    }

    /// A fetch that the line itself says nothing against.
    fn fetched(&self, text: &str) -> Fetched {
        let release = self.unit.release().to_string();
        let session = Session { hostname: Some(self.unit.settings.hostname()), release: Some(&release) };
        let layout = self.definitions.config_layout(self.unit.series);
        Fetched::new(self.definitions.configuration(text.into()), true, layout, session)
    }

    fn judge(&self, first: &Fetched, second: Option<&Fetched>, previous: Option<&Backup>) -> Verdict {
        let layout = self.definitions.config_layout(self.unit.series);
        complete(&Evidence { first, second, pairs: 1, layout, previous })
    }
}

/// The good backup that a fetch became.
fn good(fetched: &Fetched) -> Backup {
    let configuration = &fetched.configuration;
    let sections = configuration.sections.iter();
    Backup {
        id: None,
        kind: BackupKind::Configuration,
        customer: "acme".parse().unwrap(),
        seat: "acme-nx01".parse().unwrap(),
        asset: AssetId(1),
        taken_at: Time::from_ms(0),
        seen_at: Time::from_ms(0),
        grade: Grade::Taken,
        doubts: Vec::new(),
        change_id: configuration.header.change_id,
        release: None,
        bytes: configuration.text.len() as u64,
        lines: configuration.line_count as u64,
        sections: sections
            .map(|section| SectionCount { title: section.title.clone(), commands: section.commands })
            .collect(),
        content: String::new(),
        object: ObjectId(1),
        events: Vec::new(),
    }
}

/// Every text that begins like the configuration of a series and ends too early is refused: fetched twice alike beside the last
/// good backup with the same change ID, or beside a whole one from the other channel.
fn no_cut_is_accepted(series: Series) {
    let mut bench = Bench::of(series);
    let (text, later) = (bench.text(1_795_453_200_000), bench.text(1_795_453_260_000));
    let (whole, later) = (bench.fetched(&text), bench.fetched(&later));
    let good = good(&whole);
    assert_eq!(bench.judge(&whole, Some(&later), None), Verdict::Complete, "{series}");
    assert_eq!(bench.judge(&later, None, Some(&good)), Verdict::Complete, "{series}");
    for at in 0..text.len() {
        let cut = bench.fetched(&text[..at]);
        for (first, second, previous) in [
            (&cut, None, Some(&good)),
            (&cut, Some(&cut), Some(&good)),
            (&cut, Some(&later), Some(&good)),
            (&later, Some(&cut), Some(&good)),
            (&cut, None, None),
            (&cut, Some(&later), None),
            (&later, Some(&cut), None),
        ] {
            assert_ne!(bench.judge(first, second, previous), Verdict::Complete, "{series}: {at} of {}", text.len());
        }
    }
    println!("{series}: {} bytes, {} lines", text.len(), text.lines().count());
}

#[test]
fn no_cut_of_any_series_is_accepted() {
    std::thread::scope(|scope| {
        for series in Series::ALL {
            scope.spawn(|| no_cut_is_accepted(*series));
        }
    });
}

#[test]
fn of_every_series_a_smaller_section_counts_when_the_change_id_moved_and_a_second_fetch_agrees() {
    for series in Series::ALL {
        let mut bench = Bench::of(*series);
        let before = bench.text(0);
        let good = good(&bench.fetched(&before));
        let line = "ntp server 10.2.1.1";
        bench.unit.change(&format!("no {line}"), Time::from_ms(0)).unwrap();
        let after = bench.text(0);
        assert!(before.contains(line) && !after.contains(line) && after.len() < before.len(), "{series}");
        let smaller = bench.fetched(&after);
        assert_eq!(bench.judge(&smaller, None, Some(&good)), Verdict::FetchAgain, "{series}");
        assert_eq!(bench.judge(&smaller, Some(&smaller), Some(&good)), Verdict::Complete, "{series}");
        // The same text is refused while the change ID says that nobody changed it.
        let id = |change_id: Option<u64>| format!("change ID: {}\n", change_id.unwrap());
        let still = after.replace(&id(smaller.configuration.header.change_id), &id(good.change_id));
        assert_ne!(still, after, "{series}");
        let still = bench.fetched(&still);
        assert!(matches!(bench.judge(&still, Some(&still), Some(&good)), Verdict::Suspect(_)), "{series}");
    }
}
