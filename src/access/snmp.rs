//! Questions by SNMP v2c and v3, over UDP and the direct way alone. The crate that speaks it is seen nowhere else here.
//!
//! Invariants: what comes back is bounded in objects, bytes and time; a walk that breaks any rule gives nothing at all;
//! an answer counts only from the address and port that were asked; no error shows a secret, or text from outside.

use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::{
    Auth, AuthProtocol, Client, Error, ErrorKind, ErrorStatus, OidOrdering, PrivProtocol, Retry, UsmConfig, Value,
    WalkOptions,
};
use secrecy::ExposeSecret;

use super::route::Router;
use super::{AccessLimits, Peer};
use crate::model::limits::{SNMP_BYTES_MAX, SNMP_OBJECTS_MAX, SNMP_VALUE_BYTES_MAX};
use crate::model::outside::Outside;
use crate::model::snmp::{Oid, SnmpAuth, SnmpLogin, SnmpObject, SnmpPrivacy, SnmpValue, SnmpVersion};

/// Why SNMP gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// By what the files say there is no way for it: nothing was sent.
    #[error("not available: {0}")]
    NotAvailable(String),
    /// Nothing answered in time, or not to the end. An agent does not tell a wrong community from no agent.
    #[error("no answer in time")]
    TimedOut,
    /// The agent refuses the user, the passphrase or the question.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// A limit was broken.
    #[error("{what} is longer than {limit} {unit}")]
    OverLimit {
        /// What was read.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// `objects`, `bytes`.
        unit: &'static str,
    },
    /// An object came that does not lie behind the one before: a walk would never end.
    #[error("the walk does not go forward")]
    NotIncreasing,
    /// What came is no answer as SNMP has them.
    #[error("SNMP protocol: {0}")]
    Protocol(&'static str),
    /// The network says that there is no way.
    #[error("network: {0}")]
    Network(String),
    /// The secret cannot be used.
    #[error("the passphrase cannot be used: {0}")]
    Unusable(String),
}

/// Objects that one packet brings. Agents of net-snmp answer larger questions of v3 with a general error.
const fn repetitions(version: SnmpVersion) -> u32 {
    match version {
        SnmpVersion::V2c => 25,
        SnmpVersion::V3 => 10,
    }
}

/// How often a question that is not answered is put again.
const RETRIES: u32 = 1;

/// The longest wait for one packet.
const PACKET_MAX: Duration = Duration::from_secs(2);

/// How long one packet is waited for: so that with its repetition, after the discovery of an engine that took as long,
/// something is left of the whole.
fn packet(whole: Duration) -> Duration {
    (whole / 5).min(PACKET_MAX)
}

/// Reads all objects below `roots`, in their order.
pub(super) async fn objects(
    router: &Router,
    limits: &AccessLimits,
    peer: Peer<'_>,
    login: &SnmpLogin,
    roots: &[Oid],
) -> Result<Vec<SnmpObject>, SnmpError> {
    let address = router.datagrams(peer)?;
    let version = login.version();
    let walk = walk_all(address, auth(login)?, roots, version, limits.snmp);
    tokio::time::timeout(limits.snmp, walk).await.unwrap_or(Err(SnmpError::TimedOut))
}

async fn walk_all(
    address: SocketAddr,
    auth: Auth,
    roots: &[Oid],
    version: SnmpVersion,
    whole: Duration,
) -> Result<Vec<SnmpObject>, SnmpError> {
    let failed = |error: Box<Error>| told(&error);
    let retry = Retry::fixed(RETRIES, Duration::ZERO).map_err(|_| SnmpError::Protocol("no retry"))?;
    let client = Client::builder(address, auth)
        .request_timeout(packet(whole))
        .retry(retry)
        .strict_source(true)
        // An agent cannot sign that it does not know the user. Such a report ends a walk and gives it no object.
        .allow_unauthenticated_v3_time_correction(true)
        .connect()
        .await
        .map_err(failed)?;
    let mut objects = Vec::new();
    let mut bytes = 0;
    for root in roots {
        let options = WalkOptions {
            max_repetitions: repetitions(version),
            ordering: OidOrdering::Strict,
            result_limit: Some(SNMP_OBJECTS_MAX.saturating_sub(objects.len())),
            ..WalkOptions::default()
        };
        let root = async_snmp::Oid::from_slice(root.arcs());
        let mut walk = client.walk_with(root, options).map_err(failed)?;
        while let Some(bound) = walk.next().await {
            let bound = bound.map_err(failed)?;
            let object = object(bound.oid.arcs(), &bound.value);
            bytes += size(&object);
            if bytes > SNMP_BYTES_MAX {
                return Err(SnmpError::OverLimit { what: "a walk", limit: SNMP_BYTES_MAX, unit: "bytes" });
            }
            objects.push(object);
        }
    }
    Ok(objects)
}

fn auth(login: &SnmpLogin) -> Result<Auth, SnmpError> {
    Ok(match login {
        SnmpLogin::Community(community) => Auth::v2c(community.expose_secret()),
        SnmpLogin::User { name, auth, passphrase, privacy } => {
            let auth = match auth {
                SnmpAuth::Sha1 => AuthProtocol::Sha1,
                SnmpAuth::Sha256 => AuthProtocol::Sha256,
                SnmpAuth::Sha512 => AuthProtocol::Sha512,
            };
            let (user, passphrase) = (UsmConfig::new(name.clone()), passphrase.expose_secret());
            let user = match privacy {
                None => user.auth(auth, passphrase),
                Some((privacy, secret)) => {
                    let privacy = match privacy {
                        SnmpPrivacy::Aes128 => PrivProtocol::Aes128,
                        SnmpPrivacy::Aes256 => PrivProtocol::Aes256Blumenthal,
                    };
                    user.auth_priv(auth, passphrase, privacy, secret.expose_secret())
                }
            };
            user.map_err(|error| SnmpError::Unusable(error.to_string()))?.into()
        }
    })
}

fn object(arcs: &[u32], value: &Value) -> SnmpObject {
    let value = match value {
        Value::Integer(number) => SnmpValue::Integer(i64::from(*number)),
        Value::Counter32(number) | Value::Gauge32(number) | Value::UInteger32(number) | Value::TimeTicks(number) => {
            SnmpValue::Unsigned(u64::from(*number))
        }
        Value::Counter64(number) => SnmpValue::Unsigned(*number),
        Value::OctetString(bytes) => {
            SnmpValue::Text(Outside::from_bytes(bytes.get(..SNMP_VALUE_BYTES_MAX).unwrap_or(bytes)))
        }
        other => SnmpValue::Other(format!("{:?}", other.kind()).to_lowercase()),
    };
    SnmpObject { oid: Oid::new(arcs.to_vec()), value }
}

/// About what an object holds in memory.
fn size(object: &SnmpObject) -> usize {
    let value = match &object.value {
        SnmpValue::Text(text) => text.as_data().len(),
        SnmpValue::Other(name) => name.len(),
        SnmpValue::Integer(_) | SnmpValue::Unsigned(_) => 8,
    };
    object.oid.arcs().len() * 4 + value
}

/// The error in words of ours: those of the crate may hold what the peer said.
fn told(error: &Error) -> SnmpError {
    match error.exchange_source() {
        Error::Timeout { .. } | Error::ConstructionTimeout { .. } => SnmpError::TimedOut,
        Error::Report { status, .. } => report(status),
        Error::Auth { .. } => SnmpError::Refused("the answer is not signed with this passphrase"),
        Error::Snmp { status, .. } => match status {
            ErrorStatus::NoAccess | ErrorStatus::AuthorizationError | ErrorStatus::NoSuchName => {
                SnmpError::Refused("this user or community may not read the objects")
            }
            ErrorStatus::TooBig => SnmpError::Protocol("the agent says that the answer is too big"),
            ErrorStatus::GenErr => SnmpError::Protocol("the agent says that it has an error"),
            _ => SnmpError::Protocol("the agent answers with an error status"),
        },
        Error::WalkAborted { reason, .. } => match reason {
            async_snmp::WalkAbortReason::ResultLimitExceeded { .. } => {
                SnmpError::OverLimit { what: "a walk", limit: SNMP_OBJECTS_MAX, unit: "objects" }
            }
            _ => SnmpError::NotIncreasing,
        },
        Error::Network { source, .. } => SnmpError::Network(source.kind().to_string()),
        other => SnmpError::Protocol(match other.kind() {
            ErrorKind::Decode => "the answer cannot be decoded",
            ErrorKind::ResponseShape | ErrorKind::MalformedResponse => "the answer does not fit the question",
            ErrorKind::Privacy => "the answer cannot be decrypted",
            ErrorKind::OutboundMessageTooLarge => "the agent takes no question of this length",
            _ => "the exchange broke",
        }),
    }
}

fn report(status: &async_snmp::v3::ReportStatus) -> SnmpError {
    use async_snmp::v3::ReportStatus as Report;
    match status {
        Report::UnknownUserName { .. } => SnmpError::Refused("unknown user"),
        Report::WrongDigest { .. } => SnmpError::Refused("wrong passphrase or other way of authentication"),
        Report::DecryptionError { .. } => SnmpError::Refused("wrong passphrase or other way of encryption"),
        Report::UnsupportedSecurityLevel { .. } => SnmpError::Refused("the user is not set up for this"),
        Report::NotInTimeWindow { .. } => SnmpError::Protocol("its engine's clock does not hold"),
        Report::UnknownEngineId { .. } => SnmpError::Protocol("its engine has another name than it said"),
        _ => SnmpError::Protocol("an unknown report"),
    }
}
