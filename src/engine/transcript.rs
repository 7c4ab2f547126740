//! Transcripts at work: a row before a session is held, the sealed object when it ends, and the way back to lines that can
//! be shown.

use secrecy::ExposeSecret;

use crate::access::screened;
use crate::decide::backup::{redact_answer, sweep};
use crate::decide::transcript::{Tape, TapeEvent, TapeHead, TapeKind, roll, unroll};
use crate::depot::NewObject;
use crate::engine::env::Env;
use crate::engine::export::{ExportError, credentials};
use crate::engine::keys::{self, KeysError};
use crate::engine::sealed::{self, OpenError};
use crate::model::actor::{Act, Actor};
use crate::model::id::TranscriptId;
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::{ObjectKind, OpenPurpose};
use crate::model::outside::Outside;
use crate::model::transcript::{SessionBegun, SessionEnd, SessionEnded, Transcript, TranscriptKind};
use crate::store::{StoreError, TranscriptFilter};

/// A session that is over, with what it left.
pub struct Over {
    /// Its number.
    pub id: TranscriptId,
    /// Whose appliance it was.
    pub customer: CustomerName,
    /// The seat.
    pub seat: SeatName,
    /// The serial of the hardware that answered.
    pub serial: Option<Outside>,
    /// How it ended.
    pub outcome: SessionEnd,
    /// In words, where there is more to say.
    pub detail: String,
    /// The transcript.
    pub tape: Tape,
}

/// Writes that a session begins, before anything is said in it.
pub async fn begin(
    env: &Env,
    actor: &Actor,
    (customer, seat): (&CustomerName, &SeatName),
    kind: TranscriptKind,
) -> Result<TranscriptId, StoreError> {
    let at = env.clock.now();
    let (who, process) = (actor.name.clone(), process::this());
    let audit = actor.did(at, Act::SessionBegan, seat.as_str(), &serde_json::json!({"v": 1, "kind": kind}));
    let begun = SessionBegun { customer: customer.clone(), seat: seat.clone(), kind, who, at, process };
    env.store.session_begin(begun, audit).await
}

/// Seals the transcript of a session that is over, and writes how it ended in one transaction with the audit.
pub async fn keep(env: &Env, actor: &Actor, over: Over) -> Result<SessionEnded, KeysError> {
    // One for whom nothing can be sealed is an error of the sealing.
    keys::load(env, [&over.customer]).await?;
    let at = env.clock.now();
    let Over { id, customer, seat, serial, outcome, detail, tape } = over;
    let (commands, denied, cut) = (tape.sent, tape.denied, tape.cut);
    let text = tape.into_text();
    let ended = SessionEnded { at, outcome, detail, bytes: text.len() as u64, commands, denied, cut };
    let new = NewObject { customer, seat: seat.clone(), serial, kind: ObjectKind::Transcript, taken_at: at };
    let (facts, sealed) = env.keys.ring()?.seal(new, text.as_bytes())?;
    let audit = serde_json::json!({
        "v": 1,
        "transcript": id,
        "outcome": outcome,
        "commands": commands,
        "denied": denied,
        "sealed_sha256": hex::encode(facts.digest),
    });
    let audit = actor.did(at, Act::SessionEnded, seat.as_str(), &audit);
    env.store.session_end(id, ended.clone(), env.depot.put(facts, sealed)?, audit).await?;
    Ok(ended)
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlayedLine {
    /// Milliseconds since the beginning, when it ended.
    pub ms: i64,
    /// Whether it is a remark of Hoshu, and no word of the appliance.
    pub remark: bool,
    /// With a mask in the place of each secret.
    pub text: Outside,
}

/// A transcript that can be shown.
#[derive(Debug, Clone)]
pub struct Played {
    /// Its first line.
    pub head: TapeHead,
    /// Its lines.
    pub lines: Vec<PlayedLine>,
    /// Lines of the recording that are none.
    pub strange: usize,
}

impl Played {
    /// The masked lines as a recording in asciicast version 2.
    pub fn cast(&self) -> String {
        let event = |line: &PlayedLine| {
            let head = if line.remark { "-- " } else { "" };
            let text = format!("{head}{}\r\n", line.text.for_terminal());
            TapeEvent { ms: line.ms, kind: TapeKind::Said, text }
        };
        roll(&self.head, &self.lines.iter().map(event).collect::<Vec<_>>())
    }
}

/// Why a transcript is not shown.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// It does not open, or its secrets cannot be looked for.
    #[error("open the transcript")]
    Open(#[from] ExportError),
    /// What was sealed is no transcript.
    #[error("read the transcript: what was sealed is none")]
    Shape,
}

impl From<OpenError> for PlayError {
    fn from(error: OpenError) -> Self {
        Self::Open(error.into())
    }
}

/// Opens a transcript for a purpose, which stands in the audit first, and masks every secret that the rules know or that
/// Hoshu itself comes to the seat with. Its control sequences are gone.
pub async fn play(
    env: &Env,
    actor: &Actor,
    transcript: &Transcript,
    object: crate::model::id::ObjectId,
    purpose: OpenPurpose,
) -> Result<Played, PlayError> {
    let (customer, seat) = (&transcript.begun.customer, &transcript.begun.seat);
    // Before anything is opened: what could not be swept is not shown.
    let credentials = credentials(env, seat).await.map_err(ExportError::from)?;
    let owner = (customer, transcript.id.to_string());
    let (bytes, _) = sealed::open_object(env, actor, object, owner, purpose).await?;
    let text = String::from_utf8(bytes).map_err(|_| PlayError::Shape)?;
    let (head, events, strange) = unroll(&text).ok_or(PlayError::Shape)?;
    // Of a customer whose key is not loaded there are no fingerprints, and nothing is shown.
    keys::load(env, [customer]).await.map_err(OpenError::from)?;
    let fingerprints = env.keys.ring().and_then(|ring| ring.fingerprints(customer)).map_err(OpenError::from)?;
    let keyed = |path: &str, value: &str| fingerprints.of(path, value);
    let secrets: Vec<&str> = credentials.iter().map(ExposeSecret::expose_secret).collect();
    let masked =
        |text: &str| sweep(redact_answer(text, env.config_layout(seat), Some(&keyed)), &secrets).text.into_data();
    let said = events.iter().filter(|event| event.kind == TapeKind::Said);
    let (said, ends) = screened(said.map(|event| (event.ms, event.text.as_str())));
    let masked_said = masked(&said);
    let said = masked_said.lines().zip(ends).map(|(text, ms)| PlayedLine { ms, remark: false, text: text.into() });
    let remark = |event: &TapeEvent| PlayedLine {
        ms: event.ms,
        remark: true,
        text: masked(&event.text).trim_end_matches('\n').into(),
    };
    let mut lines: Vec<PlayedLine> = said.collect();
    lines.extend(events.iter().filter(|event| event.kind == TapeKind::Remark).map(remark));
    lines.sort_by_key(|line| line.ms);
    Ok(Played { head, lines, strange })
}

/// Removes the transcripts of sessions that began before a time. Returns how many.
pub async fn prune(env: &Env, actor: &Actor, filter: TranscriptFilter) -> Result<usize, StoreError> {
    let old = env.rows().transcript_list(filter).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let ids: Vec<TranscriptId> = old.iter().map(|transcript| transcript.id).collect();
    let detail = serde_json::json!({"v": 1, "transcripts": ids});
    let audit = actor.did(env.clock.now(), Act::TranscriptPruned, "transcripts", &detail);
    for file in env.store.transcript_prune(ids, audit).await? {
        // A file without a row is what a check of the store sweeps.
        if let Err(error) = env.depot.remove(&file) {
            tracing::warn!(%error, %file, "a file of the depot could not be removed");
        }
    }
    Ok(old.len())
}

pub mod process {
    //! Who holds a session, so that one whose holder is gone can be told from one that is under way.

    /// Host, number and start of a process; the start is what Linux counts since the host was booted.
    fn of(number: u32) -> Option<String> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let state = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name of the program may have blanks and brackets; what follows it has none.
        let begun = state.rsplit_once(')')?.1.split_whitespace().nth(19)?;
        Some(format!("{host}/{number}/{begun}"))
    }

    /// This process.
    pub fn this() -> String {
        of(std::process::id()).unwrap_or_else(|| format!("unknown/{}/0", std::process::id()))
    }

    /// Whether a process is known to be there, or known to be gone; of another host nothing is known.
    pub fn is_there(process: &str) -> Option<bool> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut parts = process.split('/');
        let number: u32 = parts.next().filter(|name| *name == host).and(parts.next())?.parse().ok()?;
        Some(of(number).as_deref() == Some(process))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_process_is_told_from_one_that_had_its_number() {
            let this = this();
            assert_eq!(is_there(&this), Some(true));
            let (before, _) = this.rsplit_once('/').expect("three parts");
            assert_eq!(is_there(&format!("{before}/1")), Some(false));
            assert_eq!(is_there("another-host/1/1"), None);
            assert_eq!(is_there("x"), None);
        }
    }
}
