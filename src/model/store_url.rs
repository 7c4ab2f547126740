//! Addresses of stores: `sqlite:PATH`, `postgres://USER@HOST/DATABASE`.
//!
//! The bundled libpq has no TLS, so that a PostgreSQL beyond this machine is refused instead of spoken to in clear.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A text that is no address of a store. No message shows the address: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme than the two.
    #[error("unknown scheme {0:?}: expected sqlite: or postgres:")]
    Scheme(String),
    /// A part is missing or cannot be read.
    #[error("{0}")]
    Shape(&'static str),
    /// A password stands in the address, where process lists and logs show it.
    #[error("the address holds a password")]
    Password,
    /// The server is neither a unix socket nor on loopback.
    #[error("{0:?} is neither the folder of a unix socket nor a loopback address")]
    NotLocal(String),
}

impl UrlError {
    /// What a person can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Scheme(_) => Some("write a path such as data/hoshu.db, or postgres://hoshu@localhost/hoshu"),
            Self::Password => Some("put the password into ~/.pgpass (mode 0600), or use peer authentication"),
            Self::NotLocal(_) => Some("build with a libpq that has TLS for a PostgreSQL on another machine"),
            Self::Shape(_) => None,
        }
    }
}

/// Where a store is. Made only from a text that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database on this machine.
    Postgres(PgTarget),
}

/// A PostgreSQL database, as far as its address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgTarget {
    host: String,
    address: Option<IpAddr>,
    port: u16,
    user: Option<String>,
    database: Option<String>,
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once(':').ok_or_else(|| UrlError::Scheme(String::new()))?;
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path.contains(['?', '\0']) || path.starts_with(":memory:") {
                    return Err(UrlError::Shape("sqlite: wants the path of a file, without parameters"));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            "postgres" | "postgresql" => Ok(Self::Postgres(postgres(rest)?)),
            _ => Err(UrlError::Scheme(scheme.chars().take(20).collect())),
        }
    }
}

fn postgres(rest: &str) -> Result<PgTarget, UrlError> {
    let rest = rest.strip_prefix("//").ok_or(UrlError::Shape("postgres: wants //USER@HOST/DATABASE"))?;
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user = decode(user)?;
    if user.contains([':', '@']) {
        return Err(UrlError::Password);
    }
    let (mut host, mut port) = host_and_port(place)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("host", value)) => host = decode(value)?,
            Some(("port", value)) => port = value.parse().map_err(|_| UrlError::Shape("the port is no number"))?,
            Some(("password" | "passfile", _)) => return Err(UrlError::Password),
            _ => return Err(UrlError::Shape("only the parameters host and port are known")),
        }
    }
    let address = local_address(&host)?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    Ok(PgTarget { host, address, port, user: some(user), database: some(decode(database)?) })
}

fn host_and_port(place: &str) -> Result<(String, u16), UrlError> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or("")),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let port = if port.is_empty() { Ok(5432) } else { port.parse() };
    Ok((decode(host)?, port.map_err(|_| UrlError::Shape("the port is no number"))?))
}

/// The address to dial; `None` is a unix socket. Names are not resolved: only `localhost` is known to be here.
fn local_address(host: &str) -> Result<Option<IpAddr>, UrlError> {
    if host.is_empty() {
        return Err(UrlError::Shape("name the host: localhost, or the folder of the unix socket"));
    }
    if host.starts_with('/') {
        return Ok(None);
    }
    let name = if host == "localhost" { "127.0.0.1" } else { host };
    match name.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Ok(Some(address)),
        _ => Err(UrlError::NotLocal(host.chars().take(80).collect())),
    }
}

fn decode(text: &str) -> Result<String, UrlError> {
    let broken = || UrlError::Shape("a percent escape is broken");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next().ok_or_else(broken)?, rest.next().ok_or_else(broken)?];
            let mut decoded = [0];
            hex::decode_to_slice(pair, &mut decoded).map_err(|_| broken())?;
            bytes.extend(decoded);
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| broken())?;
    if text.contains('\0') { Err(broken()) } else { Ok(text) }
}

impl PgTarget {
    /// The words for libpq. Everything that libpq would else take from the environment, and that leads to another
    /// server, is said here; an empty `hostaddr` overrides `PGHOSTADDR`.
    pub fn conninfo(&self, application: &str) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        let mut words = vec![
            format!("host={} hostaddr={} port={}", quoted(&self.host), quoted(&address), self.port),
            format!("connect_timeout=10 application_name={}", quoted(application)),
        ];
        words.extend(self.user.iter().map(|user| format!("user={}", quoted(user))));
        words.extend(self.database.iter().map(|database| format!("dbname={}", quoted(database))));
        words.join(" ")
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(target) => {
                let database = target.database.as_deref().unwrap_or_default();
                write!(f, "postgres: {} port {} database {database}", target.host, target.port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_is_taken() {
        for good in [
            "sqlite:data/hoshu.db",
            "sqlite:///var/lib/hoshu/hoshu.db",
            "postgres://hoshu@localhost/hoshu",
            "postgresql://127.0.0.1:5433/x",
            "postgres://[::1]/x",
            "postgres://u@/x?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/x",
        ] {
            assert!(good.parse::<StoreUrl>().is_ok(), "{good}: {:?}", good.parse::<StoreUrl>());
        }
        for far in ["postgres://db.example.jp/x", "postgres://192.0.2.1/x", "postgres://localhost/x?host=192.0.2.1"] {
            assert!(matches!(far.parse::<StoreUrl>(), Err(UrlError::NotLocal(_))), "{far}");
        }
        for bad in ["data/hoshu.db", "mysql://x", "sqlite:", "sqlite::memory:", "postgres:///x", "postgres:x", ""] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for url in [
            "postgres://u:canary@localhost/x",
            "postgres://u%3Acanary@localhost/x",
            "postgres://u:can@canary@localhost/x",
            "postgres://u@localhost/x?password=canary",
        ] {
            let error = url.parse::<StoreUrl>().unwrap_err();
            assert_eq!(error, UrlError::Password);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn nothing_of_the_environment_leads_elsewhere() {
        let Ok(StoreUrl::Postgres(target)) = "postgres://o'neil@/x?host=/run/pg".parse() else { panic!("postgres") };
        assert_eq!(
            target.conninfo("hoshu"),
            "host='/run/pg' hostaddr='' port=5432 connect_timeout=10 application_name='hoshu' user='o\\'neil' dbname='x'"
        );
    }
}
