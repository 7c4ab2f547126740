use super::*;
use proptest::prelude::*;

fn request(from: From, name: &str, bytes: &[u8], mapping: &str) -> Request {
    Request {
        cm: None,
        from,
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        beside: Vec::new(),
        mapping: Some(("own.yaml".to_owned(), mapping.to_owned())),
        customer: None,
        existing: Vec::new(),
        today: NaiveDate::from_ymd_opt(2026, 11, 24).unwrap(),
    }
}

const MAPPING: &str =
    "defaults: {customer: acme, site: tokyo, zone: Asia/Tokyo, gateway: vpn}\ndata_paths: {nx: tap}\n";

fn csv(text: &str) -> Imported {
    import(request(From::Csv, "t.csv", text.as_bytes(), MAPPING)).unwrap()
}

fn doubts(imported: &Imported) -> Vec<String> {
    let line = |doubt: &Doubt| {
        let at = doubt.at.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        format!("{at}: {} {}", doubt.found.as_ref().map_or("", |found| found.as_data()), doubt.message)
    };
    imported.doubts.iter().map(line).collect()
}

#[test]
fn what_stands_twice_is_a_doubt_at_each_place() {
    let imported = csv(
        "ホスト名,型番,シリアル,IP,ペア機\nnx01,NX4500,FZ1,10.0.0.1,nx02\nnx02,NX4500,FZ1,10.0.0.2,\nNX03,NX4500,FZ3,10.0.0.3,nx09\n\
         nx03,NX4500,FZ4,10.0.0.4,\nnx05,NX4500,FZ5,10.0.0.6,\nnx06,NX4500,FZ6,10.0.0.6,\nnx07,NX4500,FZ7,,\n",
    );
    insta::assert_snapshot!(doubts(&imported).join("\n"), @r"
    t.csv!A4 t.csv!A5: nx03 is the name of several seats
    t.csv!D6 t.csv!D7: 10.0.0.6 is the address of several seats behind vpn
    t.csv!D8:  there is no address
    t.csv!C2 t.csv!C3: FZ1 is the serial of several seats
    t.csv!E2: nx02 does not name nx01 as its pair in turn
    ");
    assert_eq!((imported.rows, imported.seats, imported.left_out.len()), (7, 2, 5));
    assert!(!imported.files[0].text.contains("serial:"), "a serial of two seats is that of neither");
}

#[test]
fn seats_of_the_inventory_are_not_made_again() {
    let mut again = request(From::Csv, "t.csv", "host,型番,IP\n".as_bytes(), MAPPING);
    again.bytes = "ホスト名,型番,IP\nacme-nx01,NX4500,10.0.0.1\nnx02,NX4500,10.0.0.2\n".as_bytes().to_vec();
    again.existing = crate::inventory::example::EXAMPLE
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let imported = import(again).unwrap();
    insta::assert_snapshot!(doubts(&imported).join("\n"), @r"
    :  customers/acme.yaml is there already
    t.csv!A2: acme-nx01 is a seat of the inventory already
    ");
    assert!(imported.files.is_empty());
}

#[test]
fn an_invisible_letter_and_the_error_of_a_formula_are_doubts() {
    let imported = csv("ホスト名,型番,IP,備考\nnx\u{200b}01,NX4500,10.0.0.1,\nnx02,NX4500,10.0.0.2,a\u{202e}b\n");
    assert_eq!(imported.doubts.len(), 2, "{:?}", imported.doubts);
    assert_eq!(imported.seats, 1);
    assert!(!imported.files[0].text.contains('\u{202e}'));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in the cells: what would be written is without a mistake, and every row is a seat or left out.
    #[test]
    fn what_would_be_written_is_always_an_inventory(
        rows in prop::collection::vec(prop::collection::vec("[ -~ぁ-ん０-９Ａ-Ｚ\n\t\"#:{}\\u{202e}]{0,12}|nx01|NX4500|10\\.0\\.0\\.[1-9]|2026/3/31|M-1", 10), 1..8)
    ) {
        let mut text = String::from("ホスト名,型番,シリアル,IP,備考,契約番号,保守レベル,保守窓口,保守開始日,保守終了日\n");
        for row in &rows {
            let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            text.push_str(&format!("{}\n", cells.join(",")));
        }
        let imported = csv(&text);
        let errors: Vec<_> = imported.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        prop_assert!(errors.is_empty(), "{errors:?}\n{:?}", imported.files);
        prop_assert_eq!(imported.seats + imported.left_out.len(), imported.rows);
    }
}
