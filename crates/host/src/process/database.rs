//! Reaching the database, and preparing one.

use std::collections::BTreeMap;
use std::process::ExitCode;

use seatshift_messages::Service;
use seatshift_store::{PgOptions, PgStore, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

use super::readiness::Readiness;
use super::{Program, Refusal, refuse};
use crate::clock::Clock;
use crate::ids::Ids;
use crate::patience::Patience;
use crate::settings::{Database, Secret, Settings};

pub(super) fn options(
    settings: &Database,
    service: Service,
    instance: &str,
) -> Result<Option<PgOptions>, Refusal> {
    let Some(url) = &settings.url else { return Ok(None) };
    let mut options = PgOptions::new(url.as_str(), [service]);
    options.password = settings.password.as_ref().map(Secret::read).transpose()?;
    options.connections = settings.connections;
    options.application_name = format!("seatshift-{service} {instance}");
    if service == Service::Control {
        // It makes instructions and does not read them again.
        options.instruction_bytes = 0;
    }
    Ok(Some(options))
}

/// Connects, trying until it is reached: a database that is not there yet, or not prepared yet, is waited for.
///
/// # Errors
/// What no waiting mends: a schema of a newer version.
pub(super) async fn reach(
    options: &PgOptions,
    readiness: &Readiness,
    clock: &dyn Clock,
    ids: &Ids,
) -> Result<PgStore, StoreError> {
    let mut patience = Patience::new();
    loop {
        match PgStore::connect(options).await {
            Ok(store) => {
                readiness.found("database");
                tracing::info!("the database is reached");
                return Ok(store);
            }
            Err(error @ (StoreError::TooNew { .. } | StoreError::Damaged { .. })) => return Err(error),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database cannot be used yet; trying again"
                );
                readiness.missing("database", error.to_string());
                patience.wait(clock, ids).await;
            }
        }
    }
}

/// What `--prepare-database` cannot do without.
#[derive(Debug, thiserror::Error)]
enum Unprepared {
    #[error(
        "SEATSHIFT__DATABASE__ADMIN_URL_FILE is not set: preparing wants a role that may make schemas and roles. It names a file \
         that holds its address, such as postgres://postgres:password@127.0.0.1:5432/seatshift"
    )]
    NoAdminUrl,
}

pub(super) fn prepare_and_end(program: Program, settings: &Settings) -> ExitCode {
    let (admin_url, passwords) = match means(&settings.database) {
        Ok(means) => means,
        Err(error) => return refuse(program, &*error),
    };
    super::install_cryptography();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(program, &error),
    };
    match runtime.block_on(PgStore::prepare(admin_url.expose_secret(), &passwords)) {
        Ok(()) => {
            println!("the database is prepared");
            ExitCode::SUCCESS
        }
        Err(error) => {
            super::tell(program, &error);
            ExitCode::FAILURE
        }
    }
}

fn means(settings: &Database) -> Result<(SecretString, BTreeMap<String, SecretString>), Refusal> {
    let admin_url = settings.admin_url.as_ref().ok_or(Unprepared::NoAdminUrl)?.read()?;
    let mut passwords = BTreeMap::new();
    for service in Service::ALL {
        match settings.role_passwords.get(&service) {
            Some(secret) => drop(passwords.insert(service.name().to_owned(), secret.read()?)),
            None => println!(
                "no password for {service}: its role keeps what it has (SEATSHIFT__DATABASE__{}_PASSWORD_FILE sets one)",
                service.name().to_uppercase()
            ),
        }
    }
    Ok((admin_url, passwords))
}
