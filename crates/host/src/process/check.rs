//! Whether a configuration can be used by a service, without anything being reached for.

use crate::settings::{Secret, SecretUnreadable, Settings};
use crate::telemetry;

use super::{Program, Refusal};

/// What is missing, with what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error(
        "database.url is not set: a service keeps what it knows in PostgreSQL; set it in seatshift.toml or as \
         SEATSHIFT__DATABASE__URL (on one machine without servers, `seatshift apply` runs everything by itself)"
    )]
    NoDatabase,
    #[error(
        "broker.url is not set: services speak to each other over RabbitMQ; set it in seatshift.toml or as \
         SEATSHIFT__BROKER__URL"
    )]
    NoBroker,
    #[error("{key}: {source}; write the secret into that file, readable by the service alone")]
    Secret { key: &'static str, source: SecretUnreadable },
    #[error("{key}: {} cannot be read ({source}); check its name and rights", file.display())]
    File { key: &'static str, file: std::path::PathBuf, source: std::io::Error },
    #[error("broker.client_cert_file and broker.client_key_file go together: set both or none")]
    HalfACertificate,
}

pub(super) fn check(settings: &Settings, program: Program) -> Result<(), Refusal> {
    if settings.database.url.is_none() {
        return Err(Unfit::NoDatabase.into());
    }
    if settings.broker.urls.is_empty() {
        return Err(Unfit::NoBroker.into());
    }
    secret("database.password_file", settings.database.password.as_ref())?;
    let broker = &settings.broker;
    secret("broker.password_file", broker.password.as_ref())?;
    for (key, file) in [
        ("broker.ca_file", &broker.ca_file),
        ("broker.client_cert_file", &broker.client_cert_file),
        ("broker.client_key_file", &broker.client_key_file),
    ] {
        if let Some(file) = file {
            std::fs::File::open(file).map_err(|source| Unfit::File { key, file: file.clone(), source })?;
        }
    }
    if broker.client_cert_file.is_some() != broker.client_key_file.is_some() {
        return Err(Unfit::HalfACertificate.into());
    }
    telemetry::check(&settings.telemetry)?;
    (program.check)(settings)
}

fn secret(key: &'static str, secret: Option<&Secret>) -> Result<(), Unfit> {
    match secret.map(Secret::read) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(source)) => Err(Unfit::Secret { key, source }),
    }
}

#[cfg(test)]
mod tests {
    use seatshift_messages::Service;

    use super::*;

    fn checked(environment: &[(&str, &str)]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seatshift.toml");
        std::fs::write(&file, "").unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let settings = Settings::read(Some(&file), environment).unwrap();
        let program = Program { service: Service::Purchase, about: "", version: "", check: |_| Ok(()) };
        check(&settings, program).map_err(|error| error.to_string())
    }

    const DATABASE: (&str, &str) = ("SEATSHIFT__DATABASE__URL", "postgres://p@127.0.0.1/s");
    const BROKER: (&str, &str) = ("SEATSHIFT__BROKER__URL", "amqp://p@127.0.0.1/s");

    #[test]
    fn a_service_without_its_servers_is_refused_with_the_remedy() {
        assert!(checked(&[]).unwrap_err().contains("SEATSHIFT__DATABASE__URL"));
        assert!(checked(&[DATABASE]).unwrap_err().contains("SEATSHIFT__BROKER__URL"));
        checked(&[DATABASE, BROKER]).unwrap();
    }

    #[test]
    fn a_secret_that_cannot_be_read_and_half_a_certificate_are_named() {
        let told = checked(&[DATABASE, BROKER, ("SEATSHIFT__BROKER__PASSWORD_FILE", "nowhere")]).unwrap_err();
        assert!(told.contains("broker.password_file") && told.contains("nowhere"), "{told}");
        let told =
            checked(&[DATABASE, BROKER, ("SEATSHIFT__BROKER__CLIENT_KEY_FILE", "/dev/null")]).unwrap_err();
        assert!(told.contains("go together"), "{told}");
        let told = checked(&[DATABASE, BROKER, ("SEATSHIFT__TELEMETRY__FILTER", "a=b=c")]).unwrap_err();
        assert!(told.contains("telemetry.filter"), "{told}");
    }
}
