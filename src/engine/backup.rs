//! The backup: fetch the configuration until it is decided what it is worth, seal it, write it down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::Answer;
use crate::decide::backup::{
    Again, Evidence, Fetched, Session, Verdict, complete, is_again, outgrown, redact, stable_pieces,
};
use crate::depot::{NewObject, Reservation};
use crate::engine::clock::Stopwatch;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::keys::{self, Keyless, KeysError};
use crate::engine::lane::Permit;
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::asset::Asset;
use crate::model::backup::{Backup, BackupKind, Grade, SectionCount};
use crate::model::backup_event::{BackupEvent, Learned};
use crate::model::causes::with_causes;
use crate::model::command::ReadCommand;
use crate::model::config::{ConfigLayout, Configuration};
use crate::model::id::{BackupId, ObjectId};
use crate::model::limits;
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::ObjectKind;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::time::Time;
use crate::store::{BackupObject, StoreError};

/// What a first backup is expected to weigh.
const FIRST_BYTES: u64 = 1 << 20;

/// What became of the backup of one seat.
#[derive(Debug)]
pub struct Taken {
    /// The seat.
    pub facts: Arc<Facts>,
    /// The backup as it stands in the store, or why there is none.
    pub backup: Result<Backup, Failure>,
    /// Whether the configuration is the same as in the last good backup.
    pub unchanged: bool,
    /// An earlier backup that this one shows to be cut.
    pub doubted: Option<BackupId>,
    /// A second fetch over the other channel was wanted, and the appliance serves one channel only.
    pub one_channel: bool,
    /// A second fetch over the other channel was wanted, and that channel broke off.
    pub other_broke: bool,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// The last good backup of a seat.
struct LastGood {
    backup: Backup,
    /// What it sealed lies where it should, with its size. What does not stands for nothing.
    is_there: bool,
}

/// The last good backup of each seat that has one.
async fn last_good(env: &Env, seats: &[SeatName]) -> Result<BTreeMap<SeatName, LastGood>, StoreError> {
    let last = env.rows().backup_last_good(seats).await?;
    let objects: Vec<ObjectId> = last.values().map(|backup| backup.object).collect();
    let places = env.rows().object_places(&objects).await?;
    let with_place = |(seat, backup): (SeatName, Backup)| {
        let is_there = places.get(&backup.object).is_some_and(|place| env.depot.has(place));
        (seat, LastGood { backup, is_there })
    };
    Ok(last.into_iter().map(with_place).collect())
}

/// Takes a backup of each seat. Each is in the store, with the audit record of what is new, before this returns.
pub async fn run(env: &Env, actor: &Actor, seats: &[SeatName]) -> Result<Vec<Taken>, KeysError> {
    let facts = fleet::load(env, seats).await?;
    let customers: BTreeSet<&CustomerName> = facts.iter().map(|facts| &facts.seat.customer).collect();
    let keyless: Arc<[Keyless]> = keys::load(env, customers).await?.into();
    let mut last = last_good(env, seats).await?;
    env.tell(&Event::Started { seats: facts.len() });
    let work: Vec<_> = facts
        .into_iter()
        .map(|facts| {
            let previous = last.remove(&facts.seat.name);
            (facts, previous)
        })
        .collect();
    // Lanes hold the sessions to their number; what waits for its commit has none any more.
    let sessions = env.settings.limits.sessions as usize;
    let at_once = sessions + sessions / 4;
    let actor = Arc::new(actor.clone());
    let taken = fleet::each(
        &env.stop,
        work,
        at_once,
        |(facts, previous)| one(env.clone(), Arc::clone(&actor), Arc::clone(&keyless), facts, previous),
        |(facts, _), failure| undone(facts, failure),
    )
    .await;
    env.store.flush().await?;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(taken)
}

fn undone(facts: &Arc<Facts>, failure: Failure) -> Taken {
    let facts = Arc::clone(facts);
    let (unchanged, one_channel, other_broke) = (false, false, false);
    Taken { facts, backup: Err(failure), unchanged, doubted: None, one_channel, other_broke, took_ms: 0 }
}

async fn one(
    env: Env,
    actor: Arc<Actor>,
    keyless: Arc<[Keyless]>,
    facts: Arc<Facts>,
    previous: Option<LastGood>,
) -> Taken {
    let permit = match env.enter(&facts).await {
        Ok(permit) => permit,
        Err(failure) => return undone(&facts, failure),
    };
    let taken = take(&env, &actor, &keyless, facts, previous, Turn { permit, why: None }).await;
    let word = match &taken.backup {
        Ok(backup) => backup.standing().worth.as_str(),
        Err(failure) => failure.outcome.as_str(),
    };
    let good = taken.backup.as_ref().is_ok_and(|backup| backup.standing().counts());
    env.tell(&Event::SeatDone { seat: taken.facts.seat.name.clone(), good, word });
    taken
}

/// Takes a backup of a seat under a permit that is held already, so that it waits for nobody; `why` stands in the audit.
/// Whatever is missing for it is a failure of this backup, and of nothing else.
pub async fn at_once(env: &Env, facts: &Arc<Facts>, permit: Permit, why: &str) -> Taken {
    let failed = |error: &dyn std::error::Error| undone(facts, Failure::new(Outcome::NotKept, with_causes(error)));
    let keyless = match keys::load(env, [&facts.seat.customer]).await {
        Ok(keyless) => keyless,
        Err(error) => return failed(&error),
    };
    // What was learned of the hardware since the facts were loaded is not learned again.
    let seat = std::slice::from_ref(&facts.seat.name);
    let (fresh, mut last) = match (fleet::load(env, seat).await, last_good(env, seat).await) {
        (Ok(fresh), Ok(last)) => (fresh, last),
        (Err(error), _) | (_, Err(error)) => return failed(&error),
    };
    let facts = fresh.into_iter().next().unwrap_or_else(|| Arc::clone(facts));
    let previous = last.remove(&facts.seat.name);
    take(env, &Actor::itself(), &keyless, facts, previous, Turn { permit, why: Some(why) }).await
}

/// The right to hold a session now, and why somebody has it before others.
struct Turn<'a> {
    permit: Permit,
    why: Option<&'a str>,
}

async fn take(
    env: &Env,
    actor: &Actor,
    keyless: &[Keyless],
    facts: Arc<Facts>,
    previous: Option<LastGood>,
    turn: Turn<'_>,
) -> Taken {
    let began = Stopwatch::start();
    // What it sealed may lie nowhere any more: then the same content is sealed anew.
    let kept = previous.as_ref().filter(|last| last.is_there).map(|last| &last.backup);
    let previous = previous.as_ref().map(|last| &last.backup);
    let mut room = None;
    let fetched = if let Some(keyless) = keyless.iter().find(|one| one.customer == facts.seat.customer) {
        // What cannot be sealed is not fetched: a configuration in clear has no place to be.
        Err(Failure::new(Outcome::NotKept, keyless.why.clone()))
    } else {
        match reserve(env, previous) {
            Ok(reserved) => {
                room = Some(reserved);
                fetch(env, &facts, &Earlier { previous, kept }, turn.permit).await
            }
            Err(failure) => Err(failure),
        }
    };
    let (mut doubted, mut one_channel, mut other_broke) = (None, false, false);
    let backup = match fetched {
        Ok(Found::Again(known, id)) => seen_again(env, actor, &facts, (known, id), turn.why).await,
        Ok(Found::Judged(judged)) => {
            (one_channel, other_broke) = (judged.one_channel, judged.other_broke);
            match doubt_earlier(env, actor, &judged, previous).await {
                Ok(found) => {
                    doubted = found;
                    keep(env, actor, &facts, *judged, kept, turn.why).await
                }
                Err(failure) => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    };
    drop(room);
    let took_ms = began.elapsed_ms();
    let unchanged = match (&backup, previous) {
        (Ok(now), Some(before)) => now.content == before.content,
        _ => false,
    };
    Taken { facts, backup, unchanged, doubted, one_channel, other_broke, took_ms }
}

/// Room for what the seat is expected to give, so that nothing is fetched that has no place.
fn reserve(env: &Env, previous: Option<&Backup>) -> Result<Reservation, Failure> {
    let expected = previous.map_or(FIRST_BYTES, |previous| previous.bytes);
    let keep_free = u64::from(env.settings.limits.depot_reserve_mib) << 20;
    env.depot.reserve(expected, keep_free).map_err(|error| Failure::new(Outcome::NotKept, with_causes(&error)))
}

/// The last good backup of a seat.
struct Earlier<'a> {
    /// What a fetch is held against.
    previous: Option<&'a Backup>,
    /// The same, when what it sealed is there whole.
    kept: Option<&'a Backup>,
}

/// What a session found.
enum Found<'a> {
    /// The last good backup once more, with its id.
    Again(&'a Backup, BackupId),
    /// Another one.
    Judged(Box<Judged>),
}

/// A configuration with what it is worth.
struct Judged {
    configuration: Configuration,
    verdict: Verdict,
    release: Option<Outside>,
    asset: Asset,
    /// A fetch over the other channel was wanted, and the appliance serves one channel only.
    one_channel: bool,
    /// The other channel broke off: whether it would have said the same is not known.
    other_broke: bool,
}

async fn fetch<'a>(env: &Env, facts: &Facts, earlier: &Earlier<'a>, permit: Permit) -> Result<Found<'a>, Failure> {
    let (mut live, permit) = session::open(env, facts, permit).await?;
    live.session.allow(env.backup_limit());
    let found = fetch_until_judged(env, facts, earlier, &mut live, true).await;
    live.close().await;
    match found {
        Ok(found) => Ok(found),
        Err(Broken::First(failure)) => Err(failure),
        // It is asked no more, and a new session goes on over the first channel alone.
        Err(Broken::Other(_)) => {
            let (mut live, _permit) = session::open(env, facts, permit).await?;
            live.session.allow(env.backup_limit());
            let found = fetch_until_judged(env, facts, earlier, &mut live, false).await;
            live.close().await;
            found.map_err(|broken| match broken {
                Broken::First(failure) | Broken::Other(failure) => failure,
            })
        }
    }
}

/// Which channel of a session broke off.
enum Broken {
    First(Failure),
    Other(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::First(failure)
    }
}

async fn fetch_until_judged<'a>(
    env: &Env,
    facts: &Facts,
    earlier: &Earlier<'a>,
    live: &mut Live,
    both_channels: bool,
) -> Result<Found<'a>, Broken> {
    let layout = env.definitions.config_layout(facts.seat.series);
    let answer = fetch_answer(live, env.definitions.config_command()).await?;
    if let Some((known, id)) = again(env, facts, live, layout, &answer, earlier.kept) {
        return Ok(Found::Again(known, id));
    }
    let previous = earlier.previous.filter(|backup| backup.asset == live.asset.id);
    let mut first = fetched(env, live, layout, answer);
    let mut second: Option<Fetched> = None;
    let mut pairs = 0;
    // A limit that cuts each fetch of one channel at the same place is told by an earlier backup, or by another channel.
    let wanted = previous.is_none();
    let mut by_turns = wanted && both_channels;
    loop {
        match complete(&Evidence { first: &first, second: second.as_ref(), pairs, layout, previous }) {
            Verdict::FetchAgain => {
                if let Some(newer) = second.take() {
                    first = newer;
                }
                if by_turns && pairs % 2 == 0 {
                    second = match fetch_other(env, live, layout).await {
                        Other::Fetched(fetched) => Some(*fetched),
                        Other::Absent => None,
                        Other::Broke(failure) => return Err(Broken::Other(failure)),
                    };
                    by_turns = second.is_some();
                }
                if second.is_none() {
                    second = Some(fetch_once(env, live, layout).await?);
                }
                pairs += 1;
            }
            verdict => {
                return Ok(Found::Judged(Box::new(Judged {
                    configuration: first.configuration,
                    verdict,
                    release: live.seen.release.clone(),
                    asset: live.asset.clone(),
                    one_channel: wanted && both_channels && !by_turns,
                    other_broke: !both_channels,
                })));
            }
        }
    }
}

/// The last good backup, when the answer is it once more: known by its content, before anything is taken apart.
fn again<'a>(
    env: &Env,
    facts: &Facts,
    live: &Live,
    layout: &ConfigLayout,
    answer: &Answer,
    kept: Option<&'a Backup>,
) -> Option<(&'a Backup, BackupId)> {
    let previous = kept.filter(|kept| kept.asset == live.asset.id)?;
    let text = answer.text.as_data();
    // What is kept has line feeds only.
    let is_plain = memchr::memchr(b'\r', text.as_bytes()).is_none();
    let stable = stable_pieces(text, layout);
    let content = env.keys.ring().and_then(|ring| ring.content_id(&facts.seat.customer, &stable)).ok()?;
    let header = env.definitions.config_header(text);
    let again = Again { text, header: &header, complete: answer.complete, layout, session: shown_by(live), previous };
    (is_plain && content == previous.content && is_again(&again)).then_some((previous, previous.id?))
}

async fn fetch_once(env: &Env, live: &mut Live, layout: &ConfigLayout) -> Result<Fetched, Failure> {
    fetch_by(env, live, layout, env.definitions.config_command()).await
}

/// Fetches a configuration by one of the commands that print one.
pub(super) async fn fetch_by(
    env: &Env,
    live: &mut Live,
    layout: &ConfigLayout,
    command: &ReadCommand,
) -> Result<Fetched, Failure> {
    let answer = fetch_answer(live, command).await?;
    Ok(fetched(env, live, layout, answer))
}

async fn fetch_answer(live: &mut Live, command: &ReadCommand) -> Result<Answer, Failure> {
    Ok(live.session.read(command, limits::CONFIGURATION_BYTES_MAX).await?)
}

/// What the other channel of a session gave.
pub(super) enum Other {
    /// A configuration.
    Fetched(Box<Fetched>),
    /// None: the appliance serves one channel only, or no such command there.
    Absent,
    /// It broke off, and the session with it: nothing is known of what it would have said.
    Broke(Failure),
}

/// Fetches over the other channel of the session.
pub(super) async fn fetch_other(env: &Env, live: &mut Live, layout: &ConfigLayout) -> Other {
    let command = env.definitions.config_command();
    match live.session.read_other(command, limits::CONFIGURATION_BYTES_MAX).await {
        // Where a command needs the enable mode, a channel without a shell may know no such command.
        Ok(Some(answer)) if answer.complete && !answer.text.as_data().starts_with("% ") => {
            Other::Fetched(Box::new(fetched(env, live, layout, answer)))
        }
        Ok(_) => Other::Absent,
        Err(error) => {
            let failure = Failure::from(error);
            let reason = format!("the other channel broke off: {}", failure.reason.as_data());
            Other::Broke(Failure { reason: reason.into(), ..failure })
        }
    }
}

fn fetched(env: &Env, live: &Live, layout: &ConfigLayout, answer: Answer) -> Fetched {
    Fetched::new(env.definitions.configuration(answer.text), answer.complete, layout, shown_by(live))
}

fn shown_by(live: &Live) -> Session<'_> {
    Session {
        hostname: live.hostname.as_ref().map(Outside::as_data),
        release: live.seen.release.as_ref().map(Outside::as_data),
    }
}

/// Writes down that the last good backup is cut, when this one shows it. It comes before the new one is kept: a crash in
/// between leaves none that counts, and the next fetch is judged as a first one.
async fn doubt_earlier(
    env: &Env,
    actor: &Actor,
    judged: &Judged,
    previous: Option<&Backup>,
) -> Result<Option<BackupId>, Failure> {
    let earlier = previous.filter(|earlier| earlier.asset == judged.asset.id && judged.verdict == Verdict::Complete);
    let Some((earlier, id)) = earlier.and_then(|earlier| Some((earlier, earlier.id?))) else { return Ok(None) };
    let Some(words) = outgrown(&judged.configuration, judged.release.as_ref(), earlier) else { return Ok(None) };
    learn(env, actor, id, Learned::Doubted, words)
        .await
        .map_err(|error| Failure::new(Outcome::NotKept, with_causes(&error)))?;
    Ok(Some(id))
}

/// Writes down what was learned of a backup, with its audit.
pub async fn learn(
    env: &Env,
    actor: &Actor,
    id: BackupId,
    event: Learned,
    words: String,
) -> Result<BackupEvent, StoreError> {
    let at = env.clock.now();
    let detail = serde_json::json!({"v": 1, "event": event, "why": words});
    let audit = actor.did(at, Act::BackupJudged, id.to_string(), &detail);
    let new = BackupEvent { at, event, detail: words.into() };
    env.store.backup_event_add(id, new.clone(), audit).await?;
    Ok(new)
}

/// What stands in the store beside the sealed configuration.
fn row(judged: &Judged, facts: &Facts, content: String, now: Time) -> Backup {
    let configuration = &judged.configuration;
    let doubts = match &judged.verdict {
        Verdict::Suspect(doubts) => doubts.clone(),
        Verdict::Complete | Verdict::FetchAgain => Vec::new(),
    };
    Backup {
        id: None,
        kind: BackupKind::Configuration,
        customer: facts.seat.customer.clone(),
        seat: facts.seat.name.clone(),
        asset: judged.asset.id,
        taken_at: now,
        seen_at: now,
        grade: if doubts.is_empty() { Grade::Taken } else { Grade::Suspect },
        doubts,
        change_id: configuration.header.change_id,
        release: judged.release.clone(),
        bytes: configuration.text.len() as u64,
        lines: configuration.line_count as u64,
        sections: configuration
            .sections
            .iter()
            .map(|section| SectionCount { title: section.title.clone(), commands: section.commands })
            .collect(),
        content,
        object: ObjectId(0),
        events: Vec::new(),
    }
}

/// Redacts the configuration, and seals it to its customer's key, or refers to the object that holds the same content
/// already.
fn seal(
    env: &Env,
    backup: &Backup,
    judged: &Judged,
    layout: &ConfigLayout,
    same: Option<&Backup>,
) -> Result<BackupObject, KeysError> {
    if let Some(same) = same {
        return Ok(BackupObject::Same(same.object));
    }
    let new = NewObject {
        customer: backup.customer.clone(),
        seat: backup.seat.clone(),
        serial: judged.asset.serial.clone(),
        kind: ObjectKind::Configuration,
        taken_at: backup.taken_at,
    };
    let (ring, text) = (env.keys.ring()?, &judged.configuration.text);
    let fingerprints = ring.fingerprints(&backup.customer)?;
    let redacted = redact(text, layout, &|path, value| fingerprints.of(path, value));
    let (facts, sealed) = ring.seal(new, text.as_bytes())?;
    Ok(BackupObject::New(Box::new((env.depot.put(facts, sealed)?, redacted))))
}

fn unkept(error: &dyn std::error::Error) -> Failure {
    Failure::new(Outcome::NotKept, with_causes(error))
}

/// The detail of an audit record, with why somebody had a backup taken before others.
fn with_why(why: Option<&str>, mut detail: serde_json::Value) -> serde_json::Value {
    if let (Some(why), Some(detail)) = (why, detail.as_object_mut()) {
        detail.insert("why".to_owned(), why.into());
    }
    detail
}

/// Notes that a backup was seen once more.
async fn seen_again(
    env: &Env,
    actor: &Actor,
    facts: &Facts,
    (known, id): (&Backup, BackupId),
    why: Option<&str>,
) -> Result<Backup, Failure> {
    let now = env.clock.now();
    env.store.backup_seen(id, now).await.map_err(|error| unkept(&error))?;
    // That nothing changed is an observation; why somebody looked at once is an act.
    if why.is_some() {
        let detail = with_why(why, serde_json::json!({"v": 1, "content": known.content, "unchanged": id}));
        let audit = actor.did(now, Act::BackupTaken, facts.seat.name.as_str(), &detail);
        env.store.audit_add(audit).await.map_err(|error| unkept(&error))?;
    }
    Ok(Backup { seen_at: now, ..known.clone() })
}

/// Seals, and writes the backup with its audit record in one transaction; of what is known already it is only noted
/// that it was seen again. `kept` is the last good backup, unless what it sealed is not there whole: then the same content
/// is sealed anew, in a backup of its own.
async fn keep(
    env: &Env,
    actor: &Actor,
    facts: &Facts,
    judged: Judged,
    kept: Option<&Backup>,
    why: Option<&str>,
) -> Result<Backup, Failure> {
    let now = env.clock.now();
    let layout = env.definitions.config_layout(facts.seat.series);
    let stable = stable_pieces(&judged.configuration.text, layout);
    let content = env
        .keys
        .ring()
        .and_then(|ring| ring.content_id(&facts.seat.customer, &stable))
        .map_err(|error| unkept(&error))?;
    let same = kept.filter(|kept| kept.content == content);
    let known = same.filter(|known| known.asset == judged.asset.id);
    if let (Some(known), Some(id), Verdict::Complete) = (known, known.and_then(|known| known.id), &judged.verdict) {
        return seen_again(env, actor, facts, (known, id), why).await;
    }
    let mut backup = row(&judged, facts, content, now);
    let object = seal(env, &backup, &judged, layout, same).map_err(|error| unkept(&error))?;
    let detail = with_why(
        why,
        serde_json::json!({
            "v": 1,
            "grade": backup.grade,
            "bytes": backup.bytes,
            "content": backup.content,
            "one_channel": judged.one_channel,
            "other_broke": judged.other_broke,
            "sealed_sha256": match &object {
                BackupObject::New(new) => Some(hex::encode(new.0.facts.digest)),
                BackupObject::Same(_) | BackupObject::Pushed(_) => None,
            },
        }),
    );
    let audit = actor.did(now, Act::BackupTaken, facts.seat.name.as_str(), &detail);
    let id = env.store.backup_add(backup.clone(), object, audit).await.map_err(|error| unkept(&error))?;
    backup.id = Some(id);
    Ok(backup)
}
