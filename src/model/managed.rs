//! What a CM says of the appliances that it manages.

use super::outside::Outside;

/// One appliance of a CM's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedUnit {
    /// Where it stands: `line 7`, or `entry 3 of the API`, from 1.
    pub place: String,
    /// Its name in the CM.
    pub name: Option<Outside>,
    /// Where the CM finds it: an address or a host name.
    pub address: Option<Outside>,
    /// Its model.
    pub model: Option<Outside>,
    /// Its serial.
    pub serial: Option<Outside>,
    /// Its release.
    pub release: Option<Outside>,
}

impl ManagedUnit {
    /// Takes over what another entry of the same unit says and this one does not.
    pub fn complete(&mut self, other: Self) {
        let Self { place: _, name, address, model, serial, release } = other;
        let take = |mine: &mut Option<Outside>, theirs: Option<Outside>| *mine = mine.take().or(theirs);
        take(&mut self.name, name);
        take(&mut self.address, address);
        take(&mut self.model, model);
        take(&mut self.serial, serial);
        take(&mut self.release, release);
    }
}
