//! Units behind the access trait without sockets: deterministic and at once, for tests of time.
//!
//! Pins are checked as on a wire: nothing secret is looked at before the host key is accepted.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use secrecy::ExposeSecret;

use super::fault::Fault;
use super::rack::{Clock, Place, Rack, Reception, Shows, Visit};
use super::unit::{Awaits, Shell, garble};
use super::wire::public_host_key;
use crate::access::{Access, AccessError, Answer, Negotiated, Peer, Session, ShownKey, SnmpError};
use crate::model::command::ReadCommand;
use crate::model::credential::{Login, LoginSecret};
use crate::model::inventory::{Algorithms, Channel};
use crate::model::outside::Outside;
use crate::model::snmp::{Oid, SnmpLogin, SnmpObject};
use crate::model::time::Time;

/// What a limit of time is said to have been, since no time passes here.
const LIMIT: Duration = Duration::from_secs(20);

/// The way to the units of a rack without sockets.
#[derive(Debug)]
pub struct Direct {
    rack: Arc<Rack>,
}

impl Direct {
    /// The way to the units of `rack`.
    pub const fn new(rack: Arc<Rack>) -> Self {
        Self { rack }
    }

    /// The units.
    pub const fn rack(&self) -> &Arc<Rack> {
        &self.rack
    }
}

/// A clock that stands until somebody moves it.
pub fn still_clock(at: Time) -> (Clock, Arc<std::sync::atomic::AtomicI64>) {
    let hand = Arc::new(std::sync::atomic::AtomicI64::new(at.as_ms()));
    let reader = Arc::clone(&hand);
    (Arc::new(move || Time::from_ms(reader.load(std::sync::atomic::Ordering::SeqCst))), hand)
}

/// A connection whose key exchange is done.
struct Reached {
    place: Arc<Place>,
    visit: Visit,
    key: ShownKey,
    refuse_logins: bool,
}

fn reach(rack: &Rack, peer: Peer<'_>) -> Result<Reached, AccessError> {
    let place = rack.place(&peer.seat.name);
    let place = place.ok_or_else(|| AccessError::NotYetServed(format!("seat {} is not in the lab", peer.seat.name)))?;
    let (visit, reception) = place.receive();
    let (changed_key, refuse_logins) = match reception {
        Reception::Refuse => return Err(AccessError::Refused),
        Reception::Full => return Err(AccessError::ClosedEarly),
        Reception::Silent => return Err(AccessError::TimedOut { what: "the SSH greeting", limit: LIMIT }),
        Reception::Talk { changed_key, refuse_logins } => (changed_key, refuse_logins),
    };
    let offered = place.spec().algorithms;
    if offered == Algorithms::Legacy && peer.seat.ssh.algorithms == Algorithms::Modern {
        return Err(AccessError::Protocol("no common key exchange algorithm".to_owned()));
    }
    let key = shown_key(place, offered, changed_key)?;
    Ok(Reached { place: Arc::clone(place), visit, key, refuse_logins })
}

fn shown_key(place: &Place, offered: Algorithms, changed: bool) -> Result<ShownKey, AccessError> {
    let protocol = |error: &dyn std::fmt::Display| AccessError::Protocol(error.to_string());
    let line = public_host_key(&place.spec().seat, offered, changed).map_err(|error| protocol(&error))?;
    let key = russh::keys::PublicKey::from_openssh(&line).map_err(|error| protocol(&error))?;
    let (kex, cipher, mac) = match offered {
        Algorithms::Modern => ("curve25519-sha256", "aes256-gcm@openssh.com", "implicit"),
        Algorithms::Legacy => ("diffie-hellman-group14-sha1", "aes128-cbc", "hmac-sha1"),
    };
    let algorithm = key.algorithm().to_string();
    Ok(ShownKey {
        fingerprint: key.fingerprint(russh::keys::HashAlg::Sha256).to_string(),
        public_key: line,
        negotiated: Negotiated {
            kex: kex.to_owned(),
            host_key: algorithm.clone(),
            cipher: cipher.to_owned(),
            mac: mac.to_owned(),
        },
        algorithm,
    })
}

fn check_pins(key: &ShownKey, pins: &[String]) -> Result<(), AccessError> {
    let (algorithm, fingerprint) = (key.algorithm.clone(), key.fingerprint.clone());
    if pins.is_empty() {
        return Err(AccessError::KeyUnknown { algorithm, fingerprint });
    }
    if pins.contains(&key.public_key) {
        return Ok(());
    }
    let print = |pin: &String| {
        russh::keys::PublicKey::from_openssh(pin)
            .map_or_else(|_| pin.clone(), |key| key.fingerprint(russh::keys::HashAlg::Sha256).to_string())
    };
    let expected = pins.iter().map(print).collect::<Vec<_>>().join(", ");
    Err(AccessError::KeyChanged { expected, algorithm, fingerprint })
}

fn log_in(reached: &Reached, login: &Login) -> Result<(), AccessError> {
    let user = &login.user;
    let accepted = match &login.secret {
        LoginSecret::Password(password) => {
            reached.place.login(user, Shows::Password(password.expose_secret()), reached.refuse_logins)
        }
        LoginSecret::Agent { .. } => return Err(AccessError::UnusableKey("no agent is asked here".to_owned())),
        LoginSecret::Key { pem, passphrase } => {
            let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
            let unusable = |error: &dyn std::fmt::Display| AccessError::UnusableKey(error.to_string());
            let key = russh::keys::decode_secret_key(pem.expose_secret(), passphrase).map_err(|e| unusable(&e))?;
            let mut public = key.public_key().clone();
            public.set_comment("");
            let line = public.to_openssh().map_err(|error| unusable(&error))?;
            reached.place.login(user, Shows::Key(&line), reached.refuse_logins)
        }
    };
    if accepted {
        Ok(())
    } else {
        Err(AccessError::LoginRefused { user: user.clone(), offered: Outside::from("publickey,password") })
    }
}

impl Access for Direct {
    fn show_key<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        async move { Ok(reach(&self.rack, peer)?.key) }.boxed()
    }

    fn open<'a>(
        &'a self,
        peer: Peer<'a>,
        pins: &'a [String],
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, AccessError>> {
        async move {
            let reached = reach(&self.rack, peer)?;
            check_pins(&reached.key, pins)?;
            log_in(&reached, login)?;
            let Reached { place, visit, key, .. } = reached;
            let shell = begin(&place, login, peer.seat.ssh.channel)?;
            let login = login.clone();
            let negotiated = key.negotiated;
            let session = DirectSession { place, shell, login, negotiated, broken: false, _visit: visit };
            Ok(Box::new(session) as Box<dyn Session>)
        }
        .boxed()
    }

    fn objects<'a>(
        &'a self,
        peer: Peer<'a>,
        login: &'a SnmpLogin,
        roots: &'a [Oid],
    ) -> BoxFuture<'a, Result<Vec<SnmpObject>, SnmpError>> {
        async move { objects(&self.rack, peer, login, roots) }.boxed()
    }
}

/// What a unit gives by SNMP, to whom it knows.
fn objects(rack: &Rack, peer: Peer<'_>, login: &SnmpLogin, roots: &[Oid]) -> Result<Vec<SnmpObject>, SnmpError> {
    if let Some(why) = peer.gateway.without_snmp() {
        return Err(SnmpError::NotAvailable(why));
    }
    let place = rack.place(&peer.seat.name);
    let spoken = place.and_then(|place| Some((place, place.spec().snmp.as_ref()?)));
    let Some((place, account)) = spoken.filter(|(place, _)| !place.with(|unit| unit.has(Fault::SnmpSilent))) else {
        return Err(SnmpError::TimedOut);
    };
    match login {
        SnmpLogin::Community(community) if community.expose_secret() != account.secret() => {
            return Err(SnmpError::TimedOut);
        }
        SnmpLogin::User { name, passphrase, .. } => {
            if *name != account.user() {
                return Err(SnmpError::Refused("unknown user"));
            }
            if passphrase.expose_secret() != account.secret() {
                return Err(SnmpError::Refused("wrong passphrase or other way of authentication"));
            }
        }
        SnmpLogin::Community(_) => {}
    }
    let mut objects = place.objects();
    objects.retain(|object| roots.iter().any(|root| object.oid.below(root).is_some()));
    Ok(objects)
}

/// Goes to where commands can be given.
fn begin(place: &Place, login: &Login, channel: Channel) -> Result<Shell, AccessError> {
    let (mut shell, greeting) = place.open(&login.user, channel);
    if shell.awaits == Awaits::Nothing {
        return Err(AccessError::NoPrompt(Outside::from(greeting.text.as_str())));
    }
    if shell.channel == Channel::Shell {
        for line in ["no cli session paging enable", "enable"] {
            place.run(&mut shell, line);
        }
        if shell.awaits == Awaits::Password {
            let password = login.enable.as_ref().map_or("", |secret| secret.expose_secret());
            place.run(&mut shell, password);
        }
    }
    Ok(shell)
}

/// A session with a unit in the same process.
struct DirectSession {
    place: Arc<Place>,
    shell: Shell,
    login: Login,
    negotiated: Negotiated,
    broken: bool,
    _visit: Visit,
}

/// Asks in a shell, or in the channel of one command.
async fn ask(place: &Place, shell: &mut Shell, command: &ReadCommand, bytes_max: usize) -> Result<Answer, AccessError> {
    let (output, held) = place.run(shell, command.as_str());
    if let Some(held) = held {
        held.released().await;
    }
    if output.trouble.contains(&Fault::DropMidCommand) {
        return Err(AccessError::Dropped("a command"));
    }
    if output.trouble.contains(&Fault::EndlessOutput) || output.text.len() > bytes_max {
        return Err(AccessError::OverLimit { what: "an answer", limit: bytes_max });
    }
    let text = if output.trouble.contains(&Fault::Garble) {
        Outside::from_bytes(&garble(&output.text))
    } else {
        Outside::from(output.text.as_str())
    };
    let took = if output.trouble.contains(&Fault::Slow) { Duration::from_secs(3) } else { Duration::ZERO };
    Ok(Answer { text, complete: true, took })
}

impl Session for DirectSession {
    fn read<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Answer, AccessError>> {
        async move {
            if self.broken {
                return Err(AccessError::Dropped("a command"));
            }
            let answer = ask(&self.place, &mut self.shell, command, bytes_max).await;
            self.broken = answer.is_err();
            answer
        }
        .boxed()
    }

    fn read_other<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Option<Answer>, AccessError>> {
        async move {
            if self.broken {
                return Err(AccessError::Dropped("a command"));
            }
            let other = if self.shell.channel == Channel::Shell { Channel::Exec } else { Channel::Shell };
            if other == Channel::Exec && self.place.with(|unit| unit.take(Fault::ExecRefused)) {
                return Ok(None);
            }
            let answer = match begin(&self.place, &self.login, other) {
                Ok(mut shell) => ask(&self.place, &mut shell, command, bytes_max).await,
                Err(error) => Err(error),
            };
            self.broken = answer.is_err();
            answer.map(Some)
        }
        .boxed()
    }

    /// Nothing takes time here.
    fn allow(&mut self, _command: Duration) {}

    fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move { drop(self) }.boxed()
    }
}
