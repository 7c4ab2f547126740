//! What an appliance says of the backups that it writes itself: `show backup estimate profile`, `show backup status` and
//! `show backup available` (docs.trellix.com, CLI reference). The first two layouts stand in its pages; of the third
//! only the names of the fields do, so that its layout is modelled.

use crate::model::push::{Estimate, HeldCopy, PrintedSize, PushStatus};

/// Names and values, line by line; a name ends at the first colon.
fn fields(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim()))
    })
}

fn word(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.chars().take(80).collect())
}

/// Reads an estimate.
pub fn push_estimate(text: &str) -> Estimate {
    let mut found = Estimate::default();
    for (name, value) in fields(text) {
        match name.as_str() {
            "can perform local or remote backup" => {
                found.can = match value {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                };
            }
            "estimated space required for backup" => {
                found.needed_mb = value.strip_suffix("MB").and_then(|number| number.trim().parse().ok());
            }
            _ => {}
        }
    }
    found
}

/// Reads how the last backup ended.
pub fn push_status(text: &str) -> PushStatus {
    let mut found = PushStatus::default();
    for (name, value) in fields(text) {
        match name.as_str() {
            "backup status" => found.running = value != "not-running",
            "last backup profile" => found.profile = word(value),
            "last backup end time" => found.ended = word(value),
            "last backup result" => found.success = word(value).map(|word| word == "success"),
            _ => {}
        }
    }
    found
}

/// Copies of one answer: an appliance limits how many it holds.
const COPIES_MAX: usize = 100;

/// Reads the files that it holds. Each begins with its profile.
pub fn backups_held(text: &str) -> Vec<HeldCopy> {
    let mut copies: Vec<HeldCopy> = Vec::new();
    for (name, value) in fields(text) {
        if name == "profile" {
            if copies.len() == COPIES_MAX {
                break;
            }
            copies.push(HeldCopy { profile: word(value), ..HeldCopy::default() });
            continue;
        }
        let Some(copy) = copies.last_mut() else { continue };
        match name.as_str() {
            "create time" => copy.created = word(value),
            "actual size" | "compressed size" if copy.sizes.len() < 2 => copy.sizes.extend(size(value)),
            _ => {}
        }
    }
    copies
}

/// Dumps of one answer, and the letters of the name of one.
const DUMPS_MAX: usize = 1_000;
const DUMP_CHARS_MAX: usize = 120;

/// Reads the names of dumps (`sysdump-<host name>-yyyymmdd-hhmmss.tgz`; CLI reference, `debug generate dump`), whatever
/// stands around them: no document shows that.
pub fn dumps_named(text: &str) -> Vec<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let words = text.split(|letter: char| !plain(letter));
    let named = words.filter(|word| word.strip_prefix("sysdump-").and_then(|rest| rest.strip_suffix(".tgz")).is_some());
    named.filter(|word| word.len() <= DUMP_CHARS_MAX).take(DUMPS_MAX).map(str::to_owned).collect()
}

/// `8812 bytes`, `8.4 MB`, `8812`.
fn size(value: &str) -> Option<PrintedSize> {
    let end = value.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let digits: u64 = format!("{whole}{part}").parse().ok()?;
    let rounded = if unit == 1 { 0 } else { unit.div_ceil(scale) };
    Some(PrintedSize { bytes: digits.checked_mul(unit)? / scale, rounded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_are_known_by_their_names() {
        let one = "sysdump-nx01-20261125-093012.tgz";
        assert_eq!(dumps_named(&format!("Generated dump {one}\n")), [one]);
        assert_eq!(dumps_named(&format!("1  /var/opt/tms/sysdumps/{one}  4 MB\n2 {one}\n")), [one, one]);
        assert!(dumps_named("sysdump-a.txt dump-1.tgz % Unrecognized command\n").is_empty());
        assert!(dumps_named(&format!("sysdump-{}.tgz", "x".repeat(200))).is_empty());
    }

    #[test]
    fn an_estimate_says_whether_and_how_much() {
        let text = "-----\n   # Estimates for full backup\n-----\n Local space available    : 900 MB\n \
                    Estimated space required for backup  : 41 MB\n Can perform local or remote backup   : no\n \
                    Can perform USB backup               : yes\n";
        assert_eq!(push_estimate(text), Estimate { can: Some(false), needed_mb: Some(41) });
        assert_eq!(push_estimate("% Unrecognized command\n"), Estimate::default());
        assert_eq!(push_estimate(" Can perform local or remote backup : maybe\n").can, None);
    }

    #[test]
    fn a_status_says_how_the_last_one_ended() {
        let text = "Backup status:                 not-running\nLast backup profile:           full\n\
                    Last backup end time:          2026/12/08 18:32:58.112\nLast Backup result:            success\n";
        let expected = PushStatus {
            running: false,
            profile: Some("full".to_owned()),
            ended: Some("2026/12/08 18:32:58.112".to_owned()),
            success: Some(true),
        };
        assert_eq!(push_status(text), expected);
        let failed = push_status(&text.replace("success", "failure: no route").replace("not-running", "running"));
        assert_eq!((failed.running, failed.success), (true, Some(false)));
        assert_eq!(push_status(""), PushStatus::default());
    }

    #[test]
    fn copies_have_sizes_with_what_their_rounding_hides() {
        let text = "Backup file a.febkp\n  Profile :full\n  Create time :2026/12/08 18:32:58\n  Actual size :8.4 MB\n  \
                    Compressed size :8812 bytes\n  Profile :config\n  Actual size :many\n";
        let copies = backups_held(text);
        assert_eq!(copies.len(), 2);
        let sizes = [PrintedSize { bytes: 8_808_038, rounded: 104_858 }, PrintedSize { bytes: 8812, rounded: 0 }];
        assert_eq!(copies.first().unwrap().sizes, sizes);
        assert!(copies.last().unwrap().sizes.is_empty());
        assert!(backups_held("No backups available.\n").is_empty());
    }
}
