//! The answers of one appliance to everything that layouts ask, without what says whose it is. Nothing but this task ever
//! holds them as they came.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::decide::backup::{Fetched, Session, redact_answer, secrets_of, sweep};
use crate::decide::scrub::{Kind, Scrub};
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::export::credentials;
use crate::engine::fleet::{self, Facts};
use crate::engine::lane::Permit;
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::asset::Asset;
use crate::model::backup::Doubt;
use crate::model::causes::with_causes;
use crate::model::command::ReadCommand;
use crate::model::credential::Purpose;
use crate::model::identity::Seen;
use crate::model::inventory::Seat;
use crate::model::limits;
use crate::model::outside::Outside;
use crate::model::reading::{ComponentKind, Condition, Outcome, Tier};
use crate::model::recording::{Recognised, RecordedAnswer, Recording};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;
use crate::readout::{ApplianceTime, Context, Definitions, Layout, Readout};

/// Sessions that are opened for one recording: a command that breaks one does not end it.
const SESSIONS_MAX: usize = 4;
/// The shortest masked value that is looked for in all answers; shorter ones are ordinary words.
const SECRET_BYTES_MIN: usize = 3;
/// The shortest that is a number.
const SECRET_DIGITS_MIN: usize = 6;

/// A recording, and what only the person who made it should see.
#[derive(Debug)]
pub struct Recorded {
    /// The manifest.
    pub recording: Recording,
    /// The texts, by file.
    pub texts: Vec<(String, Outside)>,
    /// Words that were replaced because no layout knows them, as they were printed, with how often.
    pub unknown: Vec<(Outside, usize)>,
    /// Why a command has no answer, in the order of the recording.
    pub reasons: Vec<(ReadCommand, Failure)>,
}

/// What is asked beside the layouts' own commands, and what stays.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Further questions.
    pub commands: Vec<ReadCommand>,
    /// Words that somebody looked at, and that stay.
    pub keep: Vec<String>,
}

/// What is asked, and what reads it.
#[derive(Clone, Copy)]
enum Question<'a> {
    Layout(&'a Layout),
    Configuration(&'a ReadCommand, &'static str),
    Own(&'a ReadCommand),
}

impl Question<'_> {
    const fn command(&self) -> &ReadCommand {
        match self {
            Question::Layout(layout) => &layout.command,
            Question::Configuration(command, _) | Question::Own(command) => command,
        }
    }

    /// The name of what reads its answer.
    fn layout(&self) -> Option<&str> {
        match self {
            Question::Layout(layout) => Some(&layout.name),
            Question::Configuration(_, name) => Some(name),
            Question::Own(_) => None,
        }
    }

    fn read(&self, env: &Env, text: &Outside, complete: bool, context: &Context) -> Read {
        match self {
            Question::Layout(layout) => read(&env.definitions, layout, text, complete, context),
            Question::Configuration(_, name) => {
                read_configuration(&env.definitions, context.series, text, (complete, *name == SAVED))
            }
            Question::Own(_) => Read::default(),
        }
    }
}

/// An answer as it came.
struct Came<'a> {
    question: Question<'a>,
    answer: Result<Heard, Failure>,
}

struct Heard {
    text: Outside,
    complete: bool,
    clock: Option<ApplianceTime>,
}

/// Asks an appliance everything once. It stands in the audit before it is dialled.
pub async fn run(env: &Env, actor: &Actor, seat: &Seat, wish: &Wish) -> Result<Recorded, Failure> {
    let broken = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    let facts = fleet::load(env, std::slice::from_ref(&seat.name)).await.map_err(|error| broken(&error))?;
    let Some(facts) = facts.into_iter().next() else {
        return Err(Failure::new(Outcome::NotKept, "the seat is not in the inventory"));
    };
    let at = env.clock.now();
    let own: Vec<&str> = wish.commands.iter().map(ReadCommand::as_str).collect();
    let detail = serde_json::json!({"v": 1, "commands": own});
    let audit = actor.did(at, Act::Recorded, seat.name.as_str(), &detail);
    env.store.audit_add(audit).await.map_err(|error| broken(&error))?;
    // Before anybody is dialled: what could not be swept is not kept.
    let secrets = credentials(env, &seat.name).await;
    let secrets = secrets.map_err(|error| Failure::new(Outcome::NoCredential, with_causes(&error)))?;
    env.tell(&Event::Started { seats: 1 });
    let asked = ask_all(env, &facts, wish).await;
    env.ways.leave_idle().await;
    let outcome = asked.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Answered);
    let good = outcome == Outcome::Answered;
    env.tell(&Event::SeatDone { seat: seat.name.clone(), good, word: outcome.as_str() });
    env.tell(&Event::Finished);
    let asked = asked?;
    let users = users(env, seat).await;
    Ok(keep(env, actor, &facts, &asked, wish, (&secrets, &users), at))
}

/// What the appliance said of itself, and its answers.
struct Asked<'a> {
    came: Vec<Came<'a>>,
    seen: Seen,
    asset: Asset,
    hostname: Option<Outside>,
}

async fn ask_all<'a>(env: &'a Env, facts: &Facts, wish: &'a Wish) -> Result<Asked<'a>, Failure> {
    let permit = env.enter(facts).await?;
    let (live, permit) = session::open(env, facts, permit).await?;
    let release = live.seen.release.as_ref().and_then(|text| text.as_data().parse::<Release>().ok());
    let (seen, asset, hostname) = (live.seen.clone(), live.asset.clone(), live.hostname.clone());
    let questions = questions(env, facts, release.as_ref(), wish);
    let mut session =
        Line { env, facts, live: Some(live), permit: Some(permit), left: SESSIONS_MAX - 1, failure: None };
    let mut context = Context { now: env.clock.now(), clock: None, series: facts.seat.series, release };
    let (mut came, mut names, mut room) = (Vec::new(), Vec::new(), limits::RECORDING_BYTES_MAX);
    for question in questions {
        if env.stop.is_asked() {
            session.close().await;
            return Err(fleet::stopped());
        }
        if let Question::Layout(layout) = question
            && !layout.is_wanted(&names)
        {
            continue;
        }
        let clock = context.clock;
        let answer = session.read(&question, room).await;
        if let (Ok((text, complete)), Question::Layout(layout)) = (&answer, question) {
            let Readout { clock, names: further, .. } = env.definitions.read(layout, text, *complete, &context);
            context.clock = clock.or(context.clock);
            names.extend(further);
        }
        let answer = answer.map(|(text, complete)| {
            room = room.saturating_sub(text.as_data().len());
            Heard { text, complete, clock }
        });
        came.push(Came { question, answer });
    }
    session.close().await;
    if env.stop.is_asked() {
        return Err(fleet::stopped());
    }
    Ok(Asked { came, seen, asset, hostname })
}

/// The commands of every tier, the configuration, and what somebody asked for beside them, each once.
fn questions<'a>(env: &'a Env, facts: &Facts, release: Option<&Release>, wish: &'a Wish) -> Vec<Question<'a>> {
    let mut all: Vec<Question<'a>> = Vec::new();
    let seat = &facts.seat;
    // What names something comes before what asks for it, as the definitions have them.
    for layout in env.definitions.list() {
        let of_tier = |tier: &Tier| {
            env.definitions.commands(seat.series, release, *tier).iter().any(|known| known.name == layout.name)
        };
        let wanted = !(layout.hardware && seat.virtual_machine) && (!layout.api || seat.credentials.api.is_some());
        let known = all.iter().any(|known| known.command() == &layout.command);
        if wanted && !known && Tier::ALL.iter().any(of_tier) {
            all.push(Question::Layout(layout));
        }
    }
    all.push(Question::Configuration(env.definitions.config_command(), RUNNING));
    all.push(Question::Configuration(env.definitions.saved_command(), SAVED));
    for command in &wish.commands {
        if !all.iter().any(|known| known.command() == command) {
            all.push(Question::Own(command));
        }
    }
    all.truncate(limits::RECORDING_COMMANDS_MAX);
    all
}

/// A session, and the next one when it broke.
struct Line<'a> {
    env: &'a Env,
    facts: &'a Facts,
    live: Option<Live>,
    permit: Option<Permit>,
    left: usize,
    /// Why there is none any more.
    failure: Option<Failure>,
}

impl Line<'_> {
    async fn read(&mut self, question: &Question<'_>, room: usize) -> Result<(Outside, bool), Failure> {
        if self.live.is_none() {
            self.open_again().await?;
        }
        let Some(live) = &mut self.live else {
            return Err(self.failure.clone().unwrap_or_else(|| Failure::new(Outcome::Dropped, "the session ended")));
        };
        let limit = match question {
            Question::Configuration(..) => self.env.backup_limit(),
            Question::Layout(_) | Question::Own(_) => self.env.command_limit(),
        };
        live.session.allow(limit);
        match live.session.read(question.command(), limits::ANSWER_BYTES_MAX.min(room)).await {
            Ok(answer) => Ok((answer.text, answer.complete)),
            // Where its next answer begins is not known any more.
            Err(error) => {
                self.close_live().await;
                Err(error.into())
            }
        }
    }

    async fn open_again(&mut self) -> Result<(), Failure> {
        let Some(permit) = self.permit.take() else { return Ok(()) };
        if self.left == 0 {
            self.failure = Some(Failure::new(Outcome::Dropped, "too many sessions ended before their answer"));
            return Ok(());
        }
        self.left -= 1;
        match session::open(self.env, self.facts, permit).await {
            Ok((live, permit)) => {
                (self.live, self.permit) = (Some(live), Some(permit));
                Ok(())
            }
            Err(failure) => {
                self.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    async fn close_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.close().await;
        }
    }

    async fn close(mut self) {
        self.close_live().await;
    }
}

/// The accounts with which Hoshu comes to a seat to read.
async fn users(env: &Env, seat: &Seat) -> Vec<String> {
    let mut users = Vec::new();
    for (name, purpose) in [(&seat.credentials.read, Purpose::Read), (&seat.credentials.api, Purpose::Api)] {
        if let Some(name) = name
            && let Ok(login) = env.secrets.fetch(name, purpose).await
        {
            users.push(login.user);
        }
    }
    users
}

/// Tells a scrub of everybody whom the inventory names.
fn know(env: &Env, scrub: &mut Scrub<'_>, facts: &Facts, asked: &Asked<'_>) {
    let Asked { seen, asset, hostname, .. } = asked;
    let said = [&seen.serial, &seen.appliance_id, &asset.serial, &asset.appliance_id];
    for serial in said.into_iter().flatten() {
        scrub.know(Kind::Serial, serial.as_data());
    }
    if let Some(hostname) = hostname {
        scrub.know(Kind::Host, hostname.as_data());
    }
    for seat in env.inventory.seats.values().filter(|seat| seat.customer == facts.seat.customer) {
        scrub.know(Kind::Host, &seat.hostname);
        scrub.know(Kind::Host, seat.name.as_str());
        if let Some(serial) = &seat.serial {
            scrub.know(Kind::Serial, serial);
        }
    }
    for (name, customer) in &env.inventory.customers {
        scrub.know(Kind::Customer, name.as_str());
        scrub.know_title(Kind::Customer, &customer.title);
        for site in &customer.sites {
            scrub.know(Kind::Site, site.name.as_str());
            scrub.know_title(Kind::Site, &site.title);
        }
        for contact in &customer.contacts {
            scrub.know_title(Kind::Person, &contact.name);
            if let Some(reading) = &contact.reading {
                scrub.know_title(Kind::Person, reading);
            }
            for phone in &contact.phones {
                scrub.know(Kind::Phone, phone);
            }
            for (user, domain) in contact.mail.iter().filter_map(|mail| mail.split_once('@')) {
                scrub.know(Kind::User, user);
                scrub.know(Kind::Domain, domain);
            }
        }
        for contract in &customer.contracts {
            scrub.know(Kind::Contract, &contract.number);
            scrub.know_title(Kind::Customer, &contract.dealer);
        }
        for hop in customer.gateways.iter().flat_map(|gateway| &gateway.hops) {
            scrub.know(Kind::Host, &hop.host);
        }
    }
}

/// Scrubs what came and makes the manifest.
fn keep(
    env: &Env,
    actor: &Actor,
    facts: &Facts,
    asked: &Asked<'_>,
    wish: &Wish,
    (secrets, users): (&[SecretString], &[String]),
    at: Time,
) -> Recorded {
    let vocabulary = Definitions::vocabulary();
    let seat = &facts.seat;
    let said = [&asked.seen.model, &asked.seen.product, &asked.seen.release];
    let plain = said.into_iter().flatten().map(Outside::as_data).chain([seat.model.as_str()]);
    let mut scrub = Scrub::new(&vocabulary, plain.chain(wish.keep.iter().map(String::as_str)));
    know(env, &mut scrub, facts, asked);
    for user in users {
        scrub.know(Kind::User, user);
    }
    let layout = env.config_layout(&seat.name);
    let heard = || asked.came.iter().filter_map(|came| came.answer.as_ref().ok());
    let mut known: HashSet<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    let ordinary = |value: &str| {
        value.split(|letter: char| !letter.is_alphanumeric()).all(|word| vocabulary.contains(&word.to_lowercase()))
    };
    for text in heard().map(|heard| heard.text.as_data()) {
        let found = secrets_of(text, layout).into_iter();
        let number = |value: &str| value.bytes().all(|byte| !byte.is_ascii_alphabetic());
        let least = |value: &str| if number(value) { SECRET_DIGITS_MIN } else { SECRET_BYTES_MIN };
        known.extend(found.filter(|value| value.len() >= least(value) && !ordinary(value)));
        scrub.learn(text);
    }
    let known: Vec<&str> = known.into_iter().collect();
    let release = asked.seen.release.as_ref().and_then(|text| text.as_data().parse::<Release>().ok());
    let (mut answers, mut texts, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    let redacted = heard().map(|heard| sweep(redact_answer(heard.text.as_data(), layout, None), &known)).collect();
    let mut scrubbed = scrub.scrub(redacted).into_iter();
    for (number, came) in (1..).zip(&asked.came) {
        let mut one = RecordedAnswer {
            command: scrub.words(came.question.command().as_str()),
            layout: came.question.layout().map(|name| scrub.words(name)),
            outcome: Outcome::Answered,
            file: None,
            complete: false,
            recognised: Recognised::NotHad,
            reads_alike: true,
            unreviewed: Vec::new(),
            lines: 0,
            sha256: None,
        };
        match &came.answer {
            Err(failure) => {
                one.outcome = failure.outcome;
                reasons.push((came.question.command().clone(), failure.clone()));
            }
            Ok(heard) => {
                let scrubbed = scrubbed.next().unwrap_or_default();
                let context = Context { now: at, clock: heard.clock, series: seat.series, release: release.clone() };
                let read = |text: &Outside| came.question.read(env, text, heard.complete, &context);
                let (before, after) = (read(&heard.text), read(&scrubbed.text));
                one.complete = heard.complete;
                one.recognised = before.recognised;
                one.reads_alike = before.is_alike(&after);
                one.unreviewed = scrubbed.unreviewed.iter().map(|line| line + 1).collect();
                one.lines = scrubbed.text.as_data().lines().count();
                one.sha256 = Some(digest(scrubbed.text.as_data().as_bytes()));
                let file = file_name(number, &one.command);
                texts.push((file.clone(), scrubbed.text));
                one.file = Some(file);
            }
        }
        answers.push(one);
    }
    let mut shown = |text: &Option<Outside>| text.as_ref().map(|text| scrub.words(text.as_data()));
    let recording = Recording {
        v: 1,
        hoshu: env!("CARGO_PKG_VERSION").to_owned(),
        realm: env.settings.realm,
        series: seat.series,
        model: shown(&asked.seen.model),
        product: shown(&asked.seen.product),
        release: shown(&asked.seen.release),
        virtual_machine: seat.virtual_machine,
        at,
        by: actor.name.clone(),
        answers,
    };
    let unknown = scrub.unknown().iter().map(|(word, count)| (Outside::from(word.as_str()), *count)).collect();
    Recorded { recording, texts, unknown, reasons }
}

/// What stands for a layout where the running configuration is read.
pub const RUNNING: &str = "config";
/// What stands for a layout where the saved configuration is read.
pub const SAVED: &str = "config-saved";

/// What was made of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// In a word.
    pub recognised: Recognised,
    /// What it says of components, in order; of a configuration, what it says against itself.
    pub told: Vec<(ComponentKind, Condition)>,
    /// Lines, counted from 0, that no pattern takes.
    pub untaken: Vec<u32>,
    /// Components in words that the layout does not know.
    pub unknown: Vec<String>,
}

impl Read {
    /// Whether two answers say the same of components, whatever these are called.
    fn is_alike(&self, other: &Self) -> bool {
        let of = |read: &Self| (read.recognised, read.told.clone(), read.untaken.clone(), read.unknown.len());
        of(self) == of(other)
    }
}

impl Default for Read {
    fn default() -> Self {
        Self { recognised: Recognised::NoLayout, told: Vec::new(), untaken: Vec::new(), unknown: Vec::new() }
    }
}

/// Reads an answer as a poll would.
pub fn read(definitions: &Definitions, layout: &Layout, text: &Outside, complete: bool, context: &Context) -> Read {
    let readout = definitions.read(layout, text, complete, context);
    let told: Vec<_> = readout.readings.iter().map(|reading| (reading.component.kind, reading.condition)).collect();
    let answer = told.iter().find(|(kind, _)| *kind == ComponentKind::Answer).map(|(_, condition)| *condition);
    let unknown = readout.readings.iter().filter(|reading| reading.condition == Condition::Unrecognised);
    let unknown = unknown.filter(|reading| reading.component.kind != ComponentKind::Answer);
    let unknown: Vec<String> = unknown
        .map(|reading| format!("{}: {}", reading.component.for_terminal(), reading.said.for_terminal()))
        .collect();
    let recognised = match answer {
        Some(Condition::Malformed) => Recognised::Malformed,
        Some(Condition::Missing) => Recognised::Missing,
        Some(Condition::Good) if unknown.is_empty() => Recognised::Recognised,
        _ => Recognised::Unrecognised,
    };
    Read { recognised, told, untaken: readout.untaken, unknown }
}

/// Takes a configuration apart as a backup would, without what a session says of it. The header of a saved one has
/// fewer fields.
pub fn read_configuration(
    definitions: &Definitions,
    series: Series,
    text: &Outside,
    (complete, saved): (bool, bool),
) -> Read {
    let layout = definitions.config_layout(series);
    let fetched = Fetched::new(definitions.configuration(text.clone()), complete, layout, Session::default());
    let doubts = fetched.doubts().iter().filter(|doubt| !(saved && doubt.doubt == Doubt::HeaderIncomplete));
    let unknown: Vec<String> = doubts.map(|doubt| doubt.detail.for_terminal().into_owned()).collect();
    let recognised = if unknown.is_empty() { Recognised::Recognised } else { Recognised::Malformed };
    Read { recognised, unknown, ..Read::default() }
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A number and the command in small letters.
fn file_name(number: usize, command: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let command: String = command.chars().map(plain).take(80).collect();
    format!("{number:03}-{command}.txt")
}
