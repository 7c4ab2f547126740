//! Tables of pairs, and the lines that may not be crossed.

use std::io::Write as _;

use crate::child::Cost;

/// CPU against the bare exchange: aim, fail line.
const CPU: [f64; 2] = [1.3, 1.5];
/// Rate against the bare exchange.
const RATE: [f64; 2] = [0.8, 0.7];
/// Peak resident set, in bytes.
const PEAK: [f64; 2] = [60e6, 100e6];
/// CPU for one appliance of the large fleet against one of the small fleet.
const GROWTH: [f64; 2] = [1.1, 1.2];

/// Prints a line.
pub(super) fn say(line: &str) {
    // Nobody is left to be told that nobody reads.
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Least, middle and greatest of some figures.
fn spread(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
    [at(0), at(figures.len() / 2), at(figures.len().saturating_sub(1))]
}

/// Runs of both sides, in turn.
pub(super) struct Pairs {
    what: String,
    appliances: f64,
    costs: Vec<(Cost, Cost)>,
}

impl Pairs {
    /// No pair yet.
    pub(super) fn new(what: String, appliances: usize) -> Self {
        Self { what, appliances: appliances as f64, costs: Vec::new() }
    }

    /// A pair: the bare exchange, then Hoshu.
    pub(super) fn add(&mut self, raw: Cost, hoshu: Cost) {
        self.costs.push((raw, hoshu));
    }

    fn of(&self, figure: impl Fn(&(Cost, Cost)) -> f64) -> [f64; 3] {
        spread(self.costs.iter().map(figure))
    }

    /// CPU of Hoshu for one appliance, in milliseconds.
    fn cpu_ms(&self) -> [f64; 3] {
        self.of(|(_, hoshu)| hoshu.cpu.as_secs_f64() * 1e3 / self.appliances)
    }

    /// Prints the table.
    pub(super) fn show(&self) {
        let ms = |cost: &Cost| cost.cpu.as_secs_f64() * 1e3 / self.appliances;
        let rate = |cost: &Cost| self.appliances / cost.wall.as_secs_f64();
        let mb = |cost: &Cost| cost.peak as f64 / 1e6;
        let row = |name: &str, [raw, hoshu, ratio]: [[f64; 3]; 3]| {
            let three = |[least, middle, most]: [f64; 3]| format!("{middle:8.3} ({least:.3} .. {most:.3})");
            say(&format!("{name:26}{:32}{:32}{}", three(raw), three(hoshu), three(ratio)));
        };
        say(&format!("\n{} ({} pairs): middle (least .. greatest)", self.what, self.costs.len()));
        say(&format!("{:26}{:32}{:32}hoshu / bare, pair by pair", "", "bare exchange", "hoshu"));
        for (name, figure) in [
            ("CPU ms per appliance", &ms as &dyn Fn(&Cost) -> f64),
            ("appliances per second", &rate),
            ("peak memory MB", &mb),
        ] {
            let ratio = |(raw, hoshu): &(Cost, Cost)| figure(hoshu) / figure(raw);
            row(name, [self.of(|(raw, _)| figure(raw)), self.of(|(_, hoshu)| figure(hoshu)), self.of(ratio)]);
        }
    }
}

/// What was judged, and how.
#[derive(Default)]
pub(super) struct Verdicts {
    lines: Vec<String>,
    failed: bool,
}

impl Verdicts {
    fn add(&mut self, what: &str, found: f64, [aim, limit]: [f64; 2]) {
        let is_within = |line: f64| if aim < limit { found <= line } else { found >= line };
        let word = match (is_within(aim), is_within(limit)) {
            (true, _) => "aim held",
            (false, true) => "held",
            (false, false) => "CROSSED",
        };
        self.failed |= !is_within(limit);
        self.lines.push(format!("{word:10}{what}: {found:.2} (aim {aim}, limit {limit})"));
    }

    /// Judges the middle pair.
    pub(super) fn pairs(&mut self, pairs: &Pairs) {
        let [_, cpu, _] = pairs.of(|(raw, hoshu)| hoshu.cpu.as_secs_f64() / raw.cpu.as_secs_f64());
        let [_, rate, _] = pairs.of(|(raw, hoshu)| raw.wall.as_secs_f64() / hoshu.wall.as_secs_f64());
        let [_, _, peak] = pairs.of(|(_, hoshu)| hoshu.peak as f64);
        self.add(&format!("{}: CPU against the bare exchange", pairs.what), cpu, CPU);
        self.add(&format!("{}: rate against the bare exchange", pairs.what), rate, RATE);
        self.add(&format!("{}: peak memory in MB", pairs.what), peak / 1e6, PEAK.map(|bytes| bytes / 1e6));
    }

    /// Judges what one appliance of a large fleet costs.
    pub(super) fn growth(&mut self, small: &Pairs, large: &Pairs) {
        let ([_, small, _], [_, grown, _]) = (small.cpu_ms(), large.cpu_ms());
        self.add(&format!("{}: CPU per appliance against the smaller fleet", large.what), grown / small, GROWTH);
    }

    /// Judges a number that has to be met.
    pub(super) fn count(&mut self, what: &str, found: usize, expected: usize) {
        let word = if found == expected { "held" } else { "CROSSED" };
        self.failed |= found != expected;
        self.lines.push(format!("{word:10}{what}: {found} (expected {expected})"));
    }

    /// Prints every verdict; whether no limit was crossed.
    pub(super) fn show(&self) -> bool {
        say("");
        for line in &self.lines {
            say(line);
        }
        !self.failed
    }
}
