//! Running a program to its end.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

/// How often it is looked whether a program that closed its output has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of output that are read when nothing else is said.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It does not start, or its output cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It ended with a failure.
    #[error("it ended with {0}")]
    Failed(ExitStatus),
    /// It had no end in its time, and was ended.
    #[error("it did not end within {} s", .0.as_secs())]
    Endless(Duration),
}

/// A program to run, its words, and what it gets.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The program by its absolute path, and its arguments.
    pub words: &'a [String],
    /// Its working folder.
    pub folder: &'a Path,
    /// All of its environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// What it reads on standard input.
    pub input: &'a str,
    /// How long it may take.
    pub wait: Duration,
    /// Bytes that it may print.
    pub output_bytes_max: u64,
}

impl<'a> Program<'a> {
    /// A program with nothing to read, no environment, at the root folder.
    pub fn new(words: &'a [String], wait: Duration) -> Self {
        let folder = Path::new("/");
        Self { words, folder, environment: &[], input: "", wait, output_bytes_max: OUTPUT_BYTES_MAX }
    }

    /// What it prints, once it has ended well. It has a process group of its own, which does not outlive it or its time.
    /// Blocks the thread.
    pub fn run(self) -> Result<Zeroizing<String>, ChildError> {
        let none = || io::Error::new(io::ErrorKind::InvalidInput, "there is no program");
        let (program, arguments) = self.words.split_first().ok_or_else(none)?;
        let until = Instant::now() + self.wait;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().copied())
            .current_dir(self.folder)
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            let text = self.input.to_owned();
            // A child that reads no more ends the pipe; its status says what became of it.
            thread::spawn(move || drop(input.write_all(text.as_bytes())));
        }
        let (sender, receiver) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            let most = self.output_bytes_max;
            // When nobody waits for it any more, what was read is wiped with its buffer.
            thread::spawn(move || drop(sender.send(read_bounded(output, most))));
        }
        let text = receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
        let in_time = text.is_ok() && ends(&child, until);
        // The child is not waited for yet, so that its number is still its own. What it started goes with it.
        let _gone = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let status = child.wait()?;
        match text {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) if !in_time => Err(ChildError::Endless(self.wait)),
            Ok(Ok(text)) if status.success() => Ok(text),
            _ => Err(ChildError::Failed(status)),
        }
    }
}

/// Whether a child that has closed its output ends in time. It is left to be waited for.
fn ends(child: &Child, until: Instant) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), options) {
            Ok(Some(_)) => return true,
            _ if Instant::now() >= until => return false,
            _ => thread::sleep(LOOK),
        }
    }
}

/// Reads a text to its end, and no further than a limit in bytes.
pub fn read_bounded(from: impl Read, bytes_max: u64) -> io::Result<Zeroizing<String>> {
    let most = bytes_max + 1;
    // The buffer has its final size from the start, so that no smaller copy of it is left behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(most).unwrap_or(0)));
    from.take(most).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        let why = format!("it is longer than {} KiB", bytes_max / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> [String; 3] {
        ["/bin/sh", "-c", script].map(str::to_owned)
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        for script in ["sleep 600", "exec >&-; sleep 600", "sleep 600 & wait", "sleep 600 & exit"] {
            let told = Program::new(&shell(script), Duration::from_millis(200)).run().unwrap_err();
            assert!(matches!(told, ChildError::Endless(_)), "{script}: {told}");
        }
    }

    #[test]
    fn the_time_of_a_program_is_one() {
        let begun = Instant::now();
        let told = Program::new(&shell("sleep 1.5; exec >&-; sleep 600"), Duration::from_secs(2)).run().unwrap_err();
        assert!(matches!(told, ChildError::Endless(_)), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_a_program_leaves_behind_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; : > {}) >&- & echo done", mark.display());
        assert_eq!(*Program::new(&shell(&script), Duration::from_secs(10)).run().unwrap(), "done\n");
        thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists(), "it went on");
    }

    #[test]
    fn a_program_gets_what_is_named_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let words = shell("cat; pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort");
        let input = "x\n".repeat(100_000);
        let program = Program {
            folder: folder.path(),
            environment: &[("A", "1")],
            input: &input,
            output_bytes_max: 300_000,
            ..Program::new(&words, Duration::from_secs(10))
        };
        let folder = folder.path().canonicalize().unwrap();
        assert_eq!(*program.run().unwrap(), format!("{input}{}\nA=1\n", folder.display()));
        // One that reads nothing of a long input ends as it likes.
        let deaf = shell("exit 3");
        let program = Program { words: &deaf, ..program };
        assert!(matches!(program.run(), Err(ChildError::Failed(status)) if status.code() == Some(3)));
    }
}
