//! What changed between two redacted configurations, section by section.

use std::collections::{HashMap, VecDeque};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::mask;
use super::readable::{Readable, means, title_of};
use crate::model::config::{ConfigLayout, lines};
use crate::model::outside::Outside;
use crate::model::redacted::RedactedText;

crate::words! {
    /// What a line of a difference is.
    pub enum Sign {
        /// In both.
        Same = "same",
        /// Only in the old one.
        Removed = "removed",
        /// Only in the new one.
        Added = "added",
    }
}

/// A line of a difference, redacted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DiffLine {
    /// In both, only in the old one, only in the new one.
    pub sign: Sign,
    /// The redacted line.
    pub text: Outside,
    /// Something was masked that no rule of the layout covers.
    pub unreviewed: bool,
}

/// A stretch of lines around changes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hunk {
    /// The first line in the old text, counted from 1; 0 when it has none there.
    pub old_start: usize,
    /// The first line in the new text, counted from 1; 0 when it has none there.
    pub new_start: usize,
    /// The lines.
    pub lines: Vec<DiffLine>,
}

/// The changes of one section.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SectionDiff {
    /// The section's title; empty for what stands before the first section.
    pub title: Outside,
    /// The stretches that changed.
    pub hunks: Vec<Hunk>,
}

/// The changes between two configurations; empty when there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Diff {
    /// The sections that changed: in the order of the new text, then those that are gone.
    pub sections: Vec<SectionDiff>,
}

impl Diff {
    /// Whether nothing changed but volatile lines.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// Leaves only the sections whose title a person means.
    pub fn keep(&mut self, section: &str) {
        self.sections.retain(|one| means(section, title_of(&one.title)));
    }
}

/// Sections whose changed middle has more lines than this, old and new together, are shown as replaced altogether:
/// looking for the shortest difference takes a time that grows with the square.
const MIDDLE_LINES_MAX: usize = 10_000;

/// The difference from `old` to `new`, with so many unchanged lines around each change; volatile lines are left out.
///
/// Masks carry fingerprints, so that a line with another secret is another line. Where a line differs in nothing but its
/// secrets, the new one says which of them changed.
pub fn diff(old: &Readable, new: &Readable, layout: &ConfigLayout, context_lines: usize) -> Diff {
    let mut old_parts = old.parts(layout);
    let mut sections = Vec::new();
    let (old_text, new_text) = (old.redacted(), new.redacted());
    let section = |title: &Outside, before: &[Numbered<'_>], after: &[Numbered<'_>]| SectionDiff {
        title: title.clone(),
        hunks: hunks(&Side { text: old_text, lines: before }, &Side { text: new_text, lines: after }, context_lines),
    };
    for part in new.parts(layout) {
        let same = old_parts.iter().position(|before| before.title == part.title);
        let before = same.map_or_else(Vec::new, |place| old_parts.remove(place).lines);
        sections.push(section(part.title, &before, &part.lines));
    }
    for gone in old_parts {
        sections.push(section(gone.title, &gone.lines, &[]));
    }
    sections.retain(|section| !section.hunks.is_empty());
    Diff { sections }
}

/// The difference between two redacted texts of any kind, every line of them: as [`diff`], without sections.
pub fn diff_lines(old: &RedactedText, new: &RedactedText, context_lines: usize) -> Vec<Hunk> {
    let (before, after): (Vec<_>, Vec<_>) = (numbered(old).collect(), numbered(new).collect());
    hunks(&Side { text: old, lines: &before }, &Side { text: new, lines: &after }, context_lines)
}

fn numbered(text: &RedactedText) -> impl Iterator<Item = Numbered<'_>> {
    lines(text.text.as_data()).enumerate()
}

/// A line with its number, counted from 0.
type Numbered<'a> = (usize, &'a str);

/// The lines of one of the two texts that are compared, of one section or all.
struct Side<'a> {
    text: &'a RedactedText,
    lines: &'a [Numbered<'a>],
}

impl Side<'_> {
    fn start(&self, place: usize) -> usize {
        self.lines.get(place).map_or(0, |(number, _)| number + 1)
    }

    fn shown(&self, sign: Sign, (number, line): Numbered<'_>) -> DiffLine {
        DiffLine { sign, text: line.into(), unreviewed: self.text.is_unreviewed(number) }
    }
}

fn hunks(old: &Side<'_>, new: &Side<'_>, context_lines: usize) -> Vec<Hunk> {
    let hunk = |group: Vec<DiffOp>| {
        let first = group.first()?;
        let (old_start, new_start) = (old.start(first.old_range().start), new.start(first.new_range().start));
        let lines: Vec<DiffLine> = group.iter().flat_map(|op| lines_of(op, old, new)).collect();
        let changed = lines.iter().any(|line| line.sign != Sign::Same);
        changed.then_some(Hunk { old_start, new_start, lines })
    };
    group_diff_ops(operations(old.lines, new.lines), context_lines).into_iter().filter_map(hunk).collect()
}

fn operations(old: &[Numbered<'_>], new: &[Numbered<'_>]) -> Vec<DiffOp> {
    let old: Vec<&str> = old.iter().map(|(_, line)| *line).collect();
    let new: Vec<&str> = new.iter().map(|(_, line)| *line).collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().skip(head).rev().zip(new.iter().skip(head).rev()).take_while(|(a, b)| a == b).count();
    let (old_len, new_len) = (old.len() - head - tail, new.len() - head - tail);
    if old_len.min(new_len) == 0 || old_len + new_len <= MIDDLE_LINES_MAX {
        return capture_diff_slices(Algorithm::Myers, &old, &new);
    }
    vec![
        DiffOp::Equal { old_index: 0, new_index: 0, len: head },
        DiffOp::Replace { old_index: head, old_len, new_index: head, new_len },
        DiffOp::Equal { old_index: head + old_len, new_index: head + new_len, len: tail },
    ]
}

fn lines_of(op: &DiffOp, old: &Side<'_>, new: &Side<'_>) -> Vec<DiffLine> {
    let before = old.lines.get(op.old_range()).unwrap_or_default();
    let after = new.lines.get(op.new_range()).unwrap_or_default();
    if op.tag() == DiffTag::Equal {
        return after.iter().map(|line| new.shown(Sign::Same, *line)).collect();
    }
    // Lines that differ in nothing but their secrets are the same without the faces of their masks.
    let mut twins: HashMap<String, VecDeque<&str>> = HashMap::new();
    for (_, line) in before {
        twins.entry(mask::faceless(line)).or_default().push_back(line);
    }
    let removed = before.iter().map(|line| old.shown(Sign::Removed, *line));
    let added = after.iter().map(|(number, line)| {
        let twin = twins.get_mut(&mask::faceless(line)).and_then(VecDeque::pop_front);
        let told = twin.map_or_else(|| (*line).to_owned(), |twin| mask::beside(twin, line));
        new.shown(Sign::Added, (*number, &told))
    });
    removed.chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::backup::sample::{TEXT, layout, readable};

    /// The difference as a person would see it, with the same face on every mask.
    fn check(new: &str, context_lines: usize) -> String {
        let found = diff(&readable(TEXT), &readable(new), layout(), context_lines);
        let mut lines = Vec::new();
        for section in &found.sections {
            lines.push(format!("[{}]", section.title.as_data()));
            for hunk in &section.hunks {
                lines.push(format!("@ {} {}", hunk.old_start, hunk.new_start));
                lines.extend(hunk.lines.iter().map(|line| {
                    let sign = match line.sign {
                        Sign::Same => ' ',
                        Sign::Removed => '-',
                        Sign::Added => '+',
                    };
                    format!("{sign}{}", line.text.as_data())
                }));
            }
        }
        let face = regex::Regex::new("(:[$]1[$][0-9a-f]{8})?:[0-9a-f]{16}").expect("an expression");
        lines.into_iter().map(|line| face.replace_all(&line, "").into_owned() + "\n").collect()
    }

    #[test]
    fn volatile_lines_and_empty_lines_are_no_change() {
        let later = TEXT.replace("02:00:07", "03:11:12").replace("/24\n", "/24\n\n");
        assert_eq!(check(&later, 3), "");
        assert!(diff(&readable(TEXT), &readable(&later), layout(), 3).is_empty());
    }

    #[test]
    fn a_change_stands_in_its_section_with_its_context() {
        let new = TEXT.replace("default-gateway 10.20.30.1", "default-gateway 10.20.30.2").replace("4711", "4712");
        assert_eq!(
            check(&new, 1),
            "[]\n@ 4 4\n ## Software version: wmps wMPS (wMPS) 9.1.0.924861 #924861 2026-01-09 11:02:33 x86_64 \
             build@vta7:FireEye/release (final)\n-## Last config change ID: 4711\n+## Last config change ID: 4712\n \
             ## Hostname: nx-tokyo-01\n[Network interface configuration]\n@ 19 19\n interface ether1 comment \"uplink \
             \\\"core\\\" 2\"\n-ip default-gateway 10.20.30.1\n+ip default-gateway 10.20.30.2\n"
        );
    }

    #[test]
    fn a_changed_secret_is_a_changed_line_and_is_not_shown() {
        let new = TEXT.replace("7wYq0cSmE5rTzP1oHd3Ua/", "8wYq0cSmE5rTzP1oHd3Ua/");
        assert_eq!(
            check(&new, 0),
            "[Local user account configuration]\n@ 26 26\n-username \"admin\" password 7 ‹masked›\n\
             +username \"admin\" password 7 ‹masked, changed›\n"
        );
    }

    #[test]
    fn sections_that_come_and_go_are_shown_whole() {
        let new = TEXT.replace("## SNMP configuration", "## Syslog configuration").replace("snmp-server location", "x");
        let shown = check(&new, 0);
        assert!(shown.contains("[Syslog configuration]\n@ 0 33\n+snmp-server community ‹masked› ro\n"), "{shown}");
        assert!(shown.contains("[SNMP configuration]\n@ 33 0\n-snmp-server community ‹masked› ro\n"), "{shown}");
        assert!(!shown.contains("w4tchd0g"), "{shown}");
    }

    #[test]
    fn every_changed_command_is_seen_wherever_it_stands() {
        for (at, line) in TEXT.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let without: String =
                TEXT.split_inclusive('\n').enumerate().filter(|(n, _)| *n != at).map(|(_, line)| line).collect();
            assert!(check(&without, 0).contains("\n-"), "{line}");
        }
    }

    #[test]
    fn what_is_too_different_is_replaced_altogether() {
        let many = |word: &str| -> String {
            (0..6_000).flat_map(|n| [word.to_owned(), n.to_string(), "\n".to_owned()]).collect()
        };
        let frame = |body: &str| format!("##\n## License keys\n##\nfirst\n{body}last\n");
        let (old, new) = (readable(&frame(&many("a"))), readable(&frame(&many("b"))));
        let found = diff(&old, &new, layout(), 1);
        let lines = &found.sections[0].hunks[0].lines;
        assert_eq!(lines.len(), 12_002);
        let grown = diff(&readable(&frame("")), &old, layout(), 1);
        assert_eq!(grown.sections[0].hunks[0].lines.len(), 6_002);
        assert!(lines[1..=6_000].iter().all(|line| line.sign == Sign::Removed));
    }
}
