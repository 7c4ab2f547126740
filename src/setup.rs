//! Builds the world: settings, inventory, store, keys, the way to appliances.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hoshu::access::{AccessLimits, LabTable, Router, SshAccess};
use hoshu::cli::{Cli, Doors, Need};
use hoshu::decide::finding::Rules;
use hoshu::depot::Depot;
use hoshu::engine::brake::Gate;
use hoshu::engine::clock::{Clock, SystemClock};
use hoshu::engine::env::Env;
use hoshu::engine::event::{Reporter, Stop};
use hoshu::engine::lane::{LaneLimits, Lanes};
use hoshu::engine::session::Kept;
use hoshu::inventory::load::{Loaded, load, load_settings};
use hoshu::model::realm::Realm;
use hoshu::model::settings::{Settings, StorePlace};
use hoshu::readout::Definitions;
use hoshu::secret::SecretStore;
use hoshu::service::refusal::Refusal;
use hoshu::store::{HostLock, Store, StoreUrl};

/// What the command line says about the world.
pub(crate) struct Setup {
    settings: PathBuf,
    wait: Duration,
    command: String,
    runtime: tokio::runtime::Handle,
    lock: std::sync::Mutex<Option<HostLock>>,
}

impl Setup {
    pub(crate) fn new(cli: &Cli, runtime: tokio::runtime::Handle) -> Self {
        let command = std::env::args().skip(1).take(3).collect::<Vec<_>>().join(" ");
        let command = format!("hoshu {command}");
        Self { settings: cli.settings.clone(), wait: cli.wait, command, runtime, lock: std::sync::Mutex::new(None) }
    }
}
