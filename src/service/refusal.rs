//! Why something that was asked for is not done.

use std::path::PathBuf;

use crate::access::LoanError;
use crate::depot::{DepotError, KeyError};
use crate::engine::keys::KeysError;
use crate::engine::push::PushError;
use crate::engine::session::Failure;
use crate::inventory::{Refused, SelectorError};
use crate::model::causes::with_causes;
use crate::model::door::WayName;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::settings::RootSource;
use crate::sheet::SheetError;
use crate::store::{LockError, StoreError};
use crate::yaml::Problem;

/// A refusal: what happened, how the program ends, and what to do about it. `docs/errors.md` has an entry for each.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Settings or inventory have mistakes.
    #[error("the files have {} mistake(s)", .0.len())]
    Files(Vec<Problem>),
    /// The selection cannot be made.
    #[error("the selection cannot be made")]
    Selection(#[from] SelectorError),
    /// There is nothing of that name or number.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// As it was asked for.
        name: String,
        /// What to look at instead.
        hint: String,
    },
    /// The arguments contradict each other or the state of the thing.
    #[error("{0}")]
    Argument(String),
    /// A file or folder cannot be written or read.
    #[error("{} cannot be used: {why}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A table of another tool cannot be read.
    #[error("{file} cannot be read as a table")]
    Table {
        /// The file.
        file: String,
        /// Why not.
        source: SheetError,
    },
    /// An import has doubts, or nothing to write.
    #[error("nothing is written: the import has {doubts} doubt(s){}", if *.doubts == 0 { ", and no seat" } else { "" })]
    Doubts {
        /// How many.
        doubts: usize,
        /// One of them is of the file as a whole, so that it cannot be left out.
        general: bool,
    },
    /// The store cannot be used.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// Another command holds the store.
    #[error("the store is held by another command")]
    Busy(#[source] LockError),
    /// Keys are missing, or what is sealed does not open.
    #[error("the keys cannot be used")]
    Keys(#[from] KeyError),
    /// A sealed object cannot be kept or found.
    #[error("the depot cannot be used")]
    Depot(#[from] DepotError),
    /// The drop is not set up, or cannot listen.
    #[error("the drop cannot be used: {0}")]
    Drop(String),
    /// A layout of answers cannot be used: one of the folder `readouts`, since those that are built in are tested.
    #[error("the layouts of answers cannot be used")]
    Definitions(#[from] crate::readout::DefinitionError),
    /// An attended way was not opened.
    #[error("{way} is not open: {}", .failure.reason.as_data())]
    WayNotOpened {
        /// The gateway.
        way: WayName,
        /// Why not.
        failure: Failure,
    },
    /// A way that was entered cannot be lent.
    #[error("the way cannot be lent")]
    Loan(#[source] Box<LoanError>),
    /// There is no session with the appliance.
    #[error("no session: {outcome}: {}", .reason.for_terminal())]
    NoSession {
        /// In a word.
        outcome: Outcome,
        /// In words, with what was expected and found.
        reason: Outside,
    },
    /// Something that is sealed, or that its secrets are not known of, is not shown.
    #[error("{what} is not shown: {why}")]
    NotShown {
        /// What was asked for.
        what: String,
        /// Why not.
        why: String,
    },
    /// A person has to sit at a terminal for it.
    #[error("expected a terminal, found none")]
    NoTerminal,
    /// The lab does not do it.
    #[error("the lab: {0}")]
    Lab(String),
    /// The demo broke.
    #[error("the demo: {0}")]
    Demo(String),
}

impl From<KeysError> for Refusal {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Key(error) => Self::Keys(error),
            KeysError::Depot(error) => Self::Depot(error),
            KeysError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Keys(error) => error.into(),
            PushError::Listen(error) => Self::Drop(with_causes(&error)),
        }
    }
}

impl Refusal {
    /// A refusal of files, warnings among them.
    pub fn files(refused: Refused) -> Self {
        Self::Files(refused.problems)
    }

    /// The word by which `docs/errors.md` lists it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Files(_) => "files-wrong",
            Self::Selection(_) => "selection",
            Self::NotFound { .. } => "not-found",
            Self::Argument(_) => "argument",
            Self::Folder { .. } => "folder",
            Self::Table { .. } => "table",
            Self::Doubts { .. } => "import-doubts",
            Self::Store(_) => "store",
            Self::Busy(_) => "store-busy",
            Self::Keys(_) => "keys",
            Self::Depot(_) => "depot",
            Self::Drop(_) => "drop",
            Self::Definitions(_) => "definitions",
            Self::WayNotOpened { .. } => "way-not-opened",
            Self::Loan(_) => "way-not-lent",
            Self::NoSession { .. } => "no-session",
            Self::NotShown { .. } => "not-shown",
            Self::NoTerminal => "no-terminal",
            Self::Lab(_) => "lab",
            Self::Demo(_) => "demo",
        }
    }

    /// Every code, for the catalogue.
    pub const CODES: &'static [&'static str] = &[
        "files-wrong",
        "selection",
        "not-found",
        "argument",
        "folder",
        "table",
        "import-doubts",
        "store",
        "store-busy",
        "keys",
        "depot",
        "drop",
        "definitions",
        "way-not-opened",
        "way-not-lent",
        "no-session",
        "not-shown",
        "no-terminal",
        "lab",
        "demo",
    ];

    /// The exit code, as the command line's help lists it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Selection(_) | Self::NotFound { .. } | Self::Argument(_) | Self::NoTerminal => 2,
            Self::Files(_) | Self::Definitions(_) | Self::Table { .. } | Self::Doubts { .. } => 3,
            Self::WayNotOpened { .. } | Self::NoSession { .. } => 4,
            Self::Keys(_) | Self::NotShown { .. } => 6,
            Self::Store(_) | Self::Busy(_) | Self::Depot(_) => 7,
            Self::Folder { .. } | Self::Loan(_) | Self::Drop(_) | Self::Lab(_) | Self::Demo(_) => 1,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Files(_) => Some("mend the lines above, then run hoshu check again".to_owned()),
            Self::Selection(error) => error.hint().or_else(|| {
                Some(
                    "terms are joined by commas, as in --on series=nx+ex,customer=acme; names and all are terms too"
                        .to_owned(),
                )
            }),
            Self::NotFound { hint, .. } => Some(hint.clone()),
            Self::Table { .. } => {
                Some("save it anew, as .xlsx or as CSV in UTF-8, and name its kind with --from".to_owned())
            }
            Self::Doubts { general, .. } => Some(if *general {
                "mend the mapping or the file, as the doubts say".to_owned()
            } else {
                "mend the file or the mapping, or leave out what is doubtful with --leave-out".to_owned()
            }),
            Self::Busy(_) => Some("wait for it, or give it more time with --wait 5m".to_owned()),
            Self::Keys(error) => key_hint(error).map(str::to_owned),
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::WayNotOpened { failure, .. } => way_hint(failure.outcome).map(str::to_owned),
            Self::Loan(_) => {
                Some("hoshu session ways shows who holds it; the folder ways lies beside the depot".to_owned())
            }
            Self::Lab(_) => {
                Some("hoshu lab serve starts a lab, hoshu lab faults lists what can be broken in it".to_owned())
            }
            Self::NoSession { .. } => Some(
                "docs/errors.md says what each outcome means; hoshu card shows what is known of the seat".to_owned(),
            ),
            Self::NotShown { .. } => Some(
                "hoshu key status says what opens; the seat's credentials must be readable, so that they can be masked"
                    .to_owned(),
            ),
            Self::NoTerminal => Some("for a program: hoshu ask --on SEAT 'show version'".to_owned()),
            Self::Drop(_) => Some(
                "hoshu.yaml says where it listens: drop: {listen: '192.0.2.7:10022'}; docs/drop.md says the rest"
                    .to_owned(),
            ),
            Self::Definitions(_) => {
                Some("mend the file, which lies in the folder readouts of the inventory, or take it away".to_owned())
            }
            _ => None,
        }
    }
}

impl From<LockError> for Refusal {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Store(error) => Self::Store(error),
            held @ LockError::Held { .. } => Self::Busy(held),
        }
    }
}

/// What to do about a way that did not open.
const fn way_hint(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::LoginRefused => {
            "the one-time password or the account's own was wrong; one login is tried for each command, and a second \
             refusal stops the credential: wait for the next one-time password, then run it again"
        }
        Outcome::Braked => "find out why it was refused, then hoshu credential clear",
        Outcome::KeyUnknown => "compare the fingerprint by a second route, then hoshu hostkey accept HOP --route '…'",
        Outcome::NoPrompt => "run it in a terminal, and answer within two minutes",
        _ => return None,
    })
}

/// What to do about a key.
const fn key_hint(error: &KeyError) -> Option<&'static str> {
    Some(match error {
        KeyError::Root { root: RootSource::File(_) | RootSource::Transit { .. }, .. } | KeyError::RootShape { .. } => {
            "on a new store hoshu key init makes it. A lost root key is not replaced by itself: bring its copy back, or \
             open the keys with hoshu key recover --identity FILE"
        }
        KeyError::Root { .. } | KeyError::RootProgram { .. } => {
            "hoshu does not make this root key: put what age-keygen prints there, under a line \
             \"# hoshu root key, realm: live\" (or lab); docs/key.md says how"
        }
        KeyError::RootVault { .. } => {
            "try with the same token: bao token lookup. It needs update on transit/decrypt/KEY, and on transit/encrypt/KEY \
             where hoshu makes the root key"
        }
        KeyError::Identity { .. } => "name the file of an age identity that is there",
        KeyError::RootOpenToOthers { .. } => {
            "a plain file of its own user, chmod 400, no link; and ask who may have read it"
        }
        KeyError::Recipient { .. } => "mend recovery: in the settings: public halves from age-keygen, each once",
        KeyError::TooFewRecipients(_) => {
            "run age-keygen twice on other machines, and put the two public halves into recovery: of the settings"
        }
        KeyError::NotLoaded(_) => "hoshu key init makes missing keys",
        KeyError::Unopenable { .. } | KeyError::Foreign { .. } | KeyError::OtherRealm { .. } => {
            "hoshu key status says what opens; after a change of the root key: hoshu key rewrap --old-root FILE"
        }
        KeyError::ObjectNotRecorded(_) | KeyError::KeyNotRecorded(_) | KeyError::DropKeyNotRecorded => {
            "somebody wrote into the store: keep it as it is, and look who could"
        }
        KeyError::Destroyed { .. } | KeyError::OverLimit(_) | KeyError::Writing(_) | KeyError::Sealing(_) => {
            return None;
        }
    })
}
