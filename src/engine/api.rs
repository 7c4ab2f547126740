//! The HTTPS API beside SSH: a further channel of a poll, asked with the detail tier where a seat declares it.

use std::collections::BTreeSet;

use crate::outbound::http::Method;
use secrecy::SecretString;

use crate::access::{AccessError, Peer};
use crate::decide::api::{Limits, Login as LoggedIn, questions_within, unread};
use crate::decide::brake::{LoginResult, Permit};
use crate::decide::channel::{self, First, Second, Spoke, Via};
use crate::engine::env::Env;
use crate::engine::fleet::Facts;
use crate::engine::session::legacy_over;
use crate::engine::snmp::Beside;
use crate::engine::way;
use crate::model::credential::{CredentialName, Login, LoginSecret, Purpose};
use crate::model::door::Door;
use crate::model::inventory::Algorithms;
use crate::model::limits::{API_BYTES_MAX, READINGS_MAX};
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::{ComponentKind, Condition, Outcome, Reading, Tier};
use crate::model::series::Series;
use crate::outbound::http::{Answer, Ask, Conversation, HttpError, Server, Trust, basic};
use crate::readout::{ApiLayout, ApiReadout, Context};

/// The header of a token, in answers and requests.
const TOKEN: &str = "x-feapi-token";
/// How an answer is asked for: without it the API of 9.x answers in XML.
const JSON: &str = "application/json";
/// The versions of the Web Services API, the newest first.
const VERSIONS: [&str; 2] = ["wsapis/v2.0.0", "wsapis/v1.2.0"];
/// The API of an HX.
const HX: &str = "hx/api/v3";

/// Whether the API is asked of a seat after SSH ended so.
pub(super) fn goes_on(facts: &Facts, ssh: Outcome) -> bool {
    facts.seat.credentials.api.is_some() && channel::may_ask(ssh, false)
}

/// The readings that the API adds to a poll; none of a seat that does not declare it. A failure is a reading of the
/// channel and of nothing else.
pub(super) async fn readings(env: &Env, facts: &Facts, beside: &Beside<'_>, by_snmp: &[Reading]) -> Spoke {
    if !beside.tiers.contains(&Tier::Detail) || env.stop.is_asked() {
        return Spoke::default();
    }
    let Some(name) = &facts.seat.credentials.api else {
        return Spoke::only(ended(env, facts, beside, "the API is not declared for this seat"));
    };
    if let Some(why) = facts.gateway.without_api() {
        let why = format!("not available: {why}");
        let mut readings = ended(env, facts, beside, &why);
        readings.retain(|reading| reading.component != Via::Api.whole());
        readings.push(Via::Api.silent(Condition::Disabled, why));
        return Spoke::only(readings);
    }
    if !goes_on(facts, beside.outcome) {
        return Spoke::default();
    }
    let spoke = ask(env, facts, name, beside, by_snmp).await;
    let mut spoke = spoke.unwrap_or_else(|silent| Spoke::only(vec![silent]));
    spoke.held.truncate(READINGS_MAX);
    spoke
}

/// What the API once said goes to rest when it is not declared any more.
fn ended(env: &Env, facts: &Facts, beside: &Beside<'_>, why: &str) -> Vec<Reading> {
    let alone = env.definitions.api_only(facts.seat.series);
    let open = beside.findings.iter().map(|finding| &finding.component);
    let of_api = open.filter(|known| Via::Api.is_of(known) || alone.contains(&known.kind));
    of_api.map(|known| Reading::new(known.clone(), Condition::Disabled, why)).collect()
}

fn silent(condition: Condition, why: impl Into<Outside>) -> Reading {
    Via::Api.silent(condition, why)
}

async fn ask(
    env: &Env,
    facts: &Facts,
    name: &CredentialName,
    beside: &Beside<'_>,
    by_snmp: &[Reading],
) -> Result<Spoke, Reading> {
    let seat = &facts.seat;
    let questions = plan(env, facts, beside)?;
    let login = env.secrets.fetch(name, Purpose::Api).await;
    let login = login.map_err(|error| silent(Condition::Missing, error.to_string()))?;
    let mut talk = Talk { env, facts, conversation: None, root: VERSIONS[0] };
    let token = log_in(env, facts, name, &login, &mut talk).await?;
    let context = Context {
        now: env.clock.now(),
        clock: beside.told.as_ref().and_then(|told| told.clock),
        series: seat.series,
        release: beside.told.as_ref().and_then(|told| told.release.clone()),
    };
    let Asked { readings, spoilt, .. } = ask_all(&mut talk, token, &questions, &context).await?;
    let alone = &env.definitions.api_only(seat.series);
    let first = beside.told.as_ref().map(|told| First { readings: told.readings, asked: told.asked });
    let mut before = beside.before();
    // Of what was not asked, or not answered, nothing is missing; and SNMP looks after its own.
    let whole = spoilt.is_none() && questions.left_out == 0;
    let told: BTreeSet<ComponentKind> = readings.iter().map(|reading| reading.component.kind).collect();
    before.retain(|known| whole || told.contains(&known.kind));
    // Agents are counted, and judged by their habits.
    before.retain(|known| known.kind != ComponentKind::Agents);
    before.retain(|known| !by_snmp.iter().any(|reading| reading.component == **known));
    let mut held = channel::cross_check(Via::Api, first, Second { readings: &readings, alone }, &before);
    let left_out = match questions.left_out {
        0 => None,
        left_out => Some(silent(
            Condition::Good,
            format!("answers; {left_out} of its questions left out for its limit of calls"),
        )),
    };
    if let Some(whole) = spoilt.or(left_out) {
        held.retain(|reading| reading.component != whole.component);
        held.push(whole);
    }
    Ok(Spoke { raw: readings, held })
}

/// The appliances that a CM lists by its API; `None` where the API is not declared, or not offered by its gateway.
pub(super) async fn managed(env: &Env, facts: &Facts, context: &Context) -> Option<Result<Vec<ManagedUnit>, Outside>> {
    let name = facts.seat.credentials.api.as_ref().filter(|_| facts.gateway.without_api().is_none())?;
    let layouts = env.definitions.api_of(facts.seat.series, facts.seat.virtual_machine);
    let questions = Questions { layouts: layouts.filter(|layout| layout.lists_managed()).collect(), left_out: 0 };
    let asked = async {
        let login = env.secrets.fetch(name, Purpose::Api).await;
        let login = login.map_err(|error| silent(Condition::Missing, error.to_string()))?;
        let mut talk = Talk { env, facts, conversation: None, root: VERSIONS[0] };
        let token = log_in(env, facts, name, &login, &mut talk).await?;
        ask_all(&mut talk, token, &questions, context).await
    };
    let asked: Result<Asked, Reading> = asked.await;
    Some(match asked {
        Ok(Asked { spoilt: Some(why), .. }) | Err(why) => Err(why.said),
        Ok(asked) => Ok(asked.managed),
    })
}

/// What is asked within the limits of calls.
struct Questions<'a> {
    layouts: Vec<&'a ApiLayout>,
    /// How many paths are not asked.
    left_out: usize,
}

fn plan<'a>(env: &'a Env, facts: &Facts, beside: &Beside<'_>) -> Result<Questions<'a>, Reading> {
    let seat = &facts.seat;
    let layouts: Vec<&ApiLayout> = env.definitions.api_of(seat.series, seat.virtual_machine).collect();
    if seat.series == Series::Hx {
        // What is known of limits is of the Web Services API.
        return Ok(Questions { layouts, left_out: 0 });
    }
    let told = beside.told.as_ref().map_or(&[][..], |told| told.readings);
    let said = told.iter().map(|reading| (&reading.component, &reading.said));
    let said = said.chain(beside.spans.iter().map(|span| (&span.component, &span.said)));
    let limits = Limits::of(said);
    let period_ms = env.settings.tiers.of(seat.series).detail_ms;
    let room = questions_within(limits, period_ms);
    let mut paths: Vec<&str> = Vec::new();
    for layout in &layouts {
        if !paths.contains(&layout.question()) {
            paths.push(layout.question());
        }
    }
    let asked = paths.get(..room.min(paths.len())).unwrap_or_default();
    if asked.is_empty() {
        let why = format!("not asked: polls of this period would take more than half of its limit of {limits}");
        return Err(silent(Condition::Disabled, why));
    }
    let left_out = paths.len() - asked.len();
    Ok(Questions { layouts: layouts.into_iter().filter(|one| asked.contains(&one.question())).collect(), left_out })
}

/// What the questions gave, and how one of them failed.
struct Asked {
    readings: Vec<Reading>,
    managed: Vec<ManagedUnit>,
    spoilt: Option<Reading>,
}

/// Asks everything and logs out, however it ended: an appliance has a table of sessions.
async fn ask_all(
    talk: &mut Talk<'_>,
    mut token: SecretString,
    plan: &Questions<'_>,
    context: &Context,
) -> Result<Asked, Reading> {
    let asked = questions(talk, &mut token, plan, context).await;
    let (method, path) = match talk.facts.seat.series {
        Series::Hx => (Method::DELETE, "token"),
        _ => (Method::POST, "auth/logout"),
    };
    let leave = Ask { secret: Some((TOKEN, &token)), accept: Some(JSON), ..Ask::new(method, "") };
    if let Err(failed) = talk.ask(path, leave).await {
        // The token idles out after a quarter of an hour.
        tracing::debug!(seat = %talk.facts.seat.name, why = ?failed.said, "no logout at the API");
    }
    asked
}

async fn questions(
    talk: &mut Talk<'_>,
    token: &mut SecretString,
    plan: &Questions<'_>,
    context: &Context,
) -> Result<Asked, Reading> {
    let (env, facts) = (talk.env, talk.facts);
    let mut asked = Asked { readings: Vec::new(), managed: Vec::new(), spoilt: None };
    let mut known = 0;
    let mut before: Option<(String, Answer)> = None;
    for layout in &plan.layouts {
        if env.stop.is_asked() {
            return Err(silent(Condition::Missing, Outcome::Stopped.as_str()));
        }
        let path = layout.ask(context.now);
        let answer = if let Some((_, answer)) = before.take().filter(|(asked, _)| *asked == path) {
            answer
        } else {
            let secret = Some((TOKEN, &*token));
            let ask = Ask { secret, accept: Some(JSON), keep: Some(TOKEN), ..Ask::new(Method::GET, "") };
            talk.ask(&path, ask).await?
        };
        // The controller of an HX hands out a fresh token before the old one ends.
        if let Some(fresh) = &answer.secret {
            *token = fresh.clone();
        }
        let failed = unread(answer.status, answer.packed, &answer.body, layout.optional);
        let read = match failed {
            None => env
                .definitions
                .read_api(layout, &answer.body, context)
                .map_err(|error| (Condition::Malformed, Outside::from(error.to_string()))),
            Some((Condition::Good, _)) => Ok(ApiReadout::default()),
            Some(failed) => Err(failed),
        };
        match read {
            Ok(readout) => {
                known += readout.known;
                if let Some(found) = &readout.hostname
                    && !found.as_data().eq_ignore_ascii_case(&facts.seat.hostname)
                {
                    let said =
                        format!("another appliance: expected {}, found {}", facts.seat.hostname, found.as_data());
                    return Err(silent(Condition::Bad, said));
                }
                asked.readings.extend(readout.readings);
                asked.managed.extend(readout.managed);
            }
            Err((condition, said)) => {
                asked.spoilt = Some(silent(condition, format!("{}: {}", layout.title(), said.as_data())));
            }
        }
        before = Some((path, answer));
    }
    if known == 0 && asked.spoilt.is_none() {
        return Err(silent(Condition::Missing, "answers, and says nothing that is known"));
    }
    Ok(asked)
}

/// Logs in when the brake lets this seat. In a doubt the further try is made where the brake wants it, when that seat is
/// polled: a login there needs a permit of that seat's lane, and this poll holds one of its own.
async fn log_in(
    env: &Env,
    facts: &Facts,
    name: &CredentialName,
    login: &Login,
    talk: &mut Talk<'_>,
) -> Result<SecretString, Reading> {
    let LoginSecret::Password(password) = &login.secret else {
        return Err(silent(Condition::Missing, format!("{name} is a key: the API wants a password")));
    };
    let proof = basic(&login.user, password);
    let door = Door::from(&facts.seat.name);
    let mut refused: Option<Outside> = None;
    let mut waited = false;
    // Whoever is not trusted, or not there, says nothing of the credential.
    talk.connect().await?;
    loop {
        let changed = env.gate.changed();
        let denied = match env.gate.ask(name, &door, env.clock.now(), || holders(env, name)) {
            Permit::Yes => {
                let (said, token) = match talk.log_in(&proof).await {
                    Ok(ended) => ended,
                    Err(failed) => {
                        report(env, name, &door, LoginResult::Unjudged).await?;
                        return Err(failed);
                    }
                };
                report(env, name, &door, said.result()).await?;
                match (said, token) {
                    (LoggedIn::Accepted, Some(token)) => return Ok(token),
                    (LoggedIn::Refused(why), _) => {
                        refused = Some(why);
                        continue;
                    }
                    (LoggedIn::Disabled, _) => {
                        return Err(silent(Condition::Disabled, "the Web Services API is switched off there"));
                    }
                    (LoggedIn::Odd(condition, why), _) => return Err(silent(condition, why)),
                    (LoggedIn::OtherVersion | LoggedIn::Accepted, _) => {
                        return Err(silent(Condition::Missing, "no version of the API that is known"));
                    }
                }
            }
            Permit::Wait if !waited => {
                waited = true;
                changed.await;
                continue;
            }
            Permit::Wait => "in doubt, and others try it now".to_owned(),
            Permit::OnlyOn(on) => format!("in doubt, which {on} decides"),
            Permit::No(denial) => denial.to_string(),
        };
        return Err(match refused {
            Some(why) => silent(Condition::Bad, format!("login refused: {}; {name}: {denied}", why.as_data())),
            None => silent(Condition::Missing, format!("braked: {name}: {denied}")),
        });
    }
}

async fn report(env: &Env, name: &CredentialName, door: &Door, result: LoginResult) -> Result<(), Reading> {
    let reported = env.gate.report(name, door, result, env.clock.now()).await;
    reported.map_err(|error| silent(Condition::Missing, format!("{}: {error}", Outcome::NotKept)))
}

/// The seats on which a credential can be tried.
fn holders(env: &Env, name: &CredentialName) -> Vec<Door> {
    let named = env.inventory.seats.values().filter(|seat| seat.credentials.api.as_ref() == Some(name));
    let reached = named.filter(|seat| env.inventory.gateway(seat).is_some_and(|way| way.without_api().is_none()));
    reached.map(|seat| Door::from(&seat.name)).collect()
}

/// The API of one seat. An appliance may close the connection after any answer, so that it is made when it is needed.
struct Talk<'a> {
    env: &'a Env,
    facts: &'a Facts,
    conversation: Option<Conversation>,
    root: &'static str,
}

impl Talk<'_> {
    async fn connect(&mut self) -> Result<&mut Conversation, Reading> {
        let open = self.conversation.take().filter(Conversation::is_open);
        let conversation = match open {
            Some(open) => open,
            None => self.dial().await?,
        };
        Ok(self.conversation.insert(conversation))
    }

    async fn dial(&self) -> Result<Conversation, Reading> {
        let (env, seat) = (self.env, &self.facts.seat);
        let behind = way::reach(env, self.facts).await.map_err(|failure| silent(Condition::Missing, failure.reason))?;
        let peer = Peer { seat, gateway: &self.facts.gateway, behind: behind.as_ref() };
        let way = env.access.api(peer).await.map_err(|error| unreached(&error))?;
        let in_lab = way.pin.as_slice();
        let source = seat.credentials.api.as_ref().and_then(|name| env.settings.credentials.get(name));
        let trust = match source.and_then(|source| source.ca.as_deref()) {
            _ if !in_lab.is_empty() => Trust::Pins(in_lab),
            Some(path) if seat.api.pins.is_empty() => Trust::Authorities(path),
            _ => Trust::Pins(&seat.api.pins),
        };
        let name = seat.api.name.as_deref().unwrap_or(&seat.hostname);
        if let Some(over) = legacy_over(env, &seat.name, seat.api.algorithms, seat.api.legacy_until.as_deref()) {
            return Err(silent(Condition::Disabled, over.reason));
        }
        // The lab's own servers speak the TLS of today, whatever release they simulate.
        let algorithms = if in_lab.is_empty() { seat.api.algorithms } else { Algorithms::Modern };
        let (wait, bytes_max) = (env.command_limit(), API_BYTES_MAX);
        let server = Server { name, trust, algorithms, wait, bytes_max };
        Conversation::over(way.stream, server).await.map_err(|error| failed(&error))
    }

    /// Asks for a path below the root. An appliance may close the connection just when the next question is on its way:
    /// then it is asked once more, but for a login, of which nobody knows whether it counted.
    async fn ask(&mut self, path: &str, ask: Ask<'_>) -> Result<Answer, Reading> {
        let path = format!("{}/{path}", self.root);
        let ask = Ask { path: &path, ..ask };
        let again = ask.secret.is_some_and(|(header, _)| header == TOKEN).then(|| ask.clone());
        let was_used = self.conversation.as_ref().is_some_and(Conversation::is_open);
        let mut answered = self.connect().await?.ask(ask).await;
        if let (Err(HttpError::Closed), true, Some(ask)) = (&answered, was_used, again) {
            self.conversation = None;
            answered = self.connect().await?.ask(ask).await;
        }
        answered.map_err(|error| {
            // What is left of the answer would stand before the next one.
            self.conversation = None;
            failed(&error)
        })
    }

    /// Asks for a token, by an older version of the API where there is no newer one.
    async fn log_in(&mut self, proof: &SecretString) -> Result<(LoggedIn, Option<SecretString>), Reading> {
        let hx = self.facts.seat.series == Series::Hx;
        let (roots, method, path) =
            if hx { (&[HX][..], Method::GET, "token") } else { (&VERSIONS[..], Method::POST, "auth/login") };
        let mut ended = (LoggedIn::OtherVersion, None);
        for root in roots {
            self.root = root;
            let secret = Some(("authorization", proof));
            let ask = Ask { secret, accept: Some(JSON), keep: Some(TOKEN), ..Ask::new(method.clone(), "") };
            let answer = self.ask(path, ask).await?;
            ended = (LoggedIn::of(answer.status, answer.secret.is_some(), &answer.body), answer.secret);
            if ended.0 != LoggedIn::OtherVersion {
                break;
            }
        }
        Ok(ended)
    }
}

fn unreached(error: &AccessError) -> Reading {
    let condition = match error {
        AccessError::NotYetServed(_) => Condition::Disabled,
        _ => Condition::Missing,
    };
    silent(condition, error.to_string())
}

fn failed(error: &HttpError) -> Reading {
    let condition = match error {
        // Another appliance, or somebody between.
        HttpError::Pin { expected, .. } if !expected.is_empty() => Condition::Bad,
        HttpError::OldTls | HttpError::NoLegacyTls => Condition::Disabled,
        HttpError::TooLong(_) => Condition::Malformed,
        _ => Condition::Missing,
    };
    silent(condition, error.to_string())
}
