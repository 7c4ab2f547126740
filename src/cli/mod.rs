//! L7: one file for each noun; `out` is the only printer.
