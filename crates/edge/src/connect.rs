//! From the configuration to what the client is made of. One copy, for the command line and for the services.

use std::sync::Arc;
use std::time::Duration;

use seatshift_host::Ids;
use seatshift_host::settings::{PartnerCenter, Quota, Secret};
use seatshift_partner_center::buckets::{Limit, Limits};
use seatshift_partner_center::{
    Application, Cloud, Config, Family, HttpTransport, RefreshTokens, TokenStoreError, TokenUse,
};
use secrecy::{ExposeSecret as _, SecretString};

/// Something that the client cannot do without is not set, or cannot be used. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error(
        "partner_center.{key} is not set; fill it in in seatshift.toml (`seatshift init` writes one), or set {}",
        variable(key)
    )]
    Missing { key: &'static str },
    #[error(
        "{}: the file with the secret (partner_center.{key}) cannot be read ({source}); \
         write the secret into it, readable by you alone",
        file.display()
    )]
    Secret { key: &'static str, file: std::path::PathBuf, source: std::io::Error },
    #[error("TLS cannot be set up on this machine ({0})")]
    Tls(String),
}

fn variable(key: &str) -> String {
    format!("SEATSHIFT__PARTNER_CENTER__{}", key.to_uppercase())
}

/// The client's configuration. Ids and jitter come from `ids`.
///
/// # Errors
/// What is missing, with where to put it.
pub fn config(settings: &PartnerCenter, ids: &Arc<Ids>) -> Result<Config, Unusable> {
    let tenant = settings.tenant.clone().ok_or(Unusable::Missing { key: "tenant" })?;
    let app = Application {
        id: settings.client_id.clone().ok_or(Unusable::Missing { key: "client_id" })?,
        secret: read_secret(settings.client_secret.as_ref(), "client_secret_file")?,
    };
    let (request, jitter) = (ids.clone(), ids.clone());
    let mut config =
        Config::new(tenant, app, Arc::new(move || request.request()), Arc::new(move || jitter.fraction()));
    config = config.in_cloud(match settings.cloud.as_str() {
        "us_government" => Cloud::UsGovernment,
        "china" => Cloud::China,
        _ => Cloud::Public,
    });
    if let Some(id) = &settings.user_client_id {
        let secret = read_secret(settings.user_client_secret.as_ref(), "user_client_secret_file")?;
        config.user_app = Some(Application { id: id.clone(), secret });
    }
    config.app_only_resource.clone_from(&settings.app_only_resource);
    if settings.token_use == "app_user_for_all" {
        config.token_use = TokenUse::AppUserForAll;
    }
    if let Some(seconds) = settings.call_seconds {
        let whole = Duration::from_secs(seconds);
        let timeouts = &mut config.timeouts;
        timeouts.whole = whole;
        // A part is never given longer than the whole.
        timeouts.connect = timeouts.connect.min(whole);
        timeouts.read = timeouts.read.min(whole);
    }
    config.api = settings.api.clone().unwrap_or(config.api);
    config.authority = settings.authority.clone().unwrap_or(config.authority);
    Ok(config)
}

fn read_secret(secret: Option<&Secret>, key: &'static str) -> Result<SecretString, Unusable> {
    let secret = secret.ok_or(Unusable::Missing { key })?;
    secret.read().map_err(|unreadable| Unusable::Secret {
        key,
        file: unreadable.file,
        source: unreadable.source,
    })
}

/// The way to Microsoft.
///
/// # Errors
/// When this machine has no TLS.
pub fn transport(config: &Config) -> Result<Arc<HttpTransport>, Unusable> {
    HttpTransport::new(&config.timeouts).map(Arc::new).map_err(|error| Unusable::Tls(error.to_string()))
}

/// What is known of Microsoft's quota: the published figures, or what the configuration says in their place.
pub fn limits(quota: &Quota) -> Limits {
    let mut limits = Limits::default();
    let set = [
        (Family::Customers, quota.customers),
        (Family::Subscriptions, quota.subscriptions),
        (Family::Orders, quota.orders),
        (Family::Offers, quota.offers),
        (Family::Users, quota.users),
        (Family::Licenses, quota.licenses),
    ];
    for (family, per_minute) in set {
        if let Some(per_minute) = per_minute {
            limits.families.insert(family, Limit::published(per_minute.max(1) as f64));
        }
    }
    limits
}

/// A first refresh token that the configuration gives is put where refresh tokens are kept, once: the kept one is newer.
///
/// # Errors
/// When the place where they are kept cannot be used.
pub async fn keep_first(
    tokens: &dyn RefreshTokens,
    first: Option<&SecretString>,
) -> Result<(), TokenStoreError> {
    let Some(first) = first.filter(|first| !first.expose_secret().is_empty()) else { return Ok(()) };
    if tokens.load().await?.is_none() {
        tokens.store(first.clone()).await?;
    }
    Ok(())
}
