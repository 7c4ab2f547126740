//! L2: pure decisions. Invariant: no network, no disk, no clock, no randomness.
