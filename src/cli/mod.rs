//! L7: one file for each noun; `out` is the only printer.
//!
//! Invariant: what a person asks for goes through `service`; only `lab` and `demo` reach past it.

pub mod appliance;
pub mod ask;
pub mod audit;
pub mod backup;
pub mod bundle;
pub mod card;
pub mod check;
pub mod credential;
pub mod demo;
pub mod drop;
pub mod error;
pub mod finding;
pub mod hostkey;
pub mod init;
pub mod key;
pub mod lab;
pub mod ledger;
pub mod login;
pub mod out;
pub mod poll;
pub mod progress;
pub mod schema;
pub mod session;
pub mod store;
mod terminal;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::model::actor::{Actor, Proof, Scope};
use crate::service::refusal::Refusal;
use crate::service::{Env, Reporter, Silent, Stop};
use out::Out;

/// Keeps a fleet of FireEye (Trellix) appliances in good order.
#[derive(Debug, Parser)]
#[command(
    name = "hoshu",
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 unexpected, 2 wrong arguments, 3 files wrong, 4 some appliances failed or need \
                  attention, 5 blocked, 6 needs an engineer, 7 store unavailable or held by another command, \
                  130 stopped by a signal."
)]
pub struct Cli {
    /// The settings file; every relative path in it is relative to it.
    #[arg(long, global = true, env = "HOSHU_SETTINGS", default_value = "hoshu.yaml", value_name = "FILE")]
    pub settings: PathBuf,
    /// Answer in JSON, with "v" for the version of the form.
    #[arg(long, global = true)]
    pub json: bool,
    /// How long to wait for another command that holds the store.
    #[arg(long, global = true, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub wait: Duration,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Write settings and an inventory into a new folder: one customer to edit, or a simulated fleet
    Init(init::Args),
    /// Read settings and inventory and say everything that is wrong with them
    Check(check::Args),
    /// Print the JSON Schema of a file format, for editors
    Schema(schema::Args),
    /// Appliances of the inventory and what is known of them
    #[command(subcommand)]
    Appliance(appliance::Verb),
    /// Host keys: seen, accepted, revoked
    #[command(subcommand)]
    Hostkey(hostkey::Verb),
    /// The root key and the customers' key pairs
    #[command(subcommand)]
    Key(key::Verb),
    /// Poll the health of appliances
    Poll(poll::Args),
    /// Ask appliances one question of your own, and see who answers otherwise
    Ask(ask::Args),
    /// Findings: what is not good, since when, how often seen
    #[command(subcommand)]
    Finding(finding::Verb),
    /// Configuration backups
    #[command(subcommand)]
    Backup(backup::Verb),
    /// Log bundles that appliances write and push
    #[command(subcommand)]
    Bundle(bundle::Verb),
    /// The drop: where appliances push what they write themselves
    #[command(subcommand)]
    Drop(drop::Verb),
    /// Credentials: where they stand, which are stopped
    #[command(subcommand)]
    Credential(credential::Verb),
    /// The store and its depot: look if everything is there
    #[command(subcommand)]
    Store(store::Verb),
    /// What was done, by whom and when
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Everything about one seat on one screen
    Card(card::Args),
    /// A recorded shell at one appliance, in which only commands that look are sent
    Login(login::Args),
    /// How the console of one appliance is reached
    Console(login::ConsoleArgs),
    /// Sessions of persons at appliances and their transcripts; ways that a person opens
    #[command(subcommand)]
    Session(session::Verb),
    /// Lists of serials, contracts, licences and ends of support, also for spreadsheets
    #[command(subcommand)]
    Ledger(ledger::Verb),
    /// The simulated fleet
    #[command(subcommand)]
    Lab(lab::Verb),
    /// Show the main job on a simulated fleet, in under a minute
    Demo(demo::Args),
}

/// What a command needs of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To look at the store; another command may hold it.
    Read,
    /// To work: the command becomes the store's host for its own length.
    Host,
}

/// Opens the world for a command; `main` brings it, since only `main` builds an [`Env`].
pub trait Doors {
    /// Settings, inventory, store and seams, or why not.
    fn open(
        &self,
        need: Need,
        reporter: Arc<dyn Reporter>,
        stop: Stop,
    ) -> impl Future<Output = Result<Env, Refusal>> + Send;
    /// Gives the store back, so that another command can work: whoever calls has dropped the [`Env`].
    fn leave(&self);
    /// The settings file.
    fn settings(&self) -> &std::path::Path;
}

/// Everything that a verb is handed.
pub struct Context<'a, D> {
    /// The way to an [`Env`].
    pub doors: &'a D,
    /// The printer.
    pub out: Out,
    /// The wish to stop.
    pub stop: Stop,
}

impl<D: Doors> Context<'_, D> {
    /// The world, with nobody listening to progress.
    pub async fn env(&self, need: Need) -> Result<Env, Refusal> {
        self.doors.open(need, Arc::new(Silent), self.stop.clone()).await
    }

    /// The world, with progress shown.
    pub async fn env_with(&self, reporter: Arc<dyn Reporter>) -> Result<Env, Refusal> {
        self.doors.open(Need::Host, reporter, self.stop.clone()).await
    }
}

/// How a command ended well: with everything good, or with something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Done.
    Done,
    /// Some appliances failed, or something needs attention.
    Attention,
    /// Stopped by a signal.
    Stopped,
}

/// Does what the command line says.
pub async fn run(cli: Cli, doors: &impl Doors, stop: Stop) -> Result<Ended, Refusal> {
    let context = Context { doors, out: Out { json: cli.json }, stop };
    match cli.noun {
        Noun::Init(args) => init::run(&context, &args),
        Noun::Check(args) => check::run(&context, &args).await,
        Noun::Schema(args) => Ok(schema::run(&context, &args)),
        Noun::Appliance(verb) => appliance::run(&context, verb).await,
        Noun::Hostkey(verb) => hostkey::run(&context, verb).await,
        Noun::Key(verb) => key::run(&context, verb).await,
        Noun::Poll(args) => poll::run(&context, args).await,
        Noun::Ask(args) => ask::run(&context, args).await,
        Noun::Finding(verb) => finding::run(&context, verb).await,
        Noun::Backup(verb) => backup::run(&context, verb).await,
        Noun::Bundle(verb) => bundle::run(&context, verb).await,
        Noun::Drop(verb) => drop::run(&context, verb).await,
        Noun::Credential(verb) => credential::run(&context, verb).await,
        Noun::Store(verb) => store::run(&context, verb).await,
        Noun::Audit(verb) => audit::run(&context, verb).await,
        Noun::Card(args) => card::run(&context, &args).await,
        Noun::Login(args) => login::run(&context, &args).await,
        Noun::Console(args) => login::console(&context, &args).await,
        Noun::Session(verb) => session::run(&context, verb).await,
        Noun::Ledger(verb) => ledger::run(&context, verb).await,
        Noun::Lab(verb) => lab::run(&context, verb).await,
        Noun::Demo(args) => demo::run(&context, &args).await,
    }
}

/// The person at the command line: the operating system's user, as claimed, who sees the whole house.
pub fn person() -> Actor {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let name = if name.is_empty() { format!("uid {}", rustix::process::getuid().as_raw()) } else { name };
    Actor { name, proof: Proof::Claimed, scope: Scope::House }
}

/// Writes a file that must not exist, for its owner alone. It has its name when it is whole: nobody takes half a
/// configuration for one.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let new = NewFile::begin(path)?;
    new.writer()?.write_all(bytes).map_err(|error| new.failed(&error))?;
    new.finish()
}

/// A file that must not exist, for its owner alone. It has its name when it is whole; dropped before, it leaves nothing.
struct NewFile<'a> {
    path: &'a Path,
    unfinished: PathBuf,
    file: std::fs::File,
}

impl<'a> NewFile<'a> {
    fn begin(path: &'a Path) -> Result<Self, Refusal> {
        let failed = |why: String| Refusal::Folder { path: path.to_owned(), why };
        if path.symlink_metadata().is_ok() {
            return Err(failed("it exists already".to_owned()));
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error.to_string())),
            _ => {}
        }
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
        let file = file.map_err(|error| failed(error.to_string()))?;
        Ok(Self { path, unfinished: unfinished.into(), file })
    }

    fn failed(&self, error: &std::io::Error) -> Refusal {
        Refusal::Folder { path: self.path.to_owned(), why: error.to_string() }
    }

    fn writer(&self) -> Result<Box<dyn Write + Send>, Refusal> {
        Ok(Box::new(self.file.try_clone().map_err(|error| self.failed(&error))?))
    }

    fn finish(self) -> Result<(), Refusal> {
        let whole = self.file.sync_all().and_then(|()| std::fs::rename(&self.unfinished, self.path));
        whole.map_err(|error| self.failed(&error))
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        // What is left of it may hold secrets. It is not there any more when it got its name.
        drop(std::fs::remove_file(&self.unfinished));
    }
}

/// `10s`, `5m`, `2h`, `7d`, or a plain number of seconds; 400 days at most.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let error = || format!("{text:?} is no length of time: 10s, 5m, 2h or 7d is expected");
    let number: u64 = number.parse().map_err(|_| error())?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(error()),
    };
    number.checked_mul(factor).filter(|seconds| *seconds <= 400 * 86_400).map(Duration::from_secs).ok_or_else(error)
}
