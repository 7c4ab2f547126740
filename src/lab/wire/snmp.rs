//! The agent of SNMP of one unit.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_snmp::agent;
use async_snmp::handler::{BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, RequestContext};
use async_snmp::v3::AuthoritativeEngine;
use async_snmp::{AuthProtocol, PrivProtocol, Value, VarBind};

use crate::lab::error::LabError;
use crate::lab::fault::Fault;
use crate::lab::fleet::SnmpAccount;
use crate::lab::rack::Place;
use crate::model::snmp::{Oid, SnmpValue, SnmpVersion};

/// How long to wait before a port that somebody else took is tried again.
const REBIND: Duration = Duration::from_millis(100);
/// The engine's name begins with the vendor's number, and goes on as text (RFC 3411).
const ENGINE: &[u8] = &[0x80, 0x00, 0x63, 0xfd, 0x04];
/// Bytes of the name of an engine.
const ENGINE_BYTES_MAX: usize = 32;

/// What a unit says, made anew for each question.
struct Face(Arc<Place>);

impl Face {
    /// The first object at or behind `oid` that `fits`.
    fn find(&self, fits: impl Fn(&Oid) -> bool) -> Option<(async_snmp::Oid, Value)> {
        let objects = self.0.objects();
        let found = objects.into_iter().find(|object| fits(&object.oid))?;
        let value = match found.value {
            SnmpValue::Integer(number) => Value::Integer(i32::try_from(number).unwrap_or(i32::MAX)),
            SnmpValue::Unsigned(number) => Value::Gauge32(u32::try_from(number).unwrap_or(u32::MAX)),
            SnmpValue::Text(text) => Value::OctetString(text.into_data().into()),
            SnmpValue::Other(_) => Value::Null,
        };
        Some((async_snmp::Oid::from_slice(found.oid.arcs()), value))
    }
}

fn own(oid: &async_snmp::Oid) -> Oid {
    Oid::new(oid.arcs().to_vec())
}

impl MibHandler for Face {
    fn get<'a>(&'a self, _: &'a RequestContext, oid: &'a async_snmp::Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        let wanted = own(oid);
        let found = self.find(|known| *known == wanted);
        Box::pin(async move { Ok(found.map_or(GetResult::NoSuchObject, |(_, value)| GetResult::Value(value))) })
    }

    fn get_next<'a>(
        &'a self,
        _: &'a RequestContext,
        oid: &'a async_snmp::Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        let before = own(oid);
        let found = self.find(|known| *known > before);
        let next = |(oid, value)| GetNextResult::Value(VarBind::new(oid, value));
        Box::pin(async move { Ok(found.map_or(GetNextResult::EndOfMibView, next)) })
    }
}

/// An agent that is bound to its port.
pub(in crate::lab) struct Agent {
    place: Arc<Place>,
    account: SnmpAccount,
    address: SocketAddr,
    bound: agent::Agent,
}

impl Agent {
    /// Binds the port of a unit's agent.
    pub(in crate::lab) async fn bind(
        place: &Arc<Place>,
        account: SnmpAccount,
        address: SocketAddr,
    ) -> Result<Self, LabError> {
        let bound = build(place, &account, address).await.map_err(|error| LabError::Listen {
            seat: place.spec().seat.to_string(),
            address,
            source: std::io::Error::other(error.to_string()),
        })?;
        Ok(Self { place: Arc::clone(place), account, address: bound.local_addr(), bound })
    }

    /// Where it listens.
    pub(in crate::lab) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for ever; while the unit's agent is silent the port is closed.
    pub(in crate::lab) async fn serve(self) {
        let Self { place, account, address, bound } = self;
        let mut bound = Some(bound);
        let mut faults = place.faults_moved();
        loop {
            if place.with(|unit| unit.has(Fault::SnmpSilent)) {
                bound = None;
                if faults.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let Some(agent) = &bound else {
                match build(&place, &account, address).await {
                    Ok(agent) => bound = Some(agent),
                    Err(_) => tokio::time::sleep(REBIND).await,
                }
                continue;
            };
            tokio::select! {
                ended = agent.run() => {
                    if let Err(error) = ended {
                        tracing::debug!(seat = %place.spec().seat, kind = %error.kind(), "the agent ended");
                    }
                    bound = None;
                }
                _ = faults.changed() => {}
            }
        }
    }
}

async fn build(
    place: &Arc<Place>,
    account: &SnmpAccount,
    address: SocketAddr,
) -> Result<agent::Agent, Box<async_snmp::Error>> {
    let builder = agent::Agent::builder()
        .bind(address.to_string())
        .handler(async_snmp::Oid::from_slice(&[1, 3, 6, 1]), Arc::new(Face(Arc::clone(place))))
        .without_builtin_handlers()
        .allow_all_access();
    let builder = match account.version {
        SnmpVersion::V2c => builder.community(account.secret().as_str()),
        SnmpVersion::V3 => {
            let name: Vec<u8> = ENGINE.iter().copied().chain(place.spec().seat.as_str().bytes()).collect();
            let name = name.get(..ENGINE_BYTES_MAX).unwrap_or(&name).to_vec();
            let engine = AuthoritativeEngine::install(name, |_| Ok::<(), Infallible>(()))?;
            let (secret, privacy) = (account.secret(), account.privacy());
            let keyed = builder.authoritative_engine(engine).usm_user(account.user(), |user| {
                user.auth_priv(AuthProtocol::Sha256, &secret, PrivProtocol::Aes128, &privacy)
            });
            keyed.map_err(|error| async_snmp::Error::Config(error.to_string().into()).boxed())?
        }
    };
    builder.build().await
}
