//! `hoshu session`: the transcripts of sessions, listed and shown.

use std::path::Path;

use serde::Serialize;

use crate::engine::env::Env;
pub use crate::engine::transcript::PlayedLine;
use crate::engine::transcript::{self, PlayError, Played, process};
use crate::model::actor::{Act, Actor};
use crate::model::causes::with_causes;
use crate::model::id::TranscriptId;
use crate::model::object::OpenPurpose;
use crate::model::transcript::{SessionBegun, SessionEnded, Transcript};
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::TranscriptFilter;

crate::words! {
    /// How a session stands.
    pub enum Standing {
        /// It ended, and its transcript is whole.
        Kept = "kept",
        /// It ended, and its transcript is full before its end.
        Full = "full",
        /// It goes on.
        UnderWay = "under-way",
        /// It was cut off: whoever held it is gone, and there is no transcript.
        Cut = "cut",
        /// It has not ended, and it cannot be seen from here whether it goes on.
        NotEnded = "not-ended",
    }
}

/// One session.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its number.
    pub id: TranscriptId,
    /// How it stands.
    pub standing: Standing,
    /// How it began.
    pub begun: SessionBegun,
    /// How it ended.
    pub ended: Option<SessionEnded>,
}

/// Sessions, the newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<Listed>,
}

fn listed(transcript: Transcript) -> Listed {
    let standing = match &transcript.ended {
        Some((ended, _)) if ended.cut => Standing::Full,
        Some(_) => Standing::Kept,
        None => match process::is_there(&transcript.begun.process) {
            Some(true) => Standing::UnderWay,
            Some(false) => Standing::Cut,
            None => Standing::NotEnded,
        },
    };
    let ended = transcript.ended.map(|(ended, _)| ended);
    Listed { id: transcript.id, standing, begun: transcript.begun, ended }
}

/// Lists the sessions that began so many milliseconds back or later.
pub async fn list(env: &Env, actor: &Actor, on: &[String], back_ms: i64) -> Result<Sessions, Refusal> {
    let seats = select::optional(env, actor, on).await?;
    let since = Some(env.clock.now().plus_ms(-back_ms));
    let filter = TranscriptFilter { seats, since, before: None };
    let found = env.store.scoped(actor.scope.clone()).transcript_list(filter).await?;
    Ok(Sessions { sessions: found.into_iter().map(listed).collect() })
}

/// A transcript that can be shown.
#[derive(Debug, Clone, Serialize)]
pub struct Replay {
    /// The session.
    #[serde(flatten)]
    pub session: Listed,
    /// Its lines, every known secret masked.
    pub lines: Vec<PlayedLine>,
    /// Lines of the recording that could not be read.
    pub strange: usize,
}

async fn find(env: &Env, actor: &Actor, id: TranscriptId) -> Result<Transcript, Refusal> {
    let scoped = env.store.scoped(actor.scope.clone());
    if let Some(found) = scoped.transcript_get(id).await? {
        return Ok(found);
    }
    let hint = match scoped.transcript_pruned_at(id).await? {
        Some(at) => format!("it was pruned on {}", at.show(env.settings.zone)),
        None => "hoshu session list --back 30d shows every session of thirty days".to_owned(),
    };
    Err(Refusal::NotFound { what: "transcript", name: id.to_string(), hint })
}

async fn open(env: &Env, actor: &Actor, id: TranscriptId, purpose: OpenPurpose) -> Result<(Replay, Played), Refusal> {
    let found = find(env, actor, id).await?;
    let Some((_, object)) = &found.ended else {
        let standing = listed(found).standing;
        return Err(Refusal::Argument(format!("{id} has no transcript to show: it is {standing}")));
    };
    let played = transcript::play(env, actor, &found, *object, purpose).await.map_err(|error| match error {
        PlayError::Open(_) | PlayError::Shape => Refusal::NotShown { what: id.to_string(), why: with_causes(&error) },
    })?;
    let replay = Replay { session: listed(found), lines: played.lines.clone(), strange: played.strange };
    Ok((replay, played))
}

/// Opens a transcript to show it.
pub async fn replay(env: &Env, actor: &Actor, id: TranscriptId) -> Result<Replay, Refusal> {
    Ok(open(env, actor, id, OpenPurpose::Replay).await?.0)
}

/// Opens a transcript to write it out, masked, as a recording in asciicast version 2. That it leaves stands in the audit
/// before the text is handed over.
pub async fn export(env: &Env, actor: &Actor, id: TranscriptId, to: &Path) -> Result<(Replay, String), Refusal> {
    let (replay, played) = open(env, actor, id, OpenPurpose::Export).await?;
    let detail = serde_json::json!({"v": 1, "transcript": id, "to": to.display().to_string()});
    let seat = replay.session.begun.seat.as_str();
    env.store.audit_add(actor.did(env.clock.now(), Act::TranscriptExported, seat, &detail)).await?;
    Ok((replay, played.cast()))
}

/// What was pruned.
#[derive(Debug, Clone, Serialize)]
pub struct Pruned {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Sessions that are older than they are kept.
    pub pruned: usize,
}

/// Removes transcripts of sessions that began longer ago than they are kept; with `dry_run` nothing is changed.
pub async fn prune(env: &Env, actor: &Actor, dry_run: bool) -> Result<Pruned, Refusal> {
    let before = env.clock.now().plus_ms(-env.settings.transcripts.keep_ms);
    let filter = TranscriptFilter { before: Some(before), ..TranscriptFilter::default() };
    let pruned = if dry_run {
        env.store.scoped(actor.scope.clone()).transcript_list(filter).await?.len()
    } else {
        transcript::prune(env, actor, filter).await?
    };
    Ok(Pruned { dry_run, pruned })
}
