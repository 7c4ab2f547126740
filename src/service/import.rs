//! `hoshu appliance import`: what an inventory of another tool would become, and the files of it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::decide::reconcile::reconcile;
use crate::engine::clock::{Clock as _, SystemClock};
use crate::engine::env::Env;
use crate::engine::managed;
use crate::inventory::import::cm::{CmList, place};
use crate::inventory::import::load::request;
use crate::inventory::import::{ImportError, import, plain_model};
use crate::model::actor::Actor;
use crate::model::inventory::Seat;
use crate::model::ledger::{Difference, ListField, Listed, ListedCell, Ours};
use crate::model::managed::ManagedUnit;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::series::Series;
use crate::service::ledger::reconcile::ours;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::yaml::Severity;

pub use crate::inventory::import::load::Asked;
pub use crate::inventory::import::mapping::{Column, From};
pub use crate::inventory::import::{Doubt, Imported, NewFile, Note, built_in, schema_mapping};

impl std::convert::From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Files(problems) => Self::Files(problems),
            ImportError::Sheet { file, source } => Self::Table { file, source },
            error @ ImportError::NotAFile => Self::Argument(error.to_string()),
        }
    }
}

impl std::convert::From<crate::inventory::import::load::LoadError> for Refusal {
    fn from(error: crate::inventory::import::load::LoadError) -> Self {
        Self::Folder { path: error.path, why: error.source.to_string() }
    }
}

/// What would be written. Nothing is.
pub fn look(asked: &Asked) -> Result<Imported, Refusal> {
    Ok(import(request(asked, SystemClock.now().utc().date_naive())?)?)
}

/// What a CM lists, held against the inventory: what differs, what is missing on either side, and the seats that would be
/// added. The CM is asked; nothing is written.
pub async fn from_cm(env: &Env, actor: &Actor, cm: &SeatName, mapping: Option<PathBuf>) -> Result<Imported, Refusal> {
    let cm = select::one(env, actor, cm)?;
    if cm.series != Series::Cm {
        return Err(Refusal::Argument(format!(
            "expected the seat of a CM, found {}, which is of series {}",
            cm.name, cm.series
        )));
    }
    let listed = managed::run(env, actor, cm).await;
    let listed = listed.map_err(|failure| Refusal::NoSession { outcome: failure.outcome, reason: failure.reason })?;
    let list = format!("{} of {}", listed.command, cm.name);
    let (mut doubts, mut notes) = (Vec::new(), Vec::new());
    if !listed.complete {
        doubts.push(of_list("the answer of the CM is cut: it may list more".to_owned(), None));
    }
    if let Some(why) = listed.without_api {
        notes.push(Note { at: None, message: format!("the API of the CM adds nothing: {}", why.for_terminal()) });
    }
    let rows = listed.units.len();
    let units = compare(env, actor, cm, (listed.units, &list), (&mut doubts, &mut notes)).await?;
    let asked = Asked {
        file: PathBuf::from(&list),
        from: From::Cm,
        mapping,
        customer: Some(cm.customer.clone()),
        into: Some(env.settings.inventory.clone()),
    };
    let mut request = request(&asked, env.clock.now().utc().date_naive())?;
    let by_customer = cm.name.as_str() == format!("{}-{}", cm.customer, cm.hostname).to_lowercase();
    request.cm = Some(CmList { units, manager: cm.name.clone(), by_customer, defaults: in_common(env, cm) });
    let mut imported = import(request)?;
    doubts.append(&mut imported.doubts);
    notes.append(&mut imported.notes);
    Ok(Imported { rows, doubts, notes, ..imported })
}

fn of_list(message: String, hint: Option<String>) -> Doubt {
    Doubt { at: Vec::new(), column: None, found: None, message, hint }
}

/// What every seat below a CM has, where only one thing is possible.
fn in_common(env: &Env, cm: &Seat) -> BTreeMap<&'static str, String> {
    let mut common = BTreeMap::new();
    let Some(customer) = env.inventory.customers.get(&cm.customer) else { return common };
    if let [site] = &customer.sites[..] {
        common.insert("site", site.name.to_string());
        common.insert("zone", site.zone.clone());
    }
    if let [gateway] = &customer.gateways[..] {
        common.insert("gateway", gateway.name.to_string());
    }
    let read = cm.credentials.read.as_ref().and_then(|name| {
        let name = name.to_string();
        name.strip_prefix(&format!("{}/", cm.customer)).map(str::to_owned)
    });
    common.extend(read.map(|read| ("read", read)));
    common
}

/// Holds the list against the seats of the customer, and gives back what the inventory lacks.
async fn compare(
    env: &Env,
    actor: &Actor,
    cm: &Seat,
    (units, list): (Vec<ManagedUnit>, &str),
    (doubts, notes): (&mut Vec<Doubt>, &mut Vec<Note>),
) -> Result<Vec<ManagedUnit>, Refusal> {
    let assets = env.store.scoped(actor.scope.clone()).asset_list().await?;
    let assets: HashMap<_, _> = assets.into_iter().map(|asset| (asset.seat.clone(), asset)).collect();
    // The members of a pair of CMs manage the same appliances.
    let managers = [Some(&cm.name), cm.peer.as_ref()];
    let is_below = |seat: &Seat| managers.contains(&seat.managed_by.as_ref()) && seat.managed_by.is_some();
    let seats = env.inventory.seats.values().filter(|seat| seat.customer == cm.customer);
    let seats = seats.filter(|seat| !managers.contains(&Some(&seat.name)));
    let ours: Vec<Ours> = seats.map(|seat| ours(env, seat, assets.get(&seat.name), is_below(seat))).collect();
    let rows: Vec<Listed> = units.iter().map(|unit| row(unit, list, cm)).collect();
    let (mut missing, mut met) = (Vec::new(), Vec::new());
    let mut by_place: HashMap<String, ManagedUnit> =
        units.into_iter().map(|unit| (place(list, &unit).to_string(), unit)).collect();
    for one in reconcile(&rows, &ours) {
        let unit = one.at.as_ref().and_then(|at| by_place.remove(at));
        let at: Vec<_> = unit.iter().map(|unit| place(list, unit)).collect();
        let doubt = |column, found: Option<String>, message: String| Doubt {
            at: at.clone(),
            column,
            found: found.map(Outside::from),
            message,
            hint: None,
        };
        let (unit, seat) = match (unit, &one.seat) {
            (Some(unit), Some(seat)) => (unit, seat),
            (Some(unit), None) => {
                match at_the_address(&unit, &ours) {
                    Some(known) => {
                        let message = format!("stands at the address of {known}, whose host name is another one");
                        doubts.push(doubt(Some(Column::Hostname), named(&unit), message));
                        met.push(known.clone());
                    }
                    None => missing.push(unit),
                }
                continue;
            }
            (None, Some(seat)) if met.contains(seat) => continue,
            (None, Some(seat)) => {
                let message = format!("{seat} is declared as managed by {}, which does not list it", cm.name);
                doubts.push(of_list(message, Some("mend managed_by, or connect the appliance anew".to_owned())));
                continue;
            }
            (None, None) => continue,
        };
        // Files declare no release, and one that nobody saw yet differs from nothing.
        let unseen = |one: &&Difference| one.field != ListField::Release || one.seen.is_some();
        let differences: Vec<_> = one.differences.iter().filter(unseen).collect();
        for difference in &differences {
            let ours = match (&difference.declared, &difference.seen) {
                (Some(declared), _) if Some(declared) != difference.theirs.as_ref() => {
                    format!("{declared} in the files")
                }
                (_, Some(seen)) => format!("{} as it said itself", seen.for_terminal()),
                _ => "not in the files".to_owned(),
            };
            let message = format!("is the {} in the CM; that of {seat} is {ours}", difference.field);
            doubts.push(doubt(column(difference.field), difference.theirs.clone(), message));
        }
        if !one.remark.is_empty() {
            doubts.push(doubt(None, named(&unit), format!("is {seat}: {}", one.remark)));
        }
        if !env.inventory.seats.get(seat).is_some_and(is_below) {
            let message = format!("is {seat}, which does not name {} as its manager", cm.name);
            doubts.push(doubt(Some(Column::ManagedBy), named(&unit), message));
        } else if differences.is_empty() && one.remark.is_empty() {
            let message = format!("{seat} is in the inventory, and agrees");
            notes.push(Note { at: at.first().cloned(), message });
        }
    }
    Ok(missing)
}

fn named(unit: &ManagedUnit) -> Option<String> {
    unit.name.as_ref().or(unit.address.as_ref()).map(Outside::as_data).map(str::to_owned)
}

/// The seat that is declared at the address of a unit, when it is one alone.
fn at_the_address<'a>(unit: &ManagedUnit, ours: &'a [Ours]) -> Option<&'a SeatName> {
    let address = unit.address.as_ref()?.as_data().parse::<IpAddr>().ok()?.to_string();
    let there = |one: &&Ours| one.declared(ListField::Address) == Some(&address);
    match ours.iter().filter(there).collect::<Vec<_>>()[..] {
        [one] => Some(&one.seat),
        _ => None,
    }
}

const fn column(field: ListField) -> Option<Column> {
    match field {
        ListField::Hostname => Some(Column::Hostname),
        ListField::Serial => Some(Column::Serial),
        ListField::Model => Some(Column::Model),
        ListField::Address => Some(Column::Address),
        _ => None,
    }
}

/// What a CM says of an appliance, as files and lists write it. A host name in the place of an address is none.
fn row(unit: &ManagedUnit, list: &str, cm: &Seat) -> Listed {
    let at = place(list, unit).to_string();
    let text = |text: &Option<Outside>| text.as_ref().map(|text| text.as_data().trim().to_owned());
    let address = text(&unit.address).and_then(|text| text.parse::<IpAddr>().ok()).map(|address| address.to_string());
    let cells = [
        (ListField::Customer, Some(cm.customer.to_string())),
        (ListField::Hostname, named(unit)),
        (ListField::Address, address),
        (ListField::Model, unit.model.as_ref().map(|model| plain_model(model).into_data())),
        (ListField::Serial, text(&unit.serial)),
        (ListField::Release, text(&unit.release)),
    ];
    let cell = |(field, value): (ListField, Option<String>)| Some(ListedCell { field, value: value?, at: at.clone() });
    Listed { at: at.clone(), name: None, cells: cells.into_iter().filter_map(cell).collect() }
}

/// The paths and texts of the files to write below `dir`, none of which exists. With doubts nothing is written, unless
/// the person said to leave out what they touch; with a mistake, or nothing to write, never.
pub fn to_write<'a>(
    imported: &'a Imported,
    dir: &Path,
    leave_out: bool,
) -> Result<Vec<(PathBuf, &'a NewFile)>, Refusal> {
    if imported.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Refusal::Files(imported.problems.clone()));
    }
    let general = imported.doubts.iter().any(|doubt| doubt.at.is_empty());
    if general || (!leave_out && !imported.doubts.is_empty()) || imported.files.is_empty() {
        let general = general || imported.files.is_empty();
        return Err(Refusal::Doubts { doubts: imported.doubts.len(), general });
    }
    let paths: Vec<_> = imported.files.iter().map(|file| (dir.join(&file.name), file)).collect();
    match paths.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        Some((path, _)) => Err(Refusal::Folder { path: path.clone(), why: "it exists already".to_owned() }),
        None => Ok(paths),
    }
}
