//! Builds the world of a command: settings, inventory, store, keys, and the way to appliances.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hoshu::access::{Access, AccessLimits, LabTable, Router, SshAccess};
use hoshu::cli::{Cli, Doors, Need, person};
use hoshu::decide::finding::Rules;
use hoshu::depot::Depot;
use hoshu::engine::brake::Gate;
use hoshu::engine::clock::{Clock, SystemClock};
use hoshu::engine::env::Env;
use hoshu::engine::event::{Reporter, Stop};
use hoshu::engine::keys::Keys;
use hoshu::engine::lane::Lanes;
use hoshu::engine::session::Kept;
use hoshu::engine::store_check;
use hoshu::engine::way::Ways;
use hoshu::inventory::{Loaded, load, load_settings};
use hoshu::lab::Twins;
use hoshu::model::actor::Act;
use hoshu::model::realm::Realm;
use hoshu::model::settings::{SessionLimits, Settings};
use hoshu::secret::SecretStore;
use hoshu::service::refusal::Refusal;
use hoshu::store::{HostLock, Store, StoreUrl};

/// Silence after which a keepalive is sent.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What the command line says about the world. It holds the store's lock until the program ends, or leaves it.
pub(crate) struct Setup {
    settings: PathBuf,
    wait: Duration,
    command: String,
    lock: Mutex<Option<HostLock>>,
}

impl Setup {
    pub(crate) fn new(cli: &Cli) -> Self {
        // The nouns and verbs alone: an argument may be long, or nobody else's business.
        let words = std::env::args().skip(1).take_while(|word| !word.starts_with('-')).take(2);
        let command = std::iter::once("hoshu".to_owned()).chain(words).collect::<Vec<_>>().join(" ");
        Self { settings: cli.settings.clone(), wait: cli.wait, command, lock: Mutex::new(None) }
    }

    fn store(&self, settings: &Settings, need: Need, clock: &dyn Clock) -> Result<Store, Refusal> {
        let url = &settings.store;
        // The first command of all may be one that only looks: it finds an empty store, not an error.
        let need = if matches!(url, StoreUrl::Sqlite(path) if !path.exists()) { Need::Host } else { need };
        match need {
            Need::Read => Ok(Store::open_reader(url, settings.realm)?),
            Need::Host => {
                let lock = HostLock::acquire(url, &self.command, clock.now(), self.wait)?;
                *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
                Ok(Store::open(url, settings.realm, clock.now())?)
            }
        }
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

fn access_limits(limits: &SessionLimits) -> AccessLimits {
    AccessLimits {
        connect: seconds(limits.connect_s),
        handshake: seconds(limits.login_s),
        login: seconds(limits.login_s),
        command: seconds(limits.command_s),
        idle: seconds(limits.idle_s),
        keepalive: KEEPALIVE,
        snmp: seconds(limits.snmp_s),
    }
}

/// In the lab only the lab's own ports exist; a lab that does not run has none.
fn access(settings: &Settings) -> Result<Arc<dyn Access>, Refusal> {
    let router = match (settings.realm, &settings.lab_ports_file) {
        (Realm::Live, _) => Router::Live,
        (Realm::Lab, Some(file)) if file.exists() => {
            Router::Lab(LabTable::load(file).map_err(|error| Refusal::Lab(error.to_string()))?)
        }
        (Realm::Lab, _) => Router::Lab(LabTable::default()),
    };
    Ok(Arc::new(SshAccess::new(router, access_limits(&settings.limits))))
}

/// An inventory that is another one than the last becomes a new generation, whole, so that what was decided under it
/// can be understood later.
async fn accept_generation(env: &Env, loaded: &Loaded) -> Result<(), Refusal> {
    let latest = env.rows().generation_latest().await?;
    if latest.is_some_and(|latest| latest.digest == loaded.inventory.digest) {
        return Ok(());
    }
    let text = serde_json::json!({"v": 1, "files": loaded.files}).to_string();
    let detail = serde_json::json!({"v": 1, "seats": loaded.inventory.seats.len()});
    let audit = person().did(env.clock.now(), Act::InventoryAccepted, loaded.inventory.digest.clone(), &detail);
    env.store.generation_add(loaded.inventory.digest.clone(), text, audit).await?;
    Ok(())
}

impl Doors for Setup {
    fn leave(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn settings(&self) -> &Path {
        &self.settings
    }

    async fn open(&self, need: Need, reporter: Arc<dyn Reporter>, stop: Stop) -> Result<Env, Refusal> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = load_settings(&self.settings).map_err(Refusal::files)?.settings;
        let loaded = load(&settings.inventory, clock.now().utc().date_naive()).map_err(Refusal::files)?;
        let store = self.store(&settings, need, &*clock)?;
        let keys = Arc::new(Keys::new(&settings));
        let env = Env {
            depot: Arc::new(Depot::open(&settings.depot)?),
            keys: Arc::clone(&keys),
            access: access(&settings)?,
            twin: Arc::new(Twins::default()),
            secrets: Arc::new(SecretStore::new(settings.credentials.clone(), settings.vault.clone(), keys, true)),
            definitions: Arc::new(hoshu::readout::load(&settings.inventory.join("readouts"))?),
            rules: Arc::new(Rules::with(settings.findings.clone())),
            lanes: Arc::new(Lanes::new(&settings.limits)),
            gate: Arc::new(Gate::load(store.clone()).await?),
            kept: Arc::new(Kept::default()),
            ways: Arc::new(Ways::default()),
            inventory: Arc::new(loaded.inventory.clone()),
            settings: Arc::new(settings),
            clock,
            store,
            reporter,
            stop,
        };
        if need == Need::Host {
            store_check::claim(&env).await?;
            accept_generation(&env, &loaded).await?;
        }
        Ok(env)
    }
}
