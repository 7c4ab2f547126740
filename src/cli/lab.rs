//! `hoshu lab`: the simulated fleet.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::init::Fleet;
use super::out::Cell;
use super::{Context, Doors, Ended, parse_duration};
use crate::engine::clock::{Clock as _, Stopwatch, SystemClock};
use crate::inventory::{load, load_settings};
use crate::lab::control::{Reply, Request, request};
use crate::lab::{self, Fault, LabOptions};
use crate::model::door::WayName;
use crate::model::name::SeatName;
use crate::model::settings::Settings;
use crate::service::refusal::Refusal;

/// The simulated fleet.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Serve the fleet of the settings, or a generated one, on loopback until Ctrl-C
    Serve(Serve),
    /// Break a unit: a fault of the hardware, of a service, or of the wire
    Break {
        /// The seat.
        unit: SeatName,
        /// The fault; `hoshu lab faults` lists them.
        fault: Fault,
        /// How often it takes effect.
        #[arg(long, value_name = "N")]
        times: Option<NonZeroU32>,
    },
    /// Mend one fault of a unit, or all
    Mend {
        /// The seat.
        unit: SeatName,
        /// The fault.
        fault: Option<Fault>,
    },
    /// Show a unit: what it is, its faults, what it received
    Show {
        /// The seat.
        unit: SeatName,
    },
    /// Keep the answers to a command back until `release`
    Hold {
        /// The seat.
        unit: SeatName,
        /// The command as it will be sent.
        command: String,
    },
    /// Let the answers go that `hold` kept
    Release {
        /// The seat.
        unit: SeatName,
    },
    /// Give a unit a configuration command, as its administrator would
    Change {
        /// The seat.
        unit: SeatName,
        /// The command, as in configuration mode.
        line: String,
    },
    /// Press the token of an attended gateway: it shows a one-time password, which opens once
    Token {
        /// The gateway (ginga/center-otp).
        gateway: WayName,
    },
    /// List the faults
    Faults,
    /// End the lab
    Stop,
}

/// Serve the simulated fleet.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// A generated fleet of so many appliances, at most 20,000, instead of the inventory's, with settings of its own.
    #[arg(long, value_name = "N")]
    fleet: Option<NonZeroU32>,
    /// Of three appliances of a generated fleet one speaks by SSH alone, one by SNMP too, and one by SNMP and the HTTPS API.
    #[arg(long, requires = "fleet")]
    mixed_channels: bool,
    /// Where the settings of a generated fleet are written [default: hoshu-lab-N].
    #[arg(long, value_name = "DIR", requires = "fleet")]
    dir: Option<PathBuf>,
    /// How long each answer takes, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency: u64,
    /// Threads that serve.
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    /// About how many bytes a configuration has.
    #[arg(long, default_value_t = 20_000, value_name = "BYTES")]
    configuration_bytes: usize,
    /// End after this time.
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    r#for: Option<Duration>,
}

fn lab_error(error: &lab::LabError) -> Refusal {
    Refusal::Lab(error.to_string())
}

fn lab_dir(settings: &Settings) -> Result<PathBuf, Refusal> {
    settings
        .lab_ports_file
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_owned)
        .ok_or_else(|| Refusal::Lab("these settings are not of realm lab: no lab is named in them".to_owned()))
}

async fn serve(context: &Context<'_, impl Doors>, args: &Serve) -> Result<Ended, Refusal> {
    let path = match args.fleet {
        None => context.doors.settings().to_owned(),
        Some(count) => {
            let count = count.get() as usize;
            // Said before anything is written: a folder that no lab can serve helps nobody.
            lab::fits(count).map_err(|error| lab_error(&error))?;
            let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(format!("hoshu-lab-{count}")));
            if !dir.join("hoshu.yaml").exists() {
                let fleet = lab::generated(count);
                let fleet = if args.mixed_channels { lab::with_channels(fleet) } else { fleet };
                super::init::write(&dir, Fleet::Generated(fleet))?;
            }
            dir.join("hoshu.yaml")
        }
    };
    let settings = load_settings(&path).map_err(Refusal::files)?.settings;
    let dir = lab_dir(&settings)?;
    let loaded = load(&settings.inventory, SystemClock.now().utc().date_naive()).map_err(Refusal::files)?;
    let mut options = LabOptions::new(dir, lab::from_inventory(&loaded.inventory), Arc::new(|| SystemClock.now()));
    options.hops = lab::hops_from_inventory(&loaded.inventory);
    options.latency = Duration::from_millis(args.latency);
    options.threads = args.threads.clamp(1, 64);
    options.configuration_bytes = args.configuration_bytes;
    let (out, stop, end_after) = (context.out, context.stop.clone(), args.r#for);
    let shutdown = async move {
        let began = Stopwatch::start();
        while !stop.is_asked() && end_after.is_none_or(|limit| began.elapsed() < limit) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let served = tokio::task::spawn_blocking(move || {
        lab::serve(
            &options,
            |lab| {
                out.data(&format!("ready: {} simulated appliances on loopback", lab.ports().len()));
                out.data(&format!("export HOSHU_SETTINGS={}", path.display()));
            },
            shutdown,
        )
    });
    match served.await {
        Ok(result) => result.map_err(|error| lab_error(&error)).map(|()| Ended::Done),
        Err(error) => Err(Refusal::Lab(format!("the lab broke: {error}"))),
    }
}

fn show(context: &Context<'_, impl Doors>, shown: &lab::rack::Shown) {
    if context.out.json {
        context.out.json(shown);
        return;
    }
    context.out.data(&format!(
        "{}  {} {} {}  serial {}  port {}",
        shown.seat, shown.series, shown.model, shown.release, shown.serial, shown.port
    ));
    let faults: Vec<_> = shown.faults.keys().map(|fault| fault.as_str()).collect();
    context.out.data(&format!("faults: {}", if faults.is_empty() { "none".to_owned() } else { faults.join(", ") }));
    context.out.data(&format!(
        "change ID {}, {}; {} sessions open, {} ever; {} authentication messages; {} answers held",
        shown.change_id,
        if shown.saved { "saved" } else { "not saved" },
        shown.sessions_open,
        shown.sessions_ever,
        shown.auth_attempts,
        shown.waiting
    ));
    let rows = shown.log.iter().map(|record| -> Vec<Cell> {
        vec![
            record.at.to_string().into(),
            record.received.as_str().into(),
            record.user.clone().into(),
            record.text.clone().into(),
        ]
    });
    context.out.table(&["at", "what", "user", "text"], rows.collect());
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let asked = match verb {
        Verb::Serve(args) => return serve(context, &args).await,
        Verb::Faults => {
            for fault in Fault::ALL {
                context.out.data(fault.as_str());
            }
            return Ok(Ended::Done);
        }
        Verb::Break { unit, fault, times } => Request::Break { unit, fault, remaining: times },
        Verb::Mend { unit, fault } => Request::Mend { unit, fault },
        Verb::Show { unit } => Request::Show { unit },
        Verb::Hold { unit, command } => Request::Hold { unit, command },
        Verb::Release { unit } => Request::Release { unit },
        Verb::Change { unit, line } => Request::Change { unit, line },
        Verb::Token { gateway } => Request::Token { way: gateway },
        Verb::Stop => Request::Stop {},
    };
    let settings = load_settings(context.doors.settings()).map_err(Refusal::files)?.settings;
    match request(&lab_dir(&settings)?, &asked).map_err(|error| lab_error(&error))? {
        Reply::Done => context.out.talk("done"),
        Reply::Shown(shown) => show(context, &shown),
        Reply::Pressed { code } => context.out.data(&code),
        Reply::Refused { why } => return Err(Refusal::Lab(why)),
    }
    Ok(Ended::Done)
}
