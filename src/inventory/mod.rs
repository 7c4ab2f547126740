//! L1: YAML files into the inventory and the settings: load, check (every mistake with file, line and hint), select.
