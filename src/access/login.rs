//! Authentication: only what a seat's credential is for, and an answer only to a question that is known.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse, Prompt};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{AgentAuthError, MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use super::connection::{Connection, quote};
use super::guard::End;
use super::{AccessError, AccessLimits};
use crate::model::credential::{Login, LoginSecret};
use crate::model::inventory::Algorithms;
use crate::model::limits::{PROMPT_CHARS_MAX, PROMPT_ROUNDS_MAX, PROMPTS_MAX};
use crate::model::outside::Outside;
use crate::model::question::{Question, is_for_password};

/// How long an opened private key is kept: its passphrase costs a tenth of a second of computing.
const KEPT: Duration = Duration::from_mins(5);

const DURING: &str = "the login";
/// How long an agent may take to name its keys.
const AGENT: Duration = Duration::from_secs(5);

/// A secret that is ready to be used.
pub(super) enum Proof {
    /// A password.
    Password(SecretString),
    /// An opened private key.
    Key(Arc<PrivateKey>),
    /// A key that an agent holds, and the agent.
    Agent(Box<PublicKey>, AgentClient<UnixStream>),
}

/// Private keys and when they were opened, by a digest of key and passphrase.
type Opened = HashMap<[u8; 32], (Instant, Arc<PrivateKey>)>;

/// The private keys that were opened lately.
#[derive(Default)]
pub(super) struct Keys(Mutex<Opened>);

impl Keys {
    /// Makes a secret ready. A key with a passphrase is opened away from the workers that carry connections.
    pub(super) async fn proof(&self, secret: &LoginSecret) -> Result<Proof, AccessError> {
        let (pem, passphrase) = match secret {
            LoginSecret::Password(password) => return Ok(Proof::Password(password.clone())),
            LoginSecret::Agent { socket, fingerprint } => return from_agent(socket, fingerprint).await,
            LoginSecret::Key { pem, passphrase } => (pem, passphrase),
        };
        let digest = digest(pem, passphrase.as_ref());
        if let Some((_, key)) = self.kept().get(&digest) {
            return Ok(Proof::Key(Arc::clone(key)));
        }
        let (pem, passphrase) = (pem.clone(), passphrase.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
            russh::keys::decode_secret_key(pem.expose_secret(), passphrase)
        });
        let unusable = |why: String| AccessError::UnusableKey(why);
        let key = opened.await.map_err(|error| unusable(error.to_string()))?;
        let key = Arc::new(key.map_err(|error| unusable(error.to_string()))?);
        self.kept().insert(digest, (Instant::now(), Arc::clone(&key)));
        Ok(Proof::Key(key))
    }

    fn kept(&self) -> MutexGuard<'_, Opened> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (opened, _)| opened.elapsed() < KEPT);
        kept
    }
}

/// The key of an agent that has this fingerprint. No other key of it is ever shown to a peer: each would be a try.
async fn from_agent(socket: &Path, fingerprint: &str) -> Result<Proof, AccessError> {
    let unusable = |why: String| AccessError::UnusableKey(quote(&format!("the agent at {}: {why}", socket.display())));
    let asked = async {
        let mut agent = AgentClient::connect_uds(socket).await?;
        let keys = agent.request_identities().await?;
        Ok::<_, russh::keys::Error>((agent, keys))
    };
    let (agent, keys) = match timeout(AGENT, asked).await {
        Ok(asked) => asked.map_err(|error| unusable(error.to_string()))?,
        Err(_) => return Err(unusable(format!("no answer within {AGENT:?}"))),
    };
    let named = keys.into_iter().find_map(|key| match key {
        AgentIdentity::PublicKey { key, .. } => {
            (key.fingerprint(HashAlg::Sha256).to_string() == fingerprint).then_some(key)
        }
        AgentIdentity::Certificate { .. } => None,
    });
    let key = named.ok_or_else(|| unusable(format!("it has no key {fingerprint}; ssh-add -l shows those it has")))?;
    Ok(Proof::Agent(Box::new(key), agent))
}

fn digest(pem: &SecretString, passphrase: Option<&SecretString>) -> [u8; 32] {
    let pem = Sha256::digest(pem.expose_secret());
    let passphrase = passphrase.map(|passphrase| Sha256::digest(passphrase.expose_secret())).unwrap_or_default();
    Sha256::new().chain_update(pem).chain_update(passphrase).finalize().into()
}

/// How long a person may take for all answers of one login: what OpenSSH's server waits for a login.
const PERSON: Duration = Duration::from_mins(2);

/// A question of a login that the files do not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks: the hop's host and kind.
    pub by: String,
    /// The words of the question.
    pub question: Outside,
    /// Whether the answer may be seen while it is typed.
    pub echo: bool,
}

/// A person who answers questions of a login. What is typed goes to the one who asks, and nowhere else.
pub trait Person: Send + Sync {
    /// The answer; `None` when there is none: the person left, or took too long.
    fn answer(&self, asked: Asked) -> BoxFuture<'_, Option<SecretString>>;
}

/// The person at a login.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Who asks.
    pub(super) by: &'a str,
    /// Who answers.
    pub(super) person: &'a dyn Person,
}

/// What the files say of a login, and who answers what they do not.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    /// The algorithms.
    pub(super) algorithms: Algorithms,
    /// The questions that are known besides those for a password. Where there is one, the password is said to a question
    /// that is known and in no other way.
    pub(super) questions: &'a [Question],
    /// Who answers unknown questions; without anybody they get no answer.
    pub(super) beside: Option<Beside<'a>>,
}

/// Logs in. A secret is tried once: a refusal is never followed by a second try, but for a password where the peer
/// says that the method of that name is not one of its own, but questions are.
pub(super) async fn authenticate(
    connection: &mut Connection,
    login: &Login,
    proof: Proof,
    manner: Manner<'_>,
    limits: &AccessLimits,
) -> Result<(), AccessError> {
    let attempt = async {
        match proof {
            Proof::Password(password) if manner.beside.is_some() => {
                with_person(connection, &login.user, &password, manner).await
            }
            Proof::Password(password) => by_password(connection, &login.user, &password, manner).await,
            Proof::Key(key) => by_key(connection, &login.user, key, manner).await,
            Proof::Agent(key, agent) => by_agent(connection, &login.user, *key, agent, manner).await,
        }
    };
    let limit = if manner.beside.is_some() { limits.login + PERSON } else { limits.login };
    match timeout(limit, attempt).await {
        Ok(result) => result,
        Err(_) => Err(AccessError::TimedOut { what: DURING, limit }),
    }
}

/// Whether a peer that took one method wants questions answered as well, and somebody is there to do so.
fn wants_more(result: &AuthResult, manner: Manner<'_>) -> bool {
    let AuthResult::Failure { remaining_methods, partial_success } = result else { return false };
    *partial_success && manner.beside.is_some() && remaining_methods.contains(&MethodKind::KeyboardInteractive)
}

/// Where a person is there, questions come first: a peer that asks for more than the password would count a login by
/// the password alone as refused.
async fn with_person(
    connection: &mut Connection,
    user: &str,
    password: &SecretString,
    manner: Manner<'_>,
) -> Result<(), AccessError> {
    match by_questions(connection, user, Some(password), manner).await {
        Err(Unasked::Offers(offered)) if offered.contains(&MethodKind::Password) => {}
        other => return other.map_err(Unasked::into_error),
    }
    match connection.handle_mut()?.authenticate_password(user, password.expose_secret()).await {
        Ok(AuthResult::Success) => Ok(()),
        Ok(result) if wants_more(&result, manner) => {
            by_questions(connection, user, None, manner).await.map_err(Unasked::into_error)
        }
        Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => Err(second_factor(&remaining_methods)),
        Ok(AuthResult::Failure { remaining_methods, .. }) => Err(refused(connection, user, &remaining_methods).await),
        Err(_) => Err(connection.reason(DURING).await),
    }
}

async fn by_key(
    connection: &mut Connection,
    user: &str,
    key: Arc<PrivateKey>,
    manner: Manner<'_>,
) -> Result<(), AccessError> {
    let hash = rsa_hash(connection, key.algorithm().is_rsa(), manner.algorithms).await?;
    let key = PrivateKeyWithHashAlg::new(key, hash);
    let result = connection.handle_mut()?.authenticate_publickey(user, key).await;
    after_key(connection, user, result.map_err(drop), manner).await
}

/// As [`by_key`], where an agent signs.
async fn by_agent(
    connection: &mut Connection,
    user: &str,
    key: PublicKey,
    mut agent: AgentClient<UnixStream>,
    manner: Manner<'_>,
) -> Result<(), AccessError> {
    let hash = rsa_hash(connection, key.algorithm().is_rsa(), manner.algorithms).await?;
    match connection.handle_mut()?.authenticate_publickey_with(user, key, hash, &mut agent).await {
        Err(AgentAuthError::Key(error)) => {
            Err(AccessError::UnusableKey(quote(&format!("the agent does not sign: {error}"))))
        }
        result => after_key(connection, user, result.map_err(drop), manner).await,
    }
}

/// The hash that an RSA key signs with.
async fn rsa_hash(
    connection: &Connection,
    is_rsa: bool,
    algorithms: Algorithms,
) -> Result<Option<HashAlg>, AccessError> {
    match (is_rsa, algorithms) {
        (false, _) => Ok(None),
        // Old releases know no other signature and say nothing about what they know.
        (true, Algorithms::Legacy) => match connection.handle()?.best_supported_rsa_hash().await {
            Ok(hash) => Ok(hash.flatten()),
            Err(_) => Err(connection.reason(DURING).await),
        },
        (true, Algorithms::Modern) => Ok(Some(HashAlg::Sha512)),
    }
}

async fn after_key(
    connection: &mut Connection,
    user: &str,
    result: Result<AuthResult, ()>,
    manner: Manner<'_>,
) -> Result<(), AccessError> {
    match result {
        Ok(AuthResult::Success) => Ok(()),
        Ok(result) if wants_more(&result, manner) => {
            by_questions(connection, user, None, manner).await.map_err(Unasked::into_error)
        }
        Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => Err(second_factor(&remaining_methods)),
        Ok(AuthResult::Failure { remaining_methods, .. }) => Err(refused(connection, user, &remaining_methods).await),
        Err(()) => Err(connection.reason(DURING).await),
    }
}

async fn by_password(
    connection: &mut Connection,
    user: &str,
    password: &SecretString,
    manner: Manner<'_>,
) -> Result<(), AccessError> {
    if !manner.questions.is_empty() {
        return by_questions(connection, user, Some(password), manner).await.map_err(Unasked::into_error);
    }
    match connection.handle_mut()?.authenticate_password(user, password.expose_secret()).await {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure { remaining_methods: offered, partial_success: false })
            if offered.contains(&MethodKind::KeyboardInteractive) && !offered.contains(&MethodKind::Password) =>
        {
            by_questions(connection, user, Some(password), manner).await.map_err(Unasked::into_error)
        }
        Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => Err(second_factor(&remaining_methods)),
        Ok(AuthResult::Failure { remaining_methods, .. }) => Err(refused(connection, user, &remaining_methods).await),
        Err(_) => Err(connection.reason(DURING).await),
    }
}

/// How a login by questions failed.
enum Unasked {
    /// No question came, so that nothing could have been refused; the peer offers these methods.
    Offers(MethodSet),
    /// In any other way.
    Failed(AccessError),
}

impl Unasked {
    fn into_error(self) -> AccessError {
        match self {
            Self::Failed(error) => error,
            Self::Offers(methods) => {
                let offered = names(&methods);
                AccessError::Protocol(quote(&format!("no question at the login; it offers {offered}")))
            }
        }
    }
}

impl From<AccessError> for Unasked {
    fn from(error: AccessError) -> Self {
        Self::Failed(error)
    }
}

/// Answers questions: with the password, once, those that ask for it; the others by the person beside, if there is one.
async fn by_questions(
    connection: &mut Connection,
    user: &str,
    mut password: Option<&SecretString>,
    manner: Manner<'_>,
) -> Result<(), Unasked> {
    let has_password = password.is_some();
    let mut answered = false;
    let mut reply = connection.handle_mut()?.authenticate_keyboard_interactive_start(user, None::<String>).await;
    for _ in 0..=PROMPT_ROUNDS_MAX {
        let prompts = match reply {
            Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(()),
            // Nothing was said that could have been refused.
            Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, .. })
                if !answered && (!manner.questions.is_empty() || manner.beside.is_some()) =>
            {
                return Err(Unasked::Offers(remaining_methods));
            }
            Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success: true }) => {
                return Err(second_factor(&remaining_methods).into());
            }
            Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, .. }) => {
                return Err(refused(connection, user, &remaining_methods).await.into());
            }
            Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => prompts,
            Err(_) => return Err(connection.reason(DURING).await.into()),
        };
        connection.deaf = true;
        let again = || AccessError::LoginRefused { user: user.to_owned(), offered: Outside::default() };
        let answers = match (answer(&prompts, manner.questions), manner.beside) {
            (Answer::Nothing, _) => Vec::new(),
            // Asked again: it was not the right one.
            (Answer::Password, _) if has_password && password.is_none() => return Err(again().into()),
            (Answer::Password, None) => match password.take() {
                Some(password) => vec![password.expose_secret().to_owned()],
                None => return Err(again().into()),
            },
            (Answer::Password | Answer::Unknown(_), Some(beside)) => {
                by_person(&prompts, manner.questions, &mut password, beside).await?
            }
            (Answer::Unknown(question), None) => return Err(AccessError::UnknownPrompt(question).into()),
        };
        answered |= !answers.is_empty();
        reply = connection.handle_mut()?.authenticate_keyboard_interactive_respond(answers).await;
        connection.deaf = matches!(reply, Ok(KeyboardInteractiveAuthResponse::InfoRequest { .. }));
    }
    Err(AccessError::UnknownPrompt(Outside::from("questions without end")).into())
}

/// Answers one round with a person: the password is said to the first hidden question that asks for it, the person
/// answers the rest.
async fn by_person(
    prompts: &[Prompt],
    questions: &[Question],
    password: &mut Option<&SecretString>,
    beside: Beside<'_>,
) -> Result<Vec<String>, AccessError> {
    if prompts.len() > PROMPTS_MAX {
        return Err(AccessError::UnknownPrompt(Outside::from("more questions at once than anybody asks")));
    }
    let mut answers = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        let for_password = answer(std::slice::from_ref(prompt), questions) == Answer::Password;
        if let Some(password) = for_password.then(|| password.take()).flatten() {
            answers.push(password.expose_secret().to_owned());
            continue;
        }
        let question = Outside::new(prompt.prompt.chars().take(PROMPT_CHARS_MAX).collect::<String>());
        let asked = Asked { by: beside.by.to_owned(), question: question.clone(), echo: prompt.echo };
        let Some(typed) = beside.person.answer(asked).await else { return Err(AccessError::Unanswered(question)) };
        answers.push(typed.expose_secret().to_owned());
    }
    Ok(answers)
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// A round without a question ends the exchange.
    Nothing,
    Password,
    Unknown(Outside),
}

/// Only one question, without echo, that asks for a password or is declared, is answered.
fn answer(prompts: &[Prompt], questions: &[Question]) -> Answer {
    let known = |prompt: &str| is_for_password(prompt) || questions.iter().any(|question| question.is(prompt));
    match prompts {
        [] => Answer::Nothing,
        [one] if !one.echo && one.prompt.len() <= PROMPT_CHARS_MAX && known(&one.prompt) => Answer::Password,
        more => {
            let texts = more.iter().take(PROMPTS_MAX).map(|prompt| prompt.prompt.as_str()).collect::<Vec<_>>();
            Answer::Unknown(Outside::new(texts.join(" | ").chars().take(PROMPT_CHARS_MAX).collect::<String>()))
        }
    }
}

/// What was said is right, and not enough: no refusal, so that no credential is stopped for it, and nothing more is said.
fn second_factor(wanted: &MethodSet) -> AccessError {
    AccessError::UnknownPrompt(Outside::new(format!("a second factor is wanted: {}", names(wanted))))
}

/// A failure without a method that is left may also be a connection that broke: russh tells the difference at its
/// end, and only the first counts as a refusal.
async fn refused(connection: &Connection, user: &str, offered: &MethodSet) -> AccessError {
    if offered.is_empty() {
        let reason = connection.reason(DURING).await;
        if !matches!(connection.shared.lock().end, Some(End::NoMethodLeft)) {
            return reason;
        }
    }
    AccessError::LoginRefused { user: user.to_owned(), offered: Outside::new(names(offered)) }
}

fn names(methods: &MethodSet) -> String {
    methods.iter().map(Into::into).collect::<Vec<&'static str>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(prompts: &[(&str, bool)]) -> Answer {
        let prompt = |(prompt, echo): &(&str, bool)| Prompt { prompt: (*prompt).to_owned(), echo: *echo };
        answer(&prompts.iter().map(prompt).collect::<Vec<_>>(), &["PASSCODE:".parse().expect("a pattern")])
    }

    #[test]
    fn one_hidden_question_for_a_password_is_answered() {
        assert_eq!(asked(&[("Password: ", false)]), Answer::Password);
        assert_eq!(asked(&[("(admin@nx01) password:", false)]), Answer::Password);
        assert_eq!(asked(&[("PASSCODE:", false)]), Answer::Password);
        assert_eq!(asked(&[]), Answer::Nothing);
    }

    #[test]
    fn every_other_question_is_unknown() {
        let long = format!("{}Password:", "x".repeat(PROMPT_CHARS_MAX));
        for prompts in [
            &[("Password: ", true)][..],
            &[("Token: ", false)],
            &[("PASSCODE:", true)],
            &[("NEW PASSCODE:", false)],
            &[("New password: ", false)],
            &[("Password: ", false), ("Password: ", false)],
            &[("Password for the jump host?", false)],
            &[(long.as_str(), false)],
        ] {
            assert!(matches!(asked(prompts), Answer::Unknown(_)), "{prompts:?}");
        }
    }

    #[test]
    fn key_and_passphrase_are_both_in_the_digest() {
        let of = |pem: &str, passphrase: Option<&str>| digest(&pem.into(), passphrase.map(Into::into).as_ref());
        assert_ne!(of("a", None), of("a", Some("b")));
        assert_ne!(of("ab", Some("c")), of("a", Some("bc")));
        assert_eq!(of("a", Some("b")), of("a", Some("b")));
    }
}
