//! Child processes on one core, and what they cost.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wait4::Wait4 as _;

/// What a child process cost from its start to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// User and system time of the whole process.
    pub(super) cpu: Duration,
    /// From start to end.
    pub(super) wall: Duration,
    /// The largest resident set, in bytes.
    pub(super) peak: u64,
}

/// A command on one core, as far as the system has `taskset`.
pub(super) fn on_core(core: u32, program: &Path) -> Command {
    let taskset = ["/usr/bin/taskset", "/bin/taskset"].into_iter().map(PathBuf::from).find(|path| path.exists());
    match taskset {
        Some(taskset) => {
            let mut command = Command::new(taskset);
            command.arg("-c").arg(core.to_string()).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Runs a command to its end, with its standard output in a file, and returns what it cost.
pub(super) fn measure(command: &mut Command, output: &Path) -> Result<Cost> {
    let output = File::create(output)?;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(output).spawn().context("start a child")?;
    let ended = child.wait4()?;
    let wall = began.elapsed();
    ensure!(ended.status.success(), "{command:?} ended with {}", ended.status);
    Ok(Cost { cpu: ended.rusage.utime + ended.rusage.stime, wall, peak: ended.rusage.maxrss })
}
