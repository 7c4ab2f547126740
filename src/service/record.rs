//! `hoshu appliance record`: a real unit's answers without what says whose they are, and what layouts make of them.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::env::Env;
use crate::engine::record::{self, RUNNING, Read, SAVED, digest};
use crate::model::actor::Actor;
use crate::model::limits::{ANSWER_BYTES_MAX, MANIFEST_BYTES_MAX, RECORDING_BYTES_MAX, RECORDING_COMMANDS_MAX};
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::recording::{MANIFEST, Recognised, RecordedAnswer, Recording};
use crate::model::release::Release;
use crate::readout::{Context, Mark};
use crate::service::refusal::Refusal;
use crate::service::select;

pub use crate::engine::record::Wish;

/// Why a command has no answer.
#[derive(Debug, Clone, Serialize)]
pub struct Unanswered {
    /// What was asked.
    pub command: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Outside,
}

/// A word that was replaced because no layout knows it.
#[derive(Debug, Clone, Serialize)]
pub struct Replaced {
    /// As it was printed.
    pub word: Outside,
    /// How often.
    pub times: usize,
}

/// A recording that is not written yet.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The manifest.
    pub recording: Recording,
    /// Words that were replaced because no layout knows them: for the person who records alone.
    pub replaced: Vec<Replaced>,
    /// Commands without an answer, and why: for the same person.
    pub unanswered: Vec<Unanswered>,
    /// The files of the folder.
    #[serde(skip)]
    pub files: Vec<(String, Vec<u8>)>,
}

/// Asks one appliance everything that layouts ask of its kind. Nothing is written.
pub async fn run(env: &Env, actor: &Actor, seat: &SeatName, wish: &Wish) -> Result<Answer, Refusal> {
    let seat = select::one(env, actor, seat)?;
    let recorded = record::run(env, actor, seat, wish).await;
    let recorded =
        recorded.map_err(|failure| Refusal::NoSession { outcome: failure.outcome, reason: failure.reason })?;
    let manifest = serde_json::to_vec_pretty(&recorded.recording)
        .map_err(|error| Refusal::Argument(format!("the manifest cannot be written: {error}")))?;
    let texts = recorded.texts.into_iter().map(|(file, text)| (file, text.into_data().into_bytes()));
    let files = texts.chain([(MANIFEST.to_owned(), [manifest, b"\n".to_vec()].concat())]).collect();
    let replaced = recorded.unknown.into_iter().map(|(word, times)| Replaced { word, times }).collect();
    let unanswered = recorded.reasons.into_iter().map(|(command, failure)| Unanswered {
        command: command.to_string(),
        outcome: failure.outcome,
        reason: failure.reason,
    });
    Ok(Answer { recording: recorded.recording, replaced, unanswered: unanswered.collect(), files })
}

/// One answer of a recording, as the layouts of this build and of the inventory read it.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedAnswer {
    /// What was asked.
    pub command: Outside,
    /// The layout that reads it.
    pub layout: Option<String>,
    /// Whether that layout was seen on a unit of this series and release.
    pub mark: Option<Mark>,
    /// What it makes of the answer.
    pub recognised: Recognised,
    /// The file is the one that was recorded.
    pub untouched: bool,
    /// Its lines.
    pub lines: usize,
    /// Lines that no pattern takes, each with its number, counted from 1. Some layouts know that such lines say nothing.
    pub untaken: Vec<(usize, Outside)>,
    /// Components in words that no table has; of a configuration, what it says against itself.
    pub unknown: Vec<String>,
}

/// A recording as layouts read it.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// What the manifest says.
    #[serde(skip)]
    pub recording: Recording,
    /// The answers.
    pub answers: Vec<CheckedAnswer>,
}

impl Checked {
    /// How many answers stand so.
    pub fn count(&self, recognised: Recognised) -> usize {
        self.answers.iter().filter(|one| one.recognised == recognised).count()
    }
}

/// Reads a recording through the layouts.
pub fn check(env: &Env, folder: &Path) -> Result<Checked, Refusal> {
    let unusable = |path: PathBuf, why: String| Refusal::Folder { path, why };
    let kind = folder.symlink_metadata().map_err(|error| unusable(folder.to_owned(), error.to_string()))?;
    if !kind.is_dir() {
        return Err(unusable(folder.to_owned(), "it is no folder of a recording".to_owned()));
    }
    let manifest = bytes(&folder.join(MANIFEST), MANIFEST_BYTES_MAX)?;
    let recording: Recording = serde_json::from_slice(&manifest)
        .map_err(|error| unusable(folder.join(MANIFEST), format!("it is no manifest of a recording: {error}")))?;
    if recording.v != 1 || recording.answers.len() > RECORDING_COMMANDS_MAX {
        let why = format!("expected version 1 and at most {RECORDING_COMMANDS_MAX} commands");
        return Err(unusable(folder.join(MANIFEST), why));
    }
    let release = recording.release.as_deref().and_then(|text| text.parse::<Release>().ok());
    let mut context = Context { now: recording.at, clock: None, series: recording.series, release };
    let (mut answers, mut room) = (Vec::new(), RECORDING_BYTES_MAX);
    for one in &recording.answers {
        answers.push(checked(env, folder, one, &mut context, &mut room)?);
    }
    Ok(Checked { recording, answers })
}

fn checked(
    env: &Env,
    folder: &Path,
    one: &RecordedAnswer,
    context: &mut Context,
    room: &mut usize,
) -> Result<CheckedAnswer, Refusal> {
    let mut answer = CheckedAnswer {
        command: one.command.as_str().into(),
        layout: one.layout.clone(),
        mark: None,
        recognised: Recognised::NotHad,
        untouched: true,
        lines: 0,
        untaken: Vec::new(),
        unknown: Vec::new(),
    };
    let Some(file) = &one.file else { return Ok(answer) };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    if !file.chars().all(plain) || file.starts_with('.') {
        let why = format!("{file:?} is no file of a recording");
        return Err(Refusal::Folder { path: folder.join(MANIFEST), why });
    }
    let path = folder.join(file);
    let found = bytes(&path, ANSWER_BYTES_MAX as u64)?;
    *room = room.checked_sub(found.len()).ok_or_else(|| Refusal::Folder {
        path: folder.to_owned(),
        why: format!("its answers are longer than {RECORDING_BYTES_MAX} bytes"),
    })?;
    answer.untouched = one.sha256.as_deref() == Some(digest(&found).as_str());
    let text = String::from_utf8(found)
        .map(Outside::from)
        .map_err(|_| Refusal::Folder { path, why: "it is no text in UTF-8".to_owned() })?;
    let layout = one.layout.as_deref().and_then(|name| env.definitions.by_name(name));
    let read = match (layout, one.layout.as_deref()) {
        (Some(layout), _) => {
            answer.mark = Some(layout.origin.of(context.series, context.release.as_ref()));
            let clock = env.definitions.read(layout, &text, one.complete, context).clock;
            let read = record::read(&env.definitions, layout, &text, one.complete, context);
            context.clock = clock.or(context.clock);
            read
        }
        (None, Some(name @ (RUNNING | SAVED))) => {
            let origin = env.definitions.config_origin();
            answer.mark = Some(origin.of(context.series, context.release.as_ref()));
            record::read_configuration(&env.definitions, context.series, &text, (one.complete, name == SAVED))
        }
        (None, _) => Read::default(),
    };
    let lines: Vec<&str> = text.as_data().lines().collect();
    let line = |number: &u32| {
        let number = usize::try_from(*number).ok()?;
        Some((number + 1, Outside::from(*lines.get(number)?)))
    };
    answer.untaken = read.untaken.iter().filter_map(line).collect();
    (answer.recognised, answer.lines, answer.unknown) = (read.recognised, lines.len(), read.unknown);
    Ok(answer)
}

/// A file of its own, not a link to another one.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let failed = |why: String| Refusal::Folder { path: path.to_owned(), why };
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| failed(error.to_string()))?;
    if !file.metadata().is_ok_and(|kind| kind.is_file()) {
        return Err(failed("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > limit { Err(failed(format!("it is longer than {limit} bytes"))) } else { Ok(bytes) }
}
