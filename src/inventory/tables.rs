//! The fields of the inventory files.

use serde_json::json;

use super::forms::{
    ADDRESS, CHOICE, CLOCK, CREDENTIAL, CUSTOMER, DATE, GATEWAY, HOST, HOSTNAME, LINE, MAIL, MODEL, MOMENT, NAMED,
    PHONE, PIN, QUESTION, RELEASE, SEAT, SERIAL, SITE, TEXT, ZONE,
};
use crate::model::inventory::{
    Algorithms, Channel, ContactRole, DataPath, GatewayAccess, HopKind, Language, ProbeState, Supplier, WorkOwner,
};
use crate::model::series::Series;
use crate::model::snmp::SnmpVersion;
use crate::model::word::Word;
use crate::yaml::{Field, Kind, Table, schema};

const PORT: Kind = Kind::Whole(1, 65_535);
const SESSIONS: Kind = Kind::Whole(1, 1_000);
const PROBE: Kind = Kind::Word(ProbeState::words);

/// `customers/<customer>.yaml`.
pub(super) static CUSTOMER_FILE: Table = Table {
    what: "a customer",
    fields: &[
        Field::required("name", CUSTOMER, "The name in commands and files; the file has the same name."),
        Field::required("title", LINE, "The formal name in letters."),
        Field::optional("language", Kind::Word(Language::words), "The language of letters; ja when left out."),
        Field::optional("era_years", Kind::Flag, "Letters show years of the Japanese era (和暦); no when left out."),
        Field::required("sites", Kind::List(&Kind::Table(&SITE_FIELDS)), "The sites (拠点)."),
        Field::required("gateways", Kind::List(&Kind::Table(&GATEWAY_FIELDS)), "The ways in."),
        Field::optional("contacts", Kind::List(&Kind::Table(&CONTACT_FIELDS)), "Persons, in the order of calling."),
        Field::optional("contracts", Kind::List(&Kind::Table(&CONTRACT_FIELDS)), "Maintenance contracts (保守契約)."),
        Field::optional("windows", Kind::List(&Kind::Table(&WINDOW_FIELDS)), "When disruptive work may start."),
        Field::required("seats", Kind::List(&Kind::Table(&SEAT_FIELDS)), "The seats (設置機器)."),
    ],
};

static SITE_FIELDS: Table = Table {
    what: "a site",
    fields: &[
        Field::required("name", SITE, "The name, unique within the customer."),
        Field::required("title", LINE, "The name in letters."),
        Field::required("zone", ZONE, "The IANA zone of its local time."),
        Field::optional("entry", TEXT, "How and when somebody may enter."),
    ],
};

static GATEWAY_FIELDS: Table = Table {
    what: "a gateway",
    fields: &[
        Field::required("name", GATEWAY, "The name, unique within the customer."),
        Field::optional(
            "access",
            Kind::Word(GatewayAccess::words),
            "Whether Hoshu may pass it by itself; unattended when left out.",
        ),
        Field::optional("hops", Kind::List(&Kind::Table(&HOP_FIELDS)), "The hops from the centre outwards."),
        Field::optional("probes", Kind::Table(&PROBE_FIELDS), "What answers behind it; undeclared is not available."),
        Field::optional(
            "sessions",
            SESSIONS,
            "Sessions at once through it; 16 when left out, 8 with a hop ssh-nested.",
        ),
    ],
};

static HOP_FIELDS: Table = Table {
    what: "a hop",
    fields: &[
        Field::required("kind", Kind::Word(HopKind::words), "What it is."),
        Field::required("host", HOST, "Its host name or address, or the name of the VPN."),
        Field::optional("port", PORT, "Its port."),
        Field::optional("credential", CREDENTIAL, "The credential for it."),
        Field::optional("questions", Kind::List(&QUESTION), "Patterns of the questions that its login asks."),
        Field::optional("menu", Kind::Table(&MENU_FIELDS), "The menu that it shows instead of a shell."),
    ],
};

static MENU_FIELDS: Table = Table {
    what: "the menu of a bastion",
    fields: &[
        Field::required("ask", QUESTION, "The pattern of its prompt, as the whole last line."),
        Field::required("choose", CHOICE, "The pattern of an appliance's line; what is typed stands in brackets."),
    ],
};

static PROBE_FIELDS: Table = Table {
    what: "the probes of a gateway",
    fields: &[
        Field::optional("icmp", PROBE, "ICMP echo."),
        Field::optional("ssh", PROBE, "SSH to the appliances."),
        Field::optional("https", PROBE, "HTTPS to the appliances."),
        Field::optional("snmp", PROBE, "SNMP to the appliances."),
        Field::optional("oob", PROBE, "Out-of-band controllers (BMC)."),
        Field::optional("switch", PROBE, "The switch port of the appliance."),
        Field::optional("cm", PROBE, "What the managing CM says about the appliance."),
    ],
};

static CONTACT_FIELDS: Table = Table {
    what: "a contact",
    fields: &[
        Field::required("name", LINE, "The name."),
        Field::optional("reading", LINE, "The reading (読み)."),
        Field::required("roles", Kind::List(&Kind::Word(ContactRole::words)), "What the person is there for."),
        Field::optional("phones", Kind::List(&PHONE), "Telephone numbers, in the order of trying."),
        Field::optional("mail", MAIL, "The mail address."),
        Field::optional("hours", LINE, "When the person may be called, as written."),
        Field::optional("language", Kind::Word(Language::words), "The language; the customer's when left out."),
        Field::optional("confirmed", DATE, "The day on which the entry was last confirmed."),
    ],
};

static CONTRACT_FIELDS: Table = Table {
    what: "a contract",
    fields: &[
        Field::required("number", LINE, "The number at the dealer."),
        Field::required("level", LINE, "The level as sold (24x7 4h, NBD 9-17)."),
        Field::required("dealer", LINE, "The dealer (保守窓口)."),
        Field::required("from", DATE, "The first day."),
        Field::required("until", DATE, "The last day."),
        Field::optional(
            "backup_retention",
            Kind::Table(&RETENTION_FIELDS),
            "How many backups are kept of each seat under it.",
        ),
    ],
};

static RETENTION_FIELDS: Table = Table {
    what: "the retention of backups",
    fields: &[
        Field::optional("daily", Kind::Whole(1, 3_660), "The newest of so many days; 14 when left out."),
        Field::optional("weekly", Kind::Whole(0, 520), "The newest of so many weeks; 8 when left out."),
        Field::optional("monthly", Kind::Whole(0, 240), "The newest of so many months; 12 when left out."),
    ],
};

static WINDOW_FIELDS: Table = Table {
    what: "a window",
    fields: &[
        Field::required("name", NAMED, "The name, unique within the customer."),
        Field::required("days", LINE, "The days, as written (sat, 第3日曜, 営業日の前夜)."),
        Field::required("start", CLOCK, "The local start; 25:00 is one o'clock of the next morning."),
        Field::required("length_min", Kind::Whole(1, 2_880), "The length in minutes."),
    ],
};

static SEAT_FIELDS: Table = Table {
    what: "a seat",
    fields: &[
        Field::required("name", SEAT, "The name, unique in the inventory; it stays when the hardware is replaced."),
        Field::required("site", SITE, "The site."),
        Field::required("gateway", GATEWAY, "The gateway."),
        Field::required("series", Kind::Word(Series::words), "The series."),
        Field::required("model", MODEL, "The model (NX2500)."),
        Field::required("hostname", HOSTNAME, "The appliance's own host name; need not be unique."),
        Field::optional("address", ADDRESS, "The address behind the gateway; an air-gapped seat may have none."),
        Field::optional("serial", SERIAL, "The serial of the hardware that is meant to sit here."),
        Field::required("data_path", Kind::Word(DataPath::words), "The way that the customer's data takes."),
        Field::optional("peer", SEAT, "The other member of a pair."),
        Field::optional("managed_by", SEAT, "The managing CM."),
        Field::optional("virtual", Kind::Flag, "A virtual machine; no when left out."),
        Field::optional("supplier", Kind::Word(Supplier::words), "Who sold the unit; us when left out."),
        Field::optional("contract", LINE, "The number of its maintenance contract."),
        Field::optional("window", NAMED, "The name of its window."),
        Field::optional("credentials", Kind::Table(&SEAT_CREDENTIAL_FIELDS), "Its credentials, by name."),
        Field::optional("ssh", Kind::Table(&SSH_FIELDS), "How SSH is spoken."),
        Field::optional("snmp", Kind::Table(&SNMP_FIELDS), "How SNMP is spoken, where it has a credential."),
        Field::optional("api", Kind::Table(&API_FIELDS), "How the HTTPS API is known, where it has a credential."),
        Field::optional("notes", Kind::List(&TEXT), "What a person should read before touching it."),
    ],
};

static SEAT_CREDENTIAL_FIELDS: Table = Table {
    what: "the credentials of a seat",
    fields: &[
        Field::optional("read", CREDENTIAL, "For polls and backups (role operator, or monitor with gaps)."),
        Field::optional("change", CREDENTIAL, "For changes behind the gate (role admin)."),
        Field::optional("snmp", CREDENTIAL, "For SNMP, a second channel of the poll; without one SNMP is not asked."),
        Field::optional("api", CREDENTIAL, "For the HTTPS API, a further channel of the poll; without one not asked."),
    ],
};

static SNMP_FIELDS: Table = Table {
    what: "the SNMP policy of a seat",
    fields: &[
        Field::optional("version", Kind::Word(SnmpVersion::words), "v2c or v3; v3 when left out."),
        Field::optional("port", PORT, "The UDP port; 161 when left out."),
    ],
};

static API_FIELDS: Table = Table {
    what: "the HTTPS API of a seat",
    fields: &[
        Field::optional("port", PORT, "The port; 3000 of an HX and 443 of the others when left out."),
        Field::optional("pin", PIN, "The pin of its certificate's public key."),
        Field::optional("next_pin", PIN, "The pin of the key that follows; both count."),
        Field::optional(
            "name",
            HOSTNAME,
            "The name in the certificate where there is no pin; the host name if left out.",
        ),
        Field::optional("algorithms", Kind::Word(Algorithms::words), "The TLS algorithms; modern when left out."),
        Field::optional("legacy_until", DATE, "The last day on which legacy algorithms are allowed."),
    ],
};

static SSH_FIELDS: Table = Table {
    what: "the SSH policy of a seat",
    fields: &[
        Field::optional("port", PORT, "The port; 22 when left out."),
        Field::optional("algorithms", Kind::Word(Algorithms::words), "The algorithms; modern when left out."),
        Field::optional("legacy_until", DATE, "The last day on which legacy algorithms are allowed."),
        Field::optional("channel", Kind::Word(Channel::words), "Shell or exec; shell when left out."),
        Field::optional("sessions", Kind::Whole(1, 16), "Sessions of ours at once; 1 when left out."),
        Field::optional(
            "hold_s",
            Kind::Whole(0, 86_400),
            "How long a session is kept for the next poll, in seconds; 0, which closes it, when left out.",
        ),
        Field::optional("questions", Kind::List(&QUESTION), "Patterns of the questions that its login asks."),
    ],
};

/// `releases.yaml`.
pub(super) static RELEASES_FILE: Table = Table {
    what: "the approved releases",
    fields: &[Field::required(
        "approved",
        Kind::Map(&Kind::Word(Series::words), &RELEASE),
        "The release that is approved for each series.",
    )],
};

/// `works.yaml`.
pub(super) static WORKS_FILE: Table = Table {
    what: "the announced works",
    fields: &[Field::required("works", Kind::List(&Kind::Table(&WORK_FIELDS)), "The works (作業予定).")],
};

static WORK_FIELDS: Table = Table {
    what: "a work",
    fields: &[
        Field::required("name", NAMED, "The name."),
        Field::required("owner", Kind::Word(WorkOwner::words), "Whose work it is."),
        Field::required("customer", CUSTOMER, "The customer."),
        Field::optional("site", SITE, "The site; the whole customer when left out."),
        Field::required("from", MOMENT, "The local start."),
        Field::required("until", MOMENT, "The local end."),
    ],
};

/// `freezes.yaml`.
pub(super) static FREEZES_FILE: Table = Table {
    what: "the change freezes",
    fields: &[Field::required("freezes", Kind::List(&Kind::Table(&FREEZE_FIELDS)), "The freezes (変更凍結期間).")],
};

static FREEZE_FIELDS: Table = Table {
    what: "a freeze",
    fields: &[
        Field::required("name", NAMED, "The name."),
        Field::optional("customer", CUSTOMER, "One customer; all when left out."),
        Field::required("from", DATE, "The first day."),
        Field::required("until", DATE, "The last day."),
    ],
};

/// `eol.yaml`.
pub(super) static EOL_FILE: Table = Table {
    what: "the ends of models and releases",
    fields: &[
        Field::optional("models", Kind::List(&Kind::Table(&MODEL_END_FIELDS)), "Models of hardware."),
        Field::optional("releases", Kind::List(&Kind::Table(&RELEASE_END_FIELDS)), "Releases of software."),
    ],
};

static MODEL_END_FIELDS: Table = Table {
    what: "the end of a model",
    fields: &[
        Field::required("model", MODEL, "The model, as the unit says it."),
        Field::optional("end_of_sale", DATE, "The last day of sale."),
        Field::optional("end_of_support", DATE, "The last day of support."),
        Field::required("source", LINE, "Who says so: a letter, a page, and of which day."),
        Field::optional("guess", Kind::Flag, "Nobody who must know said it; no when left out."),
    ],
};

static RELEASE_END_FIELDS: Table = Table {
    what: "the end of a release",
    fields: &[
        Field::required("series", Kind::Word(Series::words), "The series."),
        Field::required("release", RELEASE, "The release: all that have the parts it names (9.1 means 9.1.*)."),
        Field::required("end_of_support", DATE, "The last day of support."),
        Field::required("source", LINE, "Who says so: a letter, a page, and of which day."),
        Field::optional("guess", Kind::Flag, "Nobody who must know said it; no when left out."),
    ],
};

/// The JSON Schemas of the inventory files: `customer`, `releases`, `works`, `freezes`, `eol`.
pub fn schema_inventory() -> serde_json::Value {
    json!({
        "customer": schema(&CUSTOMER_FILE, "hoshu:customer"),
        "releases": schema(&RELEASES_FILE, "hoshu:releases"),
        "works": schema(&WORKS_FILE, "hoshu:works"),
        "freezes": schema(&FREEZES_FILE, "hoshu:freezes"),
        "eol": schema(&EOL_FILE, "hoshu:eol"),
    })
}
