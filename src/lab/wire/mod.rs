//! Serves the units of a rack by SSH on loopback.
