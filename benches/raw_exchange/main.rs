//! What a backup costs against a bare exchange of the same commands over the same library, in the same build.
//!
//! Both sides run as child processes on one core, in turn, against the same simulated fleet on another core. Only the
//! ratio of each pair is judged; walls and absolute figures depend on the machine. `docs/performance.md` tells more.

#![expect(clippy::cast_precision_loss, reason = "figures for people: 52 bits of them are plenty")]

mod child;
mod raw;
mod report;
mod world;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use report::{Pairs, Verdicts, say};
use world::World;

/// The bare exchange has the allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A number from the environment.
fn number(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}

/// The pairs of one fleet: first backups, and backups of what did not change.
struct Measured {
    first: Pairs,
    second: Pairs,
}

fn measure(world: &mut World, pairs: usize, keep: bool) -> Result<Measured> {
    let mut first = Pairs::new(format!("first, {} appliances", world.appliances), world.appliances);
    let mut second = Pairs::new(format!("unchanged, {} appliances", world.appliances), world.appliances);
    // The lab makes each unit when it is first asked; nobody shall pay for that.
    world.raw(1, false)?;
    for _ in 0..pairs {
        world.forget()?;
        first.add(world.raw(2, keep)?, world.take(false)?);
        second.add(world.raw(1, keep)?, world.take(true)?);
    }
    first.show();
    second.show();
    Ok(Measured { first, second })
}

fn polls(world: &mut World, verdicts: &mut Verdicts) -> Result<()> {
    const ROUNDS: usize = 5;
    world.forget()?;
    let (once, _) = world.poll(1)?;
    let (rounds, opened) = world.poll(ROUNDS)?;
    let more = rounds.cpu.saturating_sub(once.cpu).as_secs_f64() / (world.appliances * (ROUNDS - 1)) as f64;
    say(&format!(
        "\npolls: {ROUNDS} rounds, {opened} sessions opened, {:.0} us CPU for each poll of a kept session",
        more * 1e6
    ));
    verdicts.count("sessions opened by polls in rounds", opened, world.appliances);
    Ok(())
}

fn run() -> Result<bool> {
    let fleet = number("HOSHU_BENCH_FLEET", 1_000)?;
    let pairs = number("HOSHU_BENCH_PAIRS", 5)?;
    let large = number("HOSHU_BENCH_LARGE_FLEET", 10_000)?;
    let large_pairs = number("HOSHU_BENCH_LARGE_PAIRS", 2)?;
    let keep = number("HOSHU_BENCH_RAW_FILES", 0)? > 0;
    let mut verdicts = Verdicts::default();
    let mut world = World::start(fleet)?;
    let small = measure(&mut world, pairs, keep)?;
    for pairs in [&small.first, &small.second] {
        verdicts.pairs(pairs);
    }
    polls(&mut world, &mut verdicts)?;
    drop(world);
    if large > 0 {
        let large = measure(&mut World::start(large)?, large_pairs, keep)?;
        for (small, large) in [(&small.first, &large.first), (&small.second, &large.second)] {
            verdicts.growth(small, large);
        }
    }
    Ok(verdicts.show())
}

fn main() -> ExitCode {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let result = match args.as_slice() {
        [flag, list, fetches, keep @ ..] if flag.as_os_str() == raw::FLAG => {
            let fetches = fetches.to_string_lossy().parse().unwrap_or(1);
            raw::run(&raw::Args { list: list.clone(), fetches, keep: keep.first().cloned() }).map(|()| true)
        }
        _ => run(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Standard output of a child is its data.
            drop(writeln!(std::io::stderr().lock(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
