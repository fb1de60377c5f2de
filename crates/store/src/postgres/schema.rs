//! Schemas and their versions.

use seatshift_messages::Service;
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr, SqlStr};
use tokio::time::timeout;

use super::connections::Connections;
use super::errors::{failed, silent};
use crate::StoreError;

/// A schema that we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Of(Service),
    Quota,
}

/// Steps, oldest first. A released step is never changed.
const SERVICE: &[&str] = &[include_str!("../../migrations/postgres/service_0001_begin.sql")];
/// Control has the same table, and what it alone needs: step n is this beside that.
const CONTROL: &[&str] = &[concat!(
    include_str!("../../migrations/postgres/service_0001_begin.sql"),
    include_str!("../../migrations/postgres/control_0001_changes.sql"),
)];
const QUOTA: &[&str] = &[include_str!("../../migrations/postgres/quota_0001_begin.sql")];

impl Schema {
    pub(super) const ALL: [Schema; 5] = [
        Schema::Of(Service::Control),
        Schema::Of(Service::Purchase),
        Schema::Of(Service::Reassignment),
        Schema::Of(Service::Suspension),
        Schema::Quota,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Schema::Of(service) => service.name(),
            Schema::Quota => "quota",
        }
    }

    pub(super) fn steps(self) -> &'static [&'static str] {
        match self {
            Schema::Of(Service::Control) => CONTROL,
            Schema::Of(Service::Purchase | Service::Reassignment | Service::Suspension) => SERVICE,
            Schema::Quota => QUOTA,
        }
    }

    /// The statement with the schema's name in it: a name out of the list above.
    pub(super) fn on(self, statement: &str) -> SqlStr {
        AssertSqlSafe(statement.replace("{s}", self.name())).into_sql_str()
    }
}

/// How many steps it has; none = it is not there.
pub(super) async fn version(
    connection: &mut PgConnection,
    schema: Schema,
) -> Result<Option<i64>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(format!("{}.schema_version", schema.name()))
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(None);
    }
    let query = sqlx::query_scalar(schema.on("select coalesce(max(version), 0) from {s}.schema_version"));
    query.fetch_one(connection).await.map(Some)
}

/// Whether the schemas of these services, and `quota`, are as this program knows them.
pub(super) async fn examine(connections: &Connections, services: &[Service]) -> Result<(), StoreError> {
    if services.is_empty() {
        return Err(StoreError::NotPrepared { what: "a store of no service".into() });
    }
    let doing = "reading the schema version";
    let mut loan = connections.take(doing).await?;
    for schema in services.iter().map(|service| Schema::Of(*service)).chain([Schema::Quota]) {
        let patience = connections.patience();
        let asked = timeout(patience, version(loan.connection(), schema)).await;
        let found = asked.map_err(|_| silent(doing, patience))?.map_err(failed(doing))?;
        let known = schema.steps().len() as i64;
        match found {
            Some(found) if found > known => return Err(StoreError::TooNew { found, known }),
            Some(found) if found == known => {}
            Some(_) | None => {
                let what = match found {
                    Some(found) => {
                        format!("schema {} (it has version {found}, {known} is needed)", schema.name())
                    }
                    None => format!("schema {}, or this role may not see it", schema.name()),
                };
                return Err(StoreError::NotPrepared { what });
            }
        }
    }
    loan.settle();
    Ok(())
}
