//! Drafts into YAML of the inventory's own layout.

use super::draft::{CustomerDraft, SeatDraft};
use super::mapping::Mapping;
use crate::model::inventory::Supplier;
use crate::model::name::CustomerName;
use crate::model::outside::encode_line;

/// A scalar that is read back as the same text: as it is when nothing in it means anything to YAML, else in quotes.
pub(super) fn scalar(text: &str) -> String {
    const TAKEN: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"];
    let inner = |letter: char| {
        letter.is_alphanumeric() || "._-/ ".contains(letter) || (!letter.is_ascii() && !letter.is_whitespace())
    };
    let plain = text.starts_with(char::is_alphanumeric)
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && !TAKEN.contains(&text.to_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// One file.
pub(super) fn customer(name: &CustomerName, draft: &CustomerDraft, mapping: &Mapping, origin: &str) -> String {
    let mut text =
        format!("# Imported from {}.\nname: {name}\ntitle: {}\n\nsites:\n", encode_line(origin), scalar(&draft.title));
    for (site, facts) in &draft.sites {
        text.push_str(&format!(
            "  - name: {}\n    title: {}\n    zone: {}\n",
            scalar(site.as_str()),
            scalar(&facts.title),
            facts.zone
        ));
    }
    text.push_str("\ngateways:\n");
    for gateway in &draft.gateways {
        text.push_str(&format!("  - name: {}\n", scalar(gateway.as_str())));
        let way = mapping.gateways.get(gateway.as_str()).cloned().unwrap_or_default();
        if let Some(access) = way.access {
            text.push_str(&format!("    access: {access}\n"));
        }
        match way.ssh {
            Some(state) => text.push_str(&format!("    probes: {{ssh: {state}}}\n")),
            None => text.push_str("    # No hops, and nothing declared to answer behind it: the file does not say.\n"),
        }
    }
    if !draft.contracts.is_empty() {
        text.push_str("\ncontracts:\n");
    }
    for (_, contract) in draft.contracts.values() {
        text.push_str(&format!(
            "  - number: {}\n    level: {}\n    dealer: {}\n    from: {}\n    until: {}\n",
            scalar(&contract.number),
            scalar(&contract.level),
            scalar(&contract.dealer),
            contract.from,
            contract.until
        ));
    }
    text.push_str("\nseats:\n");
    draft.seats.iter().for_each(|one| seat(&mut text, name, one, mapping));
    text
}

/// Seats to be added to a file that is there.
pub(super) fn seats(name: &CustomerName, draft: &CustomerDraft, mapping: &Mapping, origin: &str) -> String {
    let mut text = format!("# To be added below seats: of this file. Source: {}.\nseats:\n", encode_line(origin));
    draft.seats.iter().for_each(|one| seat(&mut text, name, one, mapping));
    text
}

fn seat(text: &mut String, customer: &CustomerName, seat: &SeatDraft, mapping: &Mapping) {
    text.push_str(&format!("  # {}\n", seat.at));
    let named = seat.originals.get("name").map(|was| format!("    # in the file: {was}")).unwrap_or_default();
    text.push_str(&format!("  - name: {}{named}\n", scalar(seat.name.as_str())));
    let mut line = |key: &'static str, value: String| {
        let original = seat.originals.get(key).map(|was| format!("    # in the file: {was}")).unwrap_or_default();
        let space = if value.is_empty() { "" } else { " " };
        text.push_str(&format!("    {key}:{space}{value}{original}\n"));
    };
    line("site", scalar(seat.site.as_str()));
    line("gateway", scalar(seat.gateway.as_str()));
    line("series", seat.series.to_string());
    line("model", scalar(&seat.model));
    line("hostname", scalar(&seat.hostname));
    if let Some(address) = seat.address {
        line("address", scalar(&address.to_string()));
    }
    if let Some(serial) = &seat.serial {
        line("serial", scalar(serial));
    }
    line("data_path", seat.data_path.to_string());
    if let Some(peer) = &seat.peer_name {
        line("peer", scalar(peer.as_str()));
    }
    if let Some(manager) = &seat.manager_name {
        line("managed_by", scalar(manager.as_str()));
    }
    if seat.virtual_machine {
        line("virtual", "yes".to_owned());
    }
    if seat.supplier == Supplier::Other {
        line("supplier", seat.supplier.to_string());
    }
    if let Some(contract) = &seat.contract {
        line("contract", scalar(contract));
    }
    if let Some(read) = mapping.defaults.get("read") {
        line("credentials", format!("{{read: {customer}/{read}}}"));
    }
    if let Some(port) = seat.port {
        line("ssh", format!("{{port: {port}}}"));
    }
    if !seat.notes.is_empty() {
        line("notes", String::new());
    }
    for note in &seat.notes {
        text.push_str(&format!("      - {}\n", scalar(note)));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Source, parse};
    use proptest::prelude::*;

    fn read_back(text: &str) -> Option<String> {
        let mut problems = Vec::new();
        let node =
            parse(&Source::new("t", format!("a: {}    # it's \"what\" it was: {{\n", scalar(text))), &mut problems)?;
        Some(node.entries().first()?.value.scalar()?.to_owned())
    }

    #[test]
    fn what_means_something_to_yaml_is_quoted() {
        for text in [
            "off",
            "NO",
            "~",
            "9.10",
            "0012",
            "12e4",
            "0x1F",
            "a: b",
            "- a",
            "a #b",
            "\"",
            "'",
            "\\n",
            "a\nb",
            "東京 DC",
            "{}",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "?",
            "、",
            "①",
            "...",
        ] {
            assert_eq!(read_back(text).as_deref(), Some(text), "{}", scalar(text));
        }
    }

    proptest! {
        #[test]
        fn every_text_without_invisible_letters_is_read_back(text in "[^\\p{C}\\p{Zl}\\p{Zp}]{1,30}") {
            prop_assume!(!text.chars().any(crate::model::outside::is_hostile));
            prop_assert_eq!(read_back(&text), Some(text));
        }
    }
}
