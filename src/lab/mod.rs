//! L6: the simulated world: `unit` is pure, `wire` serves it by SSH, `direct` without sockets.
