//! From selectors to seats, within what the actor may see.

use std::collections::HashMap;

use crate::engine::env::Env;
use crate::inventory::{Selection, Selector, select};
use crate::model::actor::Actor;
use crate::model::name::SeatName;
use crate::model::release::Release;
use crate::service::refusal::Refusal;

/// A release that was seen longer ago counts as not observed.
const RELEASE_FRESH_MS: i64 = 24 * 3_600_000;

/// The seats that selectors name; none is a refusal, as in the selectors themselves.
pub async fn seats(env: &Env, actor: &Actor, on: &[String]) -> Result<Selection, Refusal> {
    let selectors = on.iter().map(|text| text.parse::<Selector>()).collect::<Result<Vec<_>, _>>()?;
    let now = env.clock.now();
    let releases: HashMap<SeatName, (Release, bool)> = env
        .rows()
        .asset_list()
        .await?
        .into_iter()
        .filter_map(|asset| {
            let (release, at) = asset.release?;
            let fresh = now.ms_since(at) <= RELEASE_FRESH_MS;
            Some((asset.seat, (release.as_data().parse().ok()?, fresh)))
        })
        .collect();
    let mut selection = select(&selectors, &env.inventory, &|seat| releases.get(seat).cloned())?;
    let visible = |seat: &SeatName| env.inventory.seats.get(seat).is_some_and(|seat| actor.scope.sees(&seat.customer));
    selection.seats.retain(visible);
    selection.undecided.retain(visible);
    Ok(selection)
}

/// As [`seats`], but without selectors everything is meant: for lists.
pub async fn optional(env: &Env, actor: &Actor, on: &[String]) -> Result<Option<Vec<SeatName>>, Refusal> {
    if on.is_empty() { Ok(None) } else { Ok(Some(seats(env, actor, on).await?.seats)) }
}

/// One seat by its name.
pub fn one<'a>(env: &'a Env, actor: &Actor, name: &SeatName) -> Result<&'a crate::model::inventory::Seat, Refusal> {
    env.inventory.seats.get(name).filter(|seat| actor.scope.sees(&seat.customer)).ok_or_else(|| {
        let near = env.inventory.seats.keys().map(SeatName::as_str);
        Refusal::NotFound {
            what: "seat",
            name: name.to_string(),
            hint: crate::yaml::did_you_mean(name.as_str(), near)
                .unwrap_or_else(|| "hoshu appliance list shows every seat".to_owned()),
        }
    })
}
