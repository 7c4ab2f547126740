//! Looking at the whole store and depot for what is damaged, lost or left over. It opens no key and needs no appliance.

use std::sync::Arc;

use crate::depot::{DepotError, DepotFile, FileKind, Measured};
use crate::engine::env::Env;
use crate::model::actor::{Act, Actor};
use crate::model::causes::with_causes;
use crate::model::id::{BackupId, ObjectId};
use crate::model::limits::PROBLEMS_MAX;
use crate::model::object::{ObjectBody, SealedObject};
use crate::model::outside::Outside;
use crate::model::store_check::{Flaw, StoreProblem};
use crate::model::time::Time;
use crate::store::{Scoped, StoreError};

/// A file without a row that was written to within this time may belong to a backup under way.
const YOUNG_MS: i64 = 24 * 3_600_000;
/// More files without a row than this, and more than a tenth of all, are more than killed commands leave.
const UNNAMED_MAX: usize = 10;
/// Files of one question to the store, and of one audit record.
const FILES_AT_ONCE: usize = 500;

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Looked {
    /// Backups.
    pub backups: usize,
    /// Sealed objects.
    pub objects: usize,
    /// Key pairs of customers.
    pub keys: usize,
    /// Files of the depot.
    pub files: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// How much was looked at.
    pub looked: Looked,
    /// What is wrong, so many at most that a person can work through them.
    pub problems: Vec<StoreProblem>,
    /// How many more there are.
    pub more: usize,
    /// Files that were removed.
    pub swept: usize,
    /// Files without a row that may belong to a backup under way.
    pub young: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Why the check ended early.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The depot's folder cannot be read.
    #[error(transparent)]
    Depot(#[from] DepotError),
}

impl Checked {
    fn tell(&mut self, problem: StoreProblem) {
        if self.problems.len() < PROBLEMS_MAX { self.problems.push(problem) } else { self.more += 1 }
    }

    /// Takes an answer of the store; what it cannot read is a problem of its own, and the check goes on.
    fn take<T>(&mut self, what: &str, answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error @ (StoreError::Query(_) | StoreError::Damaged { .. })) => {
                self.tell(problem(what.to_owned(), String::new(), "the store", Flaw::Unreadable, with_causes(&error)));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn problem(what: String, whose: String, place: impl Into<Outside>, flaw: Flaw, detail: String) -> StoreProblem {
    StoreProblem { what, whose, place: place.into(), flaw, detail, swept: false }
}

/// Claims the depot's folder for the store, when nothing lies in it yet and the store knows of nothing that should.
pub async fn claim(env: &Env) -> Result<(), CheckError> {
    let free = env.depot.owner()?.is_none() && env.depot.folders()?.0.is_empty();
    if free && !env.rows().object_in_depot().await? {
        env.depot.claim(env.store.id())?;
    }
    Ok(())
}

/// Looks at everything; with `repair` it removes what the depot left over itself, and nothing else.
pub async fn run(env: &Env, actor: &Actor, repair: bool) -> Result<Checked, CheckError> {
    let rows = env.rows();
    let mut checked = Checked::default();
    for problem in checked.take("database", rows.check_database().await)?.unwrap_or_default() {
        checked.tell(problem);
    }
    backups(env, &rows, &mut checked).await?;
    objects(env, &rows, &mut checked).await?;
    keys(&rows, &mut checked).await?;
    files(env, actor, &rows, repair, &mut checked).await?;
    checked.stopped = env.stop.is_asked();
    Ok(checked)
}

async fn backups(env: &Env, rows: &Scoped, checked: &mut Checked) -> Result<(), StoreError> {
    let mut after = BackupId(0);
    while !env.stop.is_asked() {
        let Some(portion) = checked.take("backups", rows.check_backups(after).await)? else { break };
        checked.looked.backups += portion.looked;
        for problem in portion.problems {
            checked.tell(problem);
        }
        let Some(last) = portion.last else { break };
        after = last;
    }
    Ok(())
}

async fn objects(env: &Env, rows: &Scoped, checked: &mut Checked) -> Result<(), StoreError> {
    let mut after = ObjectId(0);
    while !env.stop.is_asked() {
        let Some(portion) = checked.take("objects", rows.check_objects(after).await)? else { break };
        let Some((last, _)) = portion.last() else { break };
        after = *last;
        for (id, object) in portion {
            checked.looked.objects += 1;
            match object {
                Ok(object) => one_object(env, rows, id, object, checked).await?,
                Err(error) => {
                    let detail = error.to_string();
                    checked.tell(problem(id.to_string(), String::new(), "object", Flaw::Unreadable, detail));
                }
            }
        }
    }
    Ok(())
}

async fn one_object(
    env: &Env,
    rows: &Scoped,
    id: ObjectId,
    object: SealedObject,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let facts = object.facts.clone();
    let place: Outside = match &object.body {
        ObjectBody::Row(_) => "object".into(),
        ObjectBody::File(path) => path.as_str().into(),
    };
    let mut tell = |flaw, detail| {
        let whose = format!("{} {}", facts.customer, facts.seat);
        checked.tell(problem(id.to_string(), whose, place.clone(), flaw, detail));
    };
    let depot = Arc::clone(&env.depot);
    let measured = tokio::task::spawn_blocking(move || depot.measure(&object)).await;
    let measured = measured.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
    match measured {
        Ok(Some(Measured { bytes, .. })) if bytes != facts.bytes => {
            tell(Flaw::Size, format!("expected {} bytes, found {bytes}", facts.bytes));
        }
        Ok(Some(Measured { digest, .. })) if digest != facts.digest => {
            tell(Flaw::Digest, format!("expected {}, found {}", hex::encode(facts.digest), hex::encode(digest)));
        }
        Ok(Some(_)) => {}
        // Another command may have pruned it since its row was read.
        Ok(None) if rows.object_get(id).await.is_ok_and(|object| object.is_none()) => return Ok(()),
        Ok(None) => tell(Flaw::Missing, "expected a file, found none".to_owned()),
        Err(error) => tell(Flaw::Unreadable, with_causes(&error)),
    }
    if !rows.object_is_recorded(&facts).await? {
        tell(
            Flaw::NotRecorded,
            "expected its digest in the audit of the backup that brought it, found none".to_owned(),
        );
    }
    Ok(())
}

async fn keys(rows: &Scoped, checked: &mut Checked) -> Result<(), StoreError> {
    let keys = checked.take("customer keys", rows.customer_key_list().await)?.unwrap_or_default();
    for key in keys {
        checked.looked.keys += 1;
        if !rows.customer_key_is_recorded(&key).await? {
            let detail = "expected its public half in the audit of its making, found none".to_owned();
            let what = format!("key {}", key.generation);
            checked.tell(problem(what, key.customer.to_string(), "customer_key", Flaw::NotRecorded, detail));
        }
    }
    Ok(())
}

fn file_problem(file: DepotFile, flaw: Flaw, detail: &str) -> StoreProblem {
    problem("file".to_owned(), String::new(), file.path, flaw, detail.to_owned())
}

/// Files of the depot against the rows.
async fn files(env: &Env, actor: &Actor, rows: &Scoped, repair: bool, checked: &mut Checked) -> Result<(), CheckError> {
    let before = env.clock.now().plus_ms(-YOUNG_MS);
    let (folders, others) = env.depot.folders()?;
    let mut foreign = others;
    let mut left = Vec::new();
    let (mut made, mut named) = (0, 0);
    for folder in folders {
        if env.stop.is_asked() {
            break;
        }
        let mut found = env.depot.files_of(&folder)?;
        checked.looked.files += found.len();
        found.sort_by(|a, b| a.path.as_data().cmp(b.path.as_data()));
        foreign.extend(found.extract_if(.., |file| file.kind == FileKind::Foreign));
        made += found.len();
        for part in found.chunks(FILES_AT_ONCE) {
            let objects = part.iter().filter(|file| file.kind == FileKind::Object);
            let paths = objects.map(|file| file.path.as_data().to_owned()).collect();
            let Some(known) = checked.take("objects", rows.object_paths(paths).await)? else { return Ok(()) };
            named += known.len();
            for file in part.iter().filter(|file| !known.contains(file.path.as_data())) {
                if file.modified < before { left.push(file.clone()) } else { checked.young += 1 }
            }
        }
    }
    checked.looked.files += foreign.iter().filter(|file| !file.path.as_data().contains('/')).count();
    for file in foreign {
        checked.tell(file_problem(file, Flaw::Foreign, "expected the file of an object, found another one"));
    }
    if left.is_empty() {
        return Ok(());
    }
    if let Some(why) = not_ours(env, made, named)? {
        for file in left {
            checked.tell(file_problem(
                file,
                Flaw::OtherStore,
                &format!("expected a row that names it, found none; {why}"),
            ));
        }
        return Ok(());
    }
    // Files that were there before the store was: somebody named another store beside this depot.
    let made_at = rows.store_made_at().await?;
    for file in left.extract_if(.., |file| file.modified < made_at) {
        checked.tell(file_problem(
            file,
            Flaw::OtherStore,
            "expected a row that names it, and it is older than the store",
        ));
    }
    for part in left.chunks(FILES_AT_ONCE) {
        leftovers(env, actor, part, (repair, before), checked).await?;
    }
    Ok(())
}

/// Removes what a day ago was being written and is so still: a transfer that a killed process left. How many files that
/// were. Of a depot that is another store's nothing is removed.
pub async fn sweep_unfinished(env: &Env, actor: &Actor) -> Result<usize, CheckError> {
    if env.depot.owner()?.as_deref() != Some(env.store.id()) {
        return Ok(0);
    }
    let (before, made_at) = (env.clock.now().plus_ms(-YOUNG_MS), env.rows().store_made_at().await?);
    let mut left = Vec::new();
    for folder in env.depot.folders()?.0 {
        let mut files = env.depot.files_of(&folder)?;
        left.extend(
            files
                .extract_if(.., |file| file.kind == FileKind::Unfinished && (made_at..before).contains(&file.modified)),
        );
    }
    let mut swept = Checked::default();
    for part in left.chunks(FILES_AT_ONCE) {
        leftovers(env, actor, part, (true, before), &mut swept).await?;
    }
    Ok(swept.swept)
}

/// Why files without a row may well be another store's, or of a newer copy of this one: then none of them is swept.
/// So many files the depot `made`, and so many of them rows `named`.
fn not_ours(env: &Env, made: usize, named: usize) -> Result<Option<String>, DepotError> {
    let (owner, id, unnamed) = (env.depot.owner()?, env.store.id(), made - named);
    Ok(match owner {
        None => Some(format!("the depot says of no store that it is its own (store-id), and the store is {id}")),
        Some(owner) if owner != id => {
            Some(format!("the depot is that of store {owner} (store-id), and the store is {id}"))
        }
        Some(_) if named == 0 => Some("no row names any file of the depot".to_owned()),
        Some(_) if unnamed > UNNAMED_MAX && unnamed > made / 10 => {
            Some(format!("nor have {unnamed} of the {made} files, as after the restore of an older store"))
        }
        Some(_) => None,
    })
}

/// Files that no row named while the folder was read. One that is not there any more was pruned by another command.
async fn leftovers(
    env: &Env,
    actor: &Actor,
    files: &[DepotFile],
    (repair, before): (bool, Time),
    checked: &mut Checked,
) -> Result<(), CheckError> {
    let still = files.iter().filter(|file| env.depot.is_old(file.path.as_data(), before));
    let still: Vec<&DepotFile> = still.collect();
    if repair && !still.is_empty() {
        let names: Vec<&str> = still.iter().map(|file| file.path.as_data()).collect();
        let detail = serde_json::json!({"v": 1, "files": names});
        env.store.audit_add(actor.did(env.clock.now(), Act::DepotSwept, "depot", &detail)).await?;
    }
    for file in still {
        let (flaw, detail) = match file.kind {
            FileKind::Unfinished => (Flaw::Unfinished, "expected the end of its writing, found none for a day"),
            _ => (Flaw::Orphan, "expected a row that names it, found none"),
        };
        let swept = repair && env.depot.sweep(file.path.as_data(), before)?;
        checked.swept += usize::from(swept);
        checked.tell(StoreProblem { swept, ..file_problem(file.clone(), flaw, detail) });
    }
    Ok(())
}
