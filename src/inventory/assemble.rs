//! Texts of files into one inventory, with every mistake of all of them.

use chrono::NaiveDate;

use super::checks::{Draft, check};
use super::read::{CustomerDraft, read_end, read_freeze, read_work};
use super::tables::{CUSTOMER_FILE, EOL_FILE, FREEZES_FILE, RELEASES_FILE, WORKS_FILE};
use crate::model::inventory::Inventory;
use crate::model::limits::INVENTORY_SEATS_MAX;
use crate::yaml::{Fields, Node, Problem, Source, Table, parse};

fn table_of(name: &str) -> &'static Table {
    match name {
        "releases.yaml" => &RELEASES_FILE,
        "works.yaml" => &WORKS_FILE,
        "freezes.yaml" => &FREEZES_FILE,
        "eol.yaml" => &EOL_FILE,
        _ => &CUSTOMER_FILE,
    }
}

/// The inventory of these files; it is whole when `problems` holds no error afterwards.
pub(super) fn assemble(sources: &[Source], today: NaiveDate, digest: String, problems: &mut Vec<Problem>) -> Inventory {
    let mut nodes: Vec<(&Source, Node)> = Vec::new();
    for source in sources {
        if let Some(node) = parse(source, problems) {
            crate::yaml::check(table_of(source.name()), &node, source, problems);
            nodes.push((source, node));
        }
    }
    let fields_of = |name: &str| {
        let found = nodes.iter().find(|(source, _)| source.name() == name);
        found.map(|(source, node)| Fields::new(table_of(name), node, source))
    };
    let customers = nodes.iter().filter(|(source, _)| source.name().starts_with("customers/"));
    let draft = Draft {
        customers: customers.map(|(source, node)| CustomerDraft::new(node, source)).collect(),
        releases: fields_of("releases.yaml"),
        works: fields_of("works.yaml").map(|fields| fields.tables("works")).unwrap_or_default(),
        freezes: fields_of("freezes.yaml").map(|fields| fields.tables("freezes")).unwrap_or_default(),
        model_ends: fields_of("eol.yaml").map(|fields| fields.tables("models")).unwrap_or_default(),
        release_ends: fields_of("eol.yaml").map(|fields| fields.tables("releases")).unwrap_or_default(),
    };
    let seats = draft.customers.iter().map(|customer| customer.seats.len()).sum::<usize>();
    if seats > INVENTORY_SEATS_MAX {
        problems.push(Problem::of_file("customers", format!("an inventory has {INVENTORY_SEATS_MAX} seats at most")));
    } else {
        problems.extend(check(&draft, today));
    }
    collect(draft, digest)
}

fn collect(draft: Draft<'_>, digest: String) -> Inventory {
    let mut inventory = Inventory {
        digest,
        works: draft.works.iter().filter_map(|work| read_work(*work)).collect(),
        freezes: draft.freezes.iter().filter_map(|freeze| read_freeze(*freeze)).collect(),
        ends: draft
            .model_ends
            .iter()
            .map(|fields| (*fields, true))
            .chain(draft.release_ends.iter().map(|fields| (*fields, false)))
            .filter_map(|(fields, of_model)| read_end(fields, of_model))
            .collect(),
        ..Inventory::default()
    };
    for entry in draft.releases.iter().flat_map(|releases| releases.map("approved")) {
        if let (Ok(series), Some(Ok(release))) = (entry.key.parse(), entry.value.scalar().map(str::parse)) {
            inventory.approved.insert(series, release);
        }
    }
    for customer in draft.customers {
        if let Some(customer) = customer.customer() {
            inventory.customers.insert(customer.name.clone(), customer);
        }
        let seats = customer.seats.into_iter().filter_map(|(_, seat)| seat);
        inventory.seats.extend(seats.map(|seat| (seat.name.clone(), seat)));
    }
    inventory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::example::EXAMPLE;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_damaged_file_is_told_and_never_makes_it_panic(
            file in 0..EXAMPLE.len(),
            at in any::<prop::sample::Index>(),
            cut in 0usize..40,
            put in prop_oneof!["[a-z{}\\[\\]:,&*!|>'\"# \n\t-]{0,12}", "\\PC{0,4}"],
        ) {
            let sources: Vec<_> = EXAMPLE.iter().enumerate().map(|(number, (name, text))| {
                let mut letters: Vec<char> = text.chars().collect();
                if number == file {
                    let from = at.index(letters.len());
                    let to = (from + cut).min(letters.len());
                    letters.splice(from..to, put.chars());
                }
                Source::new(*name, letters.into_iter().collect::<String>())
            }).collect();
            let mut problems = Vec::new();
            let today = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
            let inventory = assemble(&sources, today, String::new(), &mut problems);
            for problem in &problems {
                prop_assert!(!problem.to_string().is_empty());
            }
            prop_assert!(!problems.is_empty() || inventory.customers.len() == 9);
        }
    }
}
