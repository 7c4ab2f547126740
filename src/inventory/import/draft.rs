//! Records into drafts of seats: what each value means, and a doubt for each that means nothing for certain.

use std::collections::BTreeMap;
use std::net::IpAddr;

use unicode_normalization::UnicodeNormalization as _;

use super::mapping::{Column, Mapping, SeatNaming, folded, secret_header};
use super::record::{Record, Value};
use super::said::Said;
use super::value;
use crate::inventory::checks::seats::paths;
use crate::inventory::forms;
use crate::model::inventory::{DataPath, Supplier};
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::outside::{Outside, encode_line, is_hostile};
use crate::model::series::Series;
use crate::sheet::{At, CellKind};
use crate::yaml::{Form, Kind};

/// A seat as it would be written.
#[derive(Debug, Clone)]
pub(super) struct SeatDraft {
    pub(super) at: At,
    pub(super) customer: CustomerName,
    pub(super) site: SiteName,
    pub(super) gateway: GatewayName,
    pub(super) name: SeatName,
    pub(super) hostname: String,
    pub(super) series: Series,
    pub(super) model: String,
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) serial: Option<String>,
    pub(super) data_path: DataPath,
    /// Host or seat names as written, until all seats are known.
    pub(super) peer: Option<(String, Value)>,
    pub(super) managed_by: Option<(String, Value)>,
    /// The seats that are meant by them, once all are known.
    pub(super) peer_name: Option<SeatName>,
    pub(super) manager_name: Option<SeatName>,
    pub(super) virtual_machine: bool,
    pub(super) supplier: Supplier,
    pub(super) contract: Option<String>,
    pub(super) notes: Vec<String>,
    /// What the file says, where what is written differs, by field of the inventory.
    pub(super) originals: BTreeMap<&'static str, String>,
    /// Where name, address and serial stand.
    pub(super) places: Places,
}

/// Where the values stand that must be unique.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) name: At,
    pub(super) address: At,
    pub(super) serial: At,
}

/// A contract, from the first row that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContractDraft {
    pub(super) number: String,
    pub(super) level: String,
    pub(super) dealer: String,
    pub(super) from: String,
    pub(super) until: String,
}

/// A site, from the first row in it.
#[derive(Debug, Clone)]
pub(super) struct SiteDraft {
    pub(super) title: String,
    pub(super) zone: String,
}

/// A customer with everything below it.
#[derive(Debug, Clone, Default)]
pub(super) struct CustomerDraft {
    pub(super) title: String,
    pub(super) sites: BTreeMap<SiteName, SiteDraft>,
    pub(super) gateways: Vec<GatewayName>,
    pub(super) contracts: BTreeMap<String, (At, ContractDraft)>,
    pub(super) seats: Vec<SeatDraft>,
}

/// Reads records one by one.
pub(super) struct Reader<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) said: &'a mut Said,
    pub(super) customers: BTreeMap<CustomerName, CustomerDraft>,
    /// Rows of which no seat came.
    pub(super) left_out: Vec<At>,
    /// Models whose head gave the series.
    pub(super) series_of_models: Vec<At>,
}

/// A value of which it is not certain what it means; the doubt is said already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubtful;

/// Whether a text has the form of a field.
fn has_form(kind: &Kind, text: &str) -> bool {
    matches!(kind, Kind::Scalar(Form { check, .. }) if check(text).is_ok())
}

impl<'a> Reader<'a> {
    /// A reader that has read nothing.
    pub(super) fn new(mapping: &'a Mapping, said: &'a mut Said) -> Self {
        Self { mapping, said, customers: BTreeMap::new(), left_out: Vec::new(), series_of_models: Vec::new() }
    }

    /// Reads one record.
    pub(super) fn read(&mut self, record: &Record) {
        match self.seat(record) {
            Some(seat) => self.customers.entry(seat.customer.clone()).or_default().seats.push(seat),
            None => self.left_out.push(record.at.clone()),
        }
    }

    fn doubt(&mut self, value: &Value, column: Column, message: impl Into<String>, hint: Option<String>) {
        self.said.doubt(value.at.clone(), column, Some(&value.text), message, hint);
    }

    fn missing(&mut self, record: &Record, column: Column, hint: String) {
        self.said.doubt(record.place(column), column, None, format!("there is no {column}"), Some(hint));
    }

    /// The text of a field on one line; what a person does not see in it is a doubt, and then it is no text.
    pub(super) fn line(&mut self, record: &Record, column: Column) -> Option<(String, Value)> {
        let value = record.get(column)?.clone();
        let text = self.clean(&value, column)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some((text, value))
    }

    fn clean(&mut self, value: &Value, column: Column) -> Option<String> {
        let text = value.text.as_data();
        if value.kind == CellKind::Fault {
            self.doubt(value, column, "is the error of a formula", None);
            return None;
        }
        if let Some(letter) = text.chars().find(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\r' | '\t')) {
            let message = format!("holds the invisible character {}", letter.escape_unicode());
            self.doubt(value, column, message, Some("type the cell anew".to_owned()));
            return None;
        }
        Some(text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned())
    }

    /// Keeps what the file says beside what is written, and says so.
    fn changed(
        &mut self,
        originals: &mut BTreeMap<&'static str, String>,
        field: &'static str,
        value: &Value,
        written: &str,
    ) {
        let original = value.text.as_data().trim();
        if original != written {
            let shown = encode_line(&original.chars().take(80).collect::<String>()).into_owned();
            self.said.note(value.at.clone(), format!("{field} {shown:?} is written as {written}"));
            originals.insert(field, shown);
        }
    }

    fn seat(&mut self, record: &Record) -> Option<SeatDraft> {
        let mut originals = BTreeMap::new();
        let customer = self.customer(record);
        let place = customer.as_ref().map(|customer| self.place(record, customer));
        let hostname = self.hostname(record, &mut originals);
        let name = match (&customer, &hostname) {
            (Some(customer), Some(hostname)) => self.name(record, customer, hostname, &mut originals),
            _ => None,
        };
        let (series, model) = self.kind(record, &mut originals);
        let address = self.address(record, &mut originals);
        let serial = self.serial(record, &mut originals);
        let data_path = series.and_then(|series| self.data_path(record, series));
        let virtual_machine = self.virtual_machine(record, model.as_deref());
        let supplier = self.supplier(record);
        let port = self.port(record);
        let contract = customer.as_ref().and_then(|customer| self.contract(record, customer, supplier));
        let notes = self.notes(record);
        let peer = self.line(record, Column::Peer);
        let managed_by = self.line(record, Column::ManagedBy);
        let (site, gateway) = place.flatten()?;
        Some(SeatDraft {
            at: record.at.clone(),
            customer: customer?,
            site,
            gateway,
            name: name?,
            hostname: hostname?,
            series: series?,
            model: model?,
            address: address.ok()?,
            port: port.ok()?,
            serial,
            data_path: data_path?,
            peer,
            managed_by,
            peer_name: None,
            manager_name: None,
            virtual_machine: virtual_machine?,
            supplier: supplier?,
            contract,
            notes,
            originals,
            places: Places {
                name: record.place(if record.get(Column::Name).is_some() { Column::Name } else { Column::Hostname }),
                address: record.place(Column::Address),
                serial: record.place(Column::Serial),
            },
        })
    }

    /// The customer of a record.
    pub(super) fn customer(&mut self, record: &Record) -> Option<CustomerName> {
        let Some((text, value)) = self.line(record, Column::Customer) else {
            if record.get(Column::Customer).is_none_or(|value| value.text.as_data().trim().is_empty()) {
                let Some(customer) = self.mapping.customer.clone() else {
                    let hint = "name it with --customer, or in a column".to_owned();
                    self.missing(record, Column::Customer, hint);
                    return None;
                };
                let mapped = self.mapping.customers.values().find(|named| named.name == customer.as_str());
                let title = mapped.and_then(|named| named.title.clone()).unwrap_or_else(|| customer.to_string());
                self.customers.entry(customer.clone()).or_default().title = title;
                return Some(customer);
            }
            return None;
        };
        let named = self.mapping.customers.get(&folded(&text));
        let name: Result<CustomerName, _> = named.map_or(text.as_str(), |named| named.name.as_str()).parse();
        let Ok(name) = name else {
            let hint = format!("give it a name in the mapping, below customers:  {}: {{name: …}}", quoted(&text));
            self.doubt(&value, Column::Customer, "is no name of a customer here", Some(hint));
            return None;
        };
        let title = named.and_then(|named| named.title.clone()).unwrap_or(text);
        let draft = self.customers.entry(name.clone()).or_default();
        if draft.title.is_empty() {
            draft.title = title;
        }
        Some(name)
    }

    /// Site and way in.
    fn place(&mut self, record: &Record, customer: &CustomerName) -> Option<(SiteName, GatewayName)> {
        let defaults = &self.mapping.defaults;
        let found = self.line(record, Column::Site);
        let by_default = || Some((defaults.get("site")?.clone(), None));
        let Some((text, value)) = found.map(|(text, value)| (text, Some(value))).or_else(by_default) else {
            if record.get(Column::Site).is_none() {
                self.missing(record, Column::Site, "name one below defaults: in the mapping".to_owned());
            }
            return None;
        };
        let named = self.mapping.sites.get(&folded(&text)).cloned();
        let at = value.as_ref().map_or_else(|| record.at.clone(), |value| value.at.clone());
        let outside = Outside::from(text.as_str());
        let name: Result<SiteName, _> = named.as_ref().map_or(text.as_str(), |named| named.name.as_str()).parse();
        let Ok(site) = name else {
            let hint = format!("give it a name in the mapping, below sites:  {}: {{name: …, zone: …}}", quoted(&text));
            self.said.doubt(at, Column::Site, Some(&outside), "is no name of a site here", Some(hint));
            return None;
        };
        let zone = named.as_ref().and_then(|named| named.zone.clone()).or_else(|| defaults.get("zone").cloned());
        let Some(zone) = zone else {
            let hint = "write zone: Asia/Tokyo for the site, or below defaults: in the mapping".to_owned();
            self.said.doubt(at, Column::Site, Some(&outside), "has no zone", Some(hint));
            return None;
        };
        let title = named.as_ref().and_then(|named| named.title.clone()).unwrap_or(text);
        let gateway = self.gateway(record, named.and_then(|named| named.gateway))?;
        let draft = self.customers.entry(customer.clone()).or_default();
        draft.sites.entry(site.clone()).or_insert(SiteDraft { title, zone });
        if !draft.gateways.contains(&gateway) {
            draft.gateways.push(gateway.clone());
        }
        Some((site, gateway))
    }

    fn gateway(&mut self, record: &Record, of_site: Option<GatewayName>) -> Option<GatewayName> {
        if let Some((text, value)) = self.line(record, Column::Gateway) {
            let name = text.parse().ok();
            if name.is_none() {
                self.doubt(&value, Column::Gateway, "cannot be the name of a way in", Some(name_hint()));
            }
            return name;
        }
        let default = || self.mapping.defaults.get("gateway")?.parse().ok();
        let gateway = of_site.or_else(default);
        if gateway.is_none() && record.get(Column::Gateway).is_none() {
            let hint = "name the way in to the site, or one below defaults: in the mapping".to_owned();
            self.missing(record, Column::Gateway, hint);
        }
        gateway
    }

    fn hostname(&mut self, record: &Record, originals: &mut BTreeMap<&'static str, String>) -> Option<String> {
        let column = if record.get(Column::Hostname).is_some() { Column::Hostname } else { Column::Name };
        let Some((_, value)) = self.line(record, column) else {
            if record.get(column).is_none() {
                self.missing(record, Column::Hostname, "is the row a seat?".to_owned());
            }
            return None;
        };
        let hostname = value::narrow(value.text.as_data());
        if !has_form(&forms::HOSTNAME, &hostname) {
            let hint = "letters, digits, '.', '_' and '-' are allowed".to_owned();
            self.doubt(&value, column, "cannot be a host name", Some(hint));
            return None;
        }
        self.changed(originals, "hostname", &value, &hostname);
        Some(hostname)
    }

    fn name(
        &mut self,
        record: &Record,
        customer: &CustomerName,
        hostname: &str,
        originals: &mut BTreeMap<&'static str, String>,
    ) -> Option<SeatName> {
        if let Some((_, value)) = self.line(record, Column::Name) {
            let written = value::narrow(value.text.as_data()).to_lowercase();
            let name = written.parse().ok();
            match &name {
                None => self.doubt(&value, Column::Name, "cannot be the name of a seat", Some(name_hint())),
                Some(_) => self.changed(originals, "name", &value, &written),
            }
            return name;
        }
        if record.get(Column::Name).is_some_and(|value| !value.text.as_data().trim().is_empty()) {
            return None;
        }
        let name = match self.mapping.naming {
            SeatNaming::Hostname => hostname.to_lowercase(),
            SeatNaming::CustomerHostname => format!("{customer}-{}", hostname.to_lowercase()),
        };
        let found = Outside::from(name.as_str());
        let name = name.parse().ok();
        if name.is_none() {
            let at = record.place(Column::Hostname);
            self.said.doubt(at, Column::Name, Some(&found), "cannot be the name of a seat", Some(name_hint()));
        }
        name
    }

    /// Series and model, which belong together.
    fn kind(
        &mut self,
        record: &Record,
        originals: &mut BTreeMap<&'static str, String>,
    ) -> (Option<Series>, Option<String>) {
        let mut model = None;
        match self.line(record, Column::Model) {
            Some((text, value)) => {
                let mapped = self.mapping.models.get(&folded(&text)).cloned();
                let written = mapped.unwrap_or_else(|| value::model(&text));
                if has_form(&forms::MODEL, &written) {
                    self.changed(originals, "model", &value, &written);
                    model = Some((written, Some(value)));
                } else {
                    let hint =
                        format!("say what the unit calls itself below models: in the mapping:  {}: …", quoted(&text));
                    self.doubt(&value, Column::Model, "cannot be a model", Some(hint));
                }
            }
            None if record.get(Column::Model).is_none() => match self.mapping.defaults.get("model") {
                Some(text) => model = Some((text.clone(), None)),
                None => self.missing(record, Column::Model, "a seat has a model (NX4500)".to_owned()),
            },
            None => {}
        }
        let of_model = model.as_ref().and_then(|(model, _)| value::series_of(model));
        let series = self.series(record, of_model, model.as_ref().and_then(|(_, value)| value.as_ref()));
        (series, model.map(|(model, _)| model))
    }

    fn series(&mut self, record: &Record, of_model: Option<Series>, model: Option<&Value>) -> Option<Series> {
        if let Some((text, value)) = self.line(record, Column::Series) {
            let narrow = value::narrow(&text);
            let series = self.mapping.word::<Series>("series", &text);
            let series = series.or_else(|hint| Series::from_product(&narrow).ok_or(hint));
            return match (series, of_model) {
                (Ok(series), Some(other)) if series != other => {
                    let message = format!("is not the series {other} with which the model begins");
                    self.doubt(&value, Column::Series, message, None);
                    None
                }
                (Ok(series), _) => Some(series),
                (Err(hint), _) => {
                    self.doubt(&value, Column::Series, "is no series", hint);
                    None
                }
            };
        }
        if record.get(Column::Series).is_some() {
            return None;
        }
        let default: Option<Series> = self.mapping.defaults.get("series").and_then(|text| text.parse().ok());
        match (of_model, default, model) {
            (Some(series), _, Some(value)) => {
                self.series_of_models.push(value.at.clone());
                Some(series)
            }
            (Some(series), _, None) | (None, Some(series), _) => Some(series),
            (None, None, Some(value)) => {
                let hint = "nx, ex, hx, cm, ax or fx: in a column, or at the head of the model".to_owned();
                self.doubt(value, Column::Model, "begins with no series that is known", Some(hint));
                None
            }
            (None, None, None) => None,
        }
    }

    /// No address is one that an air-gapped seat may have.
    pub(super) fn address(
        &mut self,
        record: &Record,
        originals: &mut BTreeMap<&'static str, String>,
    ) -> Result<Option<IpAddr>, Doubtful> {
        let Some((_, value)) = self.line(record, Column::Address) else {
            let empty = |value: &Value| value.text.as_data().trim().is_empty();
            return if record.get(Column::Address).is_none_or(empty) { Ok(None) } else { Err(Doubtful) };
        };
        let message = match value::address(value.text.as_data()) {
            Some(address) if has_form(&forms::ADDRESS, &address.to_string()) => {
                self.changed(originals, "address", &value, &address.to_string());
                return Ok(Some(address));
            }
            Some(_) => "is not the address of one appliance",
            None => "is no IP address",
        };
        self.doubt(&value, Column::Address, message, None);
        Err(Doubtful)
    }

    fn port(&mut self, record: &Record) -> Result<Option<u16>, Doubtful> {
        let Some((text, value)) = self.line(record, Column::Port) else { return Ok(None) };
        match value::narrow(&text).parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port).filter(|port| *port != 22)),
            _ => {
                self.doubt(&value, Column::Port, "is no port", None);
                Err(Doubtful)
            }
        }
    }

    /// The serial of a record.
    pub(super) fn serial(&mut self, record: &Record, originals: &mut BTreeMap<&'static str, String>) -> Option<String> {
        let (text, value) = self.line(record, Column::Serial)?;
        let written = value::narrow(&text).to_uppercase();
        // A workbook that took a serial for a number has lost what was before or behind it.
        if value.kind == CellKind::Number || written.contains("E+") {
            let hint = "format the column as text and type the serial from the label".to_owned();
            self.doubt(&value, Column::Serial, "is a number: zeros before it, or digits, may be lost", Some(hint));
            return None;
        }
        if matches!(written.as_str(), "-" | "N/A" | "NA" | "なし" | "不明" | "無し" | "未確認") {
            self.said.note(value.at.clone(), format!("serial {:?} is taken as none", encode_line(&text)));
            return None;
        }
        if !has_form(&forms::SERIAL, &written) {
            self.doubt(&value, Column::Serial, "cannot be a serial (letters, digits, '-')", None);
            return None;
        }
        self.changed(originals, "serial", &value, &written);
        Some(written)
    }

    fn data_path(&mut self, record: &Record, series: Series) -> Option<DataPath> {
        if let Some((text, value)) = self.line(record, Column::DataPath) {
            return match self.mapping.word::<DataPath>("data_path", &text) {
                Ok(path) if paths(series).contains(&path) => Some(path),
                Ok(path) => {
                    let message = format!("means {path}, which a unit of series {series} has not");
                    self.doubt(&value, Column::DataPath, message, None);
                    None
                }
                Err(hint) => {
                    let own = format!("say which it is below words: data_path: in the mapping:  {}: …", quoted(&text));
                    self.doubt(&value, Column::DataPath, "is no data path", Some(hint.unwrap_or(own)));
                    None
                }
            };
        }
        if record.get(Column::DataPath).is_some_and(|value| !value.text.as_data().trim().is_empty()) {
            return None;
        }
        match (self.mapping.data_paths.get(&series), paths(series)) {
            (Some(path), possible) if possible.contains(path) => Some(*path),
            (None, [only]) => Some(*only),
            (_, possible) => {
                let words = possible.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ");
                let hint = format!("a column, or data_paths: {{{series}: …}} in the mapping: {words}");
                self.missing(record, Column::DataPath, hint);
                None
            }
        }
    }

    fn virtual_machine(&mut self, record: &Record, model: Option<&str>) -> Option<bool> {
        let of_model = model.is_some_and(|model| model.ends_with('V'));
        let Some((text, value)) = self.line(record, Column::Virtual) else {
            if of_model {
                let message = "the seat is virtual, since its model ends in V".to_owned();
                self.said.note(record.place(Column::Model), message);
            }
            return Some(of_model);
        };
        let known = self.mapping.words.get("virtual").and_then(|words| words.get(&folded(&text)));
        let flag = crate::yaml::form::flag(known.map_or(&folded(&text), |word| word));
        if flag.is_none() {
            self.doubt(&value, Column::Virtual, "is neither yes nor no", None);
        }
        flag
    }

    fn supplier(&mut self, record: &Record) -> Option<Supplier> {
        if let Some((text, value)) = self.line(record, Column::Supplier) {
            return match self.mapping.word::<Supplier>("supplier", &text) {
                Ok(supplier) => Some(supplier),
                Err(hint) => {
                    self.doubt(&value, Column::Supplier, "does not say who sold the unit", hint);
                    None
                }
            };
        }
        // What the inventory takes where nothing is written; the whole import says so once.
        Some(self.mapping.defaults.get("supplier").and_then(|word| word.parse().ok()).unwrap_or(Supplier::Us))
    }

    /// The number, when everything of the contract is known and agrees with other rows.
    fn contract(&mut self, record: &Record, customer: &CustomerName, supplier: Option<Supplier>) -> Option<String> {
        let (text, value) = self.line(record, Column::Contract)?;
        let number: String = text.nfkc().collect();
        if matches!(number.as_str(), "-" | "なし" | "無し" | "N/A") {
            self.said.note(value.at, format!("contract {:?} is taken as none", encode_line(&text)));
            return None;
        }
        if supplier == Some(Supplier::Other) {
            let message = "stands at a unit that somebody else sold: a contract of ours does not cover it";
            self.doubt(&value, Column::Contract, message, None);
            return None;
        }
        if value.kind == CellKind::Number {
            let hint = "format the column as text".to_owned();
            self.doubt(&value, Column::Contract, "is a number: zeros before it may be lost", Some(hint));
            return None;
        }
        let part = |reader: &mut Self, column: Column| {
            let default = || reader.mapping.defaults.get(column.as_str()).cloned();
            match record.get(column) {
                None => default(),
                Some(_) => reader.line(record, column).map(|(text, _)| text),
            }
        };
        let (level, dealer) = (part(self, Column::ContractLevel), part(self, Column::ContractDealer));
        let (from, until) = (self.day(record, Column::ContractFrom), self.day(record, Column::ContractUntil));
        let parts = [
            (Column::ContractLevel, level),
            (Column::ContractDealer, dealer),
            (Column::ContractFrom, from),
            (Column::ContractUntil, until),
        ];
        let known = self.customers.get(customer).and_then(|draft| draft.contracts.get(&number)).cloned();
        if let Some((first, known)) = known {
            let of = |column| match column {
                Column::ContractLevel => &known.level,
                Column::ContractDealer => &known.dealer,
                Column::ContractFrom => &known.from,
                _ => &known.until,
            };
            for (column, found) in parts {
                if let Some(found) = found.filter(|found| found != of(column)) {
                    let message = format!("is not {:?}, as of the same contract at {first}", of(column));
                    self.said.doubt(record.place(column), column, Some(&Outside::from(found)), message, None);
                }
            }
            return Some(number);
        }
        let mut whole = Vec::new();
        for (column, found) in parts {
            if found.is_none() && record.get(column).is_none() {
                let hint =
                    format!("in a column, or below defaults: in the mapping; without it contract {number} is left out");
                self.missing(record, column, hint);
            }
            whole.extend(found);
        }
        let [level, dealer, from, until] = <[String; 4]>::try_from(whole).ok()?;
        let draft = ContractDraft { number: number.clone(), level, dealer, from, until };
        self.customers.entry(customer.clone()).or_default().contracts.insert(number.clone(), (value.at, draft));
        Some(number)
    }

    /// A day of a record, as `yyyy-mm-dd`.
    pub(super) fn day(&mut self, record: &Record, column: Column) -> Option<String> {
        let Some(value) = record.get(column).cloned() else {
            return self.mapping.defaults.get(column.as_str()).cloned();
        };
        let text = self.clean(&value, column)?;
        let narrow = value::narrow(&text);
        let text = value::first_year(&narrow);
        let Some(day) = value::day(&text, value.kind) else {
            let hint = "yyyy/mm/dd, 令和8年3月31日 or a date of the workbook".to_owned();
            self.doubt(&value, column, "is no date", Some(hint));
            return None;
        };
        let day = day.to_string();
        // Another order or sign between the same numbers says nothing else; an era, a width or a counted day does.
        let plain = value.text.as_data().chars().all(|letter| letter.is_ascii_digit() || "-/.".contains(letter));
        if value.kind == CellKind::Number || (!plain && value.kind == CellKind::Text) {
            let shown = encode_line(value.text.as_data()).into_owned();
            self.said.note(value.at, format!("{column} {shown:?} is read as {day}"));
        }
        Some(day)
    }

    fn notes(&mut self, record: &Record) -> Vec<String> {
        let values = record.values.get(&Column::Note).cloned().unwrap_or_default();
        let mut notes = Vec::new();
        for value in values {
            let Some(text) = self.clean(&value, Column::Note).filter(|text| !text.is_empty()) else { continue };
            if secret_header(&text) || (text.contains("://") && text.contains('@')) {
                self.said.note(value.at, "the note may hold a secret: it is not taken over".to_owned());
            } else if !has_form(&forms::TEXT, &text) {
                self.said.doubt(value.at, Column::Note, None, "is longer than a note may be", None);
            } else {
                notes.push(text);
            }
        }
        notes
    }
}

fn name_hint() -> String {
    "small letters, digits, '.', '_' and '-' are allowed, a letter or digit first".to_owned()
}

/// A text of the file as the key of a mapping.
fn quoted(text: &str) -> String {
    super::write::scalar(&encode_line(&text.chars().take(60).collect::<String>()))
}
