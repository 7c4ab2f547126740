//! What a unit says by its HTTPS API. Source: the documented keys of `health/system`; the documented answer is cut before
//! its components, which are modelled on the command line.

use serde_json::{Value, json};

use super::afflict::afflicted;
use super::page::local;
use super::show::content;
use super::state::{Managed, Unit};
use crate::lab::fault::Fault;
use crate::lab::seed::Dice;
use crate::model::time::Time;

impl Unit {
    /// The appliances that a CM manages. The documented answer names an object `cmcappliances` and no field of it.
    pub fn appliances(&self) -> Value {
        let shown = |one: &Managed| {
            json!({
                "name": one.name, "status": if one.connected { "Connected" } else { "Disconnected" },
                "address": one.address, "model": one.model, "version": one.release,
            })
        };
        json!({"cmcappliances": self.managed.iter().map(shown).collect::<Vec<_>>()})
    }

    /// The alerts of the last hours, the oldest first.
    pub fn alerts(&self, now: Time) -> Value {
        let alert = |hours: i64| {
            let at = now.plus_ms(-hours * 3_600_000).utc().format("%Y-%m-%d %H:%M:%S +0000").to_string();
            json!({"id": 35_000 - hours, "name": "MALWARE_CALLBACK", "severity": "CRIT", "occurred": at})
        };
        json!({"alert": [alert(30), alert(2)], "alertsCount": 2, "appliance": self.model, "msg": "concise"})
    }

    /// What an HX says of its version, and of its agents: so many in all, and those that were seen of late.
    pub fn agents(&self, of_late: bool) -> Value {
        let total = Dice::new("agents", self.seat.as_str()).below(4000) + 100;
        let total = if of_late { total * 9 / 10 } else { total };
        json!({"data": {"total": total, "offset": 0, "limit": 1, "entries": []}, "message": "OK", "details": []})
    }

    /// Its health, as `GET health/system` has it.
    pub fn health(&self, now: Time) -> Value {
        let mut shown = afflicted(self).into_owned();
        if self.has(Fault::ApiDisagrees) {
            // What the API reads stands still at a failure that the command line does not know.
            "Degraded".clone_into(&mut shown.hardware.raid);
        }
        let hardware = &shown.hardware;
        let release = shown.release().to_string();
        let up = now.ms_since(shown.booted_at).max(0);
        let mut components = json!({
            "upTime": {
                "name": "upTime", "status": "Good", "upTimeMilliSeconds": up,
                "upTimeDuration": format!(
                    "{:02}d {:02}h {:02}m {:02}s",
                    up / 86_400_000, up / 3_600_000 % 24, up / 60_000 % 60, up / 1_000 % 60
                ),
            },
            "eula": {"name": "eula", "status": "Good"},
            "securityContent": {
                "name": "securityContent", "status": "Good", "version": content::version_at(&shown, now),
                "lastUpdateTime": local(content::updated(&shown, now).plus_ms(shown.ntp.ahead_ms)),
            },
        });
        let words = [
            ("temperature", &hardware.temperature),
            ("raid", &hardware.raid),
            ("power", &hardware.power),
            ("fan", &hardware.fan),
        ];
        let well = words.iter().all(|(_, word)| matches!(word.as_str(), "Good" | "Ok" | "Normal" | "Optimal"));
        if let Some(components) = components.as_object_mut().filter(|_| !shown.virtual_machine) {
            components.extend(words.map(|(name, word)| (name.to_owned(), json!({"name": name, "status": word}))));
        }
        json!({
            "status": if well || shown.virtual_machine { "Good" } else { "Degraded" },
            "timeStamp": local(now.plus_ms(shown.ntp.ahead_ms)),
            "appliance": {
                "name": shown.settings.hostname(),
                "model": format!("FireEye{}", shown.model),
                "version": format!("{} ({}) {release}", shown.model, shown.model),
                "domainName": "example.jp",
                "dtiEnabled": true,
                "components": components,
            },
        })
    }
}
