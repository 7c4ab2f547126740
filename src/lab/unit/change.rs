//! Commands of configuration mode.

use super::shell::Ask;
use super::state::Unit;

/// Sets what the line says, or takes it away when the line begins with `no`.
pub(super) fn set(unit: &mut Unit, ask: &Ask<'_>) -> String {
    unit.settings.edit(&ask.full());
    String::new()
}

/// `write memory`.
pub(super) fn save(unit: &mut Unit, _: &Ask<'_>) -> String {
    unit.settings.save();
    "Saving configuration file ... Done!\n".to_owned()
}
