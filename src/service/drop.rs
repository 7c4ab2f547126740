//! `hoshu drop`: where appliances push to, and by which key they know it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::engine::drop_key;
use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::push::KeyPrint;
use crate::model::settings::DropFace;
use crate::service::refusal::Refusal;

/// The seats of one gateway, and how they push.
#[derive(Debug, Clone, Serialize)]
pub struct GatewayFace {
    /// `customer/gateway`.
    pub gateway: String,
    /// By which face.
    pub face: DropFace,
    /// What its appliances are told; nothing without a face.
    pub told: Option<SocketAddr>,
    /// From where they come, where that is not their own addresses.
    pub sources: Vec<IpAddr>,
    /// How many seats are behind it.
    pub seats: usize,
}

/// A host key of the drop.
#[derive(Debug, Clone, Serialize)]
pub struct DropKey {
    /// In OpenSSH's one-line form.
    pub public_key: String,
    /// Its fingerprints.
    #[serde(flatten)]
    pub print: KeyPrint,
}

/// The drop.
#[derive(Debug, Clone, Serialize)]
pub struct DropShown {
    /// Where it listens while something is pushed.
    pub listen: SocketAddr,
    /// Its host keys.
    pub keys: Vec<DropKey>,
    /// The gateways, by name.
    pub gateways: Vec<GatewayFace>,
}

/// Shows the drop; its host keys are made when there are none yet.
pub async fn show(env: &Env, actor: &Actor) -> Result<DropShown, Refusal> {
    let Some(settings) = &env.settings.drop else {
        return Err(Refusal::Drop("the settings have no `drop`".to_owned()));
    };
    let key = drop_key::host_key(env, actor).await?;
    let publics = key.publics().map_err(|error| Refusal::Drop(error.to_string()))?;
    let mut gateways: BTreeMap<String, GatewayFace> = BTreeMap::new();
    for seat in env.inventory.seats.values().filter(|seat| actor.scope.sees(&seat.customer)) {
        let Some(gateway) = env.inventory.gateway(seat) else { continue };
        let name = format!("{}/{}", seat.customer, gateway.name);
        let one = gateways.entry(name.clone()).or_insert_with(|| {
            let of = settings.of(&seat.customer, gateway);
            let told = (of.face != DropFace::None).then_some(of.address);
            GatewayFace { gateway: name, face: of.face, told, sources: of.sources, seats: 0 }
        });
        one.seats += 1;
    }
    Ok(DropShown {
        listen: settings.listen,
        keys: publics
            .into_iter()
            .zip(key.prints().0)
            .map(|(public_key, print)| DropKey { public_key, print })
            .collect(),
        gateways: gateways.into_values().collect(),
    })
}
