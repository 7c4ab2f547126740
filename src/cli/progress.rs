//! A bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::service::{Event, Reporter};

/// Draws progress on standard error.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar that says what is being done.
    pub fn new(what: &'static str) -> Self {
        let target =
            if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:32}] {pos}/{len}  {elapsed}  {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what);
        Self { bar }
    }
}

impl Reporter for Bar {
    fn event(&self, event: &Event) {
        match event {
            Event::Started { seats } => self.bar.set_length(u64::try_from(*seats).unwrap_or(u64::MAX)),
            Event::SeatDone { seat, good, word } => {
                if !good {
                    self.bar.set_message(format!("{seat}: {word}"));
                }
                self.bar.inc(1);
            }
            Event::Finished => self.bar.finish_and_clear(),
        }
    }
}
