//! Making a database ready: roles, schemas, rights. Done by an administrator (`seatshift-control --prepare-database`), as often as
//! one likes.

use std::collections::BTreeMap;

use seatshift_messages::Service;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr};

use super::PgStore;
use super::errors::{code, failed};
use super::options::parsed;
use super::schema::{Schema, version};
use crate::StoreError;

/// Only one prepares at a time.
const TURN: &str = "select pg_advisory_lock(1397047636, 2)";

/// How often a change of a role is tried: roles belong to the whole server, so databases that are prepared together
/// get in each other's way.
const TRIES: usize = 20;

impl PgStore {
    /// Makes roles `seatshift_control`, `_purchase`, `_reassignment` and `_suspension`, their schemas, schema `quota`, and brings
    /// all to the newest version. `passwords`: of the roles, by service name; a role without one keeps what it has
    /// (certificates, or another way to log in).
    ///
    /// `admin_url` names a role that may create roles and schemas, with its password.
    pub async fn prepare(
        admin_url: &str,
        passwords: &BTreeMap<String, SecretString>,
    ) -> Result<(), StoreError> {
        let doing = "preparing the database";
        let options = parsed(admin_url)?.application_name("seatshift prepare").disable_statement_logging();
        let mut admin = PgConnection::connect_with(&options).await.map_err(failed(doing))?;
        admin.execute(TURN).await.map_err(failed(doing))?;
        for service in Service::ALL {
            make_role(&mut admin, service, passwords.get(service.name())).await.map_err(failed(doing))?;
        }
        for schema in Schema::ALL {
            make_schema(&mut admin, schema).await?;
        }
        // The lock ends with the connection.
        admin.close().await.map_err(failed(doing))
    }
}

/// The role that a service logs in as.
fn role(service: Service) -> String {
    format!("seatshift_{}", service.name())
}

async fn make_role(
    admin: &mut PgConnection,
    service: Service,
    password: Option<&SecretString>,
) -> Result<(), sqlx::Error> {
    let role = role(service);
    let mut tries = 0;
    loop {
        tries += 1;
        match try_role(admin, &role, password).await {
            Err(error) if tries < TRIES && is_crowded(&error) => {}
            made => return made,
        }
    }
}

async fn try_role(
    admin: &mut PgConnection,
    role: &str,
    password: Option<&SecretString>,
) -> Result<(), sqlx::Error> {
    let there: bool = sqlx::query_scalar("select exists (select 1 from pg_roles where rolname = $1)")
        .bind(role)
        .fetch_one(&mut *admin)
        .await?;
    if !there {
        admin.execute(AssertSqlSafe(format!("create role {role} login")).into_sql_str()).await?;
    }
    if let Some(password) = password {
        // Roles take no parameters; the server itself puts the password into quotes.
        let statement: String =
            sqlx::query_scalar("select format('alter role %I login password %L', $1, $2)")
                .bind(role)
                .bind(password.expose_secret())
                .fetch_one(&mut *admin)
                .await?;
        admin.execute(AssertSqlSafe(statement).into_sql_str()).await?;
    }
    Ok(())
}

/// Another preparation, of another database of this server, changed the same role at the same moment.
fn is_crowded(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some(DUPLICATE_OBJECT | UNIQUE_VIOLATION | INTERNAL))
}

const DUPLICATE_OBJECT: &str = "42710";
const UNIQUE_VIOLATION: &str = "23505";
/// "tuple concurrently updated" has no code of its own.
const INTERNAL: &str = "XX000";

/// Takes the missing steps of one schema, all or none, and gives the rights anew.
async fn make_schema(admin: &mut PgConnection, schema: Schema) -> Result<(), StoreError> {
    let failed = failed("preparing a schema");
    let mut transaction = admin.begin().await.map_err(&failed)?;
    transaction.execute(schema.on(BEGIN)).await.map_err(&failed)?;
    let found = version(&mut transaction, schema).await.map_err(&failed)?.unwrap_or(0);
    let (steps, known) = (schema.steps(), schema.steps().len() as i64);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (number, step) in (1_i64..).zip(steps).skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute(*step).await.map_err(&failed)?;
        let note = schema.on("insert into {s}.schema_version (version, at) values ($1, now())");
        sqlx::query(note).bind(number).execute(&mut *transaction).await.map_err(&failed)?;
    }
    transaction.execute(rights(schema)).await.map_err(&failed)?;
    transaction.commit().await.map_err(&failed)
}

/// The steps name their tables plainly.
const BEGIN: &str = "
create schema if not exists {s};
set local search_path = {s};
create table if not exists {s}.schema_version (version bigint primary key, at timestamptz not null);";

/// What a service may do: never remove a ledger, an instruction or an event, not even by mistake.
const SERVICE_RIGHTS: &str = "
grant usage on schema {s} to {r};
grant usage on all sequences in schema {s} to {r};
grant select on {s}.schema_version to {r};
grant select, insert on {s}.event_log, {s}.instruction to {r};
grant select, insert, update on {s}.ledger to {r};
grant select, insert, delete on {s}.inbox, {s}.dead_letter to {r};
grant select, insert, update, delete on {s}.work, {s}.outbox, {s}.record, {s}.mark to {r};";

/// What each service may do with what is shared.
const QUOTA_RIGHTS: &str = "
grant usage on schema quota to {r};
grant select on quota.schema_version, quota.gate to {r};
grant select, insert, update on quota.bucket, quota.token, quota.call_count to {r};
grant insert on quota.call_log to {r};";

/// Control sets the mode, reads the call log and cleans up.
const CONTROL_RIGHTS: &str = "
grant update on quota.gate to {r};
grant delete on quota.bucket to {r};
grant select, delete on quota.call_log to {r};";

fn rights(schema: Schema) -> sqlx::SqlStr {
    let text = match schema {
        Schema::Of(service) => SERVICE_RIGHTS.replace("{r}", &role(service)),
        Schema::Quota => {
            let shared = Service::ALL.map(|service| QUOTA_RIGHTS.replace("{r}", &role(service))).concat();
            shared + &CONTROL_RIGHTS.replace("{r}", &role(Service::Control))
        }
    };
    schema.on(&text)
}
