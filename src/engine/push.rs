//! What an appliance writes itself, a backup or a log bundle: it is told to push it to the drop, and what arrives is sealed
//! on its way.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::access::{AccessError, Forwarded, KeyAsked, Listening, Pushed, WritingSession, not_tried};
use crate::decide::backup::{BundleEvidence, PushEvidence, judge_bundle, judge_pushed};
use crate::depot::{Arriving, Kept, NewObject, Reservation};
use crate::engine::clock::Stopwatch;
use crate::engine::drop_key;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::keys::{self, Keyless, KeysError};
use crate::engine::session::{self, Failure, Live};
use crate::engine::way;
use crate::intake::drop::{
    Arrived, DropLimits, DropServer, Expected, Issued, ListenError, Refusal, SideDoor, Sink, SinkError,
};
use crate::model::actor::{Act, Actor};
use crate::model::asset::Asset;
use crate::model::backup::Backup;
use crate::model::causes::with_causes;
use crate::model::command::{CommandError, ReadCommand};
use crate::model::credential::Purpose;
use crate::model::id::ObjectId;
use crate::model::limits;
use crate::model::name::{CustomerName, GatewayName, SeatName};
use crate::model::object::ObjectKind;
use crate::model::outside::Outside;
use crate::model::push::{KeyPrints, Profile, PushCommand, PushReport, PushTarget, Wanted};
use crate::model::reading::Outcome;
use crate::model::realm::Realm;
use crate::model::settings::{DropFace, DropGateway, DropSettings};
use crate::readout::{backups_held, dumps_named, push_estimate, push_status};
use crate::store::BackupObject;

/// How long an appliance may take to write and push.
const PUSH_LIMIT: Duration = Duration::from_hours(2);
/// How often it is asked how far it is, where its command line came back before the file did.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Beyond twice its own estimate a file is another one.
const ESTIMATE_FACTOR: u64 = 2;
/// An estimate of a few megabytes is rounded.
const ESTIMATE_SLACK: u64 = 16 << 20;
/// How long a file may still be on its way when the appliance says that it failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// Appliances that are told to push at once: fewer than the drop lets in from one address before their login, since all
/// of them may come from one.
const AT_ONCE: usize = 8;

/// What became of the push of one seat.
#[derive(Debug)]
pub struct PushTaken {
    /// The seat.
    pub facts: Arc<Facts>,
    /// The backup as it stands in the store, or why there is none.
    pub backup: Result<Backup, Failure>,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// Why nothing is pushed at all.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The drop cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its key, or those of the customers, cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// A bastion that listens for the drop while a run lasts.
struct Reverse {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Hands what comes to a bastion over to the drop, until it is told to stop.
async fn hand_over(mut listening: Listening, door: SideDoor, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let forwarded = tokio::select! {
            forwarded = listening.next() => forwarded,
            _ = &mut stop => None,
        };
        while connections.try_join_next().is_some() {}
        let Some(Forwarded { stream, source }) = forwarded else { break };
        let door = door.clone();
        connections.spawn(async move { door.serve(stream, source).await });
    }
    listening.end().await;
    connections.shutdown().await;
}

/// What every push of a run shares.
struct Run {
    /// The bastions that listen, by customer and gateway.
    reverse: tokio::sync::Mutex<HashMap<(CustomerName, GatewayName), Reverse>>,
    server: DropServer,
    prints: KeyPrints,
    /// The fingerprint by which our keys are named.
    fingerprint: String,
    wanted: Wanted,
    settings: DropSettings,
}

/// Lets each seat write what is wanted and push it. Each is in the store, with its audit record, before this returns.
pub async fn run(
    env: &Env,
    actor: &Actor,
    seats: &[SeatName],
    wanted: Wanted,
    settings: &DropSettings,
) -> Result<Vec<PushTaken>, PushError> {
    let facts = fleet::load(env, seats).await.map_err(KeysError::from)?;
    let customers: BTreeSet<&CustomerName> = facts.iter().map(|facts| &facts.seat.customer).collect();
    let keyless: Arc<[Keyless]> = keys::load(env, customers).await?.into();
    let key = drop_key::host_key(env, actor).await?;
    let (prints, fingerprint) = (key.prints(), key.fingerprint());
    let server = DropServer::listen(settings.listen, key, DropLimits::default()).await?;
    let settings = settings.clone();
    let run = Arc::new(Run { reverse: tokio::sync::Mutex::default(), server, prints, fingerprint, wanted, settings });
    env.tell(&Event::Started { seats: facts.len() });
    let actor = Arc::new(actor.clone());
    let taken = fleet::each(
        &env.stop,
        facts,
        AT_ONCE,
        |facts| one(env.clone(), Arc::clone(&actor), Arc::clone(&keyless), Arc::clone(&run), facts),
        |facts, failure| PushTaken { facts: Arc::clone(facts), backup: Err(failure), took_ms: 0 },
    )
    .await;
    if let Some(run) = Arc::into_inner(run) {
        for Reverse { stop, task } in run.reverse.into_inner().into_values() {
            drop(stop);
            task.await.ok();
        }
        tell_refused(env, run.server.close().await).await?;
    }
    env.store.flush().await.map_err(KeysError::from)?;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(taken)
}

/// What the drop refused stands in the audit: who knocks there is no matter of a log.
async fn tell_refused(env: &Env, refused: Vec<Refusal>) -> Result<(), KeysError> {
    for refusal in refused {
        let subject = refusal.seat.as_ref().map_or("drop", SeatName::as_str);
        let detail = serde_json::json!({"v": 1, "source": refusal.source, "what": refusal.what});
        env.store.audit_add(Actor::itself().did(env.clock.now(), Act::DropRefused, subject, &detail)).await?;
    }
    Ok(())
}

async fn one(env: Env, actor: Arc<Actor>, keyless: Arc<[Keyless]>, run: Arc<Run>, facts: Arc<Facts>) -> PushTaken {
    let began = Stopwatch::start();
    let backup = take(&env, &actor, &keyless, &run, &facts).await;
    let word = match &backup {
        Ok(backup) => backup.standing().worth.as_str(),
        Err(failure) => failure.outcome.as_str(),
    };
    let good = backup.as_ref().is_ok_and(|backup| backup.standing().counts());
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good, word });
    PushTaken { facts, backup, took_ms: began.elapsed_ms() }
}

fn not_pushed(why: impl Into<Outside>) -> Failure {
    Failure::new(Outcome::NotPushed, why)
}

fn unkept(error: &dyn std::error::Error) -> Failure {
    Failure::new(Outcome::NotKept, with_causes(error))
}

/// Opens the way of a seat's appliance to the drop.
async fn face(env: &Env, run: &Run, facts: &Facts) -> Result<DropGateway, Failure> {
    let gateway = run.settings.of(&facts.seat.customer, &facts.gateway);
    match gateway.face {
        DropFace::Direct => Ok(gateway),
        DropFace::Reverse if let Some(error) = not_tried(&facts.gateway) => Err(error.into()),
        DropFace::Reverse => listen(env, run, facts, gateway.address).await.map(|()| gateway),
        DropFace::None => Err(Failure::new(
            Outcome::NotYetServed,
            "its gateway has no face to the drop: what it writes would stay on the box alone, which is not yet served",
        )),
    }
}

/// Lets the last bastion of a gateway listen for the drop, once for all seats behind it.
async fn listen(env: &Env, run: &Run, facts: &Facts, address: SocketAddr) -> Result<(), Failure> {
    let name = (facts.seat.customer.clone(), facts.gateway.name.clone());
    let mut open = run.reverse.lock().await;
    if open.get(&name).is_some_and(|reverse| !reverse.task.is_finished()) {
        return Ok(());
    }
    let Some(bastion) = way::reach(env, facts).await? else {
        return Err(not_pushed("its gateway has the face reverse, and no bastion that could listen"));
    };
    let listening = bastion.listen(address, Duration::from_secs(u64::from(env.settings.limits.login_s))).await?;
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(hand_over(listening, run.server.side_door(), stopped));
    open.insert(name, Reverse { stop, task });
    Ok(())
}

/// From where the file may come.
fn sources(env: &Env, facts: &Facts, gateway: &DropGateway) -> Result<Vec<IpAddr>, Failure> {
    // A simulated unit has an address of the inventory, and pushes from this host.
    if env.settings.realm == Realm::Lab {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    if !gateway.sources.is_empty() {
        return Ok(gateway.sources.clone());
    }
    let own = facts.seat.address;
    own.map(|own| vec![own]).ok_or_else(|| not_pushed("the seat has no address, and its gateway names no `sources`"))
}

async fn take(env: &Env, actor: &Actor, keyless: &[Keyless], run: &Run, facts: &Facts) -> Result<Backup, Failure> {
    if let Some(keyless) = keyless.iter().find(|one| one.customer == facts.seat.customer) {
        return Err(Failure::new(Outcome::NotKept, keyless.why.clone()));
    }
    let series = facts.seat.series;
    if let Wanted::Backup(profile) = run.wanted
        && !profile.is_of(series)
    {
        return Err(not_pushed(format!("an appliance of series {series} writes no backup of profile {profile}")));
    }
    let permit = env.enter(facts).await?;
    let gateway = face(env, run, facts).await?;
    let sources = sources(env, facts, &gateway)?;
    let (live, _permit) = session::open_as(env, facts, permit, Purpose::Change).await?;
    let Live { session, asset, seen, proof, .. } = live;
    let mut session = session.for_writing(proof)?;
    let way = Way { address: gateway.address, sources };
    let pushed = Push { env, actor, run, facts, asset: &asset, release: seen.release }.take(&mut *session, way).await;
    session.close().await;
    pushed
}

/// Where the appliance pushes to, and from where it comes.
struct Way {
    address: SocketAddr,
    sources: Vec<IpAddr>,
}

/// One push.
struct Push<'a> {
    env: &'a Env,
    actor: &'a Actor,
    run: &'a Run,
    facts: &'a Facts,
    asset: &'a Asset,
    release: Option<Outside>,
}

/// What came of it.
struct Came {
    pushed: Pushed,
    arrived: Arrived,
    kept: Kept,
}

/// What an appliance says of what it holds.
enum Report {
    Backups(PushReport),
    Dumps(Vec<String>),
}

impl Push<'_> {
    async fn take(self, session: &mut dyn WritingSession, way: Way) -> Result<Backup, Failure> {
        let (bytes_max, _room) = match self.run.wanted {
            Wanted::Backup(profile) => self.estimate(session, profile).await?,
            Wanted::Bundle => (limits::BUNDLE_BYTES_MAX, self.reserve(limits::BUNDLE_BYTES_MAX)?),
        };
        let before = self.report(session).await?;
        let seat = &self.facts.seat.name;
        let name = self.run.wanted.file_name(seat);
        let detail = serde_json::json!({
            "v": 1,
            "kind": self.run.wanted.kind(),
            "to": way.address,
            "name": name,
            "bytes_max": bytes_max,
            "fingerprint": self.run.fingerprint,
        });
        let audit = self.actor.did(self.env.clock.now(), Act::PushAsked, seat.as_str(), &detail);
        self.env.store.audit_add(audit).await.map_err(|error| unkept(&error))?;
        // A dump is written before there is a login for it: that serves for half an hour alone.
        let written = match self.run.wanted {
            Wanted::Backup(_) => None,
            Wanted::Bundle => self.dump(session).await?,
        };
        let (kept, sink) = self.sink()?;
        let expected = Expected { seat: seat.clone(), name: name.clone(), bytes_max, sources: way.sources, sink };
        let issued = self.run.server.issue(expected).map_err(|error| not_pushed(error.to_string()))?;
        let command = self.command(&issued, way.address, &name)?;
        let came = self.push(session, &command, issued, kept).await?;
        let after = self.report(session).await?;
        self.keep(came, written.as_deref(), &before, &after).await
    }

    /// How large a backup may be by what the appliance says that it needs, and room for it here.
    async fn estimate(
        &self,
        session: &mut dyn WritingSession,
        profile: Profile,
    ) -> Result<(u64, Reservation), Failure> {
        let text = ask(session, &format!("show backup estimate profile {profile}")).await?;
        let estimate = push_estimate(text.as_data());
        let megabytes = match (estimate.can, estimate.needed_mb) {
            (Some(true), Some(megabytes)) => megabytes,
            (Some(false), _) => {
                let why = format!("show backup estimate profile {profile}: can perform local or remote backup: no");
                return Err(not_pushed(why));
            }
            _ => {
                let why = format!("show backup estimate profile {profile} says neither whether nor how large");
                return Err(not_pushed(why));
            }
        };
        let needed = megabytes.saturating_mul(1 << 20);
        let bytes_max = needed.saturating_mul(ESTIMATE_FACTOR).saturating_add(ESTIMATE_SLACK);
        Ok((bytes_max.min(limits::PUSH_BYTES_MAX), self.reserve(needed)?))
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation, Failure> {
        let keep_free = u64::from(self.env.settings.limits.depot_reserve_mib) << 20;
        self.env.depot.reserve(bytes, keep_free).map_err(|error| unkept(&error))
    }

    /// What the appliance says of what it holds.
    async fn report(&self, session: &mut dyn WritingSession) -> Result<Report, Failure> {
        if self.run.wanted == Wanted::Bundle {
            return Ok(Report::Dumps(dumps_named(ask(session, "show files debug-dump").await?.as_data())));
        }
        let status = push_status(ask(session, "show backup status").await?.as_data());
        let copies = backups_held(ask(session, "show backup available local").await?.as_data());
        Ok(Report::Backups(PushReport { status, copies }))
    }

    /// Lets the appliance write a dump; its name, where it says one.
    async fn dump(&self, session: &mut dyn WritingSession) -> Result<Option<String>, Failure> {
        let said = session.push(&PushCommand::generate_dump(), &self.run.prints, PUSH_LIMIT).await?.said;
        if said.as_data().trim_start().starts_with('%') {
            return Err(not_pushed(format!("no dump was written; the appliance says {:?}", said.as_data().trim())));
        }
        Ok(dumps_named(said.as_data()).into_iter().next())
    }

    /// Where what arrives is sealed.
    fn sink(&self) -> Result<(oneshot::Receiver<Kept>, Box<dyn Sink>), Failure> {
        let new = NewObject {
            customer: self.facts.seat.customer.clone(),
            seat: self.facts.seat.name.clone(),
            serial: self.asset.serial.clone(),
            kind: ObjectKind::Pushed,
            taken_at: self.env.clock.now(),
        };
        let ring = self.env.keys.ring().map_err(|error| unkept(&error))?;
        let arriving = Arriving::begin(&self.env.depot, ring, new).map_err(|error| unkept(&error))?;
        let (done, kept) = oneshot::channel();
        Ok((kept, Box::new(Seal { arriving, done })))
    }

    fn command(&self, issued: &Issued, address: SocketAddr, name: &str) -> Result<PushCommand, Failure> {
        let (user, password) = (issued.login.user.clone(), issued.login.password.clone());
        let target = PushTarget::new(user, password, (address.ip(), address.port()), name);
        let target = target.map_err(|error| not_pushed(error.to_string()))?;
        match self.run.wanted {
            Wanted::Bundle => Ok(PushCommand::upload_dump(target)),
            Wanted::Backup(profile) => PushCommand::new(self.facts.seat.series, profile, target)
                .ok_or_else(|| not_pushed("this series writes no such backup")),
        }
    }

    /// Gives the command, and waits for the file.
    async fn push(
        &self,
        session: &mut dyn WritingSession,
        command: &PushCommand,
        mut issued: Issued,
        kept: oneshot::Receiver<Kept>,
    ) -> Result<Came, Failure> {
        let pushed = session.push(command, &self.run.prints, PUSH_LIMIT).await?;
        if pushed.key == KeyAsked::Denied {
            let why = "the appliance was shown another host key than that of the drop, and was told no: the address leads \
                       elsewhere, or somebody stands in between";
            return Err(not_pushed(why));
        }
        if pushed.key == KeyAsked::Confirmed {
            self.confirmed().await?;
        }
        let began = Stopwatch::start();
        let arrived = loop {
            let failed = pushed.said.as_data().trim_start().starts_with('%');
            let patience = if failed { AFTER_ERROR } else { ASK_AGAIN };
            let fault = match timeout(patience, issued.outcome()).await {
                Ok(Ok(arrived)) => break arrived,
                Ok(Err(fault)) => Some(fault.to_string()),
                Err(_) if self.is_running(session).await? && began.elapsed() < PUSH_LIMIT => continue,
                // It may have come while the appliance was asked.
                Err(_) => match timeout(Duration::ZERO, issued.outcome()).await {
                    Ok(Ok(arrived)) => break arrived,
                    Ok(Err(fault)) => Some(fault.to_string()),
                    Err(_) => None,
                },
            };
            let what = fault.unwrap_or_else(|| "nothing arrived".to_owned());
            let said = pushed.said.as_data().trim();
            let said = if said.is_empty() { "nothing".to_owned() } else { format!("{said:?}") };
            return Err(not_pushed(format!("{what}; the appliance says {said}")));
        };
        let kept = kept.await.map_err(|_| not_pushed("what arrived was not kept"))?;
        Ok(Came { pushed, arrived, kept })
    }

    /// Whether it still writes or pushes. Of a dump it says nothing: its command line comes back when it is over.
    async fn is_running(&self, session: &mut dyn WritingSession) -> Result<bool, Failure> {
        if self.run.wanted == Wanted::Bundle {
            return Ok(false);
        }
        Ok(push_status(ask(session, "show backup status").await?.as_data()).running)
    }

    /// What a record of a confirmation says: which hardware, and which key.
    fn confirmation(&self) -> [(&'static str, serde_json::Value); 2] {
        [("asset", serde_json::json!(self.asset.id)), ("fingerprint", self.run.fingerprint.as_str().into())]
    }

    /// Writes down that the appliance asked about our key and was told yes, whatever becomes of the file.
    async fn confirmed(&self) -> Result<(), Failure> {
        let [(_, asset), (_, fingerprint)] = self.confirmation();
        let detail = serde_json::json!({"v": 1, "asset": asset, "fingerprint": fingerprint});
        let (now, seat) = (self.env.clock.now(), self.facts.seat.name.as_str());
        let audit = Actor::itself().did(now, Act::DropKeyConfirmed, seat, &detail);
        self.env.store.audit_add(audit).await.map_err(|error| unkept(&error))
    }

    /// Whether the appliance asked about our key at an earlier push, and was told yes.
    async fn knows_our_key(&self) -> Result<bool, Failure> {
        let seat = self.facts.seat.name.as_str();
        let says = self.confirmation().to_vec();
        self.env.rows().audit_says(Act::DropKeyConfirmed, seat, says).await.map_err(|error| unkept(&error))
    }

    async fn keep(
        &self,
        came: Came,
        written: Option<&str>,
        before: &Report,
        after: &Report,
    ) -> Result<Backup, Failure> {
        let Came { pushed, arrived, kept } = came;
        let authenticated = pushed.key == KeyAsked::Confirmed || self.knows_our_key().await?;
        let bytes = arrived.bytes;
        let (grade, doubts) = match (self.run.wanted, before, after) {
            (Wanted::Backup(profile), Report::Backups(before), Report::Backups(after)) => {
                judge_pushed(&PushEvidence { profile, bytes, authenticated, before, after })
            }
            (_, Report::Dumps(before), Report::Dumps(after)) => {
                judge_bundle(&BundleEvidence { bytes, authenticated, written, before, after })
            }
            _ => return Err(not_pushed("its reports are of two kinds")),
        };
        let now = kept.object.facts.taken_at;
        let backup = Backup {
            id: None,
            kind: self.run.wanted.kind(),
            customer: self.facts.seat.customer.clone(),
            seat: self.facts.seat.name.clone(),
            asset: self.asset.id,
            taken_at: now,
            seen_at: now,
            grade,
            doubts,
            change_id: None,
            release: self.release.clone(),
            bytes,
            lines: 0,
            sections: Arc::new([]),
            content: kept.content,
            object: ObjectId(0),
            events: Vec::new(),
        };
        let detail = serde_json::json!({
            "v": 1,
            "kind": backup.kind,
            "grade": backup.grade,
            "bytes": bytes,
            "content": backup.content,
            "sealed_sha256": hex::encode(kept.object.facts.digest),
            "source": arrived.source,
            "protocol": arrived.protocol,
            "called": arrived.called,
            "host_key": pushed.key,
        });
        let act = if self.run.wanted == Wanted::Bundle { Act::BundleTaken } else { Act::BackupTaken };
        let audit = self.actor.did(now, act, self.facts.seat.name.as_str(), &detail);
        let object = BackupObject::Pushed(Box::new(kept.object));
        let id = self.env.store.backup_add(backup.clone(), object, audit).await.map_err(|error| unkept(&error))?;
        Ok(Backup { id: Some(id), ..backup })
    }
}

/// The answer to a show command of this file.
async fn ask(session: &mut dyn WritingSession, command: &str) -> Result<Outside, Failure> {
    let command = ReadCommand::new(command).map_err(|error: CommandError| not_pushed(error.to_string()))?;
    let answer =
        session.read(&command, limits::ANSWER_BYTES_MAX).await.map_err(|error: AccessError| Failure::from(error))?;
    Ok(answer.text)
}

/// Seals into the depot.
struct Seal {
    arriving: Arriving,
    done: oneshot::Sender<Kept>,
}

impl Sink for Seal {
    fn write(&mut self, part: &[u8]) -> Result<(), SinkError> {
        self.arriving.write(part).map_err(|error| SinkError(with_causes(&error)))
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        let kept = self.arriving.finish().map_err(|error| SinkError(with_causes(&error)))?;
        self.done.send(kept).map_err(|_| SinkError("nobody waits for it any more".to_owned()))
    }
}
