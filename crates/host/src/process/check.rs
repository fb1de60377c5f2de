//! Whether a configuration can be used by a service, without anything being reached for.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

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
    File { key: &'static str, file: PathBuf, source: std::io::Error },
    #[error("{key}: {} holds no {what} in PEM form (-----BEGIN ...); name the right file, or convert it with `openssl`", file.display())]
    NoPem { key: &'static str, file: PathBuf, what: &'static str },
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
        (KEY, &broker.client_key_file),
    ] {
        if let Some(file) = file {
            pem(key, file)?;
        }
    }
    for (key, file) in settings.database.url.iter().flat_map(pem_files) {
        pem(key, &file)?;
    }
    if broker.client_cert_file.is_some() != broker.client_key_file.is_some() {
        return Err(Unfit::HalfACertificate.into());
    }
    telemetry::check(&settings.telemetry)?;
    (program.check)(settings)
}

/// The broker's, and the database's in its address.
const KEY: &str = "broker.client_key_file";
const DATABASE_KEY: &str = "database.url, sslkey";

/// Files that the address of the database names.
fn pem_files(url: &Url) -> Vec<(&'static str, PathBuf)> {
    let named = |(key, value): (Cow<'_, str>, Cow<'_, str>)| {
        let key = match &*key {
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "database.url, sslrootcert",
            "sslcert" | "ssl-cert" => "database.url, sslcert",
            "sslkey" | "ssl-key" => DATABASE_KEY,
            _ => return None,
        };
        // The text itself may stand there; that is no file, and never repeated.
        (!value.trim_start().starts_with("-----BEGIN")).then(|| (key, PathBuf::from(&*value)))
    };
    url.query_pairs().filter_map(named).collect()
}

/// Whether a file holds what it is named for: a certificate, or a private key. The system's own store would take its place
/// silently, and the connection fail for a reason that names neither key nor file.
fn pem(key: &'static str, file: &Path) -> Result<(), Unfit> {
    let bytes = std::fs::read(file).map_err(|source| Unfit::File { key, file: file.to_owned(), source })?;
    let (what, holds) = if [KEY, DATABASE_KEY].contains(&key) {
        ("private key", PrivateKeyDer::from_pem_slice(&bytes).is_ok())
    } else {
        let mut all = CertificateDer::pem_slice_iter(&bytes).peekable();
        ("certificate", all.peek().is_some() && all.all(|one| one.is_ok()))
    };
    if holds { Ok(()) } else { Err(Unfit::NoPem { key, file: file.to_owned(), what }) }
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
        let (_folder, key) = file(PRIVATE_KEY);
        let told = checked(&[DATABASE, BROKER, ("SEATSHIFT__BROKER__CLIENT_KEY_FILE", &key)]).unwrap_err();
        assert!(told.contains("go together"), "{told}");
        let told = checked(&[DATABASE, BROKER, ("SEATSHIFT__TELEMETRY__FILTER", "a=b=c")]).unwrap_err();
        assert!(told.contains("telemetry.filter"), "{told}");
    }

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.pem");
        std::fs::write(&file, text).unwrap();
        let name = file.display().to_string();
        (folder, name)
    }

    #[test]
    fn a_file_that_holds_no_certificate_or_key_is_named_with_what_it_should_hold() {
        let (_one, certificate) = file(CERTIFICATE);
        let (_two, garbage) = file("not a certificate");
        let (_three, torn) = file(&(CERTIFICATE.to_owned() + "-----BEGIN CERTIFICATE-----\nAAAA\n"));
        let authority = |file: &str| checked(&[DATABASE, BROKER, ("SEATSHIFT__BROKER__CA_FILE", file)]);
        authority(&certificate).unwrap();
        for wrong in ["/dev/null", &garbage, &torn] {
            let told = authority(wrong).unwrap_err();
            assert!(told.contains("broker.ca_file") && told.contains(wrong), "{told}");
            assert!(
                told.contains("no certificate in PEM form") && told.contains("name the right file"),
                "{told}"
            );
        }
        let own = [
            ("SEATSHIFT__BROKER__CLIENT_CERT_FILE", &*certificate),
            ("SEATSHIFT__BROKER__CLIENT_KEY_FILE", &certificate),
        ];
        let told = checked(&[DATABASE, BROKER, own[0], own[1]]).unwrap_err();
        assert!(told.contains("broker.client_key_file") && told.contains("no private key"), "{told}");
    }

    #[test]
    fn the_files_that_the_databases_address_names_are_looked_at_too() {
        let (_one, certificate) = file(CERTIFICATE);
        let (_two, garbage) = file("not a certificate");
        let of = |file: &str| {
            let url = format!("postgres://p@127.0.0.1/s?sslmode=verify-full&sslrootcert={file}");
            checked(&[("SEATSHIFT__DATABASE__URL", &url), BROKER])
        };
        of(&certificate).unwrap();
        assert!(of(&garbage).unwrap_err().contains("database.url, sslrootcert"));
        assert!(of("/nowhere/ca.pem").unwrap_err().contains("/nowhere/ca.pem cannot be read"));
    }
}
