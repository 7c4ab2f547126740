//! Configurations that leave the house: into a file, or into a git repository.

use std::io::Write;
use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};
use serde::Serialize;

use super::{Which, find, find_any};
use crate::engine::env::Env;
use crate::engine::export::{ExportError, swept};
use crate::engine::keys;
use crate::engine::sealed::{self, OpenError};
use crate::model::actor::{Act, Actor};
use crate::model::backup::{Backup, BackupKind};
use crate::model::causes::with_causes;
use crate::model::id::BackupId;
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::OpenPurpose;
use crate::model::outside::Outside;
use crate::model::redacted::RedactedText;
use crate::outbound::git::Repository;
use crate::service::refusal::Refusal;
use crate::service::select;

/// Backups that are opened at the same time.
const AT_ONCE: usize = 16;

/// A configuration that leaves.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The backup.
    pub backup: Backup,
    /// Its secrets are in it.
    pub in_clear: bool,
    /// Lines that were masked without a rule that knows them.
    pub unreviewed: usize,
    /// The text, for the file alone.
    #[serde(skip)]
    pub text: Outside,
}

/// How a configuration leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Redacted. With unreviewed lines it leaves only when a person says so.
    Redacted {
        /// A person has looked at the lines that no rule knows.
        unreviewed: bool,
    },
    /// In clear, for the reason that is given.
    InClear {
        /// What for.
        reason: String,
    },
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Lost { what } => Self::NotFound {
                what,
                name: "in the store".to_owned(),
                hint: "the store is damaged; restore it from its own copy".to_owned(),
            },
            OpenError::Keys(error) => error.into(),
        }
    }
}

impl From<ExportError> for Refusal {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Open(error) => error.into(),
            ExportError::Credential(error) => Self::Argument(format!("the text cannot be looked through: {error}")),
        }
    }
}

/// Gives out one configuration; the audit has it before this returns.
pub async fn export(env: &Env, actor: &Actor, which: &Which, form: &Form) -> Result<Exported, Refusal> {
    let backup = find(env, actor, which).await?;
    keys::load(env, [&backup.customer]).await?;
    let exported = match form {
        Form::InClear { reason } if reason.trim().is_empty() => {
            return Err(Refusal::Argument("a reason is expected: what the configuration is for".to_owned()));
        }
        Form::InClear { .. } => {
            let opened = sealed::open(env, actor, &backup, OpenPurpose::Export).await?;
            let text = opened.configuration.text.into();
            Exported { backup, in_clear: true, unreviewed: 0, text }
        }
        Form::Redacted { unreviewed } => {
            let RedactedText { text, unreviewed: lines } = swept(env, actor, &backup).await?;
            if !unreviewed && !lines.is_empty() {
                return Err(Refusal::Argument(format!(
                    "{} lines were masked that no rule knows: look at them (hoshu backup show), then --unreviewed",
                    lines.len()
                )));
            }
            Exported { backup, in_clear: false, unreviewed: lines.len(), text }
        }
    };
    let reason = if let Form::InClear { reason } = form { Some(reason.trim()) } else { None };
    let detail = serde_json::json!({
        "v": 1, "in_clear": exported.in_clear, "reason": reason, "unreviewed": exported.unreviewed, "to": "file",
    });
    let subject = exported.backup.id.map_or_else(String::new, |id| id.to_string());
    env.store.audit_add(actor.did(env.clock.now(), Act::BackupExported, subject, &detail)).await?;
    Ok(exported)
}

/// Whether a backup is a file that the appliance wrote.
pub async fn is_pushed(env: &Env, actor: &Actor, which: &Which) -> Result<bool, Refusal> {
    let Which::Id(_) = which else { return Ok(false) };
    Ok(find_any(env, actor, which).await?.kind != BackupKind::Configuration)
}

/// Gives out a file that an appliance wrote, as it is, for a reason; the audit has it before anything is opened. What was
/// written before an error is to be thrown away.
pub async fn export_pushed(
    env: &Env,
    actor: &Actor,
    which: &Which,
    reason: &str,
    into: Box<dyn Write + Send>,
) -> Result<Exported, Refusal> {
    let backup = find_any(env, actor, which).await?;
    let subject = backup.id.map_or_else(String::new, |id| id.to_string());
    give_out(env, actor, &backup, (Act::BackupExported, subject), reason, into).await?;
    Ok(Exported { backup, in_clear: true, unreviewed: 0, text: Outside::default() })
}

/// Opens a file that an appliance wrote, for a reason; the audit has it first.
pub(in crate::service) async fn give_out(
    env: &Env,
    actor: &Actor,
    backup: &Backup,
    (act, subject): (Act, String),
    reason: &str,
    into: Box<dyn Write + Send>,
) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Argument("a reason is expected: what the file is for".to_owned()));
    }
    keys::load(env, [&backup.customer]).await?;
    let detail = serde_json::json!({"v": 1, "in_clear": true, "reason": reason.trim(), "to": "file"});
    env.store.audit_add(actor.did(env.clock.now(), act, subject, &detail)).await?;
    sealed::open_into(env, actor, backup, OpenPurpose::Export, into).await?;
    Ok(())
}

crate::words! {
    /// What became of one seat of an export into a repository.
    pub enum Gone {
        /// Its text is in the repository.
        Exported = "exported",
        /// It stays: lines of it were masked that no rule knows, and nobody has looked at them.
        Unreviewed = "unreviewed",
        /// It has no backup that counts.
        None = "none",
        /// Its backup does not open.
        Failed = "failed",
    }
}

/// One seat of an export into a repository.
#[derive(Debug, Clone, Serialize)]
pub struct SeatExported {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its newest backup that counts.
    pub backup: Option<BackupId>,
    /// What became of it.
    pub result: Gone,
    /// Lines that were masked without a rule that knows them.
    pub unreviewed: usize,
    /// Why it failed.
    pub reason: Outside,
}

/// What became of an export into a repository.
#[derive(Debug, Clone, Serialize)]
pub struct IntoGit {
    /// Files that are others than before.
    pub changed: usize,
    /// Seats whose text stays, or is none.
    pub left_out: usize,
    /// The seats, by name.
    pub seats: Vec<SeatExported>,
}

/// Commits the redacted texts of the newest backups that count to a git repository, one file for each seat. What has
/// unreviewed lines is left out, unless a person says that somebody has looked.
pub async fn into_git(
    env: &Env,
    actor: &Actor,
    on: &[String],
    folder: &Path,
    unreviewed: bool,
) -> Result<IntoGit, Refusal> {
    let selection = select::seats(env, actor, on).await?;
    let mut last = env.store.scoped(actor.scope.clone()).backup_last_good(&selection.seats).await?;
    let customers = last.values().map(|backup| &backup.customer).collect::<std::collections::BTreeSet<_>>();
    keys::load(env, customers).await?;
    let work = selection.seats.iter().filter_map(|name| env.inventory.seats.get(name)).map(|seat| {
        let backup = last.remove(&seat.name);
        async move {
            let text = match &backup {
                Some(backup) => Some(swept(env, actor, backup).await),
                None => None,
            };
            (seat, backup, text)
        }
    });
    let opened: Vec<_> = stream::iter(work.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let (mut seats, mut files, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for (seat, backup, text) in opened {
        let id = backup.and_then(|backup| backup.id);
        let (result, lines, reason) = match text {
            None => (Gone::None, 0, Outside::default()),
            Some(Err(error)) => (Gone::Failed, 0, Refusal::from(error).to_string().into()),
            Some(Ok(text)) if !unreviewed && !text.unreviewed.is_empty() => {
                (Gone::Unreviewed, text.unreviewed.len(), Outside::default())
            }
            Some(Ok(text)) => {
                let path = PathBuf::from(seat.customer.as_str()).join(format!("{}.cfg", seat.name));
                files.push((path, text.text.into_data()));
                sent.push(id.map_or_else(String::new, |id| id.to_string()));
                (Gone::Exported, text.unreviewed.len(), Outside::default())
            }
        };
        seats.push(SeatExported {
            seat: seat.name.clone(),
            customer: seat.customer.clone(),
            backup: id,
            result,
            unreviewed: lines,
            reason,
        });
    }
    let unusable = |why: String| Refusal::Folder { path: folder.to_owned(), why };
    let folder = std::path::absolute(folder).map_err(|error| unusable(error.to_string()))?;
    let detail = serde_json::json!({
        "v": 1, "in_clear": false, "to": "git", "folder": folder.to_string_lossy(), "backups": sent,
        "unreviewed": unreviewed,
    });
    env.store.audit_add(actor.did(env.clock.now(), Act::BackupExported, "git", &detail)).await?;
    let message = format!("Configurations of {} appliances", files.len());
    let commit = move || Repository::open(&folder).and_then(|repository| repository.commit(&files, &message));
    let changed = tokio::task::spawn_blocking(commit).await.map_err(|error| unusable(error.to_string()))?;
    let changed = changed.map_err(|error| unusable(with_causes(&error)))?;
    let left_out = seats.iter().filter(|seat| seat.result != Gone::Exported).count();
    Ok(IntoGit { changed, left_out, seats })
}
