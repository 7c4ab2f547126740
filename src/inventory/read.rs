//! Checked nodes into the nouns of the inventory.

use super::tables::CUSTOMER_FILE;
use crate::model::inventory::{
    Algorithms, ApiPolicy, Channel, Contact, Contract, Customer, EndOfLife, Freeze, Gateway, GatewayAccess, Hop,
    HopKind, Language, Menu, ProbeState, Probes, Retention, Seat, SeatCredentials, Site, SnmpPolicy, SshPolicy,
    Supplier, Window, Work,
};
use crate::model::name::CustomerName;
use crate::yaml::{Fields, Node, Source};

/// One customer file: the fields as they stand, and what could be read of them.
pub(super) struct CustomerDraft<'a> {
    /// The fields of the file.
    pub fields: Fields<'a>,
    /// The name, when it is one.
    pub name: Option<CustomerName>,
    /// Its lists, each with the fields that every item has.
    pub sites: Vec<Fields<'a>>,
    /// The gateways.
    pub gateways: Vec<Fields<'a>>,
    /// The contacts.
    pub contacts: Vec<Fields<'a>>,
    /// The contracts.
    pub contracts: Vec<Fields<'a>>,
    /// The windows.
    pub windows: Vec<Fields<'a>>,
    /// The seats, each with what could be read of it.
    pub seats: Vec<(Fields<'a>, Option<Seat>)>,
}

impl<'a> CustomerDraft<'a> {
    /// Takes a file that was held against its table.
    pub(super) fn new(node: &'a Node, source: &'a Source) -> Self {
        let fields = Fields::new(&CUSTOMER_FILE, node, source);
        let name = fields.get::<CustomerName>("name");
        let seats = fields.tables("seats").into_iter();
        Self {
            fields,
            sites: fields.tables("sites"),
            gateways: fields.tables("gateways"),
            contacts: fields.tables("contacts"),
            contracts: fields.tables("contracts"),
            windows: fields.tables("windows"),
            seats: seats.map(|seat| (seat, name.as_ref().and_then(|name| read_seat(seat, name)))).collect(),
            name,
        }
    }

    /// The customer without its seats; complete when the file has no error.
    pub(super) fn customer(&self) -> Option<Customer> {
        let fields = self.fields;
        let language = fields.get("language").unwrap_or(Language::Ja);
        Some(Customer {
            name: self.name.clone()?,
            title: fields.owned("title")?,
            language,
            era_years: fields.flag("era_years").unwrap_or(false),
            sites: self.sites.iter().filter_map(|site| read_site(*site)).collect(),
            gateways: self.gateways.iter().filter_map(|gateway| read_gateway(*gateway)).collect(),
            contacts: self.contacts.iter().filter_map(|contact| read_contact(*contact, language)).collect(),
            contracts: self.contracts.iter().filter_map(|contract| read_contract(*contract)).collect(),
            windows: self.windows.iter().filter_map(|window| read_window(*window)).collect(),
        })
    }
}

fn read_site(fields: Fields<'_>) -> Option<Site> {
    Some(Site {
        name: fields.get("name")?,
        title: fields.owned("title")?,
        zone: fields.owned("zone")?,
        entry: fields.owned("entry"),
    })
}

/// The gateway of its fields.
pub(super) fn read_gateway(fields: Fields<'_>) -> Option<Gateway> {
    let probes = fields.table("probes");
    let hops: Vec<Hop> = fields.tables("hops").into_iter().filter_map(read_hop).collect();
    // Each seat behind a bastion that forwards nothing is a session of it, of which OpenSSH gives ten (MaxSessions).
    let nested = hops.iter().any(|hop| hop.kind == HopKind::SshNested);
    let probe = |name| probes.and_then(|probes| probes.get(name)).unwrap_or(ProbeState::None);
    Some(Gateway {
        name: fields.get("name")?,
        access: fields.get("access").unwrap_or(GatewayAccess::Unattended),
        hops,
        probes: Probes {
            icmp: probe("icmp"),
            ssh: probe("ssh"),
            https: probe("https"),
            snmp: probe("snmp"),
            oob: probe("oob"),
            switch: probe("switch"),
            cm: probe("cm"),
        },
        sessions: fields.whole_u16("sessions").unwrap_or(if nested { 8 } else { 16 }),
    })
}

fn read_hop(fields: Fields<'_>) -> Option<Hop> {
    Some(Hop {
        kind: fields.get("kind")?,
        host: fields.owned("host")?,
        port: fields.whole_u16("port"),
        credential: fields.get("credential"),
        questions: fields.list_of("questions"),
        menu: fields.table("menu").and_then(|menu| Some(Menu { ask: menu.get("ask")?, choose: menu.get("choose")? })),
    })
}

fn read_contact(fields: Fields<'_>, language: Language) -> Option<Contact> {
    Some(Contact {
        name: fields.owned("name")?,
        reading: fields.owned("reading"),
        roles: fields.list_of("roles"),
        phones: fields.list_of("phones"),
        mail: fields.owned("mail"),
        hours: fields.owned("hours"),
        language: fields.get("language").unwrap_or(language),
        confirmed: fields.owned("confirmed"),
    })
}

fn read_contract(fields: Fields<'_>) -> Option<Contract> {
    Some(Contract {
        number: fields.owned("number")?,
        level: fields.owned("level")?,
        dealer: fields.owned("dealer")?,
        from: fields.owned("from")?,
        until: fields.owned("until")?,
        backup_retention: read_retention(fields.table("backup_retention")),
    })
}

fn read_retention(fields: Option<Fields<'_>>) -> Retention {
    let usual = Retention::default();
    let whole = |name, usual| fields.and_then(|fields| fields.whole(name)).unwrap_or(usual);
    Retention {
        daily: whole("daily", usual.daily),
        weekly: whole("weekly", usual.weekly),
        monthly: whole("monthly", usual.monthly),
    }
}

fn read_window(fields: Fields<'_>) -> Option<Window> {
    Some(Window {
        name: fields.owned("name")?,
        days: fields.owned("days")?,
        start: fields.owned("start")?,
        length_min: fields.whole("length_min")?,
    })
}

fn read_seat(fields: Fields<'_>, customer: &CustomerName) -> Option<Seat> {
    let credentials = fields.table("credentials");
    let credential = |name| credentials.and_then(|credentials| credentials.get(name));
    Some(Seat {
        name: fields.get("name")?,
        customer: customer.clone(),
        site: fields.get("site")?,
        gateway: fields.get("gateway")?,
        series: fields.get("series")?,
        model: fields.owned("model")?,
        hostname: fields.owned("hostname")?,
        address: fields.get("address"),
        serial: fields.owned("serial"),
        data_path: fields.get("data_path")?,
        peer: fields.get("peer"),
        managed_by: fields.get("managed_by"),
        virtual_machine: fields.flag("virtual").unwrap_or(false),
        supplier: fields.get("supplier").unwrap_or(Supplier::Us),
        contract: fields.owned("contract"),
        window: fields.owned("window"),
        credentials: SeatCredentials {
            read: credential("read"),
            change: credential("change"),
            snmp: credential("snmp"),
            api: credential("api"),
        },
        ssh: read_ssh(fields.table("ssh")),
        snmp: read_snmp(fields.table("snmp")),
        api: read_api(fields.table("api")),
        notes: fields.list_of("notes"),
        declared_at: (fields.source().name().to_owned(), fields.here().line),
    })
}

fn read_ssh(fields: Option<Fields<'_>>) -> SshPolicy {
    let whole = |name| fields.and_then(|fields| fields.whole_u16(name));
    SshPolicy {
        port: whole("port").unwrap_or(22),
        algorithms: fields.and_then(|fields| fields.get("algorithms")).unwrap_or(Algorithms::Modern),
        legacy_until: fields.and_then(|fields| fields.owned("legacy_until")),
        channel: fields.and_then(|fields| fields.get("channel")).unwrap_or(Channel::Shell),
        sessions: whole("sessions").unwrap_or(1),
        hold_s: fields.and_then(|fields| fields.whole("hold_s")).unwrap_or(0),
        questions: fields.map(|fields| fields.list_of("questions")).unwrap_or_default(),
    }
}

fn read_snmp(fields: Option<Fields<'_>>) -> SnmpPolicy {
    let usual = SnmpPolicy::default();
    SnmpPolicy {
        version: fields.and_then(|fields| fields.get("version")).unwrap_or(usual.version),
        port: fields.and_then(|fields| fields.whole_u16("port")).unwrap_or(usual.port),
    }
}

fn read_api(fields: Option<Fields<'_>>) -> ApiPolicy {
    let Some(fields) = fields else { return ApiPolicy::default() };
    ApiPolicy {
        port: fields.whole_u16("port"),
        pins: ["pin", "next_pin"].into_iter().filter_map(|name| fields.get(name)).collect(),
        name: fields.owned("name"),
        algorithms: fields.get("algorithms").unwrap_or_default(),
        legacy_until: fields.owned("legacy_until"),
    }
}

/// The work of its fields.
pub(super) fn read_work(fields: Fields<'_>) -> Option<Work> {
    Some(Work {
        name: fields.owned("name")?,
        owner: fields.get("owner")?,
        customer: fields.get("customer")?,
        site: fields.get("site"),
        from: fields.owned("from")?,
        until: fields.owned("until")?,
    })
}

/// The end of a model or release of its fields.
pub(super) fn read_end(fields: Fields<'_>, of_model: bool) -> Option<EndOfLife> {
    Some(EndOfLife {
        model: if of_model { Some(fields.owned("model")?) } else { None },
        series: if of_model { None } else { Some(fields.get("series")?) },
        release: if of_model { None } else { Some(fields.get("release")?) },
        end_of_sale: if of_model { fields.owned("end_of_sale") } else { None },
        end_of_support: fields.owned("end_of_support"),
        source: fields.owned("source")?,
        guess: fields.flag("guess").unwrap_or(false),
    })
}

/// The freeze of its fields.
pub(super) fn read_freeze(fields: Fields<'_>) -> Option<Freeze> {
    Some(Freeze {
        name: fields.owned("name")?,
        customer: fields.get("customer"),
        from: fields.owned("from")?,
        until: fields.owned("until")?,
    })
}
