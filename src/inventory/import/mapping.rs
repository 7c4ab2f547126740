//! The mapping file: which header is which field, and whose words mean what.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::super::forms::{CUSTOMER, DATE, GATEWAY, LINE, MODEL, SITE, ZONE};
use crate::model::inventory::{DataPath, GatewayAccess, ProbeState, Supplier};
use crate::model::name::{CustomerName, GatewayName, SiteName};
use crate::model::series::Series;
use crate::model::word::Word;
use crate::yaml::source::looks_secret;
use crate::yaml::{Entry, Field, Fields, Form, Kind, Problem, Source, Table, check, did_you_mean, parse, schema};

crate::words! {
    /// What an import is made from.
    pub enum From {
        /// A CSV file.
        Csv = "csv",
        /// A workbook of Excel.
        Xlsx = "xlsx",
        /// `router.db` of Oxidized.
        Oxidized = "oxidized",
        /// `hosts.yaml` of Nornir.
        Nornir = "nornir",
        /// A CSV export of `NetBox`'s devices.
        Netbox = "netbox",
        /// The list of a CM.
        Cm = "cm",
    }
}

crate::words! {
    /// A field that a row of another tool can have.
    pub enum Column {
        /// The seat's name.
        Name = "name",
        /// The appliance's own name.
        Hostname = "hostname",
        /// The customer.
        Customer = "customer",
        /// The site.
        Site = "site",
        /// The way in.
        Gateway = "gateway",
        /// The series.
        Series = "series",
        /// The model.
        Model = "model",
        /// The serial.
        Serial = "serial",
        /// The address.
        Address = "address",
        /// The port of SSH.
        Port = "port",
        /// The way of the customer's data.
        DataPath = "data_path",
        /// The other member of a pair.
        Peer = "peer",
        /// The managing CM.
        ManagedBy = "managed_by",
        /// A virtual machine.
        Virtual = "virtual",
        /// Who sold it.
        Supplier = "supplier",
        /// The number of the contract.
        Contract = "contract",
        /// Its level.
        ContractLevel = "contract_level",
        /// The dealer.
        ContractDealer = "contract_dealer",
        /// Its first day.
        ContractFrom = "contract_from",
        /// Its last day.
        ContractUntil = "contract_until",
        /// In use, planned, gone: for `skip` and `only`.
        Status = "status",
        /// Who made it: for `skip` and `only`.
        Manufacturer = "manufacturer",
        /// What another tool calls the kind of device: for `skip` and `only`.
        Platform = "platform",
        /// Free words.
        Note = "note",
    }
}

crate::words! {
    /// How seats are named that have no name in the file.
    pub enum SeatNaming {
        /// By the host name.
        Hostname = "hostname",
        /// By customer and host name.
        CustomerHostname = "customer-hostname",
    }
}

const HEADERS: Kind = Kind::List(&LINE);

static MAPPING: Table = Table {
    what: "a mapping",
    fields: &[
        Field::optional("sheet", LINE, "The sheet to read."),
        Field::optional("header", Kind::Table(&HEADER), "Where the header stands."),
        Field::optional("columns", Kind::Table(&COLUMNS), "Our fields, and the headers under which they stand."),
        Field::optional("customers", Kind::Map(&LINE, &Kind::Table(&CUSTOMERS)), "Customers as the file names them."),
        Field::optional("sites", Kind::Map(&LINE, &Kind::Table(&SITES)), "Sites as the file names them."),
        Field::optional("gateways", Kind::Map(&GATEWAY, &Kind::Table(&GATEWAYS)), "The ways in."),
        Field::optional("defaults", Kind::Table(&DEFAULTS), "What holds where the file says nothing."),
        Field::optional(
            "data_paths",
            Kind::Map(&Kind::Word(Series::words), &Kind::Word(DataPath::words)),
            "The data path by series, where the file says nothing.",
        ),
        Field::optional("words", Kind::Table(&WORDS), "Words of the file, and ours."),
        Field::optional(
            "models",
            Kind::Map(&LINE, &MODEL),
            "Models as the file writes them, and as the unit says them.",
        ),
        Field::optional("seat_name", Kind::Word(SeatNaming::words), "How seats are named that have no name."),
        Field::optional("skip", Kind::List(&Kind::Table(&RULE)), "Rows that are left alone."),
        Field::optional("only", Kind::List(&Kind::Table(&RULE)), "Rows that are taken; all when left out."),
    ],
};

static HEADER: Table = Table {
    what: "the place of the header",
    fields: &[
        Field::required("row", Kind::Whole(1, 1_000), "Its first row."),
        Field::optional("rows", Kind::Whole(1, 5), "How many rows it has; 1 when left out."),
    ],
};

static COLUMNS: Table = Table {
    what: "the columns",
    fields: &[
        Field::optional("name", HEADERS, "The seat's name."),
        Field::optional("hostname", HEADERS, "The appliance's own host name."),
        Field::optional("customer", HEADERS, "The customer."),
        Field::optional("site", HEADERS, "The site."),
        Field::optional("gateway", HEADERS, "The way in."),
        Field::optional("series", HEADERS, "The series."),
        Field::optional("model", HEADERS, "The model."),
        Field::optional("serial", HEADERS, "The serial."),
        Field::optional("address", HEADERS, "The address."),
        Field::optional("port", HEADERS, "The port of SSH."),
        Field::optional("data_path", HEADERS, "The way that the customer's data takes."),
        Field::optional("peer", HEADERS, "The other member of a pair, by host name."),
        Field::optional("managed_by", HEADERS, "The managing CM, by host name."),
        Field::optional("virtual", HEADERS, "Whether it is a virtual machine."),
        Field::optional("supplier", HEADERS, "Who sold the unit."),
        Field::optional("contract", HEADERS, "The number of the maintenance contract."),
        Field::optional("contract_level", HEADERS, "The level of the contract."),
        Field::optional("contract_dealer", HEADERS, "The dealer."),
        Field::optional("contract_from", HEADERS, "The first day of the contract."),
        Field::optional("contract_until", HEADERS, "The last day of the contract."),
        Field::optional("status", HEADERS, "In use, planned, gone: for skip and only."),
        Field::optional("manufacturer", HEADERS, "Who made it: for skip and only."),
        Field::optional("platform", HEADERS, "What the other tool calls the kind of device: for skip and only."),
        Field::optional("note", HEADERS, "Free words; every header that is there is taken."),
    ],
};

static CUSTOMERS: Table = Table {
    what: "a customer",
    fields: &[
        Field::required("name", CUSTOMER, "Its name here."),
        Field::optional("title", LINE, "Its formal name in letters; as in the file when left out."),
    ],
};

static SITES: Table = Table {
    what: "a site",
    fields: &[
        Field::required("name", SITE, "Its name here."),
        Field::optional("title", LINE, "Its name in letters; as in the file when left out."),
        Field::optional("zone", ZONE, "Its zone; that of the defaults when left out."),
        Field::optional("gateway", GATEWAY, "The way in to the seats there; that of the defaults when left out."),
    ],
};

static GATEWAYS: Table = Table {
    what: "a way in",
    fields: &[
        Field::optional("access", Kind::Word(GatewayAccess::words), "Whether Hoshu may pass it by itself."),
        Field::optional("ssh", Kind::Word(ProbeState::words), "Whether SSH answers behind it."),
    ],
};

const CREDENTIAL_PART: Kind =
    Kind::Scalar(&Form::of::<SiteName>("the part of a credential's name behind the customer", None));

static DEFAULTS: Table = Table {
    what: "the defaults",
    fields: &[
        Field::optional("customer", CUSTOMER, "The customer."),
        Field::optional("site", LINE, "The site, as the file would name it."),
        Field::optional("gateway", GATEWAY, "The way in."),
        Field::optional("zone", ZONE, "The zone of sites."),
        Field::optional("series", Kind::Word(Series::words), "The series."),
        Field::optional("model", MODEL, "The model."),
        Field::optional("supplier", Kind::Word(Supplier::words), "Who sold the units."),
        Field::optional("contract_level", LINE, "The level of contracts."),
        Field::optional("contract_dealer", LINE, "The dealer of contracts."),
        Field::optional("contract_from", DATE, "The first day of contracts."),
        Field::optional("contract_until", DATE, "The last day of contracts."),
        Field::optional("read", CREDENTIAL_PART, "The read credential: this name behind that of the customer."),
    ],
};

static WORDS: Table = Table {
    what: "the words",
    fields: &[
        Field::optional("series", Kind::Map(&LINE, &Kind::Word(Series::words)), "Series."),
        Field::optional("data_path", Kind::Map(&LINE, &Kind::Word(DataPath::words)), "Data paths."),
        Field::optional("supplier", Kind::Map(&LINE, &Kind::Word(Supplier::words)), "Who sold the unit."),
        Field::optional("virtual", Kind::Map(&LINE, &Kind::Flag), "Whether it is a virtual machine."),
    ],
};

static RULE: Table = Table {
    what: "a rule for rows",
    fields: &[
        Field::required("column", Kind::Word(Column::words), "The field that is looked at."),
        Field::required("is", HEADERS, "The values for which the rule holds."),
    ],
};

/// The JSON Schema of a mapping file.
pub fn schema_mapping() -> serde_json::Value {
    schema(&MAPPING, "hoshu:mapping")
}

/// Text for comparing: without width, case and blanks around it, and with one blank for many.
pub(super) fn folded(text: &str) -> String {
    let text: String = text.nfkc().collect::<String>().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a header looks as if secrets stood below it, in the languages of ledgers.
pub(super) fn secret_header(header: &str) -> bool {
    const WORDS: [&str; 13] = [
        "パスワード",
        "暗証",
        "秘密",
        "コミュニティ",
        "鍵",
        "認証情報",
        "enable",
        "特権",
        "pwd",
        "credential",
        "pin",
        "psk",
        "pw",
    ];
    let header = folded(header);
    let word = |word: &str| {
        // Short words of Latin letters stand alone: no "shipping".
        if word.is_ascii() && word.len() <= 3 {
            header.split(|letter: char| !letter.is_alphanumeric()).any(|part| part == word)
        } else {
            header.contains(word)
        }
    };
    looks_secret(&header) || WORDS.iter().any(|one| word(one))
}

/// A customer or site as it is named here.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) gateway: Option<GatewayName>,
}

/// A way in.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) access: Option<GatewayAccess>,
    pub(super) ssh: Option<ProbeState>,
}

/// A rule for rows.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) column: Column,
    pub(super) is: Vec<String>,
}

/// A mapping: what is built in for the kind of file, with the user's own laid over it.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(super) sheet: Option<String>,
    pub(super) header: Option<(u32, u32)>,
    pub(super) columns: BTreeMap<Column, Vec<String>>,
    pub(super) customers: BTreeMap<String, Named>,
    pub(super) sites: BTreeMap<String, Named>,
    pub(super) gateways: BTreeMap<String, Way>,
    pub(super) customer: Option<CustomerName>,
    pub(super) defaults: BTreeMap<&'static str, String>,
    pub(super) data_paths: BTreeMap<Series, DataPath>,
    pub(super) words: BTreeMap<&'static str, BTreeMap<String, String>>,
    pub(super) models: BTreeMap<String, String>,
    pub(super) naming: SeatNaming,
    pub(super) skip: Vec<Rule>,
    pub(super) only: Vec<Rule>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            sheet: None,
            header: None,
            columns: BTreeMap::new(),
            customers: BTreeMap::new(),
            sites: BTreeMap::new(),
            gateways: BTreeMap::new(),
            customer: None,
            defaults: BTreeMap::new(),
            data_paths: BTreeMap::new(),
            words: BTreeMap::new(),
            models: BTreeMap::new(),
            naming: SeatNaming::Hostname,
            skip: Vec::new(),
            only: Vec::new(),
        }
    }
}

/// The mapping that is built in for a kind of file, as text with its comments.
pub const fn built_in(from: From) -> &'static str {
    match from {
        From::Csv | From::Xlsx | From::Cm => include_str!("mappings/ledger.yaml"),
        From::Oxidized => include_str!("mappings/oxidized.yaml"),
        From::Nornir => include_str!("mappings/nornir.yaml"),
        From::Netbox => include_str!("mappings/netbox.yaml"),
    }
}

impl Mapping {
    /// The built-in mapping with the user's own over it: a field of `columns` replaces the built-in one, entries of maps
    /// are added, everything else replaces. `own` is the name and text of a file.
    pub fn load(from: From, own: Option<(&str, &str)>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut mapping = Self::default();
        mapping.lay(&Source::new("built in", built_in(from)), &mut problems);
        if let Some((name, text)) = own {
            mapping.lay(&Source::new(name, text), &mut problems);
        }
        if problems.is_empty() { Ok(mapping) } else { Err(problems) }
    }

    fn lay(&mut self, source: &Source, problems: &mut Vec<Problem>) {
        let Some(node) = parse(source, problems) else { return };
        let before = problems.len();
        check(&MAPPING, &node, source, problems);
        let fields = Fields::new(&MAPPING, &node, source);
        self.lay_columns(fields, problems);
        if problems.len() > before {
            return;
        }
        self.sheet = fields.owned("sheet").or_else(|| self.sheet.take());
        if let Some(header) = fields.table("header") {
            self.header = header.whole("row").map(|row| (row - 1, header.whole("rows").unwrap_or(1)));
        }
        for (entry, named) in fields.keyed("customers") {
            self.customers.insert(folded(&entry.key), read_named(named, false));
        }
        for (entry, named) in fields.keyed("sites") {
            self.sites.insert(folded(&entry.key), read_named(named, true));
        }
        for (entry, way) in fields.keyed("gateways") {
            self.gateways.insert(entry.key.clone(), Way { access: way.get("access"), ssh: way.get("ssh") });
        }
        if let Some(defaults) = fields.table("defaults") {
            self.customer = defaults.get("customer").or_else(|| self.customer.take());
            for field in DEFAULTS.fields {
                self.defaults.extend(defaults.owned(field.name).map(|text| (field.name, text)));
            }
        }
        let path =
            |entry: &Entry| Some((entry.key.parse::<Series>().ok()?, entry.value.scalar()?.parse::<DataPath>().ok()?));
        self.data_paths.extend(fields.map("data_paths").iter().filter_map(path));
        let pair = |entry: &Entry| Some((folded(&entry.key), entry.value.scalar()?.to_owned()));
        if let Some(words) = fields.table("words") {
            for field in WORDS.fields {
                self.words.entry(field.name).or_default().extend(words.map(field.name).iter().filter_map(pair));
            }
        }
        self.models.extend(fields.map("models").iter().filter_map(pair));
        self.naming = fields.get("seat_name").unwrap_or(self.naming);
        if fields.has("skip") {
            self.skip = rules(fields, "skip");
        }
        if fields.has("only") {
            self.only = rules(fields, "only");
        }
    }

    fn lay_columns(&mut self, fields: Fields<'_>, problems: &mut Vec<Problem>) {
        let Some(columns) = fields.table("columns") else { return };
        for field in COLUMNS.fields {
            let Some(column) = field.name.parse::<Column>().ok().filter(|_| columns.has(field.name)) else { continue };
            let headers: Vec<String> = columns.list_of(field.name);
            if let Some(header) = headers.iter().find(|header| secret_header(header)) {
                let message = format!("a column that may hold a secret is not taken over as {}", field.name);
                let hint = format!("take {header:?} out: no file of the inventory holds a secret");
                problems.push(columns.error(field.name, message).without_excerpt().with_hint(hint));
            }
            self.columns.insert(column, headers);
        }
    }

    /// A word of the file as one of ours, by the words of the mapping and by ours themselves.
    pub(super) fn word<T: Word>(&self, list: &'static str, text: &str) -> Result<T, Option<String>> {
        let folded = folded(text);
        let known = self.words.get(list);
        let meant = known.and_then(|words| words.get(&folded)).map_or(folded.as_str(), String::as_str);
        let ours = T::words();
        let theirs = known.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        meant.parse().map_err(|_| did_you_mean(&folded, ours.into_iter().chain(theirs).collect::<Vec<_>>()))
    }
}

fn read_named(fields: Fields<'_>, site: bool) -> Named {
    Named {
        name: fields.owned("name").unwrap_or_default(),
        title: fields.owned("title"),
        zone: if site { fields.owned("zone") } else { None },
        gateway: if site { fields.get("gateway") } else { None },
    }
}

fn rules(fields: Fields<'_>, name: &str) -> Vec<Rule> {
    let rule = |fields: Fields<'_>| {
        let is = fields.list_of::<String>("is").iter().map(|text| folded(text)).collect();
        Some(Rule { column: fields.get("column")?, is })
    };
    fields.tables(name).into_iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_mapping_is_one_and_every_column_has_a_field() {
        for from in From::ALL {
            Mapping::load(*from, None).unwrap_or_else(|problems| panic!("{from}: {problems:?}"));
        }
        let fields: Vec<_> = COLUMNS.fields.iter().map(|field| field.name).collect();
        assert_eq!(fields, Column::words());
    }

    #[test]
    fn the_comments_of_the_example_hold_too() {
        // A line that begins with "# " and a key, or with blanks behind the sign, is an example.
        let text: String = built_in(From::Xlsx)
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.starts_with("  ") || rest.split(' ').next().is_some_and(|key| key.ends_with(':')) =>
                {
                    format!("{rest}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let mapping = Mapping::load(From::Xlsx, Some(("example", &text))).unwrap();
        assert_eq!(mapping.header, Some((2, 2)), "{text}");
        assert_eq!((mapping.customers.len(), mapping.sites.len(), mapping.gateways.len()), (1, 1, 1));
    }

    #[test]
    fn mistakes_have_their_place_and_secrets_are_not_mapped() {
        let own = "columns:\n  serail: [シリアル]\n  note: [パスワード]\nheader: {row: 0}\n";
        let problems = Mapping::load(From::Xlsx, Some(("own.yaml", own))).unwrap_err();
        let shown = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect::<Vec<_>>();
        assert_eq!(shown.len(), 3, "{shown:?}");
        assert!(shown.iter().any(|line| line.starts_with("2: there is no field \"serail\"")), "{shown:?}");
        assert!(shown.iter().any(|line| line.starts_with("3: a column that may hold a secret")), "{shown:?}");
        for header in ["Password", "PW", "パスワード", "SNMPコミュニティ", "enable", "PIN", "api key"] {
            assert!(secret_header(header), "{header}");
        }
        for header in ["シリアル", "Shipping", "備考", "ホスト名", "IP Address"] {
            assert!(!secret_header(header), "{header}");
        }
    }
}
