//! L5: the only door: one function for each noun and verb, with scope and audit.
