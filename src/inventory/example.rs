//! The example fleet, which `hoshu init` and `hoshu demo` write out.

macro_rules! files {
    ($($name:literal,)+) => { &[$(($name, include_str!(concat!("../../inventory/", $name))),)+] };
}

/// The files of the example inventory: names relative to the inventory's folder, and texts.
pub const EXAMPLE: &[(&str, &str)] = files![
    "customers/acme.yaml",
    "customers/chidori.yaml",
    "customers/furumachi.yaml",
    "customers/ginga.yaml",
    "customers/kitahama.yaml",
    "customers/minato.yaml",
    "customers/momiji.yaml",
    "customers/sora.yaml",
    "customers/umi.yaml",
    "eol.yaml",
    "freezes.yaml",
    "releases.yaml",
    "works.yaml",
];
