//! L4: Env, clock, lanes, and one file per task: load, decide, record, act, record.
