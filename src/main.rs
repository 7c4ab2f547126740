//! The command line: hardens the process, builds the one [`hoshu::engine::env::Env`], and does what was asked.

mod setup;

use std::process::ExitCode;

use clap::Parser;
use hoshu::cli::out::Out;
use hoshu::cli::{Cli, Ended, error, run};
use hoshu::engine::event::Stop;

/// Thousands of sessions at once take and give back small pieces on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a command that a signal stopped.
const STOPPED: u8 = 130;
/// The exit code of a command that broke, as Rust has it for a panic.
const BROKEN: u8 = 101;

/// A secret of ours must not reach a core file, another process or a file that others read.
fn harden() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system forbids it, the limits of the unit that starts the program hold instead.
    let _forbidden = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let _forbidden = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    std::panic::set_hook(Box::new(|panic| {
        // The place, never the payload: it may hold what somebody else wrote.
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        Out { json: false }.talk(&format!("error: hoshu broke{place}; this is a fault of the program"));
    }));
}

/// Logs go to standard error; other people's code never speaks below `info`, whatever is asked for, and that of SNMP not at
/// all: whoever sends datagrams could fill a screen with its warnings, and each failure is a reading anyway.
fn log() {
    use tracing_subscriber::EnvFilter;
    let asked = std::env::var("HOSHU_LOG").unwrap_or_else(|_| "warn".to_owned());
    let own: Vec<_> = asked.split(',').filter(|part| !part.contains('=') || part.starts_with("hoshu")).collect();
    let level = own.last().copied().unwrap_or("warn");
    let others = if matches!(level, "error" | "off") { level } else { "warn" };
    let level = if level.contains('=') { level.to_owned() } else { format!("hoshu={level}") };
    let filter = format!("{others},async_snmp=off,{level}");
    if let Ok(filter) = EnvFilter::try_new(filter) {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
        // Nobody else has set a subscriber before.
        drop(logs.try_init());
    }
}

/// The first signal asks to stop, the second ends the process at once.
fn listen_to_signals(stop: Stop) {
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for round in 0.. {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            if round > 0 {
                std::process::exit(i32::from(STOPPED));
            }
            stop.ask();
            Out { json: false }.talk("stopping: nothing new starts, what is in hand ends; once more to end at once");
        }
    });
}

fn main() -> ExitCode {
    harden();
    log();
    let cli = Cli::parse();
    let out = Out { json: cli.json };
    let doors = setup::Setup::new(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.talk(&format!("error: the runtime does not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    // A task like those that it waits for: woken on the thread of this function, it would cost two switches for each.
    let ended = runtime.block_on(runtime.spawn(async move {
        let stop = Stop::default();
        listen_to_signals(stop.clone());
        run(cli, &doors, stop).await
    }));
    // What panicked has been named by the hook.
    let Ok(ended) = ended else { return ExitCode::from(BROKEN) };
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Attention) => ExitCode::from(4),
        Ok(Ended::Stopped) => ExitCode::from(STOPPED),
        Err(refusal) => {
            error::show(out, &refusal);
            ExitCode::from(refusal.exit_code())
        }
    }
}
