//! The example fleet, which `hoshu init` and `hoshu demo` write out.

/// The files of the example inventory: names relative to the inventory's folder, and texts.
pub const EXAMPLE: &[(&str, &str)] = &[];
