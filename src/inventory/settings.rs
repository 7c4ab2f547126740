//! `hoshu.yaml`: its fields, and what they must be together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::drop::{DROP_FIELDS, read_drop};
use super::forms::{
    ACCOUNT, CREDENTIAL, CREDENTIAL_ID, DURATION, KEY_PRINT, LINE, PATH, RECIPIENT, SERVER, VARIABLE, VAULT_PATH, ZONE,
};
use crate::model::credential::{CredentialName, CredentialSource, Purpose, SecretFrom, SnmpUser};
use crate::model::finding::HysteresisChange;
use crate::model::reading::ComponentKind;
use crate::model::realm::Realm;
use crate::model::series::Series;
use crate::model::settings::{
    EventsSource, Periods, ProtectionRules, RootSource, SessionLimits, Settings, TierRules, TranscriptRules,
    TranscriptsOf, TransitKey, Vault,
};
use crate::model::snmp::{SnmpAuth, SnmpPrivacy};
use crate::model::store_url::StoreUrl;
use crate::model::word::Word;
use crate::yaml::{Entry, Field, Fields, Kind, Problem, Source, Table, Value, check, parse, schema};

static SETTINGS_FILE: Table = Table {
    what: "the settings",
    fields: &[
        Field::required("realm", Kind::Word(Realm::words), "lab for simulated appliances, live for customers' ones."),
        Field::optional("zone", ZONE, "The zone in which times are shown; Asia/Tokyo when left out."),
        Field::required("store", LINE, "A file of SQLite, or a URL of PostgreSQL (postgresql:///hoshu?host=/run/…)."),
        Field::required("depot", PATH, "The folder of sealed objects."),
        Field::required("inventory", PATH, "The folder of the inventory."),
        Field::required("root_key", Kind::Table(&ROOT_KEY_FIELDS), "Where the root key is read from."),
        Field::optional(
            "recovery",
            Kind::List(&RECIPIENT),
            "Public age recipients (age1…) that open what the root key opens; their private halves are never here.",
        ),
        Field::optional("vault", Kind::Table(&VAULT_FIELDS), "OpenBao, or a server that speaks as it does."),
        Field::optional("lab", Kind::Table(&LAB_FIELDS), "The simulated world; only in realm lab."),
        Field::optional(
            "credentials",
            Kind::Map(&CREDENTIAL, &Kind::Table(&CREDENTIAL_FIELDS)),
            "Where each credential comes from.",
        ),
        Field::optional("limits", Kind::Table(&LIMIT_FIELDS), "How much is done at once, and for how long."),
        Field::optional(
            "findings",
            Kind::Map(&Kind::Word(ComponentKind::words), &Kind::Table(&HYSTERESIS_FIELDS)),
            "Kinds of component for which findings turn hard, or end, otherwise than is built in.",
        ),
        Field::optional("tiers", Kind::Table(&TIER_FIELDS), "How often appliances are polled."),
        Field::optional(
            "protection",
            Kind::Table(&PROTECTION_FIELDS),
            "When a unit that works is said to see nothing.",
        ),
        Field::optional("events", Kind::Table(&EVENT_FIELDS), "When whoever watches last heard of each seat."),
        Field::optional(
            "transcripts",
            Kind::Table(&TRANSCRIPT_FIELDS),
            "Of which sessions a transcript is kept, and how long.",
        ),
        Field::optional("drop", Kind::Table(&DROP_FIELDS), "Where appliances push backups that they write themselves."),
    ],
};

static TRANSCRIPT_FIELDS: Table = Table {
    what: "the transcripts",
    fields: &[
        Field::optional(
            "of",
            Kind::Word(TranscriptsOf::words),
            "people for sessions that a person holds, all for polls, backups and questions too; people when left out.",
        ),
        Field::optional("keep", DURATION, "How long hoshu session prune leaves them; 365d when left out."),
    ],
};

static ROOT_KEY_FIELDS: Table = Table {
    what: "the root key",
    fields: &[
        Field::optional("file", PATH, "The file that holds it, mode 0400."),
        Field::optional("systemd", CREDENTIAL_ID, "The name of a credential that systemd passes to the service."),
        Field::optional("command", Kind::List(&LINE), "A program that prints it (absolute path), and its arguments."),
        Field::optional("transit", Kind::Table(&TRANSIT_FIELDS), "A file that the vault opens by its transit engine."),
    ],
};

static TRANSIT_FIELDS: Table = Table {
    what: "the transit engine",
    fields: &[
        Field::required("key", CREDENTIAL_ID, "The name of the transit key."),
        Field::required("file", PATH, "The file with the encrypted text of the root key."),
        Field::optional("mount", VAULT_PATH, "Where the engine is mounted; transit when left out."),
    ],
};

const NO_VAULT: &str = "there is no vault in these settings that could be asked";

static VAULT_FIELDS: Table = Table {
    what: "the vault",
    fields: &[
        Field::required("address", SERVER, "https://…, or http:// and an address of this machine (127.0.0.1)."),
        Field::required("token_file", PATH, "The file with the token, mode 0400 or 0600."),
        Field::optional("ca", PATH, "Its authorities in PEM; those of this machine when left out."),
    ],
};

static LAB_FIELDS: Table = Table {
    what: "the lab",
    fields: &[Field::required("ports", PATH, "The table from seat to loopback port that the lab writes.")],
};

static CREDENTIAL_FIELDS: Table = Table {
    what: "a credential",
    fields: &[
        Field::required(
            "purpose",
            Kind::Word(Purpose::words),
            "read for polls and backups, change for changes, hop for bastions, snmp for SNMP, api for HTTPS APIs.",
        ),
        Field::optional("user", ACCOUNT, "The account on the appliance, or the user of SNMP v3; a community has none."),
        Field::optional("file", PATH, "A file with the password, the community, or the passphrase for `auth`."),
        Field::optional("key", PATH, "A file with a private key."),
        Field::optional("passphrase_file", PATH, "The file with the passphrase of the key."),
        Field::optional("sealed", PATH, "An age file with the password, sealed to the root key."),
        Field::optional(
            "command",
            Kind::List(&LINE),
            "A program that prints the password (absolute path), and its words.",
        ),
        Field::optional("vault", Kind::Table(&VAULT_SECRET_FIELDS), "A secret in the vault that holds the password."),
        Field::optional("environment", VARIABLE, "A variable of the environment, for the command line only."),
        Field::optional("agent", KEY_PRINT, "A key in your SSH agent, by its fingerprint, for the command line only."),
        Field::optional("enable_file", PATH, "The file with the enable password."),
        Field::optional("ca", PATH, "Authorities in PEM by which an HTTPS API is known, where its seat has no pin."),
        Field::optional("auth", Kind::Word(SnmpAuth::words), "How SNMP v3 authenticates; without it: a community."),
        Field::optional("privacy", Kind::Word(SnmpPrivacy::words), "How SNMP v3 encrypts."),
        Field::optional("privacy_file", PATH, "The file with the passphrase for `privacy`."),
    ],
};

static VAULT_SECRET_FIELDS: Table = Table {
    what: "a secret in the vault",
    fields: &[
        Field::required("path", VAULT_PATH, "Its path below the mount (hoshu/acme)."),
        Field::optional("field", CREDENTIAL_ID, "The field with the password; password when left out."),
        Field::optional("mount", VAULT_PATH, "Where the engine (KV, version 2) is mounted; secret when left out."),
    ],
};

/// The places that a secret comes from; a credential names one of them.
const SECRET_WAYS: [&str; 7] = ["file", "key", "sealed", "command", "vault", "environment", "agent"];

const COUNT: Kind = Kind::Whole(1, 10_000);
const SECONDS: Kind = Kind::Whole(1, 3_600);

static LIMIT_FIELDS: Table = Table {
    what: "the limits",
    fields: &[
        Field::optional("sessions", COUNT, "Sessions at once; 256 when left out."),
        Field::optional("per_site", COUNT, "Sessions at once at one site; 32 when left out."),
        Field::optional("per_customer", COUNT, "Sessions at once at one customer; 64 when left out."),
        Field::optional("connect_s", SECONDS, "To an open connection, in seconds; 10 when left out."),
        Field::optional("login_s", SECONDS, "To the first prompt, in seconds; 20 when left out."),
        Field::optional("command_s", SECONDS, "One show command, in seconds; 60 when left out."),
        Field::optional("backup_s", SECONDS, "One fetch of a configuration, in seconds; 300 when left out."),
        Field::optional("idle_s", SECONDS, "Silence within an answer, in seconds; 30 when left out."),
        Field::optional("snmp_s", SECONDS, "All of SNMP in one poll, in seconds; 10 when left out."),
        Field::optional(
            "depot_reserve_mib",
            Kind::Whole(0, 16 << 20),
            "Space that backups leave free where the depot lies, in MiB; 512 when left out.",
        ),
    ],
};

static HYSTERESIS_FIELDS: Table = Table {
    what: "the rule of a kind of component",
    fields: &[
        Field::optional("hard_after_count", Kind::Whole(1, 1_000), "So many bad readings make a finding hard."),
        Field::optional("hard_after", DURATION, "So much time lies between the first and the last of them."),
        Field::optional("end_after_count", Kind::Whole(1, 1_000), "So many good readings in a row end it."),
    ],
};

static EVENT_FIELDS: Table = Table {
    what: "the events",
    fields: &[
        Field::required(
            "file",
            PATH,
            "Lines of a seat or host name and a time, in CSV or JSON; it is read at each poll.",
        ),
        Field::optional("silent_after", DURATION, "Silence up to this is never told; 24h when left out."),
    ],
};

const PERCENT: Kind = Kind::Whole(0, 100);
const FLOOR: Kind = Kind::Whole(1, 1_000_000);

static PROTECTION_FIELDS: Table = Table {
    what: "the protection",
    fields: &[
        Field::optional("zero_after", DURATION, "So long nothing at all with every link up is blind; 30m (to 24h)."),
        Field::optional("zero_polls", Kind::Whole(2, 100), "So many polls see it at least; 3 when left out."),
        Field::optional("mail_zero_after", DURATION, "So long not one mail at an EX is blind; 24h (to 24h)."),
        Field::optional("weeks", Kind::Whole(1, 4), "Weeks that make a habit of an hour; 2 when left out."),
        Field::optional("stop_percent", PERCENT, "Less than this of the usual is nothing; 1 when left out."),
        Field::optional("low_percent", PERCENT, "Less than this of the usual is a warning; 10 when left out."),
        Field::optional("traffic_floor", FLOOR, "Packets a second at a port that is quiet below; 10 when left out."),
        Field::optional("mail_floor", FLOOR, "Mails an hour of an EX that is quiet below; 12 when left out."),
        Field::optional("agents_floor", FLOOR, "Agents of an HX that is quiet below; 10 when left out."),
    ],
};

const PULSE: Field = Field::optional("pulse", DURATION, "Reachability and one health summary; 60s when left out.");
const DETAIL: Field = Field::optional("detail", DURATION, "Everything that can fail; 10m when left out.");
const SLOW: Field = Field::optional("slow", DURATION, "What changes only by work; 6h when left out.");

static TIER_FIELDS: Table = Table {
    what: "the tiers",
    fields: &[
        PULSE,
        DETAIL,
        SLOW,
        Field::optional(
            "series",
            Kind::Map(&Kind::Word(Series::words), &Kind::Table(&PERIOD_FIELDS)),
            "Periods of single series.",
        ),
    ],
};

static PERIOD_FIELDS: Table = Table { what: "the periods of a series", fields: &[PULSE, DETAIL, SLOW] };

/// The JSON Schema of `hoshu.yaml`.
pub fn schema_settings() -> serde_json::Value {
    schema(&SETTINGS_FILE, "hoshu:settings")
}

/// The settings of a file in `folder`; `None` when something that they cannot be without is wrong.
pub(super) fn read_settings(source: &Source, folder: &Path, problems: &mut Vec<Problem>) -> Option<Settings> {
    let node = parse(source, problems)?;
    check(&SETTINGS_FILE, &node, source, problems);
    let fields = Fields::new(&SETTINGS_FILE, &node, source);
    let path = |fields: Option<Fields<'_>>, name: &str| Some(folder.join(fields?.text(name)?));
    let realm = fields.get::<Realm>("realm");
    if fields.has("lab") && realm == Some(Realm::Live) {
        problems.push(fields.error("lab", "the lab exists only in realm lab"));
    }
    let has_vault = fields.has("vault");
    let read =
        |(entry, fields): (&Entry, Fields<'_>)| read_credential(entry, fields, realm, has_vault, folder, problems);
    let credentials = fields.keyed("credentials").into_iter().filter_map(read).collect();
    shared_secrets(fields, problems);
    repeated_recipients(fields, problems);
    let is_map = fields.node("root_key").is_some_and(|node| matches!(node.value, Value::Map(_)));
    let root_key = fields.table("root_key").filter(|_| is_map);
    let vault = fields.table("vault").and_then(|fields| read_vault(fields, folder));
    let root_key = root_key.and_then(|fields| read_root_key(fields, vault.as_ref(), folder, problems));
    let limits = read_limits(fields.table("limits"), problems);
    let findings = fields.keyed("findings").into_iter().filter_map(read_hysteresis).collect();
    let tiers = read_tiers(fields.table("tiers"), problems);
    let protection = read_protection(fields.table("protection"), problems);
    let events = fields.table("events").and_then(|fields| {
        let file = folder.join(fields.text("file")?);
        Some(EventsSource { file, silent_after_ms: fields.duration_ms("silent_after").unwrap_or(SILENT_AFTER_MS) })
    });
    let drop = read_drop(fields.table("drop"), problems);
    let store = read_store(fields, folder, problems);
    Some(Settings {
        realm: realm?,
        zone: fields.get("zone").unwrap_or(chrono_tz::Asia::Tokyo),
        store: store?,
        depot: path(Some(fields), "depot")?,
        inventory: path(Some(fields), "inventory")?,
        root_key: root_key?,
        vault,
        recovery: fields.list_of("recovery"),
        lab_ports_file: path(fields.table("lab"), "ports"),
        credentials,
        limits,
        findings,
        tiers,
        protection,
        events,
        transcripts: read_transcripts(fields.table("transcripts")),
        drop,
    })
}

fn read_transcripts(fields: Option<Fields<'_>>) -> TranscriptRules {
    let rules = TranscriptRules::default();
    let Some(fields) = fields else { return rules };
    TranscriptRules {
        of: fields.get("of").unwrap_or(rules.of),
        keep_ms: fields.duration_ms("keep").unwrap_or(rules.keep_ms),
    }
}

/// A path is a file of SQLite; everything with `://` in it is an address.
fn read_store(fields: Fields<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Option<StoreUrl> {
    let text = fields.text("store")?;
    if !text.contains("://") {
        return Some(StoreUrl::Sqlite(folder.join(text.strip_prefix("sqlite:").unwrap_or(text))));
    }
    match text.parse::<StoreUrl>() {
        Ok(url) => Some(url),
        Err(error) => {
            // The line is not shown: a URL is a place in which people leave passwords.
            let problem = fields.error("store", error.to_string()).without_excerpt();
            problems.push(problem.with_hint(error.hint().map(str::to_owned)));
            None
        }
    }
}

fn read_vault(fields: Fields<'_>, folder: &Path) -> Option<Vault> {
    Some(Vault {
        address: fields.owned("address")?,
        ca: fields.text("ca").map(|path| folder.join(path)),
        token_file: folder.join(fields.text("token_file")?),
    })
}

/// A program, and its words.
fn read_command(fields: Fields<'_>, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
    let words: Vec<String> = fields.list_of("command");
    let absolute = words.first().is_some_and(|program| Path::new(program).is_absolute());
    if !absolute {
        problems.push(fields.error("command", "the program is an absolute path: no shell looks for it"));
    }
    absolute.then_some(words)
}

/// The root key has one source, so that nobody wonders which one is used.
fn read_root_key(
    fields: Fields<'_>,
    vault: Option<&Vault>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Option<RootSource> {
    let ways: Vec<_> = ["file", "systemd", "command", "transit"].into_iter().filter(|name| fields.has(name)).collect();
    let [way] = ways.as_slice() else {
        let found = if ways.is_empty() { "none".to_owned() } else { ways.join(" and ") };
        let message = format!("the root key needs one of file, systemd, command, transit; found {found}");
        problems.push(fields.source().error(fields.here(), message));
        return None;
    };
    match *way {
        "file" => Some(RootSource::File(folder.join(fields.text("file")?))),
        "systemd" => Some(RootSource::Systemd(fields.owned("systemd")?)),
        "command" => Some(RootSource::Command(read_command(fields, problems)?)),
        _ => {
            let transit = fields.table("transit")?;
            let mount = transit.owned("mount").unwrap_or_else(|| "transit".to_owned());
            let key = TransitKey { mount, name: transit.owned("key")? };
            let file = folder.join(transit.text("file")?);
            if vault.is_none() {
                problems.push(fields.error("transit", NO_VAULT));
            }
            Some(RootSource::Transit { vault: Box::new(vault.cloned()?), key, file })
        }
    }
}

/// One recipient twice is one way back, not two.
fn repeated_recipients(fields: Fields<'_>, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for node in fields.list("recovery") {
        if node.scalar().is_some_and(|recipient| !seen.insert(recipient)) {
            problems.push(fields.source().error(node.place, "this recipient stands here twice"));
        }
    }
}

fn read_credential(
    entry: &Entry,
    fields: Fields<'_>,
    realm: Option<Realm>,
    has_vault: bool,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Option<(CredentialName, CredentialSource)> {
    let path = |name: &str| -> Option<PathBuf> { Some(folder.join(fields.text(name)?)) };
    let ways: Vec<_> = SECRET_WAYS.into_iter().filter(|name| fields.has(name)).collect();
    if ways.len() != 1 {
        let found = if ways.is_empty() { "none".to_owned() } else { ways.join(" and ") };
        let message = format!("the credential {:?} needs one of {}; found {found}", entry.key, SECRET_WAYS.join(", "));
        problems.push(fields.source().error(entry.place, message));
    }
    if fields.has("passphrase_file") && !fields.has("key") {
        problems.push(fields.error("passphrase_file", "a passphrase belongs to a key, and there is none"));
    }
    if fields.has("environment") && realm == Some(Realm::Live) {
        let message = "every child process and every reader of /proc may see the environment: for short trials only";
        problems.push(fields.warning("environment", message));
    }
    let from = match *ways.first()? {
        "file" => SecretFrom::File(path("file")?),
        "key" => SecretFrom::Key { path: path("key")?, passphrase_file: path("passphrase_file") },
        "sealed" => SecretFrom::Sealed(path("sealed")?),
        "command" => SecretFrom::Command(read_command(fields, problems)?),
        "vault" => {
            if !has_vault {
                problems.push(fields.error("vault", NO_VAULT));
            }
            let secret = fields.table("vault")?;
            let or = |name: &str, other: &str| secret.owned(name).unwrap_or_else(|| other.to_owned());
            let (mount, field) = (or("mount", "secret"), or("field", "password"));
            SecretFrom::Vault { mount, path: secret.owned("path")?, field }
        }
        "agent" => SecretFrom::Agent(fields.owned("agent")?),
        _ => SecretFrom::Environment(fields.owned("environment")?),
    };
    let purpose: Purpose = fields.get("purpose")?;
    let fits = if purpose == Purpose::Snmp { fits_snmp(fields, problems) } else { fits_login(fields, problems) };
    if fields.has("ca") && purpose != Purpose::Api {
        problems.push(fields.error("ca", "ca belongs to HTTPS APIs: write purpose: api"));
    }
    let privacy = fields.get::<SnmpPrivacy>("privacy").zip(path("privacy_file"));
    let source = CredentialSource {
        purpose,
        user: fields.owned("user").unwrap_or_default(),
        from,
        enable_file: path("enable_file"),
        ca: path("ca"),
        snmp: fields.get::<SnmpAuth>("auth").map(|auth| SnmpUser { auth, privacy }),
    };
    if !fits {
        return None;
    }
    Some((entry.key.parse().ok()?, source))
}

/// What only SNMP has, and what only logins have, stay apart: a community is no password.
fn fits_login(fields: Fields<'_>, problems: &mut Vec<Problem>) -> bool {
    let before = problems.len();
    if !fields.has("user") {
        problems.push(fields.source().error(fields.here(), "a login needs a user: the account on the appliance"));
    }
    for name in ["auth", "privacy", "privacy_file"].into_iter().filter(|name| fields.has(name)) {
        problems.push(fields.error(name, format!("{name} belongs to SNMP: write purpose: snmp")));
    }
    problems.len() == before
}

fn fits_snmp(fields: Fields<'_>, problems: &mut Vec<Problem>) -> bool {
    let before = problems.len();
    for name in ["key", "agent", "passphrase_file", "enable_file"].into_iter().filter(|name| fields.has(name)) {
        problems.push(fields.error(name, format!("{name} is for logins: SNMP has none")));
    }
    match (fields.has("user"), fields.has("auth")) {
        (true, false) => {
            let hint = format!("auth: {}", SnmpAuth::Sha256);
            let message = "a user of SNMP v3 is authenticated: say how, or leave the user out for a community";
            problems.push(fields.error("user", message).with_hint(hint));
        }
        (false, true) => problems.push(fields.error("auth", "SNMP v3 needs a user")),
        _ => {}
    }
    if fields.has("privacy") != fields.has("privacy_file") {
        let name = if fields.has("privacy") { "privacy" } else { "privacy_file" };
        problems.push(fields.error(name, "privacy and privacy_file go together"));
    } else if fields.has("privacy") && !fields.has("auth") {
        problems.push(fields.error("privacy", "what is not authenticated is not encrypted: write auth, too"));
    }
    problems.len() == before
}

/// A secret serves one customer; the same place twice is the same secret twice.
fn shared_secrets(fields: Fields<'_>, problems: &mut Vec<Problem>) {
    let mut owners = BTreeMap::new();
    for (entry, fields) in fields.keyed("credentials") {
        let Ok(name) = entry.key.parse::<CredentialName>() else { continue };
        for way in SECRET_WAYS.into_iter().chain(["privacy_file"]) {
            let place = match way {
                "command" => Some(fields.list_of::<String>(way).join("\0")).filter(|words| !words.is_empty()),
                "vault" => fields.table(way).map(|secret| {
                    ["mount", "path", "field"].map(|name| secret.text(name).unwrap_or_default()).join("\0")
                }),
                _ => fields.text(way).map(str::to_owned),
            };
            let Some(place) = place else { continue };
            let owner = owners.entry((way, place)).or_insert_with(|| name.clone());
            if owner.customer() != name.customer() {
                let message = format!("{name} has the same secret as {owner}: a secret serves one customer alone");
                problems.push(fields.error(way, message));
            }
        }
    }
}

fn read_limits(fields: Option<Fields<'_>>, problems: &mut Vec<Problem>) -> SessionLimits {
    let defaults = SessionLimits::default();
    let Some(fields) = fields else { return defaults };
    let whole = |name: &str, default: u32| fields.whole(name).unwrap_or(default);
    let limits = SessionLimits {
        sessions: whole("sessions", defaults.sessions),
        per_site: whole("per_site", defaults.per_site),
        per_customer: whole("per_customer", defaults.per_customer),
        connect_s: whole("connect_s", defaults.connect_s),
        login_s: whole("login_s", defaults.login_s),
        command_s: whole("command_s", defaults.command_s),
        backup_s: whole("backup_s", defaults.backup_s),
        idle_s: whole("idle_s", defaults.idle_s),
        snmp_s: whole("snmp_s", defaults.snmp_s),
        depot_reserve_mib: whole("depot_reserve_mib", defaults.depot_reserve_mib),
    };
    for (name, narrow, wide) in
        [("per_site", limits.per_site, limits.per_customer), ("per_customer", limits.per_customer, limits.sessions)]
    {
        if fields.has(name) && narrow > wide {
            let message = format!("{name} is {narrow}, but no more than {wide} are reached anyway");
            problems.push(fields.warning(name, message));
        }
    }
    limits
}

fn read_hysteresis((entry, fields): (&Entry, Fields<'_>)) -> Option<(ComponentKind, HysteresisChange)> {
    let change = HysteresisChange {
        hard_after_count: fields.whole("hard_after_count").map(i64::from),
        hard_after_ms: fields.duration_ms("hard_after"),
        end_after_count: fields.whole("end_after_count").map(i64::from),
    };
    Some((entry.key.parse().ok()?, change))
}

/// A day without an event is nothing to speak of.
const SILENT_AFTER_MS: i64 = 24 * 3_600_000;
/// The longest stretch without anything that is looked back upon.
const ZERO_AFTER_MS_MAX: i64 = 24 * 3_600_000;

fn read_protection(fields: Option<Fields<'_>>, problems: &mut Vec<Problem>) -> ProtectionRules {
    let rules = ProtectionRules::default();
    let Some(fields) = fields else { return rules };
    let whole = |name: &str, default: u32| fields.whole(name).unwrap_or(default);
    let read = ProtectionRules {
        zero_after_ms: fields.duration_ms("zero_after").unwrap_or(rules.zero_after_ms),
        zero_polls: whole("zero_polls", rules.zero_polls),
        mail_zero_after_ms: fields.duration_ms("mail_zero_after").unwrap_or(rules.mail_zero_after_ms),
        weeks: whole("weeks", rules.weeks),
        stop_percent: whole("stop_percent", rules.stop_percent),
        low_percent: whole("low_percent", rules.low_percent),
        traffic_floor: whole("traffic_floor", rules.traffic_floor),
        mail_floor: whole("mail_floor", rules.mail_floor),
        agents_floor: whole("agents_floor", rules.agents_floor),
    };
    for (name, long) in [("zero_after", read.zero_after_ms), ("mail_zero_after", read.mail_zero_after_ms)] {
        if long > ZERO_AFTER_MS_MAX {
            problems.push(fields.error(name, "no more than 24h are looked back upon"));
        }
    }
    if read.stop_percent > read.low_percent {
        let name = if fields.has("stop_percent") { "stop_percent" } else { "low_percent" };
        problems
            .push(fields.error(name, "what is nothing is less than what is little: stop_percent, then low_percent"));
    }
    read
}

fn read_tiers(fields: Option<Fields<'_>>, problems: &mut Vec<Problem>) -> TierRules {
    let rules = TierRules::default();
    let Some(fields) = fields else { return rules };
    let default = read_periods(fields, rules.default, problems);
    let mut series = |(entry, fields): (&Entry, Fields<'_>)| {
        Some((entry.key.parse().ok()?, read_periods(fields, default, problems)))
    };
    TierRules { default, series: fields.keyed("series").into_iter().filter_map(&mut series).collect() }
}

/// The shortest pulse: a session takes seconds, and the appliance is the customer's sensor.
const PULSE_MS_MIN: i64 = 10_000;

fn read_periods(fields: Fields<'_>, default: Periods, problems: &mut Vec<Problem>) -> Periods {
    let period = |name: &str, default: i64| fields.duration_ms(name).unwrap_or(default);
    let periods = Periods {
        pulse_ms: period("pulse", default.pulse_ms),
        detail_ms: period("detail", default.detail_ms),
        slow_ms: period("slow", default.slow_ms),
    };
    if periods.pulse_ms < PULSE_MS_MIN {
        problems.push(fields.error("pulse", format!("the pulse is {} s at least", PULSE_MS_MIN / 1000)));
    }
    if periods.pulse_ms > periods.detail_ms || periods.detail_ms > periods.slow_ms {
        let message = "pulse, detail and slow stand in this order, the shortest first";
        problems.push(fields.source().error(fields.here(), message));
    }
    periods
}
