//! Tokens for the directories of customers: one for each tenant, made of the partner's consent.
//!
//! The stored refresh token is redeemed at the **customer's** authority; that works where the application is consented to
//! in the customer's tenant and the person has a role there (GDAP). What comes back as a new refresh token is dropped:
//! whether it is good for the partner's own tenant is unverified, and redeeming one does not revoke it. So this can never
//! cost a person's consent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex as Turn;
use url::form_urlencoded;
use uuid::Uuid;

use crate::error::{LoginProblem, Remedy};
use crate::timer::later;
use crate::token::{Means, NoToken, not_stored};
use crate::token_store::{RefreshTokens, TokenStoreError};

/// More tenants than this are not remembered at once: a hundred thousand customers' tokens would fill the memory.
const MOST: usize = 256;

pub(super) struct TenantTokens {
    means: Means,
    refresh_tokens: Arc<dyn RefreshTokens>,
    tenants: Mutex<BTreeMap<Uuid, Tenant>>,
}

/// Held by whoever renews the token of a tenant.
type Tenant = Arc<Turn<Option<Arc<TenantToken>>>>;

pub(super) struct TenantToken {
    pub(super) secret: SecretString,
    /// From here on it is renewed.
    until: Timestamp,
}

impl fmt::Debug for TenantTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantTokens")
    }
}

impl TenantTokens {
    pub(super) fn new(means: Means, refresh_tokens: Arc<dyn RefreshTokens>) -> Self {
        Self { means, refresh_tokens, tenants: Mutex::default() }
    }

    /// A token that is good now. However many callers need one, one has it made.
    pub(super) async fn get(&self, customer: Uuid) -> Result<Arc<TenantToken>, NoToken> {
        let tenant = self.tenant(customer);
        let mut current = tenant.lock().await;
        let now = self.means.timer.now();
        if let Some(token) = current.as_ref().filter(|token| now < token.until) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(self.make(customer).await?);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Says that the directory turned `token` down.
    pub(super) async fn rejected(&self, customer: Uuid, token: &Arc<TenantToken>) {
        let tenant = self.tenant(customer);
        let mut current = tenant.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            *current = None;
        }
    }

    fn tenant(&self, customer: Uuid) -> Tenant {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST && !tenants.contains_key(&customer) {
            tenants.retain(|_, tenant| Arc::strong_count(tenant) > 1);
        }
        Arc::clone(tenants.entry(customer).or_default())
    }

    async fn make(&self, customer: Uuid) -> Result<TenantToken, NoToken> {
        let mut config = (*self.means.config).clone();
        config.partner = customer.to_string();
        let means = Means { config: Arc::new(config), ..self.means.clone() };
        // Nobody redeems the same refresh token meanwhile.
        let turn = self.refresh_tokens.turn().await.map_err(not_stored)?;
        let stored = self.refresh_tokens.load().await.map_err(not_stored)?;
        let Some(stored) = stored else {
            return Err(NoToken { remedy: Remedy::Person, problem: LoginProblem::NoRefreshToken });
        };
        if turn.is_lost() {
            let lost = TokenStoreError::outage("the turn at redeeming the refresh token was lost");
            return Err(not_stored(lost));
        }
        let granted = means.login("token_directory", form(&means, &stored)).await?;
        // Renewed after four fifths of its life.
        let until = later(self.means.timer.now(), granted.life.mul_f64(0.8));
        Ok(TenantToken { secret: granted.access, until })
    }
}

fn form(means: &Means, refresh_token: &SecretString) -> Bytes {
    let config = &means.config;
    let app = config.user_app.as_ref().unwrap_or(&config.app);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("resource", config.directory.as_str().trim_end_matches('/'))
        .append_pair("client_id", &app.id)
        .append_pair("client_secret", app.secret.expose_secret())
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", refresh_token.expose_secret())
        .append_pair("scope", "openid")
        .finish();
    Bytes::from(form)
}
