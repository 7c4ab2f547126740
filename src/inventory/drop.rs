//! `drop:` of `hoshu.yaml`: where appliances push to. It stands in the settings and not in the inventory, since whoever
//! names the address gets the backups.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::forms::{ADDRESS, DURATION, GATEWAY_OF, SOCKET};
use crate::model::settings::{DropFace, DropGateway, DropSettings};
use crate::model::word::Word;
use crate::yaml::{Entry, Field, Fields, Kind, Problem, Table};

pub(super) static DROP_FIELDS: Table = Table {
    what: "the drop",
    fields: &[
        Field::required("listen", SOCKET, "Where it listens (127.0.0.1:10022)."),
        Field::optional("address", SOCKET, "What appliances are told to push to; where it listens when left out."),
        Field::optional("keep_bundles", DURATION, "How long hoshu bundle prune leaves log bundles; 90d when left out."),
        Field::optional(
            "gateways",
            Kind::Map(&GATEWAY_OF, &Kind::Table(&GATEWAY_FIELDS)),
            "Gateways (customer/gateway) whose appliances push another way, or not at all.",
        ),
    ],
};

static GATEWAY_FIELDS: Table = Table {
    what: "a gateway of the drop",
    fields: &[
        Field::optional(
            "face",
            Kind::Word(DropFace::words),
            "direct, reverse (through the last bastion), or none; direct when left out.",
        ),
        Field::optional("address", SOCKET, "What its appliances are told to push to."),
        Field::optional(
            "sources",
            Kind::List(&ADDRESS),
            "From which addresses they come, where theirs are translated on the way; each its own when left out.",
        ),
    ],
};

pub(super) fn read_drop(fields: Option<Fields<'_>>, problems: &mut Vec<Problem>) -> Option<DropSettings> {
    let fields = fields?;
    let listen: SocketAddr = fields.get("listen")?;
    let address: SocketAddr = fields.get("address").unwrap_or(listen);
    if address.ip().is_unspecified() {
        let name = if fields.has("address") { "address" } else { "listen" };
        problems.push(fields.error(name, "appliances are told an address of one host: `address` names it"));
    }
    let gateways = fields.keyed("gateways").into_iter().map(|one| read_gateway(one, address, problems));
    let gateways: BTreeMap<String, DropGateway> = gateways.collect();
    let keep_bundles_ms = fields.duration_ms("keep_bundles").unwrap_or(DropSettings::KEEP_BUNDLES_MS);
    Some(DropSettings { listen, address, keep_bundles_ms, gateways })
}

fn read_gateway(
    (entry, fields): (&Entry, Fields<'_>),
    address: SocketAddr,
    problems: &mut Vec<Problem>,
) -> (String, DropGateway) {
    let face = fields.get("face").unwrap_or(DropFace::Direct);
    if face == DropFace::Reverse && !fields.has("address") {
        let message =
            "reverse needs the address of the bastion as its appliances reach it, with the port that it listens on";
        problems.push(fields.source().error(entry.place, message));
    }
    let sources: Vec<IpAddr> = fields.list_of("sources");
    (entry.key.clone(), DropGateway { face, address: fields.get("address").unwrap_or(address), sources })
}
