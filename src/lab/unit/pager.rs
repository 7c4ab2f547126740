//! The pager of a terminal: one screen at a time, as `less` draws it.

/// What a pager shows after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// What is drawn.
    pub text: String,
    /// Whether the whole text was shown, or the reader left.
    pub done: bool,
}

/// A text that is shown a screen at a time.
#[derive(Debug, Clone)]
pub struct Pager {
    lines: std::collections::VecDeque<String>,
    height: usize,
    shown: usize,
}

impl Pager {
    /// A pager for a terminal of so many lines; `None` when the text fits on it.
    pub fn new(text: &str, terminal_lines: u16) -> Option<Self> {
        let lines = text.lines().map(str::to_owned).collect::<std::collections::VecDeque<_>>();
        let height = usize::from(terminal_lines.max(2)) - 1;
        (lines.len() > height).then_some(Self { lines, height, shown: 0 })
    }

    /// The first screen.
    pub fn first(&mut self) -> Screen {
        self.advance(self.height)
    }

    /// What a key does: `q` leaves, a line end shows one more line, any other key one more screen.
    pub fn key(&mut self, key: u8) -> Screen {
        let wiped = "\r\u{1b}[K";
        let mut screen = match key {
            b'q' | b'Q' | 3 => Screen { text: String::new(), done: true },
            b'\r' | b'\n' => self.advance(1),
            _ => self.advance(self.height),
        };
        screen.text.insert_str(0, wiped);
        screen
    }

    fn advance(&mut self, count: usize) -> Screen {
        let count = count.min(self.lines.len());
        let mut text = self.lines.drain(..count).fold(String::new(), |text, line| text + &line + "\n");
        self.shown += count;
        let done = self.lines.is_empty();
        if !done {
            let from = (self.shown + 1).saturating_sub(self.height);
            text = format!("{text}lines {from}-{} ", self.shown);
        }
        Screen { text, done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: usize) -> String {
        (1..=lines).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_fits_is_not_paged() {
        assert!(Pager::new(&text(23), 24).is_none());
    }

    #[test]
    fn a_screen_a_line_and_the_end() {
        let mut pager = Pager::new(&text(50), 24).expect("a pager");
        assert!(pager.first().text.ends_with("line 23\nlines 1-23 "));
        assert!(pager.key(b'\n').text.ends_with("line 24\nlines 2-24 "));
        assert!(!pager.key(b' ').done);
        let last = pager.key(b' ');
        assert!(last.done && last.text.ends_with("line 50\n"), "{last:?}");
    }

    #[test]
    fn q_leaves() {
        let mut pager = Pager::new(&text(50), 24).expect("a pager");
        pager.first();
        assert!(pager.key(b'q').done);
    }
}
