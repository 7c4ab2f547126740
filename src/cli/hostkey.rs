//! `hoshu hostkey`.

use std::path::PathBuf;
use std::sync::Arc;

use super::out::{Cell, Tone, counted};
use super::progress::Bar;
use super::{Context, Doors, Ended, Need, person};
use crate::model::asset::{HostKey, KeyState};
use crate::model::door::Door;
use crate::model::id::HostKeyId;
use crate::model::reading::Outcome;
use crate::service::hostkey::{self, Scan};
use crate::service::refusal::Refusal;

/// A list of fingerprints is longer than this by mistake only.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// Host keys.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// First contact: look at the host keys and stop before any authentication
    Scan {
        /// Which seats; the hops before them are looked at too.
        #[arg(long, required = true, value_name = "SELECTOR")]
        on: Vec<String>,
    },
    /// List the keys: seen, accepted, revoked
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
    },
    /// Accept keys whose fingerprint a person confirmed by a second route
    Accept {
        /// One seat, or one hop (acme/office/192.0.2.7:22), whose seen key you have compared with your own eyes.
        #[arg(required_unless_present = "from", conflicts_with = "from")]
        seat: Option<Door>,
        /// A file with a seat or hop and a fingerprint in each line, from consoles, from the CM, or from the customer.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// The second route, in words: it stays with the key.
        #[arg(long, value_name = "WORDS")]
        route: String,
    },
    /// Refuse a key for ever, in every seat
    Revoke {
        /// The key (key-001Y).
        key: HostKeyId,
        /// Why.
        #[arg(long, value_name = "WORDS")]
        reason: String,
    },
}

fn state(state: KeyState) -> Cell {
    let tone = match state {
        KeyState::Accepted => Tone::Good,
        KeyState::Seen => Tone::Care,
        KeyState::Revoked => Tone::Bad,
    };
    Cell::toned(state.as_str(), tone)
}

fn show_scan(context: &Context<'_, impl Doors>, scan: &Scan) {
    if context.out.json {
        context.out.json(scan);
        return;
    }
    let rows = scan.hops.iter().chain(&scan.seats).map(|seat| -> Vec<Cell> {
        match (&seat.key, seat.outcome) {
            (Some(key), _) => vec![
                seat.door.to_string().into(),
                state(key.state),
                key.id.to_string().into(),
                key.algorithm.clone().into(),
                key.fingerprint.clone().into(),
                seat.negotiated.as_ref().map_or_else(String::new, |set| format!("{} {}", set.kex, set.cipher)).into(),
            ],
            (None, outcome) => vec![
                seat.door.to_string().into(),
                Cell::toned(outcome.map_or("", Outcome::as_str), Tone::Care),
                "".into(),
                "".into(),
                seat.reason.for_terminal().into_owned().into(),
                "".into(),
            ],
        }
    });
    context.out.table(&["seat", "state", "key", "type", "fingerprint", "negotiated"], rows.collect());
    if scan.hops.iter().chain(&scan.seats).any(|one| one.key.as_ref().is_some_and(|key| key.state == KeyState::Seen)) {
        context.out.talk(
            "\nNothing secret was sent. Compare each fingerprint by a second route (console, CM, customer), then\n\
             hoshu hostkey accept SEAT --route 'read on the console'",
        );
    }
}

fn show_keys(context: &Context<'_, impl Doors>, keys: &hostkey::Keys, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(keys);
        return;
    }
    let row = |key: &HostKey| -> Vec<Cell> {
        let decided = key.decided.as_ref().map_or_else(String::new, |(who, at)| format!("{who}, {}", at.show(zone)));
        vec![
            key.door.to_string().into(),
            state(key.state),
            key.id.to_string().into(),
            key.algorithm.clone().into(),
            key.fingerprint.clone().into(),
            key.seen_at.show(zone).into(),
            decided.into(),
            key.route.clone().unwrap_or_default().into(),
        ]
    };
    context.out.table(
        &["seat", "state", "key", "type", "fingerprint", "first seen", "decided", "route"],
        keys.keys.iter().map(row).collect(),
    );
}

fn read_list(path: &PathBuf) -> Result<String, Refusal> {
    use std::io::Read as _;
    let unusable = |why: String| Refusal::Folder { path: path.clone(), why };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    let read = file.take(LIST_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unusable(error.to_string()))?;
    if read as u64 > LIST_BYTES_MAX {
        return Err(unusable(format!("it is longer than {LIST_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let actor = person();
    match verb {
        Verb::Scan { on } => {
            let env = context.env_with(Arc::new(Bar::new("first contact"))).await?;
            let scan = hostkey::scan(&env, &actor, &on).await?;
            show_scan(context, &scan);
            let failed = |seat: &hostkey::DoorScanned| seat.outcome.is_some_and(|outcome| !outcome.is_by_declaration());
            Ok(if context.stop.is_asked() {
                Ended::Stopped
            } else if scan.hops.iter().chain(&scan.seats).any(failed) {
                Ended::Attention
            } else {
                Ended::Done
            })
        }
        Verb::List { on } => {
            let env = context.env(Need::Read).await?;
            let keys = hostkey::list(&env, &actor, &on).await?;
            show_keys(context, &keys, env.settings.zone);
            Ok(Ended::Done)
        }
        Verb::Accept { seat, from, route } => {
            let env = context.env(Need::Host).await?;
            let list = match (seat, from) {
                (Some(seat), _) => hostkey::seen_of(&env, &actor, &seat).await?,
                (None, Some(path)) => hostkey::confirmed(&read_list(&path)?)?,
                (None, None) => Vec::new(),
            };
            let decisions = hostkey::accept(&env, &actor, &list, &route).await?;
            if context.out.json {
                context.out.json(&decisions);
            } else {
                for one in decisions.decisions.iter().filter(|one| !one.refused.is_empty()) {
                    context.out.talk(&format!("not accepted: {}: {}", one.door, one.refused));
                }
                let accepted: Vec<_> = decisions.decisions.iter().filter(|one| one.refused.is_empty()).collect();
                if let [one] = accepted.as_slice()
                    && let Some(key) = &one.key
                {
                    context.out.talk(&format!("{}: {} {}", one.door, key.algorithm, key.fingerprint));
                }
                let accepted = accepted.len();
                context.out.talk(&format!("accepted: {}", counted(accepted, "host key")));
            }
            Ok(if decisions.any_refused() { Ended::Attention } else { Ended::Done })
        }
        Verb::Revoke { key, reason } => {
            let env = context.env(Need::Host).await?;
            let key = hostkey::revoke(&env, &actor, key, &reason).await?;
            if context.out.json {
                context.out.json(&key);
            } else {
                context.out.talk(&format!("{} {} of {} is revoked for ever", key.id, key.fingerprint, key.door));
            }
            Ok(Ended::Done)
        }
    }
}
