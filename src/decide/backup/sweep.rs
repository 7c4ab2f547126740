//! The last look at a redacted text before it leaves the house: no secret that is known may stand in it, in no encoding.

use std::collections::{BTreeSet, HashSet};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::mask::WHOLE;
use crate::model::config::lines;
use crate::model::redacted::RedactedText;

/// The shortest form that is looked for inside something longer: shorter ones are parts of ordinary words too often.
const FORM_BYTES_MIN: usize = 6;
/// The shortest secret that is looked for as a word of its own.
const WORD_BYTES_MIN: usize = 3;

/// Masks each line of a text in which a secret stands: as it is, in base 64, in hex, as a URL and as JSON write it, in
/// either case and inside something longer; one of three to five bytes as a word of its own. Such a line is *unreviewed*, since the rules that made the text missed it.
pub fn sweep(text: RedactedText, secrets: &[&str]) -> RedactedText {
    let short: HashSet<&str> =
        secrets.iter().copied().filter(|secret| (WORD_BYTES_MIN..FORM_BYTES_MIN).contains(&secret.len())).collect();
    let search = Search::new(secrets.iter().flat_map(|secret| forms(secret)));
    search.mask(text, |line| line.split(|sign: char| !sign.is_alphanumeric()).any(|word| short.contains(word)))
}

/// As [`sweep`], for values whose plain form was replaced already: only the lines of texts in which one stands encoded.
pub(in crate::decide) fn sweep_encoded(texts: Vec<RedactedText>, values: &BTreeSet<String>) -> Vec<RedactedText> {
    let encoded = |value: &String| {
        let plain = value.as_bytes().to_vec();
        forms(value).into_iter().filter(move |form| *form != plain)
    };
    let search = Search::new(values.iter().flat_map(encoded));
    texts.into_iter().map(|text| search.mask(text, |_| false)).collect()
}

/// A search for forms; one that cannot be built finds them everywhere.
struct Search(Option<AhoCorasick>);

impl Search {
    fn new(forms: impl Iterator<Item = Vec<u8>>) -> Self {
        let forms: BTreeSet<Vec<u8>> = forms.filter(|form| form.len() >= FORM_BYTES_MIN).collect();
        Self(AhoCorasick::builder().ascii_case_insensitive(true).build(forms).ok())
    }

    fn mask(&self, text: RedactedText, also: impl Fn(&str) -> bool) -> RedactedText {
        let holds = |line: &str| self.0.as_ref().is_none_or(|search| search.is_match(line)) || also(line);
        let mut unreviewed: BTreeSet<u32> = text.unreviewed.into_iter().collect();
        let mut swept = String::with_capacity(text.text.as_data().len());
        for (number, line) in lines(text.text.as_data()).enumerate() {
            if holds(line) {
                unreviewed.insert(u32::try_from(number).unwrap_or(u32::MAX));
                swept.push_str(WHOLE);
            } else {
                swept.push_str(line);
            }
            swept.push('\n');
        }
        RedactedText { text: swept.into(), unreviewed: unreviewed.into_iter().collect() }
    }
}

/// The ways in which a secret may stand in a text.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap_or_default();
    let url: String = bytes.iter().map(|byte| url_byte(*byte)).collect();
    let mut forms = vec![bytes.to_vec(), hex::encode(bytes).into_bytes(), url.into_bytes()];
    forms.push(json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().as_bytes().to_vec());
    for shift in 0..3 {
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.push(inside_base64(bytes, shift, &alphabet));
        }
    }
    forms
}

/// What base 64 makes of bytes that stand behind so many others: the characters that depend on them alone.
fn inside_base64(bytes: &[u8], shift: usize, alphabet: &impl Engine) -> Vec<u8> {
    let mut shifted = vec![0; shift];
    shifted.extend_from_slice(bytes);
    let text = alphabet.encode(&shifted).into_bytes();
    let (first, end) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
    text.get(first..end).unwrap_or_default().to_vec()
}

fn url_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn swept(text: &str, secrets: &[&str]) -> RedactedText {
        sweep(RedactedText { text: text.into(), unreviewed: vec![0] }, secrets)
    }

    #[test]
    fn a_line_with_a_secret_is_masked_and_the_others_stay() {
        let found = swept("a\nuser tiger-lily x\nTIGER-LILY\nb\n", &["tiger-lily", "ab"]);
        assert_eq!(found.text.as_data(), "a\n‹masked›\n‹masked›\nb\n");
        assert_eq!(found.unreviewed, [0, 1, 2]);
        assert_eq!(swept("user abc1\nabc1d x\n(abc1)\n", &["abc1"]).text.as_data(), "‹masked›\nabc1d x\n‹masked›\n");
        assert_eq!(swept("a\nb\n", &[]).text.as_data(), "a\nb\n");
    }

    proptest! {
        #[test]
        fn no_encoding_hides_a_secret(secret in "[ -~]{8,24}", before in "[ -~]{0,7}", after in "[ -~]{0,7}") {
            let all = format!("{before}{secret}{after}");
            let url: String = secret.bytes().map(url_byte).collect();
            for line in [
                all.clone(),
                hex::encode(&all),
                hex::encode_upper(&all),
                url,
                serde_json::to_string(&all).unwrap(),
                STANDARD_NO_PAD.encode(&all),
                URL_SAFE_NO_PAD.encode(&all),
            ] {
                let found = swept(&format!("x\nk {line} z\n"), &[&secret]);
                prop_assert_eq!(found.text.as_data(), "x\n‹masked›\n", "{}", line);
            }
        }

        #[test]
        fn what_holds_no_secret_is_left_as_it_is(text in "([a-m ]{0,20}\n){0,6}") {
            let found = swept(&text, &["zzzzzzzz"]);
            prop_assert_eq!(found.text.as_data(), text.as_str());
        }
    }
}
