//! The one bundle of seams: everything that a task needs of the world, built once by `main` and replaced in tests.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Access;
use crate::decide::finding::Rules;
use crate::depot::Depot;
use crate::engine::brake::Gate;
use crate::engine::clock::Clock;
use crate::engine::event::{Event, Reporter, Stop};
use crate::engine::fleet::{self, Facts};
use crate::engine::keys::Keys;
use crate::engine::lane::{Lanes, Permit};
use crate::engine::session::{Failure, Kept};
use crate::engine::twin::Twin;
use crate::engine::way::Ways;
use crate::model::actor::Scope;
use crate::model::config::ConfigLayout;
use crate::model::inventory::Inventory;
use crate::model::name::SeatName;
use crate::model::settings::Settings;
use crate::readout::Definitions;
use crate::secret::SecretStore;
use crate::store::{Scoped, Store};

/// The world as a task sees it.
#[derive(Clone)]
pub struct Env {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Facts.
    pub store: Store,
    /// Sealed objects.
    pub depot: Arc<Depot>,
    /// The keys that seal and open them.
    pub keys: Arc<Keys>,
    /// The way to appliances.
    pub access: Arc<dyn Access>,
    /// The way to simulated units that a configuration is loaded into.
    pub twin: Arc<dyn Twin>,
    /// Credentials.
    pub secrets: Arc<SecretStore>,
    /// The inventory of this generation; a decision takes it once.
    pub inventory: Arc<Inventory>,
    /// What the administrator decided.
    pub settings: Arc<Settings>,
    /// The layouts of answers.
    pub definitions: Arc<Definitions>,
    /// When findings turn hard.
    pub rules: Arc<Rules>,
    /// Who may open a session now.
    pub lanes: Arc<Lanes>,
    /// Which credentials may be tried.
    pub gate: Arc<Gate>,
    /// Sessions that are kept for the next poll.
    pub kept: Arc<Kept>,
    /// The bastions that are open.
    pub ways: Arc<Ways>,
    /// Who listens to progress.
    pub reporter: Arc<dyn Reporter>,
    /// The wish to stop.
    pub stop: Stop,
}

impl Env {
    /// Tells whoever listens.
    pub fn tell(&self, event: &Event) {
        self.reporter.event(event);
    }

    /// The rows of every customer: the engine works for the whole house.
    pub fn rows(&self) -> Scoped {
        self.store.scoped(Scope::House)
    }

    /// Waits until a session to a seat may be opened. Whoever waited until somebody asked to stop has no turn any more.
    pub async fn enter(&self, facts: &Facts) -> Result<Permit, Failure> {
        self.unless_stopped(self.lanes.enter(&facts.seat, &facts.gateway, &self.kept)).await
    }

    /// As [`Self::enter`], with the places that a session held at rest.
    pub async fn go_on(&self, permit: Permit, facts: &Facts) -> Result<Permit, Failure> {
        self.unless_stopped(self.lanes.go_on(permit, &facts.seat, &facts.gateway, &self.kept)).await
    }

    async fn unless_stopped(&self, waiting: impl Future<Output = Permit>) -> Result<Permit, Failure> {
        let permit = waiting.await;
        if self.stop.is_asked() { Err(fleet::stopped()) } else { Ok(permit) }
    }

    /// How long one command may take.
    pub fn command_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.limits.command_s))
    }

    /// What is known about the configurations of a seat's series; of a seat that is not in the inventory any more, what
    /// is known about every series.
    pub fn config_layout(&self, seat: &SeatName) -> &ConfigLayout {
        match self.inventory.seats.get(seat) {
            Some(seat) => self.definitions.config_layout(seat.series),
            None => self.definitions.config_layout_of_all(),
        }
    }

    /// How long one fetch of a configuration may take.
    pub fn backup_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.limits.backup_s))
    }
}
