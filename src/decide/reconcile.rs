//! A list of somebody else against ours: which row is which seat, and what differs.
//!
//! A row is found by its serial (that of the hardware which was met, before the one of the files) and by its name; where
//! the two lead to different seats, hardware was swapped, or somebody wrote down the wrong one.

use std::collections::{BTreeMap, HashMap};

use crate::model::ledger::{Compared, Difference, ListField, Listed, Ours, Standing};
use crate::model::outside::Outside;

/// Holds a list against ours. Rows of the list come first, in its order, then what it does not have.
pub fn reconcile(listed: &[Listed], ours: &[Ours]) -> Vec<Compared> {
    let index = Index::new(ours);
    let mut compared = Vec::new();
    let mut met: BTreeMap<usize, &str> = BTreeMap::new();
    for row in listed {
        let (by_serial, by_name) = (index.by_serial(row), index.by_name(row, ours));
        let found = match (by_serial, by_name) {
            (Some(serial), Some(name)) if serial != name => Err((serial, name)),
            (serial, name) => Ok(serial.or(name)),
        };
        let one = match found {
            Ok(None) => Some(missing_here(row)),
            Ok(Some(number)) => compare(row, ours.get(number)),
            Err((serial, name)) => swapped(row, ours.get(serial), ours.get(name)),
        };
        let Some(mut one) = one else { continue };
        // A row whose serial sits elsewhere still speaks of the seat that it names.
        let number = match found {
            Ok(number) => number,
            Err((_, name)) => Some(name),
        };
        if let Some(first) = number.and_then(|number| met.insert(number, &row.at)) {
            one.standing = Standing::Twice;
            one.remark = format!("the same seat as {first}");
        }
        compared.push(one);
    }
    let absent = ours.iter().enumerate().filter(|(number, ours)| ours.covered && !met.contains_key(number));
    compared.extend(absent.map(|(_, ours)| missing_there(ours)));
    compared
}

struct Index<'a> {
    serials: HashMap<&'a str, Vec<usize>>,
    names: HashMap<String, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(ours: &'a [Ours]) -> Self {
        let (mut serials, mut names) = (HashMap::<_, Vec<_>>::new(), HashMap::<String, Vec<_>>::new());
        for (number, one) in ours.iter().enumerate() {
            if let Some(serial) = one.serial() {
                serials.entry(serial).or_default().push(number);
            }
            let mut known = vec![one.seat.to_string()];
            known.extend(one.declared(ListField::Hostname).map(str::to_lowercase));
            known.dedup();
            for name in known {
                names.entry(name).or_default().push(number);
            }
        }
        Self { serials, names }
    }

    fn by_serial(&self, row: &Listed) -> Option<usize> {
        match self.serials.get(row.get(ListField::Serial)?)?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// By name, within the customer of the row when it names one; a host name that several have is none.
    fn by_name(&self, row: &Listed, ours: &[Ours]) -> Option<usize> {
        let named = |name: &str| {
            let numbers = self.names.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
            let customer = row.get(ListField::Customer);
            let fits = |number: &&usize| {
                let owner = ours.get(**number).map(|one| one.customer.as_str());
                customer.is_none() || customer == owner
            };
            match numbers.iter().filter(fits).collect::<Vec<_>>()[..] {
                [one] => Some(*one),
                _ => None,
            }
        };
        row.name.as_deref().and_then(named).or_else(|| named(row.get(ListField::Hostname)?))
    }
}

fn missing_here(row: &Listed) -> Compared {
    let differences = row.cells.iter().map(|cell| Difference {
        field: cell.field,
        at: Some(cell.at.clone()),
        theirs: Some(cell.value.clone()),
        declared: None,
        seen: None,
    });
    let wanted = |one: &Difference| matches!(one.field, ListField::Hostname | ListField::Serial | ListField::Model);
    Compared {
        standing: Standing::MissingHere,
        seat: None,
        customer: None,
        at: Some(row.at.clone()),
        differences: differences.filter(wanted).collect(),
        remark: String::new(),
    }
}

fn missing_there(ours: &Ours) -> Compared {
    let difference = |field| {
        let (declared, seen) = (ours.declared(field).map(str::to_owned), ours.seen(field).cloned());
        (declared.is_some() || seen.is_some()).then_some(Difference { field, at: None, theirs: None, declared, seen })
    };
    let fields = [ListField::Serial, ListField::Model, ListField::Contract];
    Compared {
        standing: Standing::MissingThere,
        seat: Some(ours.seat.clone()),
        customer: Some(ours.customer.clone()),
        at: None,
        differences: fields.into_iter().filter_map(difference).collect(),
        remark: String::new(),
    }
}

/// What the list says against what was seen, where something was seen, and against what is declared elsewhere.
fn differences(row: &Listed, ours: &Ours) -> Vec<Difference> {
    let mut found = Vec::new();
    for cell in &row.cells {
        let (declared, seen) = (ours.declared(cell.field), ours.seen(cell.field));
        let same = |text: &str| match cell.field {
            ListField::Hostname => text.eq_ignore_ascii_case(&cell.value),
            _ => text == cell.value,
        };
        let differs = match (seen.map(Outside::as_data), declared) {
            (Some(seen), Some(declared)) => !same(seen) || !same(declared),
            (Some(one), None) | (None, Some(one)) => !same(one),
            (None, None) => true,
        };
        // The name of the seat may stand where the list has a host name.
        let named = cell.field == ListField::Hostname && cell.value.eq_ignore_ascii_case(ours.seat.as_str());
        if differs && !named {
            found.push(Difference {
                field: cell.field,
                at: Some(cell.at.clone()),
                theirs: Some(cell.value.clone()),
                declared: declared.map(str::to_owned),
                seen: seen.cloned(),
            });
        }
    }
    found
}

fn compare(row: &Listed, ours: Option<&Ours>) -> Option<Compared> {
    let ours = ours?;
    let differences = differences(row, ours);
    Some(Compared {
        standing: if differences.is_empty() { Standing::Agrees } else { Standing::Differs },
        seat: Some(ours.seat.clone()),
        customer: Some(ours.customer.clone()),
        at: Some(row.at.clone()),
        differences,
        remark: String::new(),
    })
}

fn swapped(row: &Listed, holder: Option<&Ours>, named: Option<&Ours>) -> Option<Compared> {
    let mut one = compare(row, named)?;
    let holder = holder?;
    let how = if holder.seen(ListField::Serial).is_some() { "was seen in" } else { "is declared for" };
    one.standing = Standing::SerialSwapped;
    one.remark = format!("the serial {how} {}", holder.seat);
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ledger::ListedCell;

    fn ours(seat: &str, declared: &[(ListField, &str)], seen: &[(ListField, &str)]) -> Ours {
        let hostname = seat.rsplit('-').next().unwrap_or(seat).to_owned();
        let mut all = vec![(ListField::Hostname, hostname), (ListField::Customer, "acme".to_owned())];
        all.extend(declared.iter().map(|(field, text)| (*field, (*text).to_owned())));
        Ours {
            seat: seat.parse().unwrap(),
            customer: "acme".parse().unwrap(),
            declared: all,
            seen: seen.iter().map(|(field, text)| (*field, Outside::from(*text))).collect(),
            covered: true,
        }
    }

    fn row(at: usize, cells: &[(ListField, &str)]) -> Listed {
        let cell = |(field, text): &(ListField, &str)| ListedCell {
            field: *field,
            value: (*text).to_owned(),
            at: format!("{field}{at}"),
        };
        Listed { at: format!("row {at}"), name: None, cells: cells.iter().map(cell).collect() }
    }

    fn shown(listed: &[Listed], ours: &[Ours]) -> Vec<String> {
        let line = |one: &Compared| {
            let fields: Vec<&str> = one.differences.iter().map(|one| one.field.as_str()).collect();
            let seat = one.seat.as_ref().map_or("-", |seat| seat.as_str());
            let text = format!("{} {seat} {} {}", one.standing, fields.join("+"), one.remark);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        reconcile(listed, ours).iter().map(line).collect()
    }

    use ListField::{Contract, Hostname, Model, Serial};

    #[test]
    fn each_row_is_one_seat_or_none() {
        let fleet = [
            ours(
                "acme-nx01",
                &[(Serial, "A"), (Model, "NX4500"), (Contract, "M-1")],
                &[(Serial, "A"), (Model, "NX4500")],
            ),
            ours("acme-ex01", &[(Serial, "B"), (Model, "EX8500")], &[]),
            ours("acme-ax01", &[(Serial, "C")], &[(Serial, "C2")]),
            ours("acme-fx01", &[(Serial, "D")], &[]),
        ];
        let list = [
            row(1, &[(Hostname, "NX01"), (Serial, "A"), (Model, "NX4500"), (Contract, "M-1")]),
            row(2, &[(Serial, "B"), (Model, "EX3500")]),
            row(3, &[(Hostname, "ax01"), (Serial, "C")]),
            row(4, &[(Hostname, "zz01"), (Serial, "Z")]),
            row(5, &[(Hostname, "acme-nx01"), (Serial, "A")]),
        ];
        assert_eq!(
            shown(&list, &fleet),
            [
                "agrees acme-nx01",
                "differs acme-ex01 model",
                "differs acme-ax01 serial",
                "missing-here - hostname+serial",
                "twice acme-nx01 the same seat as row 1",
                "missing-there acme-fx01 serial",
            ]
        );
    }

    #[test]
    fn two_units_that_were_swapped_are_told() {
        let fleet = [
            ours("acme-nx01", &[(Serial, "A")], &[(Serial, "B")]),
            ours("acme-nx02", &[(Serial, "B")], &[(Serial, "A")]),
        ];
        let list = [row(1, &[(Hostname, "nx01"), (Serial, "A")]), row(2, &[(Hostname, "nx02"), (Serial, "B")])];
        assert_eq!(
            shown(&list, &fleet),
            [
                "serial-swapped acme-nx01 serial the serial was seen in acme-nx02",
                "serial-swapped acme-nx02 serial the serial was seen in acme-nx01",
            ]
        );
    }

    #[test]
    fn a_host_name_of_two_customers_is_none_without_the_customer() {
        let mut other = ours("ginga-nx01", &[], &[]);
        other.customer = "ginga".parse().unwrap();
        let fleet = [ours("acme-nx01", &[], &[]), other];
        assert_eq!(shown(&[row(1, &[(Hostname, "nx01")])], &fleet)[0], "missing-here - hostname");
        let named = row(1, &[(Hostname, "nx01"), (ListField::Customer, "acme")]);
        assert_eq!(shown(&[named], &fleet)[0], "agrees acme-nx01");
    }
}
