//! What looks like a secret by itself, whatever stands beside it.

use std::ops::Range;

/// The shortest word that can be a password hash, and so the shortest that can look random.
const CRYPT_CHARS_MIN: usize = 10;
/// The shortest word that can be a licence key.
const LICENCE_CHARS_MIN: usize = 19;
/// The shortest token that can look random.
const TOKEN_CHARS_MIN: usize = 20;
/// Bits a character from which a token of that length looks random: names and words stay below.
const BITS_RANDOM: f64 = 3.5;
/// Bits a character from which hexadecimal digits look random; sixteen digits cannot reach more than four.
const BITS_RANDOM_HEX: f64 = 2.5;
/// The shortest token with hyphens that can look random, and its bits: a name of several words stays below.
const HYPHENATED_CHARS_MIN: usize = 32;
const BITS_RANDOM_HYPHENATED: f64 = 4.3;
/// How the end of a PEM block begins.
pub(super) const PEM_END: &str = "-----END ";
const PEM_BEGIN: &str = "-----BEGIN ";

/// The words of a line: what stands between white space, quotes, brackets and commas.
pub(super) fn words(line: &str) -> impl Iterator<Item = Range<usize>> {
    let apart = |letter: char| {
        let sign = matches!(letter, '"' | '\'' | '`' | ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}');
        sign || letter.is_whitespace()
    };
    line.split(apart).scan(0, move |from, word| {
        let start = *from;
        let end = start + word.len();
        *from = end + line.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Some(start..end)
    })
}

/// The password of `scheme://user:password@host` in a word.
pub(super) fn url_password(word: &str) -> Option<Range<usize>> {
    let (scheme, rest) = word.split_once("://")?;
    let (authority, _) = rest.rsplit_once('@')?;
    let (user, password) = authority.split_once(':')?;
    let start = scheme.len() + "://".len() + user.len() + 1;
    (!password.is_empty()).then_some(start..start + password.len())
}

/// What of a PEM block stands in the line in which it begins.
pub(super) fn pem(line: &str) -> Option<Range<usize>> {
    let start = line.find(PEM_BEGIN)?;
    let body = start + PEM_BEGIN.len();
    let end = line.get(body..)?.find(PEM_END).map_or(line.len(), |at| body + at);
    Some(start..end)
}

/// Whether a PEM block begins in the line and does not end in it.
pub(super) fn opens_pem(line: &str) -> bool {
    line.rfind(PEM_BEGIN).is_some_and(|at| line.get(at..).is_some_and(|rest| !rest.contains(PEM_END)))
}

/// Whether a word looks random.
pub(super) fn looks_random(word: &str) -> bool {
    if word.len() < LICENCE_CHARS_MIN {
        return is_crypt(word);
    }
    let random = is_crypt(word)
        || is_licence(word)
        || word.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_random_run)
        || is_base64(word);
    random && !is_uuid(word)
}

/// A run of letters and digits.
fn is_random_run(run: &str) -> bool {
    if run.len() < TOKEN_CHARS_MIN || classes(run) < 2 {
        return false;
    }
    let hex = run.bytes().all(|byte| byte.is_ascii_hexdigit());
    entropy(run) > if hex { BITS_RANDOM_HEX } else { BITS_RANDOM }
}

/// Base 64 whose signs cut it into short runs, also as a URL writes it.
fn is_base64(word: &str) -> bool {
    let of = |extra: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.as_bytes().contains(&byte));
    let plain = word.len() >= TOKEN_CHARS_MIN && of("+/=%") && !word.starts_with('/') && entropy(word) > BITS_RANDOM;
    let hyphenated = word.len() >= HYPHENATED_CHARS_MIN && of("-_=.") && entropy(word) > BITS_RANDOM_HYPHENATED;
    classes(word) == 3 && (plain || hyphenated)
}

/// `$6$salt$hash` and its relatives.
fn is_crypt(word: &str) -> bool {
    word.len() >= CRYPT_CHARS_MIN && word.bytes().filter(|byte| *byte == b'$').count() >= 2
}

/// A password hash, taken apart: its scheme with the signs around it (`$6$`), and everything before the hash itself.
pub(in crate::decide::backup) fn crypt_parts(value: &str) -> Option<(&str, &str)> {
    let (salted, hash) = value.rsplit_once('$')?;
    let scheme = salted.strip_prefix('$')?.split_once('$')?.0;
    let is_short = (1..=8).contains(&scheme.len()) && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_short && !hash.is_empty()).then(|| (value.get(..scheme.len() + 2).unwrap_or_default(), salted))
}

/// Groups of four with hyphens, as in `LK2-CONTENT_UPDATES-0000-0000-0000-0000`.
fn is_licence(word: &str) -> bool {
    let is_group = |group: &&str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
    word.split('-').filter(is_group).count() >= 4
}

/// An id that is printed to be read: 8-4-4-4-12 hexadecimal digits.
fn is_uuid(word: &str) -> bool {
    let lengths = word.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// How many of small letters, capitals and digits there are.
fn classes(text: &str) -> usize {
    let has = |class: fn(&u8) -> bool| usize::from(text.as_bytes().iter().any(class));
    has(u8::is_ascii_lowercase) + has(u8::is_ascii_uppercase) + has(u8::is_ascii_digit)
}

/// Shannon's entropy in bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_random_is_told_from_names() {
        for secret in [
            "c2VjcmV0LXBhc3N3b3JkLTEyMw==",
            "9f86d081884c7d659a2f",
            "Zm9v/YmFy+cXV4/Y29yZ2U+Z3J9",
            "$6$saltsalt$abcdefgh",
            "user:$1$ab$cdefgh",
            "LK2-CONTENT_UPDATES-0000-0000-0000-0000",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.abc",
            "x7-Qm_4fKz81-LpW0s_RtYb5-cNd2_Hj9vUeG",
            "token=AKIAIOSFODNN7EXAMPLE0",
        ] {
            assert!(looks_random(secret), "{secret}");
        }
        for name in [
            "nx01.mgmt.tokyo.customer.example.co.jp",
            "/opt/fireeye/images/guest-images",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "123e4567-e89b-12d3-a456-426614174000",
            "00:25:90:AB:CD:EF",
            "2015-04-26T16:26:55",
            "administrator-of-the-tokyo-office-01",
            "build@vta114:FireEye/mammoth-dev",
            "12345678901234567890123",
        ] {
            assert!(!looks_random(name), "{name}");
        }
    }

    #[test]
    fn words_have_their_places() {
        let line = "a \"b é\",c";
        let found: Vec<&str> =
            words(line).filter_map(|place| line.get(place)).filter(|word| !word.is_empty()).collect();
        assert_eq!(found, ["a", "b", "é", "c"]);
    }

    #[test]
    fn a_url_shows_its_user_and_hides_its_password() {
        let word = "scp://backup:p@ss/w:ord@10.0.0.1/x";
        assert_eq!(url_password(word).and_then(|place| word.get(place)), Some("p@ss/w:ord"));
    }

    #[test]
    fn a_hash_has_a_scheme_and_a_salt() {
        assert_eq!(crypt_parts("$6$saltsalt$hash"), Some(("$6$", "$6$saltsalt")));
        assert_eq!(crypt_parts("$6$rounds=5000$salt$hash"), Some(("$6$", "$6$rounds=5000$salt")));
        for none in ["$6$salt$", "tiger", "a$6$b$c", "$$x", "$one two$a$b"] {
            assert_eq!(crypt_parts(none), None, "{none}");
        }
    }
}
