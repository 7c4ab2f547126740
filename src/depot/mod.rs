//! L3: sealed files and the keys that seal and open them.
