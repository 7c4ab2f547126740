//! What faults of state do to a unit: they are laid over it when it is asked, so that mending needs no memory.

use std::borrow::Cow;

use super::state::{Hardware, Part, Unit};
use crate::lab::fault::{Effect, Fault};
use crate::lab::seed::Dice;

/// The unit as it shows itself.
pub(super) fn afflicted(unit: &Unit) -> Cow<'_, Unit> {
    if unit.faults.keys().all(|fault| fault.effect() != Effect::State) {
        return Cow::Borrowed(unit);
    }
    let mut shown = unit.clone();
    for fault in unit.faults.keys() {
        apply(&mut shown, *fault);
    }
    Cow::Owned(shown)
}

fn set(part: Option<&mut Part>, state: &str) {
    if let Some(part) = part {
        state.clone_into(&mut part.state);
    }
}

fn apply(unit: &mut Unit, fault: Fault) {
    let newer = unit.since(&[9]);
    match fault {
        Fault::DiskFailed
        | Fault::DiskRebuilding
        | Fault::PsuFailed
        | Fault::FanFailed
        | Fault::Hot
        | Fault::RaidDegraded => break_hardware(&mut unit.hardware, fault),
        Fault::LicenceExpired => {
            for licence in unit.licences.iter_mut().filter(|licence| licence.ends.is_some()) {
                licence.expired = true;
                licence.ends = Some("2025/10/31".to_owned());
            }
        }
        Fault::ContentStale => unit.content.days_behind = 40,
        Fault::DtiLocked => {
            unit.content.locked = true;
            fail(unit, "FENET Cloud Services", if newer { "Critical" } else { "Degraded" }, "DTI access is locked");
        }
        Fault::ServiceFailed => fail(unit, "Database Service", "Failed", "Database service is not running"),
        Fault::Bypass => unit.pairs.iter_mut().for_each(|pair| "bypass".clone_into(&mut pair.op_mode)),
        Fault::TapMode => unit.pairs.iter_mut().for_each(|pair| "tap (tapping)".clone_into(&mut pair.op_mode)),
        Fault::LinkDown => {
            let port = unit.interfaces.iter_mut().skip(1).max_by_key(|port| port.name.starts_with('p'));
            if let Some(port) = port {
                port.link_up = false;
                port.packets_per_s = 0;
            }
        }
        Fault::DiskFull => {
            for system in unit.file_systems.iter_mut().filter(|system| system.path == "/var") {
                system.used_mb = system.total_mb - system.total_mb / 200;
            }
        }
        Fault::NtpUnsynced => unit.ntp.synchronized = false,
        Fault::ClockSkew => {
            unit.ntp.ahead_ms = 47 * 60_000;
            unit.ntp.offset_us = -47 * 60_000_000;
        }
        Fault::CmDisconnected => {
            unit.cm_link.iter_mut().for_each(|link| link.connected = false);
            unit.managed.iter_mut().take(1).for_each(|managed| managed.connected = false);
        }
        Fault::BootMismatch => unit.boot.boots_second = !unit.boot.runs_second,
        Fault::OddWords => odd_words(unit),
        Fault::WrongAppliance => {
            let mut dice = Dice::new("wrong appliance", unit.seat.as_str());
            unit.serial = format!("FZ{}WRONG", dice.text(b"0123456789", 4));
            unit.appliance_id = format!("3CECEF{}", dice.text(b"0123456789ABCDEF", 6));
            unit.host_id = unit.appliance_id.to_lowercase();
        }
        _ => {}
    }
}

fn break_hardware(hardware: &mut Hardware, fault: Fault) {
    match fault {
        Fault::DiskFailed => {
            "Degraded".clone_into(&mut hardware.raid);
            set(hardware.disks.last_mut(), "Failed");
        }
        Fault::DiskRebuilding => {
            "Degraded".clone_into(&mut hardware.raid);
            set(hardware.disks.last_mut(), "Rebuilding");
        }
        Fault::RaidDegraded => "Degraded".clone_into(&mut hardware.raid),
        Fault::PsuFailed => {
            "Failed".clone_into(&mut hardware.power);
            set(hardware.modules.last_mut(), "Failed");
        }
        Fault::FanFailed => {
            "Failed".clone_into(&mut hardware.fan);
            if let Some(fan) = hardware.fans.first_mut() {
                "Failed".clone_into(&mut fan.state);
                fan.rpm = 0;
            }
        }
        _ => {
            hardware.temperature_c = 84;
            "Critical".clone_into(&mut hardware.temperature);
        }
    }
}

fn fail(unit: &mut Unit, service: &str, state: &str, details: &str) {
    for service in unit.services.iter_mut().filter(|known| known.name == service) {
        state.clone_into(&mut service.state);
        details.clone_into(&mut service.details);
        service.recovery = Some("1. Check the service. 2. If the state persists, contact support.".to_owned());
    }
}

fn odd_words(unit: &mut Unit) {
    "Tolerable".clone_into(&mut unit.hardware.raid);
    "Subdued".clone_into(&mut unit.hardware.fan);
    set(unit.hardware.disks.first_mut(), "Contemplating");
    if let Some(service) = unit.services.first_mut() {
        "Somewhat Well".clone_into(&mut service.state);
        "Neither this nor that".clone_into(&mut service.details);
    }
}
