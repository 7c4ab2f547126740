//! Lists of other tools become an inventory: by the command line, from a workbook that a spreadsheet wrote and from
//! files of each kind; and files that are made to break the reader.

#![cfg(test)]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::house::{House, Ran};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

/// Imports a file of the fixtures with a mapping of the fixtures.
fn import(house: &House, name: &str, from: &str, mapping: &str, more: &[&str]) -> Ran {
    let (file, mapping) = (data(name), data(mapping));
    let words = ["appliance", "import", file.to_str().unwrap(), "--from", from, "--mapping", mapping.to_str().unwrap()];
    house.hoshu(&[&words, more].concat())
}

/// A folder with settings and no inventory but what is imported.
fn fresh() -> House {
    let house = House::empty();
    house.hoshu(&["init", "."]).expect(0);
    std::fs::remove_file(house.path("inventory/customers/example.yaml")).unwrap();
    house
}

#[test]
fn a_ledger_becomes_an_inventory_that_passes_the_check() {
    let house = fresh();
    let looked = import(&house, "ledger.xlsx", "xlsx", "mapping.yaml", &[]).expect(4);
    insta::assert_snapshot!("ledger_yaml", looked.out);
    insta::assert_snapshot!("ledger_talk", looked.err);
    assert!(!house.path("inventory/customers/acme.yaml").exists(), "a look writes nothing");

    let refused = import(&house, "ledger.xlsx", "xlsx", "mapping.yaml", &["--write", "inventory"]).expect(3);
    assert!(refused.err.contains("error[import-doubts]"), "{}", refused.err);
    assert!(!house.path("inventory/customers/acme.yaml").exists(), "doubts write nothing");

    let words = ["--write", "inventory", "--leave-out"];
    import(&house, "ledger.xlsx", "xlsx", "mapping.yaml", &words).expect(4);
    let checked = house.hoshu(&["check", "--json"]).expect(0).json();
    assert_eq!((&checked["customers"], &checked["seats"]), (&2.into(), &7.into()), "{checked}");

    let acme = std::fs::read(house.path("inventory/customers/acme.yaml")).unwrap();
    let again = import(&house, "ledger.xlsx", "xlsx", "mapping.yaml", &words).expect(3);
    assert!(again.err.contains("customers/acme.yaml is there already"), "{}", again.err);
    assert_eq!(std::fs::read(house.path("inventory/customers/acme.yaml")).unwrap(), acme, "what is there stays");
}

#[test]
fn every_doubt_has_its_cell_in_the_answer_for_programs() {
    let house = fresh();
    let answer = import(&house, "ledger.xlsx", "xlsx", "mapping.yaml", &["--json"]).expect(4).json();
    let doubts: Vec<(String, String)> = answer["doubts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|doubt| (doubt["at"][0].as_str().unwrap().to_owned(), doubt["found"].as_str().unwrap_or("").to_owned()))
        .collect();
    let expected = [
        ("機器一覧!F8", "1611290"),
        ("機器一覧!O8", "2026/13/01"),
        ("機器一覧!C13", "附属病院"),
        ("機器一覧!D14", "千鳥EX"),
    ];
    assert_eq!(doubts, expected.map(|(at, found)| (at.to_owned(), found.to_owned())));
    assert_eq!(answer["v"], 1);
}

#[test]
fn a_csv_of_windows_is_read_and_said() {
    let house = fresh();
    let table = "ホスト名,型番,シリアル番号,管理IP,設置場所,お客様名,備考\r\nＮＸ０１,NX4500,FZ1701A3K7Q,192.168.1.10,tokyo,acme,①髙橋様へ連絡\r\n";
    let (cp932, _, _) = encoding_rs::SHIFT_JIS.encode(table);
    std::fs::write(house.path("t.csv"), &cp932).unwrap();
    std::fs::write(house.path("m.yaml"), "defaults: {gateway: vpn, zone: Asia/Tokyo}\ndata_paths: {nx: tap}\n")
        .unwrap();
    let words = ["appliance", "import", "t.csv", "--from", "csv", "--mapping", "m.yaml", "--write", "inventory"];
    let done = house.hoshu(&words).expect(0);
    assert!(done.err.contains("note: the file is read as CP932 (Shift_JIS)"), "{}", done.err);
    let written = std::fs::read_to_string(house.path("inventory/customers/acme.yaml")).unwrap();
    assert!(written.contains("- name: nx01\n") && written.contains("①髙橋様へ連絡"), "{written}");
    house.hoshu(&["check"]).expect(0);
}

#[test]
fn lists_of_other_tools_are_read() {
    for (name, from, mapping, seat, doubt) in [
        ("router.db", "oxidized", "router.yaml", "nx11", "router.db:4:48: nobody corp is no name of a customer here"),
        ("netbox.csv", "netbox", "others.yaml", "nx21", "netbox.csv!D5: Tokyo DC is no name of a site here"),
        ("nornir/hosts.yaml", "nornir", "others.yaml", "nx31", "hosts.yaml:8:13: hx31.acme.example is no IP address"),
    ] {
        let house = fresh();
        let words = ["--write", "inventory", "--leave-out"];
        let done = import(&house, name, from, mapping, &words).expect(4);
        assert!(done.err.contains(doubt), "{from}: {}", done.err);
        let shown = house.hoshu(&["check", "--json"]).expect(0).json();
        assert_eq!(shown["seats"], 1, "{from}: {shown}");
        let written = std::fs::read_to_string(house.path("inventory/customers/acme.yaml")).unwrap();
        assert!(written.contains(&format!("- name: {seat}\n")), "{from}: {written}");
    }
}

#[test]
fn secrets_are_never_taken_over_nor_shown() {
    let house = fresh();
    for (name, from, mapping, said) in [
        (
            "ledger.xlsx",
            "xlsx",
            "mapping.yaml",
            "the column \"ログインパスワード\" may hold secrets: it is not taken over",
        ),
        ("router.db", "oxidized", "router.yaml", "fields that are not taken over and not shown: 4, 5"),
        ("nornir/hosts.yaml", "nornir", "others.yaml", "keys that may hold secrets, not taken over: password"),
    ] {
        let shown = import(&house, name, from, mapping, &["--all"]).expect(4);
        assert!(shown.err.contains(said), "{from}: {}", shown.err);
        let json = import(&house, name, from, mapping, &["--json"]).expect(4).out;
        for text in [&shown.out, &shown.err, &json] {
            assert!(!text.contains("canary"), "{from}: {text}");
        }
    }
    // Not even when a mapping asks for it.
    std::fs::write(house.path("m.yaml"), "columns:\n  note: [ログインパスワード]\n").unwrap();
    let ledger = data("ledger.xlsx");
    let words = ["appliance", "import", ledger.to_str().unwrap(), "--from", "xlsx", "--mapping", "m.yaml"];
    let refused = house.hoshu(&words).expect(3).err;
    assert!(refused.contains("m.yaml:2:9") && refused.contains("may hold a secret"), "{refused}");
}

/// The example fleet, with an API for the CM and the sensors of one customer when it is wanted, and what the CM lists.
fn below_a_cm(api: bool) -> House {
    let house = House::example_with(|house| {
        if api {
            house.edit("inventory/customers/momiji.yaml", "snmp: momiji/snmp}", "snmp: momiji/snmp, api: momiji/api}");
        }
    });
    house.onboard();
    house
}

/// The inventory after the lab has read it: one sensor is gone, one has another host name, one another address and
/// model, and one that nobody connected is declared.
fn astray(house: &House) {
    let file = "inventory/customers/momiji.yaml";
    let text = std::fs::read_to_string(house.path(file)).unwrap();
    let gone = text.find("  - <<: *sensor\n    name: momiji-nx02").unwrap();
    let next = text[gone..].find("  - name: momiji-ex01").unwrap();
    let text = format!("{}{}", &text[..gone], &text[gone + next..]);
    let text = text.replace("    peer: momiji-nx02\n", "").replace("hostname: nx01 ", "hostname: nx09 ");
    let text = text.replace("address: 192.168.1.20", "address: 192.168.1.21").replace("model: EX8500", "model: EX3400");
    let more = "  - {name: momiji-ax01, site: tokyo, gateway: main, series: ax, model: AX8400, hostname: ax01, \
                address: 192.168.1.30, data_path: analysis, managed_by: momiji-cm01, contract: M-2025-0042, \
                credentials: {read: momiji/operator}}\n";
    std::fs::write(house.path(file), text + more).unwrap();
}

#[test]
fn a_cm_that_agrees_adds_nothing() {
    for api in [false, true] {
        let house = below_a_cm(api);
        let ran = house.hoshu(&["appliance", "import", "momiji-cm01", "--from", "cm"]).expect(0);
        assert!(ran.err.contains("momiji-nx02 is in the inventory, and agrees"), "{}", ran.err);
        assert!(ran.err.ends_with("3 rows, 0 seats in 0 files, 0 doubts, 0 rows left out\n"), "{}", ran.err);
        // Its pair manages the same.
        house.hoshu(&["appliance", "import", "momiji-cm02", "--from", "cm"]).expect(0);
        let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
        let asked = audit["records"].as_array().unwrap().iter().filter(|record| record["act"] == "asked").count();
        assert_eq!(asked, 2);
        if api {
            house.break_unit("momiji-cm01", "api-disabled");
            let ran = house.hoshu(&["appliance", "import", "momiji-cm01", "--from", "cm"]).expect(0);
            assert!(ran.err.contains("the API of the CM adds nothing: "), "{}", ran.err);
        }
    }
}

#[test]
fn what_a_cm_says_otherwise_is_told_by_its_place() {
    let house = below_a_cm(true);
    astray(&house);
    let ran = house.hoshu(&["appliance", "import", "momiji-cm01", "--from", "cm", "--json"]).expect(4).json();
    assert_eq!((&ran["rows"], &ran["seats"]), (&3.into(), &0.into()), "{ran}");
    let doubts: Vec<String> = ran["doubts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|doubt| {
            let at = doubt["at"].as_array().unwrap().first().map_or("", |at| at.as_str().unwrap());
            let text = |key: &str| doubt[key].as_str().unwrap_or("-").to_owned();
            format!("{}|{}|{}|{}", at.rsplit(' ').next().unwrap(), text("column"), text("found"), text("message"))
        })
        .collect();
    let has = |text: &str| assert!(doubts.iter().any(|doubt| doubt == text), "{text}: {doubts:#?}");
    has("1|address|192.168.1.20|is the address in the CM; that of momiji-ex01 is 192.168.1.21 in the files");
    has("1|model|EX8500|is the model in the CM; that of momiji-ex01 is EX3400 in the files");
    has("8|hostname|nx01|stands at the address of momiji-nx01, whose host name is another one");
    has("|-|-|momiji-ax01 is declared as managed by momiji-cm01, which does not list it");
    // Two sites: nobody can tell in which one the unit stands.
    has("15|site|-|there is no site");
    assert!(!doubts.iter().any(|doubt| doubt.contains("nx09")), "{doubts:#?}");
    // With a mapping that says so, the seat is shown as it would be added; nothing is written.
    std::fs::write(
        house.path("m.yaml"),
        "defaults: {site: tokyo, zone: Asia/Tokyo}\ndata_paths: {nx: inline-fail-open}\n",
    )
    .unwrap();
    let words = ["appliance", "import", "momiji-cm01", "--from", "cm", "--mapping", "m.yaml"];
    let ran = house.hoshu(&words).expect(4);
    for line in [
        "--- customers/momiji.yaml",
        "  # show cmc appliances of momiji-cm01, line 15",
        "  - name: momiji-nx02",
        "    gateway: main",
        "    series: nx",
        "    model: NX6500",
        "    address: 192.168.1.11",
        "    managed_by: momiji-cm01",
        "    credentials: {read: momiji/operator}",
    ] {
        assert!(ran.out.lines().any(|shown| shown == line), "{line}: {}", ran.out);
    }
    let refused = house.hoshu(&[&words[..], &["--write", "inventory"]].concat()).expect(2).err;
    assert!(refused.contains("by hand"), "{refused}");
    // Added as it is shown, it is a seat, and the next comparison finds it.
    let file = house.path("inventory/customers/momiji.yaml");
    let seats = ran.out.split_once("seats:\n").unwrap().1;
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + seats).unwrap();
    house.hoshu(&["check"]).expect(0);
    let ran = house.hoshu(&words).expect(4);
    assert!(ran.err.contains("momiji-nx02 is in the inventory, and agrees"), "{}", ran.err);
    // What is managed by somebody else is told; without its API the CM says names alone.
    house.edit(
        "inventory/customers/momiji.yaml",
        "    managed_by: momiji-cm01\n    credentials: {read: momiji/operator}\n",
        "",
    );
    house.break_unit("momiji-cm01", "api-disabled");
    let ran = house.hoshu(&["appliance", "import", "momiji-cm01", "--from", "cm"]).expect(4);
    assert!(
        ran.err.contains("nx02 is momiji-nx02, which does not name momiji-cm01 as its manager (managed_by)"),
        "{}",
        ran.err
    );
}

#[test]
fn only_a_cm_is_asked_for_its_list() {
    let house = below_a_cm(false);
    let empty = House::empty();
    let refused = |house: &House, words: &[&str], code: i32| {
        house.hoshu(&[&["appliance", "import"], words].concat()).expect(code).err
    };
    assert!(refused(&house, &["momiji-nx01", "--from", "cm"], 2).contains("expected the seat of a CM"));
    assert!(refused(&house, &["momiji-cm09", "--from", "cm"], 2).contains("did you mean"));
    assert!(refused(&house, &["--from", "cm"], 2).contains("no seat of a CM is named"));
    assert!(refused(&house, &["UP CASE", "--from", "cm"], 2).contains("cannot be the name of a seat"));
    assert!(empty.hoshu(&["appliance", "import", "x", "--from", "cm"]).code != 0);
    let words = ["ledger", "reconcile", "momiji-cm01", "--from", "cm"];
    assert!(house.hoshu(&words).expect(2).err.contains("hoshu appliance import NAME --from cm"));
    house.break_unit("momiji-cm01", "refused");
    assert!(refused(&house, &["momiji-cm01", "--from", "cm"], 4).contains("no-session"));
}

#[test]
fn the_mapping_that_ships_can_be_printed_and_used() {
    let house = fresh();
    for from in ["xlsx", "csv", "oxidized", "nornir", "netbox"] {
        let printed = house.hoshu(&["appliance", "import", "--from", from, "--show-mapping"]).expect(0).out;
        std::fs::write(house.path("m.yaml"), &printed).unwrap();
        std::fs::write(house.path("empty"), "\n").unwrap();
        let words = ["appliance", "import", "empty", "--from", from, "--mapping", "m.yaml"];
        let ran = house.hoshu(&words);
        assert!(!ran.err.contains("error[files-wrong]"), "{from}: {}", ran.err);
    }
}

/// A workbook that unpacks to much more than it is.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..bytes >> 20 {
        archive.write_all(&zeros).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn hostile_tables_fail_alone() {
    let house = fresh();
    let big = vec![b'a'; (10 << 20) + 1];
    let xls = [&b"\xd0\xcf\x11\xe0"[..], &[0; 600]].concat();
    for (name, from, bytes, said) in [
        ("bomb.xlsx", "xlsx", bomb(200 << 20), "unpacked, is longer than 134217728 bytes"),
        ("big.csv", "csv", big.clone(), "a table is longer than 10485760 bytes"),
        ("big.xlsx", "xlsx", big, "a table is longer than 10485760 bytes"),
        ("wide.csv", "csv", "a,".repeat(600).into_bytes(), "a row is longer than 500 cells"),
        ("none.xlsx", "xlsx", b"no archive".to_vec(), "cannot be read as a workbook"),
        ("old.xlsx", "xlsx", xls, "has a password: save it as .xlsx without one"),
        ("bytes.csv", "csv", b"a\xff\xff".to_vec(), "byte 1 belongs to no character"),
    ] {
        assert!(bytes.len() < 11 << 20, "{name} is small on the disk");
        std::fs::write(house.path(name), bytes).unwrap();
        let refused = house.hoshu(&["appliance", "import", name, "--from", from]).expect(3).err;
        assert!(refused.contains("error[table]") && refused.contains(said), "{name}: {refused}");
    }
    let pipe = house.hoshu(&["appliance", "import", "/dev/zero", "--from", "csv"]).expect(1).err;
    assert!(pipe.contains("it is no plain file"), "{pipe}");
}

/// A cell at the far end of a sheet costs nothing: no rectangle is ever kept.
#[test]
fn a_damaged_or_sparse_workbook_is_told() {
    let read = |bytes: &[u8]| hoshu::sheet::read_workbook(bytes);
    let whole = std::fs::read(data("ledger.xlsx")).unwrap();
    assert_eq!(read(&whole).unwrap().len(), 3);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(whole.clone())).unwrap();
    let mut changed = |edit: &dyn Fn(&str, String) -> String| {
        let mut written = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in 0..archive.len() {
            let mut member = archive.by_index(number).unwrap();
            let name = member.name().unwrap().into_owned();
            let text = std::io::read_to_string(&mut member).unwrap();
            written.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            written.write_all(edit(&name, text).as_bytes()).unwrap();
        }
        written.finish().unwrap().into_inner()
    };
    let far = changed(&|name, text| {
        if name.ends_with("sheet2.xml") { text.replace("r=\"D14\"", "r=\"XFD1048576\"") } else { text }
    });
    let refused = read(&far).unwrap_err().to_string();
    assert!(refused.contains("a sheet is longer than 100000 rows"), "{refused}");
    // One long text in many cells.
    let long = "x".repeat(40_000);
    let long =
        changed(&|name, text| if name.ends_with("sharedStrings.xml") { text.replace("NX01", &long) } else { text });
    let refused = read(&long).unwrap_err().to_string();
    assert!(refused.contains("a cell is longer than 32767 characters"), "{refused}");
    let wide =
        changed(&|name, text| if name.ends_with("sheet2.xml") { text.replace("B5:B9", "B5:B1048576") } else { text });
    assert_eq!(read(&wide).unwrap().len(), 3, "a merged cell covers no row that is not there");
    // Every part of every member cut or turned: an error or other cells, never an end of the program.
    for place in (0..6_000).step_by(37) {
        let damaged = changed(&|name, text| {
            let at = text.char_indices().map(|(at, _)| at).nth(place % text.chars().count().max(1)).unwrap_or(0);
            if name.contains(".xml") { format!("{}<x{}", &text[..at], &text[at..]) } else { text }
        });
        drop(read(&damaged));
        let cut = whole.len() * (place + 1) / 6_001;
        drop(read(&whole[..cut]));
    }
}
