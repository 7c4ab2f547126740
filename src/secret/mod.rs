//! L3: where credentials come from.
