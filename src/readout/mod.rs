//! L1: what an appliance printed into readings. Invariant: total; a problem is a value, never an error.
