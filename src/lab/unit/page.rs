//! Lines of output, and how an appliance writes dates.

use crate::model::time::Time;

/// The local time of every simulated site: Japan.
const LOCAL_MS: i64 = 9 * 3_600_000;

/// A text that grows by lines.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Adds a line.
    pub(super) fn line(&mut self, line: impl AsRef<str>) -> &mut Self {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
        self
    }

    /// Adds a label, padded with blanks to `width`, and its value.
    pub(super) fn row(&mut self, width: usize, label: &str, value: impl std::fmt::Display) -> &mut Self {
        self.line(format!("{label:<width$}{value}"))
    }

    /// Adds an empty line.
    pub(super) fn gap(&mut self) -> &mut Self {
        self.line("")
    }

    /// The text, with a line feed after each line.
    pub(super) fn text(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

/// `yes` or `no`.
pub(super) const fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// `2026/11/24 02:00:00` in the local time of the site.
pub(super) fn local(time: Time) -> String {
    time.plus_ms(LOCAL_MS).utc().format("%Y/%m/%d %H:%M:%S").to_string()
}

/// The local time in another form.
pub(super) fn local_as(time: Time, form: &str) -> String {
    time.plus_ms(LOCAL_MS).utc().format(form).to_string()
}

/// `2015/04/28 20:25:48 +0000`.
pub(super) fn universal(time: Time) -> String {
    time.utc().format("%Y/%m/%d %H:%M:%S +0000").to_string()
}
