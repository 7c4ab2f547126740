//! Masks: what stands in the place of a secret, and what two of them tell of each other.
//!
//! A mask is `‹masked:FACE›`. Its face is the fingerprint of path and value, 64 bits in hex. Before it stand, for a
//! password hash, its scheme and the fingerprint of its salt, so that a hash that was only salted anew is told from one
//! that is another one under the same salt.

use super::redact::crypt_parts;

const BEGIN: &str = "‹masked:";
const END: char = '›';
/// A mask without a face.
pub(super) const WHOLE: &str = "‹masked›";
/// Hexadecimal digits of a fingerprint that are shown.
const FACE_DIGITS: usize = 16;
/// Hexadecimal digits of the fingerprint of a salt.
const SALT_DIGITS: usize = 8;

/// The mask of a value at a path.
pub(super) fn of(path: &str, value: &str, fingerprint: &dyn Fn(&str, &str) -> String) -> String {
    let shown = |text: String, digits: usize| text.chars().take(digits).collect::<String>();
    let face = shown(fingerprint(path, value), FACE_DIGITS);
    match crypt_parts(value) {
        Some((scheme, salted)) => {
            let salt = shown(fingerprint(&format!("{path}\nsalt"), salted), SALT_DIGITS);
            format!("{BEGIN}{scheme}{salt}:{face}{END}")
        }
        None => format!("{BEGIN}{face}{END}"),
    }
}

/// The faces of a line's masks, in order, with their places.
fn faces(line: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    line.match_indices(BEGIN).filter_map(|(start, _)| {
        let from = start + BEGIN.len();
        let face = line.get(from..)?.split_once(END)?.0;
        Some((start..from + face.len() + END.len_utf8(), face))
    })
}

/// A line with `mask(n, face)` in the place of its n-th mask.
fn replace(line: &str, mask: impl Fn(usize, &str) -> String) -> String {
    let mut text = String::with_capacity(line.len());
    let mut from = 0;
    for (nth, (place, face)) in faces(line).enumerate() {
        text.push_str(line.get(from..place.start).unwrap_or_default());
        text.push_str(&mask(nth, face));
        from = place.end;
    }
    text.push_str(line.get(from..).unwrap_or_default());
    text
}

/// Whether a line is one mask and nothing else.
pub(super) fn is_mask(line: &str) -> bool {
    line == WHOLE || faces(line).next().is_some_and(|(place, _)| place == (0..line.len()))
}

/// A line whose masks have no faces: equal for two lines that differ in nothing but their secrets.
pub(super) fn faceless(line: &str) -> String {
    replace(line, |_, _| WHOLE.to_owned())
}

/// A line that tells of each of its masks whether it is another secret than in its twin.
pub(super) fn beside(before: &str, line: &str) -> String {
    let before: Vec<&str> = faces(before).map(|(_, face)| face).collect();
    replace(line, |nth, face| {
        let told = match before.get(nth) {
            Some(before) if *before == face => "",
            Some(before) if is_salted_anew(before, face) => ", another salt",
            _ => ", changed",
        };
        format!("{BEGIN}{face}{told}{END}")
    })
}

/// Two hashes of one scheme with two salts: whether the password behind them is the same cannot be told.
fn is_salted_anew(before: &str, after: &str) -> bool {
    let salt = |face: &str| {
        let (salt, _) = face.rsplit_once(':')?;
        let (scheme, salt) = salt.rsplit_once('$')?;
        Some((scheme.to_owned(), salt.to_owned()))
    };
    match (salt(before), salt(after)) {
        (Some(before), Some(after)) => before.0 == after.0 && before.1 != after.1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::backup::sample::fingerprint;

    fn line(value: &str) -> String {
        format!("username x password 7 {} end", of("username x password 7 ", value, &fingerprint))
    }

    #[test]
    fn two_masks_tell_what_became_of_a_secret() {
        let told = |before: &str, after: &str| {
            assert_eq!(faceless(&line(before)), "username x password 7 ‹masked› end");
            let shown = beside(&line(before), &line(after));
            shown.split_once(", ").map(|(_, told)| told.split(END).next().unwrap_or_default().to_owned())
        };
        assert_eq!(told("tiger", "tiger"), None);
        assert_eq!(told("tiger", "lily").as_deref(), Some("changed"));
        assert_eq!(told("$6$abcd$0123456789", "$6$abcd$9876543210").as_deref(), Some("changed"));
        assert_eq!(told("$6$abcd$0123456789", "$6$efgh$9876543210").as_deref(), Some("another salt"));
        assert_eq!(told("$1$abcd$0123456789", "$6$efgh$9876543210").as_deref(), Some("changed"));
        assert_eq!(told("tiger", "$6$efgh$9876543210").as_deref(), Some("changed"));
    }

    #[test]
    fn what_only_looks_like_a_mask_is_left_alone() {
        for line in ["‹masked:", "a ‹masked: b", "‹masked› x", "›‹"] {
            assert_eq!(faceless(line), line);
            assert_eq!(beside("", line), line);
            assert!(!is_mask(line), "{line}");
        }
        assert!(is_mask(&of("x", "tiger", &fingerprint)) && is_mask(WHOLE) && !is_mask("‹masked:00› x"));
    }
}
