//! What an answer of an HTTPS API means before its content is read: status codes, and the errors in both languages that
//! the API speaks.
//!
//! Source: Web Services API guide (login, errors), and clients of it.

use serde::Deserialize;

use crate::decide::brake::LoginResult;
use crate::model::outside::Outside;
use crate::model::reading::Condition;

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
