//! `hoshu demo`: the main job on a simulated fleet, as a person would type it.
//!
//! The acts are data; each command runs as a child of this very program, so that what is shown is what anybody gets.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Context, Doors, Ended};
use crate::model::outside::Outside;
use crate::service::refusal::Refusal;

/// Show the main job on a simulated fleet, in under a minute.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep the lab running and the files in place until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Bytes that the opening of a way says at most.
const SAID_MAX: usize = 16 * 1024;

/// One act: what is done, and what to look at.
#[derive(Clone, Copy)]
struct Act {
    title: &'static str,
    /// The attended way that a person holds open in another terminal meanwhile.
    open: Option<&'static str>,
    commands: &'static [&'static [&'static str]],
    look: &'static str,
}

const ACTS: &[Act] = &[
    Act {
        title: "The files are checked before anything is touched",
        open: None,
        commands: &[&["check"]],
        look: "every seat is counted; what this version does not serve yet is named, never ignored",
    },
    Act {
        title: "Keys: one root, one pair for each customer",
        open: None,
        commands: &[&["key", "init"]],
        look: "backups are sealed to their customer's public key; only the root opens them",
    },
    Act {
        title: "First contact stops before any password",
        open: None,
        commands: &[
            &["hostkey", "scan", "--on", "all"],
            &["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "read on the consoles"],
        ],
        look: "a key counts only when a person confirms its fingerprint by a second route",
    },
    Act {
        title: "Behind a bastion its own key comes first, then that of the appliance",
        open: None,
        commands: &[
            &["hostkey", "scan", "--on", "customer=umi"],
            &["hostkey", "accept", "umi-nx01", "--route", "read on the console"],
            &["hostkey", "accept", "umi-nx02", "--route", "read on the console"],
        ],
        look: "one bastion forwards, the other gives a shell only; both were logged in to, the appliances not yet",
    },
    Act {
        title: "Every appliance is polled over SSH, and a dozen over SNMP beside it",
        open: None,
        commands: &[&["poll", "--on", "all"]],
        look: "series by series: what answers, what does not, and why",
    },
    Act {
        title: "Every configuration is backed up, sealed, and proved complete",
        open: None,
        commands: &[&["backup", "take", "--on", "all"]],
        look: "a backup counts only when its header, sections, prompt and change ID agree",
    },
    Act {
        title: "Somebody changes one appliance; the next backup shows it",
        open: None,
        commands: &[
            &["lab", "change", "acme-nx01", "ntp server 10.20.0.250"],
            &["backup", "take", "--on", "acme-nx01"],
            &["backup", "diff", "acme-nx01"],
        ],
        look: "the change, section by section; no secret is shown",
    },
    Act {
        title: "A disk fails, a licence ends, a wire is cut, three channels disagree",
        open: None,
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
    Act {
        title: "Healthy and useless: every lamp of a sensor is good, and nothing arrives at it",
        open: None,
        commands: &[
            &["lab", "break", "momiji-nx01", "blind"],
            &["poll", "--on", "momiji-nx01", "--tier", "detail", "--every", "3s", "--times", "3"],
        ],
        look: "services, hardware and links are good; the seat is blind all the same, and shown as good nowhere",
    },
    Act {
        title: "A bank's bastion wants a person with a one-time password, and forwards nothing: other commands borrow its menu",
        open: Some("ginga/center-otp"),
        commands: &[
            &["hostkey", "scan", "--on", "customer=ginga"],
            &["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "read on the consoles"],
            &["poll", "--on", "customer=ginga"],
            &["backup", "take", "--on", "customer=ginga"],
        ],
        look: "without the person these two were due for an attended slot, never failed; with the person they are polled and backed up as any other",
    },
    Act {
        title: "An appliance writes a full backup itself, and pushes it",
        open: None,
        commands: &[
            &["backup", "take", "--profile", "full", "--on", "acme-nx01"],
            &["backup", "list", "--on", "acme-nx01"],
        ],
        look: "a login for one file, sealed while it arrives, and held against what the appliance says of it",
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

/// An attended way, held open by a command at a terminal of its own; it is closed when the act is over.
struct OpenWay(Child);

impl Drop for OpenWay {
    fn drop(&mut self) {
        // The terminal goes with it, and a command whose terminal goes closes its way.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Opens a way as a person does, who reads the one-time password from a token.
fn open_way(context: &Context<'_, impl Doors>, dir: &Path, way: &str) -> Result<OpenWay, Refusal> {
    let token = program(dir)?.args(["lab", "token", way]).output();
    let token = token.map_err(|error| failed(format!("the token shows nothing: {error}")))?.stdout;
    // `script` (util-linux) is a terminal with a pipe to it.
    let child = program(dir)?;
    let own = child.get_program().to_owned();
    let mut terminal = Command::new("script");
    terminal.current_dir(dir).env_clear().envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("HOSHU_ITSELF", own).env("HOSHU_WAY", way);
    let typed = "exec \"$HOSHU_ITSELF\" session open \"$HOSHU_WAY\" --for 2m";
    let child = terminal
        .args(["--quiet", "--return", "--command", typed, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("script, of util-linux, does not start: {error}")))?;
    let mut open = OpenWay(child);
    let (Some(mut stdin), Some(mut stdout)) = (open.0.stdin.take(), open.0.stdout.take()) else {
        return Err(failed("the terminal has no pipes"));
    };
    let mut said = Vec::new();
    wait_for(&mut stdout, &mut said, "password: ")?;
    stdin.write_all(&token).map_err(|error| failed(format!("the password is not typed: {error}")))?;
    wait_for(&mut stdout, &mut said, "closes the way.")?;
    for line in String::from_utf8_lossy(&said).lines() {
        context.out.talk(&format!("   | {}", Outside::from(line.trim_end()).for_terminal()));
    }
    open.0.stdin = Some(stdin);
    open.0.stdout = Some(stdout);
    Ok(open)
}

/// Reads until something was said.
fn wait_for(from: &mut impl Read, said: &mut Vec<u8>, wanted: &str) -> Result<(), Refusal> {
    let mut byte = [0];
    while !said.ends_with(wanted.as_bytes()) {
        if said.len() > SAID_MAX || !matches!(from.read(&mut byte), Ok(1)) {
            let said = Outside::from_bytes(said);
            return Err(failed(format!("the way does not open: {}", said.for_terminal())));
        }
        said.extend(byte);
    }
    Ok(())
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
    let _way = match act.open {
        Some(way) => {
            context.out.talk(&format!("$ hoshu session open {way}      (in another terminal)"));
            Some(open_way(context, dir, way)?)
        }
        None => None,
    };
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

/// A sensor at which nothing arrives is blind after half an hour; nobody watches a demo for as long.
fn be_impatient(dir: &Path) -> Result<(), Refusal> {
    let settings = std::fs::OpenOptions::new().append(true).open(dir.join("hoshu.yaml"));
    let written = settings.and_then(|mut file| file.write_all(b"protection: {zero_after: 5s, zero_polls: 2}\n"));
    written.map_err(|error| failed(format!("the settings are not written: {error}")))
}

/// Runs the acts.
pub async fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    let began = Instant::now();
    let dir = std::env::temp_dir().join(format!("hoshu-demo-{}", std::process::id()));
    std::fs::create_dir(&dir).map_err(|error| failed(format!("{} cannot be made: {error}", dir.display())))?;
    let stage = Stage { dir, keep: args.keep };
    super::init::write(&stage.dir, super::init::Fleet::Example)?;
    be_impatient(&stage.dir)?;
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
