//! What leaves the house: a configuration in clear, or its redacted text after a last look for secrets.

use secrecy::ExposeSecret;

use crate::decide::backup::{redact, secrets_of, sweep};
use crate::engine::env::Env;
use crate::engine::sealed::{self, OpenError};
use crate::model::actor::Actor;
use crate::model::backup::Backup;
use crate::model::credential::{LoginSecret, Purpose};
use crate::model::name::SeatName;
use crate::model::object::OpenPurpose;
use crate::model::outside::encode_lines;
use crate::model::redacted::RedactedText;
use crate::model::snmp::SnmpLogin;
use crate::secret::SecretError;

/// Why a text does not leave.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The sealed copy does not open, so that its secrets are not known.
    #[error("open the sealed copy")]
    Open(#[from] OpenError),
    /// A credential of the seat cannot be read, so that nobody can look whether the text holds it.
    #[error("look for the seat's credentials in the text")]
    Credential(#[from] SecretError),
}

/// The redacted text of a backup, made anew from the sealed copy, and swept for every secret that is known for its seat. What
/// a terminal would obey stands as escapes in it.
pub async fn swept(env: &Env, actor: &Actor, backup: &Backup) -> Result<RedactedText, ExportError> {
    let opened = sealed::open(env, actor, backup, OpenPurpose::Export).await?;
    let text = &opened.configuration.text;
    let layout = env.config_layout(&backup.seat);
    let fingerprints = env.keys.ring().and_then(|ring| ring.fingerprints(&backup.customer)).map_err(OpenError::from)?;
    let redacted = redact(text, layout, &|path, value| fingerprints.of(path, value));
    let credentials = credentials(env, &backup.seat).await?;
    let mut secrets = secrets_of(text, layout);
    secrets.extend(credentials.iter().map(ExposeSecret::expose_secret));
    let RedactedText { text, unreviewed } = sweep(redacted, &secrets);
    // Whoever reads it does so on a terminal or in a viewer of changes, which obey what nobody sees.
    Ok(RedactedText { text: encode_lines(text.as_data()).into_owned().into(), unreviewed })
}

/// The passwords and keys with which Hoshu itself comes to a seat to read. That for changes is fetched by a run that
/// changes something and by nobody else.
pub(super) async fn credentials(env: &Env, seat: &SeatName) -> Result<Vec<secrecy::SecretString>, SecretError> {
    let Some(seat) = env.inventory.seats.get(seat) else { return Ok(Vec::new()) };
    let named = [(&seat.credentials.read, Purpose::Read), (&seat.credentials.api, Purpose::Api)];
    let mut secrets = Vec::new();
    for (name, purpose) in named {
        let Some(name) = name else { continue };
        let login = match env.secrets.fetch(name, purpose).await {
            Err(SecretError::Undeclared(_)) => continue,
            login => login?,
        };
        secrets.extend(login.enable);
        match login.secret {
            LoginSecret::Password(password) => secrets.push(password),
            LoginSecret::Key { passphrase, .. } => secrets.extend(passphrase),
            LoginSecret::Agent { .. } => {}
        }
    }
    let Some(name) = &seat.credentials.snmp else { return Ok(secrets) };
    match env.secrets.fetch_snmp(name).await {
        Err(SecretError::Undeclared(_)) => {}
        login => match login? {
            SnmpLogin::Community(community) => secrets.push(community),
            SnmpLogin::User { passphrase, privacy, .. } => {
                secrets.push(passphrase);
                secrets.extend(privacy.map(|(_, passphrase)| passphrase));
            }
        },
    }
    Ok(secrets)
}
