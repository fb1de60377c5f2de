//! The two servers of a stack, and in them what the services find: database, schemas, roles; vhost, users, topology.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use seatshift_servers::{Postgres, Rabbit, Shared, ensure_installed};

use super::place::Stack;
use crate::run::succeed;
use crate::secrets::{SERVICES, Secrets};

/// The name of the database, and of the vhost.
pub(crate) const NAME: &str = "seatshift";

/// Both servers, running: found, or started on the ports that they had and left running.
pub(crate) fn servers(stack: &Stack) -> Result<Shared> {
    ensure_installed()?;
    if Shared::at(stack.dir()).is_err() {
        println!("starting RabbitMQ and PostgreSQL, whichever does not run in {}", stack.dir().display());
    }
    Ok(Shared::bring_up(stack.dir())?)
}

/// Deletes all that was kept about a world that ended with its simulator; says whether there was anything.
pub(crate) fn forget(servers: &Shared) -> Result<bool> {
    let there = has_database(&servers.postgres)?;
    servers.postgres.drop_database(NAME)?;
    let _ = servers.rabbit.delete_vhost(NAME);
    Ok(there)
}

fn has_database(postgres: &Postgres) -> Result<bool> {
    let found = postgres.query("postgres", &format!("select 1 from pg_database where datname = '{NAME}'"))?;
    Ok(!found.is_empty())
}

/// Vhost, users with least rights, topology: all from the committed definitions. What is there stays.
pub(crate) fn broker(rabbit: &Rabbit, secrets: &Secrets) -> Result<()> {
    rabbit.api("POST", "/api/definitions", &secrets.write_definitions(None)?)?;
    let all = r#"{"configure":".*","write":".*","read":".*"}"#;
    rabbit.api("PUT", &format!("/api/permissions/{NAME}/admin"), all)?;
    Ok(())
}

/// Schemas, roles and tables, by the program that knows them.
pub(crate) fn database(postgres: &Postgres, secrets: &Secrets, control: &Path, config: &Path) -> Result<()> {
    if !has_database(postgres)? {
        postgres.create_database(NAME)?;
    }
    let mut prepare = Command::new(control);
    prepare.arg("--config").arg(config).arg("--prepare-database");
    prepare.env("SEATSHIFT__DATABASE__ADMIN_URL", postgres.admin_url(NAME));
    for service in SERVICES {
        let key = format!("SEATSHIFT__DATABASE__{}_PASSWORD_FILE", service.to_uppercase());
        prepare.env(key, secrets.file(&format!("{service}-database-password")));
    }
    succeed(&mut prepare).context("the database is not prepared")
}
