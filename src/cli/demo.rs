//! `hoshu demo`: the main job on a simulated fleet, as a person would type it.
//!
//! The acts are data; each command runs as a child of this very program, so that what is shown is what anybody gets.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Context, Doors, Ended};
use crate::service::refusal::Refusal;

/// Show the main job on a simulated fleet, in under a minute.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep the lab running and the files in place until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// One act: what is done, and what to look at.
struct Act {
    title: &'static str,
    commands: &'static [&'static [&'static str]],
    look: &'static str,
}

const ACTS: &[Act] = &[
    Act {
        title: "The files are checked before anything is touched",
        commands: &[&["check"]],
        look: "every seat is counted; what this version does not serve yet is named, never ignored",
    },
    Act {
        title: "Keys: one root, one pair for each customer",
        commands: &[&["key", "init"]],
        look: "backups are sealed to their customer's public key; only the root opens them",
    },
    Act {
        title: "First contact stops before any password",
        commands: &[
            &["hostkey", "scan", "--on", "all"],
            &["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "read on the consoles"],
        ],
        look: "a key counts only when a person confirms its fingerprint by a second route",
    },
    Act {
        title: "Behind a bastion its own key comes first, then that of the appliance",
        commands: &[
            &["hostkey", "scan", "--on", "umi-nx01"],
            &["hostkey", "accept", "umi-nx01", "--route", "read on the console"],
        ],
        look: "the bastion was logged in to, the appliance not yet",
    },
    Act {
        title: "Every appliance is polled over SSH, and a dozen over SNMP beside it",
        commands: &[&["poll", "--on", "all"]],
        look: "series by series: what answers, what does not, and why",
    },
    Act {
        title: "Every configuration is backed up, sealed, and proved complete",
        commands: &[&["backup", "take", "--on", "all"]],
        look: "a backup counts only when its header, sections, prompt and change ID agree",
    },
    Act {
        title: "Somebody changes one appliance; the next backup shows it",
        commands: &[
            &["lab", "change", "acme-nx01", "ntp server 10.20.0.250"],
            &["backup", "take", "--on", "acme-nx01"],
            &["backup", "diff", "acme-nx01"],
        ],
        look: "the change, section by section; no secret is shown",
    },
    Act {
        title: "A disk fails, a licence ends, a wire is cut, two channels disagree",
        commands: &[
            &["lab", "break", "acme-nx01", "disk-failed"],
            &["lab", "break", "acme-ex01", "licence-expired"],
            &["lab", "break", "chidori-hx01", "silent"],
            &["lab", "break", "momiji-ex01", "snmp-disagrees"],
            &["poll", "--on", "customer=acme+chidori", "--on", "momiji-ex01"],
            &["poll", "--on", "customer=acme+chidori", "--on", "momiji-ex01"],
            &["finding", "list"],
        ],
        look: "what was broken stands there with since and count, the hard ones first; what is unknown is never called failed",
    },
];

/// The lab as a child; it goes when the demo goes.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        // It is our own child: when it has ended by itself there is nothing left to end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A folder of our own that is removed at the end.
struct Stage {
    dir: PathBuf,
    keep: bool,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.dir));
        }
    }
}

fn failed(what: impl Into<String>) -> Refusal {
    Refusal::Demo(what.into())
}

/// This program, with a clean environment, in the demo's folder.
fn program(dir: &Path) -> Result<Command, Refusal> {
    let own =
        std::env::current_exe().map_err(|error| failed(format!("this program's own path is unknown: {error}")))?;
    let mut command = Command::new(own);
    command.current_dir(dir).env_clear().env("HOSHU_SETTINGS", dir.join("hoshu.yaml")).stdin(Stdio::null());
    for name in ["PATH", "USER", "LOGNAME", "TERM", "NO_COLOR", "LANG", "COLUMNS"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

fn start_lab(dir: &Path) -> Result<Lab, Refusal> {
    let child = program(dir)?
        .args(["lab", "serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(format!("the lab does not start: {error}")))?;
    let mut lab = Lab(child);
    let stdout = lab.0.stdout.take().ok_or_else(|| failed("the lab has no output"))?;
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|error| failed(format!("the lab's output broke: {error}")))?;
        if line.starts_with("ready") {
            return Ok(lab);
        }
    }
    Err(failed("the lab ended before it was ready"))
}

fn act(context: &Context<'_, impl Doors>, dir: &Path, number: usize, act: &Act) -> Result<(), Refusal> {
    context.out.talk(&format!("\n── {number}/{}  {}", ACTS.len(), act.title));
    for words in act.commands {
        let shown: Vec<_> = words
            .iter()
            .map(|word| if word.contains(' ') { format!("{word:?}") } else { (*word).to_owned() })
            .collect();
        context.out.talk(&format!("$ hoshu {}", shown.join(" ")));
        let status = program(dir)?
            .args(*words)
            .status()
            .map_err(|error| failed(format!("hoshu {} does not start: {error}", words.join(" "))))?;
        // 4 says that some appliance needs attention, which the last acts are about.
        if !matches!(status.code(), Some(0 | 4)) {
            return Err(failed(format!("hoshu {} ended with {status}", words.join(" "))));
        }
        if context.stop.is_asked() {
            return Ok(());
        }
    }
    context.out.talk(&format!("   look: {}", act.look));
    Ok(())
}

/// Runs the acts.
pub async fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    let began = Instant::now();
    let dir = std::env::temp_dir().join(format!("hoshu-demo-{}", std::process::id()));
    std::fs::create_dir(&dir).map_err(|error| failed(format!("{} cannot be made: {error}", dir.display())))?;
    let stage = Stage { dir, keep: args.keep };
    super::init::write(&stage.dir, super::init::Fleet::Example)?;
    context.out.talk(&format!(
        "A simulated fleet of NX, EX, HX, CM, AX and FX starts on loopback; nothing leaves this machine.\nFolder: {}",
        stage.dir.display()
    ));
    let lab = start_lab(&stage.dir)?;
    for (place, one) in ACTS.iter().enumerate() {
        act(context, &stage.dir, place + 1, one)?;
        if context.stop.is_asked() {
            return Ok(Ended::Stopped);
        }
    }
    let seconds = began.elapsed().as_secs();
    context.out.talk(&format!(
        "\nDone in {seconds} s. Try next:\n  hoshu init my-fleet      your own appliances: edit my-fleet/inventory, then hoshu check\n  \
         hoshu demo --keep        the same, and the lab stays for you to play with\n  hoshu poll --help        what can be asked of a fleet"
    ));
    if args.keep {
        context.out.talk(&format!(
            "\nThe lab runs until Ctrl-C. In another terminal: export HOSHU_SETTINGS={}/hoshu.yaml",
            stage.dir.display()
        ));
        while !context.stop.is_asked() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    drop(lab);
    Ok(Ended::Done)
}
