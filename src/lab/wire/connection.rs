//! One SSH connection: logins, and a task for each channel.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};

use super::channel;
use super::listener::Wire;
use crate::lab::fault::Fault;
use crate::lab::rack::{Place, Shows, Visit};

/// The handler of a connection. It only says yes or no; what is said on a channel is the business of its task.
pub(super) struct Connection {
    place: Arc<Place>,
    wire: Wire,
    refuse_logins: bool,
    /// The question that a login is asked; without one it shows a password or a key.
    asks: Option<&'static str>,
    socket: Arc<OwnedFd>,
    user: String,
    /// Counts the connection as long as it lives.
    _visit: Visit,
}

impl Connection {
    pub(super) fn new(place: Arc<Place>, visit: Visit, wire: Wire, refuse_logins: bool, socket: OwnedFd) -> Self {
        let asks = place.with(|unit| match () {
            () if unit.take(Fault::AsksToken) => Some("Token: "),
            () if unit.take(Fault::AsksPassword) => Some("Password: "),
            () => None,
        });
        Self { place, wire, refuse_logins, asks, socket: Arc::new(socket), user: String::new(), _visit: visit }
    }

    fn login(&mut self, user: &str, shows: Shows<'_>) -> Auth {
        if self.place.login(user, shows, self.refuse_logins) {
            user.clone_into(&mut self.user);
            Auth::Accept
        } else {
            self.refuse()
        }
    }

    /// As OpenSSH does, the same methods are offered again.
    fn refuse(&self) -> Auth {
        let methods: &[MethodKind] = match self.asks {
            None => &[MethodKind::PublicKey, MethodKind::Password],
            Some(_) => &[MethodKind::KeyboardInteractive],
        };
        Auth::Reject { proceed_with_methods: Some(MethodSet::from(methods)), partial_success: false }
    }
}

/// A key in OpenSSH's one-line form without comment.
fn one_line(key: &PublicKey) -> String {
    let mut key = key.clone();
    key.set_comment("");
    key.to_openssh().unwrap_or_default()
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(if self.asks.is_some() { self.refuse() } else { self.login(user, Shows::Password(password)) })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(question) = self.asks else { return Ok(self.refuse()) };
        let Some(answers) = response else {
            let prompts = vec![(question.into(), false)].into();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let answers: Vec<String> = answers.map(|answer| String::from_utf8_lossy(&answer).into_owned()).collect();
        // Nobody in the lab has a token.
        let answer = answers.first().filter(|_| question == "Password: ").map_or("", String::as_str);
        Ok(self.login(user, Shows::Password(answer)))
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        let key = one_line(offer.public_key);
        Ok(if self.asks.is_some() {
            self.refuse()
        } else if self.place.knows_key(user, &key) {
            Auth::Accept
        } else {
            self.login(user, Shows::Key(&key))
        })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.login(user, Shows::Key(&one_line(key.public_key))))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        let task = channel::Task::new(Arc::clone(&self.place), self.wire, self.user.clone(), Arc::clone(&self.socket));
        tokio::spawn(task.run(channel));
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        if self.place.with(|unit| unit.has(Fault::ExecRefused)) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}
