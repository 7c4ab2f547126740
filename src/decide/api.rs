//! What an answer of an HTTPS API means before its content is read: status codes, and the errors in both languages that
//! the API speaks.
//!
//! Source: Web Services API guide (login, errors), and clients of it.

use std::fmt;

use serde::Deserialize;

use crate::decide::brake::LoginResult;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition};

/// Characters of a message that are told.
const MESSAGE_CHARS_MAX: usize = 200;

/// How a request to log in ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With a token.
    Accepted,
    /// The account or its password is refused.
    Refused(Outside),
    /// The API is switched off.
    Disabled,
    /// There is no such version of the API.
    OtherVersion,
    /// With something else.
    Odd(Condition, Outside),
}

impl Login {
    /// What an answer to a request to log in means.
    pub fn of(status: u16, token: bool, body: &[u8]) -> Self {
        let said = || message(body).unwrap_or_else(|| format!("status {status}"));
        match status {
            200 | 204 if token => Self::Accepted,
            200 | 204 => Self::Odd(Condition::Malformed, "a login without a token".into()),
            401 | 403 => Self::Refused(said().into()),
            // What clients of 7.x see for a wrong password.
            400 if said().to_ascii_lowercase().contains("auth") => Self::Refused(said().into()),
            404 => Self::OtherVersion,
            503 => Self::Disabled,
            300..=399 => Self::Odd(Condition::Malformed, "sends elsewhere, which is not followed".into()),
            _ => Self::Odd(Condition::Missing, format!("no login: {}", said()).into()),
        }
    }

    /// What the brake is told of it.
    pub const fn result(&self) -> LoginResult {
        match self {
            Self::Accepted => LoginResult::Accepted,
            Self::Refused(_) => LoginResult::Refused,
            Self::Disabled | Self::OtherVersion | Self::Odd(..) => LoginResult::Unjudged,
        }
    }
}

/// Why the content of an answer is not read: its condition and what is said; `None` when it is. `optional` is a question
/// that an appliance may not know.
pub fn unread(status: u16, packed: bool, body: &[u8], optional: bool) -> Option<(Condition, Outside)> {
    let said = || message(body).unwrap_or_else(|| format!("status {status}"));
    let looks_like_xml = body.trim_ascii_start().first() == Some(&b'<');
    Some(match status {
        200 | 206 if packed => (Condition::Malformed, "packed, though nobody asked for that".into()),
        200 | 206 if looks_like_xml => (Condition::Malformed, format!("XML: {}", said()).into()),
        200 | 206 => return None,
        404 if optional => (Condition::Good, "not known there".into()),
        300..=399 => (Condition::Malformed, "sends elsewhere, which is not followed".into()),
        503 => (Condition::Disabled, format!("refused: {}", said()).into()),
        _ => (Condition::Missing, format!("refused: {}", said()).into()),
    })
}

/// Calls of a day when an appliance reports no limit: the smallest that is known (CM 7.1).
const DAY_CALLS: u64 = 1_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Calls of a poll that are no question: login and logout.
const OVERHEAD: u64 = 2;

/// How many calls an appliance takes, as `show wsapi` reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of a minute.
    pub minute: Option<u64>,
    /// Of a day.
    pub day: Option<u64>,
}

impl Limits {
    /// Takes them from what was said of components; the first counts.
    pub fn of<'a>(said: impl Iterator<Item = (&'a Component, &'a Outside)>) -> Self {
        let mut limits = Self::default();
        for (component, said) in said.filter(|(component, _)| component.kind == ComponentKind::ApiLimit) {
            let number = said.as_data().rsplit(' ').next().and_then(|number| number.parse().ok());
            match component.name.as_data() {
                "minute" => limits.minute = limits.minute.or(number),
                "day" => limits.day = limits.day.or(number),
                _ => {}
            }
        }
        limits
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.minute, self.day) {
            (Some(minute), Some(day)) => write!(f, "{minute} calls a minute and {day} a day"),
            (Some(minute), None) => write!(f, "{minute} calls a minute"),
            (None, Some(day)) => write!(f, "{day} calls a day"),
            (None, None) => write!(f, "{DAY_CALLS} calls a day, which is taken where none is known"),
        }
    }
}

/// How many questions a poll may put, so that all polls of this period together, with login and logout, take no more than
/// half of what the appliance allows: others ask it as well.
pub fn questions_within(limits: Limits, period_ms: i64) -> usize {
    let polls = u64::try_from(DAY_MS / period_ms.max(1)).unwrap_or(u64::MAX).max(1);
    let of_day = limits.day.unwrap_or(DAY_CALLS) / 2 / polls;
    let of_minute = limits.minute.map_or(u64::MAX, |minute| minute / 2);
    usize::try_from(of_day.min(of_minute).saturating_sub(OVERHEAD)).unwrap_or(usize::MAX)
}

#[derive(Deserialize)]
struct Errors {
    fireeyeapis: Option<Said>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    description: Option<String>,
    message: Option<String>,
}

/// The message of an error: of its JSON object, or of the element `<message>`. XML is not parsed: nothing is unfolded,
/// and a document that declares a type is not looked into.
fn message(body: &[u8]) -> Option<String> {
    let text = if let Ok(errors) = serde_json::from_slice::<Errors>(body) {
        errors.fireeyeapis.and_then(|said| said.description.or(said.message)).or(errors.message)?
    } else {
        let text = std::str::from_utf8(body).ok()?;
        if text.contains("<!") {
            return Some("declares a document type, which is refused".to_owned());
        }
        let (_, after) = text.split_once("<message>")?;
        after.split_once("</message>")?.0.to_owned()
    };
    let text: Vec<&str> = text.split_whitespace().collect();
    let text = text.join(" ").trim_end_matches('.').to_owned();
    (!text.is_empty()).then(|| text.chars().take(MESSAGE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_refused_disabled_or_odd() {
        let refused =
            br#"{"fireeyeapis":{"@version":"v2.0.0","description":"Wrong user. code:AUTH001","message":"x"}}"#;
        assert_eq!(Login::of(200, true, b""), Login::Accepted);
        assert_eq!(Login::of(204, true, b"").result(), LoginResult::Accepted);
        assert_eq!(Login::of(401, false, refused), Login::Refused("Wrong user. code:AUTH001".into()));
        assert_eq!(Login::of(401, true, b"").result(), LoginResult::Refused);
        let old = b"<?xml version=\"1.0\"?><error><message>Authentication\n failed</message></error>";
        assert_eq!(Login::of(400, false, old), Login::Refused("Authentication failed".into()));
        assert_eq!(Login::of(400, false, b"bad request").result(), LoginResult::Unjudged);
        assert_eq!(Login::of(503, false, b"disabled"), Login::Disabled);
        assert_eq!(Login::of(404, false, b""), Login::OtherVersion);
        for (status, condition) in [(200, Condition::Malformed), (302, Condition::Malformed), (500, Condition::Missing)]
        {
            assert!(matches!(Login::of(status, false, b""), Login::Odd(found, _) if found == condition), "{status}");
        }
    }

    #[test]
    fn all_polls_of_a_day_take_half_of_what_is_allowed() {
        const TEN: i64 = 600_000;
        let room = |minute, day, period_ms| questions_within(Limits { minute, day }, period_ms);
        // 144 polls a day: three calls each are 432 of 500, four would be 576.
        assert_eq!(room(None, None, TEN), 1);
        assert_eq!(room(Some(10), Some(1_000), TEN), 1);
        assert_eq!(room(Some(10), Some(100_000), TEN), 3);
        assert_eq!(room(Some(1_000), Some(100_000), TEN), 345);
        assert_eq!(room(None, None, 60_000), 0, "login and logout each minute are too much");
        assert_eq!(room(None, None, 2 * TEN), 4);
        assert_eq!((room(None, Some(0), TEN), room(Some(3), None, TEN), room(None, None, 0)), (0, 0, 0));
        let [minute, day] = ["minute", "day"].map(|name| Component::new(ComponentKind::ApiLimit, name));
        let said = ["minute 10", "day 1000", "day 5"].map(Outside::from);
        let limits = Limits::of([(&minute, &said[0]), (&day, &said[1]), (&day, &said[2])].into_iter());
        assert_eq!(limits, Limits { minute: Some(10), day: Some(1_000) });
    }

    #[test]
    fn what_is_not_read_is_never_good() {
        let said = |status, body: &str| {
            let (condition, said) = unread(status, false, body.as_bytes(), false).expect("unread");
            format!("{condition}: {}", said.as_data())
        };
        assert_eq!(unread(200, false, b"{}", false), None);
        assert_eq!(unread(206, false, b"{}", false), None);
        assert_eq!(unread(200, true, b"{}", false).expect("unread").0, Condition::Malformed);
        assert_eq!(said(200, " <a><message>server &amp; error.</message></a>"), "malformed: XML: server &amp; error");
        let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><message>&b;</message>";
        assert_eq!(said(200, entity), "malformed: XML: declares a document type, which is refused");
        assert_eq!(said(302, ""), "malformed: sends elsewhere, which is not followed");
        assert_eq!(said(500, "{\"message\":\"no\"}"), "missing: refused: no");
        assert_eq!(said(404, ""), "missing: refused: status 404");
        assert_eq!(unread(404, false, b"", true).expect("unread").0, Condition::Good);
        let long = format!("<message>{}</message>", "x".repeat(5000));
        assert_eq!(said(500, &long).len(), "missing: refused: ".len() + MESSAGE_CHARS_MAX);
    }
}
