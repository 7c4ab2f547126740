//! L3: the way to an appliance: route, SSH, prompts, host keys, SNMP.
//!
//! Invariant: nothing secret goes to a peer whose host key was not accepted for this asset before; the connection is
//! given its pins when it is made and never learns.

mod answer;
mod bastion;
mod connection;
mod guard;
mod hop;
mod loan;
mod login;
mod nested;
mod profile;
mod prompt;
mod route;
mod screen;
mod session;
mod snmp;
mod ssh;
mod terminal;
mod wire;

use std::time::Duration;

use futures::future::BoxFuture;

use crate::model::command::ReadCommand;
use crate::model::credential::Login;
use crate::model::identity::Proof;
use crate::model::inventory::{Gateway, Hop, Seat};
use crate::model::name::CustomerName;
use crate::model::outside::Outside;
use crate::model::pin::SpkiPin;
use crate::model::push::{KeyPrints, PushCommand};
use crate::model::snmp::{Oid, SnmpLogin, SnmpObject};

pub use bastion::{Bastion, Forwarded, ForwardedStream, Listening};
pub use hop::HopFault;
pub use loan::{Lender, LoanError, Shown, list, socket_of};
pub use login::{Asked, Person};
pub use route::{LabTable, LabTableError, Router, not_tried};
pub use screen::screened;
pub use snmp::SnmpError;
pub use ssh::{AccessLimits, SshAccess};
pub use terminal::{Heard, Terminal, TerminalKey, Waits};
pub use wire::{Pipe, Stream};

crate::words! {
    /// A type of host key, by its name in OpenSSH's one-line form.
    pub enum KeyKind {
        /// Ed25519.
        Ed25519 = "ssh-ed25519",
        /// ECDSA on P-256.
        EcdsaP256 = "ecdsa-sha2-nistp256",
        /// ECDSA on P-384.
        EcdsaP384 = "ecdsa-sha2-nistp384",
        /// ECDSA on P-521.
        EcdsaP521 = "ecdsa-sha2-nistp521",
        /// RSA, whatever hash it signs with.
        Rsa = "ssh-rsa",
    }
}

/// Who is to be reached.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// The seat.
    pub seat: &'a Seat,
    /// The gateway before it.
    pub gateway: &'a Gateway,
    /// The last bastion of the gateway, which was entered; `None` where it has none.
    pub behind: Option<&'a Bastion>,
}

/// A hop of a gateway that has a host key and an account of its own.
#[derive(Debug, Clone, Copy)]
pub struct HopAt<'a> {
    /// The customer, to whom the gateway belongs.
    pub customer: &'a CustomerName,
    /// The gateway.
    pub gateway: &'a Gateway,
    /// Which of its hops, from 0.
    pub at: usize,
    /// The bastion before it, which was entered; `None` where it is the first.
    pub behind: Option<&'a Bastion>,
}

impl<'a> HopAt<'a> {
    fn hop(self) -> Result<&'a Hop, AccessError> {
        let hop = self.gateway.hops.get(self.at).filter(|hop| hop.kind.is_bastion());
        hop.ok_or_else(|| AccessError::NotYetServed(format!("hop {} of gateway {}", self.at, self.gateway.name)))
    }
}

/// A host key that a peer showed in a finished key exchange, before any authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// `ssh-ed25519`, …
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The key in OpenSSH's one-line form, without comment.
    pub public_key: String,
    /// What was negotiated to see it.
    pub negotiated: Negotiated,
}

/// The algorithms of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Negotiated {
    /// Key exchange.
    pub kex: String,
    /// Host key.
    pub host_key: String,
    /// Cipher, client to server.
    pub cipher: String,
    /// MAC, client to server.
    pub mac: String,
}

/// What came back for one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text without echo and prompt; line ends are line feeds.
    pub text: Outside,
    /// Whether the appliance's prompt (shell) or the end of the channel with exit status 0 (exec) was seen after it.
    pub complete: bool,
    /// From sending to the last byte.
    pub took: Duration,
}

/// Opens sessions to appliances.
pub trait Access: Send + Sync {
    /// Completes a key exchange, notes the host key and leaves before authentication.
    fn show_key<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>>;

    /// As [`Self::show_key`], but asks for a key of this type alone. An implementation that cannot ask shows what
    /// the peer prefers.
    fn show_key_of<'a>(&'a self, peer: Peer<'a>, _kind: KeyKind) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        self.show_key(peer)
    }

    /// Opens a session. `pins` are the accepted public keys of the seat's asset, in OpenSSH's one-line form.
    fn open<'a>(
        &'a self,
        peer: Peer<'a>,
        pins: &'a [String],
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, AccessError>>;

    /// As [`Self::show_key`], of a hop. An implementation without hops shows none.
    fn show_hop_key<'a>(&'a self, hop: HopAt<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        Box::pin(async move { Err(no_hops(hop)) })
    }

    /// Logs in to a hop, so that what is behind it can be reached. `pins` are its accepted public keys. Every error
    /// names the hop.
    fn enter<'a>(
        &'a self,
        hop: HopAt<'a>,
        _pins: &'a [String],
        _login: &'a Login,
    ) -> BoxFuture<'a, Result<Bastion, AccessError>> {
        Box::pin(async move { Err(no_hops(hop)) })
    }

    /// As [`Self::enter`], with a person who answers what the files do not.
    fn enter_with<'a>(
        &'a self,
        hop: HopAt<'a>,
        _pins: &'a [String],
        _login: &'a Login,
        _person: &'a dyn Person,
    ) -> BoxFuture<'a, Result<Bastion, AccessError>> {
        Box::pin(async move { Err(no_hops(hop)) })
    }

    /// Who lends an open bastion to other processes, for the way to these seats behind it and to nothing else.
    fn lender(&self, at: HopAt<'_>, _seats: &[Seat], _bastion: Bastion, _shown: Shown) -> Result<Lender, AccessError> {
        Err(no_hops(at))
    }

    /// The bastion of an attended gateway, borrowed from the process that holds it open, by its socket in `folder`;
    /// `None` when nobody does. `at` is its last bastion.
    fn borrow<'a>(
        &'a self,
        at: HopAt<'a>,
        _folder: &'a std::path::Path,
    ) -> BoxFuture<'a, Result<Option<Bastion>, AccessError>> {
        Box::pin(async move { Err(no_hops(at)) })
    }

    /// Reads all objects below `roots` by SNMP, all or none. An implementation that speaks none says that it is not
    /// available.
    fn objects<'a>(
        &'a self,
        _peer: Peer<'a>,
        _login: &'a SnmpLogin,
        _roots: &'a [Oid],
    ) -> BoxFuture<'a, Result<Vec<SnmpObject>, SnmpError>> {
        Box::pin(async { Err(SnmpError::NotAvailable("no SNMP is spoken here".to_owned())) })
    }

    /// Connects to the HTTPS API of a seat. An implementation without sockets does not serve it.
    fn api<'a>(&'a self, _peer: Peer<'a>) -> BoxFuture<'a, Result<ApiWay, AccessError>> {
        Box::pin(async { Err(AccessError::NotYetServed("no HTTPS is spoken here".to_owned())) })
    }
}

/// A connection to the HTTPS API of an appliance, before a word was said on it.
pub struct ApiWay {
    /// The connection.
    pub stream: Pipe,
    /// In the lab the pin of the simulated appliance, which has not the key of the real one.
    pub pin: Option<SpkiPin>,
}

fn no_hops(hop: HopAt<'_>) -> AccessError {
    AccessError::NotYetServed(format!("gateway {} has hops, and nothing here passes one", hop.gateway.name))
}

/// A session that can only look: what it sends is a [`ReadCommand`], or in a person's hands a
/// [`crate::model::typed::TypedLine`], until it becomes one for writing.
pub trait Session: Send {
    /// Sends a show command and waits for its whole answer, at most `bytes_max` of it.
    fn read<'a>(&'a mut self, command: &'a ReadCommand, bytes_max: usize)
    -> BoxFuture<'a, Result<Answer, AccessError>>;

    /// As [`Self::read`], over the other channel on the same connection: one for this command alone beside a shell, a
    /// shell beside such channels. `None` when the appliance opens no such channel; the session serves on then.
    fn read_other<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Option<Answer>, AccessError>>;

    /// Lets each command from here on take so long: a configuration over a slow line takes longer than a show command.
    fn allow(&mut self, command: Duration);

    /// What was negotiated.
    fn negotiated(&self) -> &Negotiated;

    /// Gives the shell to a person, in a window of so many columns and rows. An implementation without a shell has none to
    /// give.
    fn hand_over(self: Box<Self>, _window: (u32, u32)) -> BoxFuture<'static, Result<Box<dyn Terminal>, AccessError>>
    where
        Self: 'static,
    {
        Box::pin(async { Err(AccessError::NoChannel("no shell is spoken here".to_owned())) })
    }

    /// Says goodbye, within a limit of time, so that no session stays in the appliance's table.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// The only way to a session that can tell an appliance to do something: its identity is proved. An implementation
    /// that looks alone has none.
    fn for_writing(self: Box<Self>, _proof: Proof) -> Result<Box<dyn WritingSession>, AccessError> {
        Err(AccessError::NotYetServed("nothing is pushed over this way".to_owned()))
    }
}

/// A session with a proved appliance, which can look and tell it to push.
pub trait WritingSession: Send {
    /// As [`Session::read`].
    fn read<'a>(&'a mut self, command: &'a ReadCommand, bytes_max: usize)
    -> BoxFuture<'a, Result<Answer, AccessError>>;

    /// Tells the appliance to write a backup and push it, and waits until its command line is back, for `limit` at most.
    /// Where it asks whether it knows the host key there, yes is said for `prints` alone.
    fn push<'a>(
        &'a mut self,
        command: &'a PushCommand,
        prints: &'a KeyPrints,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Pushed, AccessError>>;

    /// As [`Session::close`].
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// What an appliance said to the command that lets it push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// In its words, without the login of the command.
    pub said: Outside,
    /// What it did about the host key.
    pub key: KeyAsked,
}

crate::words! {
    /// What an appliance did about the host key of the place to which it pushes.
    pub enum KeyAsked {
        /// It asked nothing: it knows the key, or takes any.
        NotAsked = "not-asked",
        /// It asked about our key, and was told yes.
        Confirmed = "confirmed",
        /// It asked about another key, and was told no.
        Denied = "denied",
    }
}

/// Why an appliance was not reached, or not to the end. What the peer said is text from outside.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// The way is declared and this version cannot walk it.
    #[error("not yet served: {0}")]
    NotYetServed(String),
    /// The files say that there is no SSH behind the gateway.
    #[error("no SSH: {0}")]
    NoSsh(String),
    /// No host key of this asset is accepted; the peer showed this one. Nothing secret was sent.
    #[error("host key not accepted: {algorithm} {fingerprint}")]
    KeyUnknown {
        /// The type of the key.
        algorithm: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// Another key than the accepted ones. Nothing secret was sent.
    #[error("host key changed: expected {expected}, found {algorithm} {fingerprint}")]
    KeyChanged {
        /// The fingerprints of the accepted keys.
        expected: String,
        /// The type of the key that was shown.
        algorithm: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// A limit of time passed.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// Connect, key exchange, login, prompt, command.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The port is closed.
    #[error("connection refused")]
    Refused,
    /// The connection was closed before the SSH greeting.
    #[error("the connection was closed before the SSH greeting")]
    ClosedEarly,
    /// A hop of the way in ended it, before the appliance said a word. Nothing secret was sent.
    #[error("{fault} hop {hop}: {said}")]
    Hop {
        /// In which way.
        fault: HopFault,
        /// Its host and kind.
        hop: String,
        /// What it said or did; what stems from outside is encoded.
        said: String,
    },
    /// The network says that there is no way.
    #[error("network: {0}")]
    Network(String),
    /// No algorithm in common, or a broken protocol.
    #[error("SSH protocol: {0}")]
    Protocol(String),
    /// The appliance opens no channel of this kind.
    #[error("SSH protocol: {0}")]
    NoChannel(String),
    /// The appliance refused the login.
    #[error("login refused for {user:?}; the appliance offers {offered:?}")]
    LoginRefused {
        /// The account.
        user: String,
        /// The methods that the appliance would take, as it says.
        offered: Outside,
    },
    /// The secret cannot be used: not a key, wrong passphrase.
    #[error("the private key cannot be read: {0}")]
    UnusableKey(String),
    /// The appliance asked something that is not known, and got no answer.
    #[error("unknown question at login: {0:?}")]
    UnknownPrompt(Outside),
    /// The person at the login gave no answer.
    #[error("nobody answered {0:?}")]
    Unanswered(Outside),
    /// The command line never came, or not as expected.
    #[error("no prompt: {0:?}")]
    NoPrompt(Outside),
    /// The connection broke in the middle.
    #[error("the connection broke during {0}")]
    Dropped(&'static str),
    /// More bytes than the limit.
    #[error("{what} is longer than {limit} bytes")]
    OverLimit {
        /// What was read.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    //! What the tests of this folder's files share.

    use super::*;
    use crate::model::inventory::{
        Algorithms, ApiPolicy, Channel, DataPath, GatewayAccess, ProbeState, Probes, SeatCredentials, SnmpPolicy,
        SshPolicy, Supplier,
    };
    use crate::model::series::Series;

    pub(super) fn gateway() -> Gateway {
        let open = ProbeState::Yes;
        Gateway {
            name: "direct".parse().expect("a name"),
            access: GatewayAccess::Unattended,
            hops: Vec::new(),
            probes: Probes { icmp: open, ssh: open, https: open, snmp: open, oob: open, switch: open, cm: open },
            sessions: 8,
        }
    }

    pub(super) fn seat(name: &str, address: &str) -> Seat {
        Seat {
            name: name.parse().expect("a name"),
            customer: "acme".parse().expect("a name"),
            site: "tokyo".parse().expect("a name"),
            gateway: "direct".parse().expect("a name"),
            series: Series::Nx,
            model: "NX2500".to_owned(),
            hostname: name.to_owned(),
            address: Some(address.parse().expect("an address")),
            serial: None,
            data_path: DataPath::Tap,
            peer: None,
            managed_by: None,
            virtual_machine: false,
            supplier: Supplier::Us,
            contract: None,
            window: None,
            credentials: SeatCredentials::default(),
            ssh: SshPolicy {
                port: 22,
                algorithms: Algorithms::Modern,
                legacy_until: None,
                channel: Channel::Shell,
                sessions: 1,
                hold_s: 0,
                questions: Vec::new(),
            },
            snmp: SnmpPolicy::default(),
            api: ApiPolicy::default(),
            notes: Vec::new(),
            declared_at: ("acme.yaml".to_owned(), 1),
        }
    }
}
