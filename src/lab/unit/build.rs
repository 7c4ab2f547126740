//! Builds a unit from what the inventory declares; everything else comes from the name of the seat.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::configuration::Settings;
use super::state::{
    Bank, Boot, CmLink, Content, Fan, FileSystem, GuestImage, Hardware, Interface, Licence, MailQueues, Managed, Ntp,
    Part, PortPair, Role, Service, Unit, User,
};
use crate::lab::fleet::{Below, SeatSpec};
use crate::lab::seed::{self, Dice};
use crate::model::inventory::{Algorithms, DataPath};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;

/// What every unit of a lab gets beside its specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecDefaults {
    /// About how many bytes a running configuration has.
    pub configuration_bytes: usize,
}

/// 2025-09-01 00:00 UTC: units booted some weeks around it.
const BOOTED_FROM_MS: i64 = 1_756_684_800_000;
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
const DIGITS: &[u8] = b"0123456789";

impl Unit {
    /// The unit of a specification.
    pub fn build(spec: &SeatSpec, defaults: SpecDefaults) -> Self {
        let mut dice = Dice::new("unit", spec.seat.as_str());
        let serial = spec.serial.clone().unwrap_or_else(|| {
            if spec.virtual_machine {
                format!("VMware-{}", dice.text(b"0123456789abcdef", 16))
            } else {
                format!("FZ{}{}", dice.text(DIGITS, 4), dice.text(UPPER, 5))
            }
        });
        let mac = format!("3CECEF{}", dice.text(b"0123456789ABCDEF", 6));
        let boot = boot(spec, &mut dice);
        let old = boot.first.release.parts() < [10].as_slice();
        let pairs = pairs(spec);
        Self {
            seat: spec.seat.clone(),
            series: spec.series,
            model: if old { format!("FireEye{}", spec.model) } else { spec.model.clone() },
            serial,
            host_id: mac.to_lowercase(),
            uuid: uuid(&mut dice),
            virtual_machine: spec.virtual_machine,
            booted_at: Time::from_ms(BOOTED_FROM_MS + i64::from(small(&mut dice, 5_000_000)) * 1000),
            licences: licences(spec.series, &mut dice),
            hardware: hardware(spec, &mut dice),
            services: services(spec.series),
            interfaces: interfaces(spec, &mac, &pairs, &mut dice),
            pairs,
            file_systems: file_systems(spec, &mut dice),
            content: Content {
                days_behind: 0,
                minute: i64::from(small(&mut dice, 60)),
                locked: false,
                guest_images: guest_images(spec.series),
            },
            ntp: Ntp {
                synchronized: true,
                servers: vec!["10.2.1.1".to_owned(), "10.2.1.2".to_owned()],
                offset_us: i64::from(small(&mut dice, 8000)) - 4000,
                ahead_ms: 0,
            },
            cm_link: spec.managed_by.as_ref().map(|(_, hostname)| CmLink {
                hostname: hostname.clone(),
                address: format!("172.10.{}.1", dice.below(200)),
                connected: true,
            }),
            managed: spec.manages.iter().map(managed).collect(),
            mail: (spec.series == Series::Ex).then(|| MailQueues {
                deferred: dice.below(20),
                hold: dice.below(40),
                active: dice.below(5),
                per_hour: 600 + dice.below(6_000),
            }),
            settings: Settings::new(spec, defaults.configuration_bytes, u64::from(small(&mut dice, 900)) + 20),
            users: users(spec),
            enable_password: None,
            algorithms: spec.algorithms,
            bare_line_feeds: spec.algorithms == Algorithms::Modern && dice.below(8) == 0,
            lost: BTreeMap::new(),
            last_backup: None,
            dumps: Vec::new(),
            known_hosts: BTreeMap::new(),
            faults: BTreeMap::new(),
            appliance_id: mac,
            boot,
        }
    }
}

/// A number below `end` that fits into 32 bits.
fn small(dice: &mut Dice, end: u32) -> u32 {
    u32::try_from(dice.below(u64::from(end))).unwrap_or(0)
}

fn uuid(dice: &mut Dice) -> String {
    let part = |dice: &mut Dice, length| dice.text(b"0123456789abcdef", length);
    let parts = [part(dice, 8), part(dice, 4), part(dice, 4), part(dice, 4), part(dice, 12)];
    parts.join("-")
}

fn boot(spec: &SeatSpec, dice: &mut Dice) -> Boot {
    let parts = spec.release.parts();
    let build = parts.get(3).copied().unwrap_or(400_000);
    let before = [parts.first().copied().unwrap_or(9), parts.get(1).copied().unwrap_or(0), 0, build - build / 50];
    let older = before.map(|part| part.to_string()).join(".").parse::<Release>();
    let bank = |release: Release, dice: &mut Dice| Bank {
        built: format!(
            "20{:02}-{:02}-{:02} {:02}:{:02}:{:02}",
            8 + release.parts().first().copied().unwrap_or(9).min(17),
            1 + dice.below(12),
            1 + dice.below(28),
            dice.below(24),
            dice.below(60),
            dice.below(60)
        ),
        builder: format!("vta{}", 100 + dice.below(800)),
        release,
    };
    Boot {
        first: bank(spec.release.clone(), dice),
        second: bank(older.unwrap_or_else(|_| spec.release.clone()), dice),
        runs_second: false,
        boots_second: false,
    }
}

fn licences(series: Series, dice: &mut Dice) -> Vec<Licence> {
    let own: &[&str] = match series {
        Series::Ex => &["EMPS_ATTACHMENT_SCAN", "EMPS_URL_SCAN"],
        Series::Hx => &["HX_ADVANCED"],
        _ => &[],
    };
    let features = ["CONTENT_UPDATES", "FIREEYE_APPLIANCE", "FIREEYE_SUPPORT"];
    features
        .iter()
        .chain(own)
        .map(|feature| {
            let groups = (0..12).map(|_| dice.text(UPPER, 4)).collect::<Vec<_>>();
            Licence {
                feature: (*feature).to_owned(),
                key: format!("LK2-{feature}-{}", groups.join("-")),
                ends: (*feature != "FIREEYE_APPLIANCE")
                    .then(|| format!("20{}/{}/{}", 29 + dice.below(4), 1 + dice.below(12), 1 + dice.below(28))),
                expired: false,
            }
        })
        .collect()
}

/// Counts of parts as observed in the field (four disks and five fans on CM4500, HX4502, EX8500; two disks on old EX);
/// the others are modelled.
fn hardware(spec: &SeatSpec, dice: &mut Dice) -> Hardware {
    let digits = spec.model.chars().filter(char::is_ascii_digit).collect::<String>();
    let size = digits.parse::<u32>().unwrap_or(2500);
    let large = size % 10_000 >= 4000;
    let part = |state: &str| Part { state: state.to_owned() };
    let (disks, modules, fans) = if spec.virtual_machine { (0, 0, 0) } else { (if large { 4 } else { 2 }, 2, 5) };
    Hardware {
        temperature_c: 26 + small(dice, 9),
        temperature: "Good".to_owned(),
        raid: "Good".to_owned(),
        power: "Good".to_owned(),
        fan: "Good".to_owned(),
        disks: vec![part("Online"); disks],
        modules: vec![part("Good"); modules],
        fans: (0..fans).map(|_| Fan { state: "Ok".to_owned(), rpm: 6000 + 100 * small(dice, 15) }).collect(),
    }
}

fn services(series: Series) -> Vec<Service> {
    let own: &[(&str, &str)] = match series {
        Series::Nx => &[("Dynamic URL Analysis", "Analysis"), ("Ethernet Interfaces", "Network-Processing")],
        Series::Ex => &[
            ("Email Parsing", "Email-Processing"),
            ("Email Queue", "Email-Processing"),
            ("Next Hop MTA", "Email-Processing"),
            ("URL Extract", "Email-Processing"),
        ],
        Series::Hx => &[
            ("Concurrent Host Limit", "System"),
            ("Store and Forward Cluster Connectivity", "System"),
            ("Licenses Monitoring", "System"),
            ("Disk Storage", "System"),
        ],
        Series::Cm => &[("Managed Appliance Connectivity", "System"), ("Disk Storage", "System")],
        Series::Ax | Series::Fx => &[("Submission Queue", "Analysis"), ("Static Analysis - YARA", "Analysis")],
    };
    let common = [
        ("System CPU/Memory/Disk IO Health", "System"),
        ("Network Connectivity Health", "System"),
        ("Database Service", "System"),
        ("HelixConnect", "System"),
        ("FENET Cloud Services", "DTI"),
        ("Global Cache", "Cloud-Detection"),
    ];
    let service = |(name, category): &(&str, &str)| Service {
        name: (*name).to_owned(),
        category: (*category).to_owned(),
        state: if *name == "HelixConnect" { "Disabled" } else { "Healthy" }.to_owned(),
        details: match *name {
            "HelixConnect" => "Disabled by user config".to_owned(),
            "Database Service" => "Healthy, {\"db_size\": \"32 GB\", \"free_space\": \"42 GB\"}".to_owned(),
            _ => "Healthy".to_owned(),
        },
        recovery: None,
    };
    common.iter().chain(own).map(service).collect()
}

fn pairs(spec: &SeatSpec) -> Vec<PortPair> {
    if spec.series != Series::Nx {
        return Vec::new();
    }
    let (op_mode, fail_safe) = match spec.data_path {
        DataPath::InlineFailOpen => ("block (enforcing)", "open"),
        DataPath::InlineFailClose => ("block (enforcing)", "close"),
        _ => ("tap (tapping)", "close"),
    };
    [("A", 3), ("B", 5)]
        .into_iter()
        .map(|(name, port)| PortPair {
            name: name.to_owned(),
            op_mode: op_mode.to_owned(),
            fail_safe: fail_safe.to_owned(),
            ports: (format!("pether{port}"), format!("pether{}", port + 1)),
        })
        .collect()
}

fn interfaces(spec: &SeatSpec, mac: &str, pairs: &[PortPair], dice: &mut Dice) -> Vec<Interface> {
    let address = match spec.address {
        Some(IpAddr::V4(address)) => Some((address.to_string(), "255.255.255.0".to_owned())),
        _ => Some((format!("192.168.{}.{}", dice.below(200), 2 + dice.below(250)), "255.255.255.0".to_owned())),
    };
    let monitoring = pairs.iter().flat_map(|pair| [pair.ports.0.clone(), pair.ports.1.clone()]);
    let names = ["ether1".to_owned(), "ether2".to_owned()].into_iter().chain(monitoring);
    let pairs_of_digits = |text: &str| {
        let mut letters = text.chars();
        let mut parts = Vec::new();
        while let (Some(a), Some(b)) = (letters.next(), letters.next()) {
            parts.push(format!("{a}{b}"));
        }
        parts.join(":")
    };
    names
        .enumerate()
        .map(|(index, name)| Interface {
            admin_up: true,
            link_up: true,
            address: (index == 0).then(|| address.clone()).flatten(),
            mac: if index == 0 {
                pairs_of_digits(mac)
            } else {
                pairs_of_digits(&format!("3CECEF{}", dice.text(b"0123456789ABCDEF", 6)))
            },
            packets_per_s: if name.starts_with('p') { 20_000 + dice.below(60_000) } else { 20 + dice.below(200) },
            rx_discards: dice.below(200),
            name,
        })
        .collect()
}

fn file_systems(spec: &SeatSpec, dice: &mut Dice) -> Vec<FileSystem> {
    let var_mb = if spec.series == Series::Hx { 96_633 } else { 32_126 };
    let data_mb = 400_000 + dice.below(500_000);
    let mut rows = vec![("/config", "sda8", 488, 2), ("/var", "sda9", var_mb, 40), ("/data", "sda10", data_mb, 30)];
    if matches!(spec.series, Series::Cm | Series::Hx) {
        rows.push(("/data/db", "sdb1", 2_950_000, 25));
    }
    rows.into_iter()
        .map(|(path, device, total_mb, percent)| FileSystem {
            path: path.to_owned(),
            device: format!("/dev/{device}"),
            total_mb,
            used_mb: total_mb * (percent + dice.below(20)) / 100,
        })
        .collect()
}

fn guest_images(series: Series) -> Vec<GuestImage> {
    if matches!(series, Series::Cm | Series::Hx) {
        return Vec::new();
    }
    [
        ("win7-sp1m", "24.0503", "Windows 7 SP1 English 32-bit (Intel)."),
        ("win10x64m", "24.0503", "Windows 10 English 64-bit (Intel)."),
        ("osx-10.11.3", "23.1201", "Mac OS X 10.11.3 English 64-bit."),
    ]
    .into_iter()
    .map(|(name, version, text)| GuestImage {
        name: name.to_owned(),
        version: version.to_owned(),
        text: text.to_owned(),
    })
    .collect()
}

fn users(spec: &SeatSpec) -> Vec<User> {
    let customer = spec.customer.as_str();
    let user = |name: &str, role| User {
        name: name.to_owned(),
        role,
        password: seed::password(customer, name),
        public_key: None,
    };
    let mut users = vec![user("admin", Role::Admin), user("operator", Role::Operator), user("monitor", Role::Monitor)];
    for account in &spec.accounts {
        if !users.iter().any(|known| known.name == account.user) {
            users.push(user(&account.user, account.role));
        }
    }
    users
}

fn managed(below: &Below) -> Managed {
    Managed {
        name: below.name.clone(),
        address: below.address.map_or_else(String::new, |address| address.to_string()),
        model: below.model.clone(),
        release: below.release.to_string(),
        connected: true,
    }
}
