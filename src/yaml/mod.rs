//! L0: YAML text into nodes that know their line, column and span, and readers that collect every problem.
