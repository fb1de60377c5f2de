//! A person's consent, given once: how the first refresh token comes about.
//!
//! Two ways, both ending with a refresh token that the caller stores in its [`crate::RefreshTokens`]:
//!
//! - **Redirect**: the person's browser is sent to [`Consent::authorize_url`] and comes back to an address on this
//!   machine with a code, which [`Consent::redeem`] turns into the token.
//! - **Device code**, for a machine without a browser: [`Consent::begin`] gives a short code to type in elsewhere,
//!   [`Consent::finish`] waits for it. This follows RFC 8628; Microsoft's pages on Partner Center do not show it.
//!
//! The person must log in with a second factor, or Partner Center will turn the tokens down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use crate::config::{Application, Config};
use crate::error::LoginProblem;
use crate::observer::Observer;
use crate::timer::{Timer, later};
use crate::token::{Means, NoToken};
use crate::transport::Transport;
use crate::wire::token::{Granted, device, granted};

/// Gets a person's consent.
#[derive(Clone, Debug)]
pub struct Consent {
    means: Means,
}

/// A device flow that has begun: show the person the code and the address.
pub struct DeviceCode {
    /// What the person types in.
    pub code: String,
    /// Where.
    pub address: String,
    /// Until when.
    pub end: Timestamp,
    secret: SecretString,
    interval: Duration,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode")
            .field("address", &self.address)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// What a device flow waits longer by when it is told that it asks too often.
const SLOWER: Duration = Duration::from_secs(5);

impl Consent {
    /// For the partner and application of `config`.
    pub fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { means: Means { config: Arc::new(config), transport, timer, observer } }
    }

    /// Where to send the person's browser. It comes back to `redirect`, which must be registered for the application,
    /// with `code` and the same `state`; one that comes back with another `state` must not be redeemed.
    ///
    /// `None` = the configured authority is no address that can have a path.
    pub fn authorize_url(&self, redirect: &Url, state: &str) -> Option<Url> {
        let config = &self.means.config;
        let mut url = config.authority.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend([config.partner.as_str(), "oauth2", "authorize"]);
        url.query_pairs_mut()
            .append_pair("client_id", &self.app().id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("resource", &config.app_user_resource)
            .append_pair("state", state);
        Some(url)
    }

    /// Turns the code the browser came back with into a refresh token. Made once: a code can be used once.
    pub async fn redeem(&self, code: &SecretString, redirect: &Url) -> Result<SecretString, LoginProblem> {
        let form = self
            .form("authorization_code")
            .append_pair("resource", &self.means.config.app_user_resource)
            .append_pair("code", code.expose_secret())
            .append_pair("redirect_uri", redirect.as_str())
            .finish();
        let granted = self.means.login_once("consent", Bytes::from(form), 1).await;
        refresh_token(granted.map_err(|failure| failure.problem)?)
    }

    /// Begins a device flow.
    pub async fn begin(&self) -> Result<DeviceCode, LoginProblem> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app().id)
            .append_pair("scope", &self.scope())
            .finish();
        let path = ["oauth2", "v2.0", "devicecode"];
        let body = self.means.ask_authority("device_code", &path, Bytes::from(form), 1).await;
        let device = device(&body.map_err(|failure| failure.problem)?).ok_or(LoginProblem::Unreadable)?;
        Ok(DeviceCode {
            code: device.code,
            address: device.address,
            end: later(self.means.timer.now(), device.life),
            secret: device.secret,
            interval: device.interval,
        })
    }

    /// Waits until the person has typed the code in, and ends with the refresh token. Trouble on the way to the
    /// authority is waited out; a refusal, and the end of the code's life, are not.
    pub async fn finish(&self, device: &DeviceCode) -> Result<SecretString, LoginProblem> {
        let form = self
            .form("urn:ietf:params:oauth:grant-type:device_code")
            .append_pair("device_code", device.secret.expose_secret())
            .finish();
        let form = Bytes::from(form);
        let mut interval = device.interval;
        let mut attempt = 0;
        while self.means.timer.now() < device.end {
            self.means.timer.sleep(interval).await;
            attempt += 1;
            let path = ["oauth2", "v2.0", "token"];
            match self.means.ask_authority("consent", &path, form.clone(), attempt).await {
                Ok(body) => return refresh_token(granted(&body).ok_or(LoginProblem::Unreadable)?),
                Err(failure) => interval += patience(failure)?,
            }
        }
        Err(LoginProblem::Refused { error: "expired_token".to_owned(), aadsts: None })
    }

    fn app(&self) -> &Application {
        self.means.config.user_app.as_ref().unwrap_or(&self.means.config.app)
    }

    /// `offline_access` is what brings a refresh token in the authority's second version.
    fn scope(&self) -> String {
        format!("{}/user_impersonation offline_access", self.means.config.app_user_resource)
    }

    fn form(&self, grant: &str) -> form_urlencoded::Serializer<'static, String> {
        let app = self.app();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &app.id)
            .append_pair("client_secret", app.secret.expose_secret())
            .append_pair("grant_type", grant);
        form
    }
}

/// How much longer to wait from now on after a try that brought nothing; a refusal ends the waiting.
fn patience(failure: NoToken) -> Result<Duration, LoginProblem> {
    match &failure.problem {
        LoginProblem::Refused { error, .. } if error == "authorization_pending" => Ok(Duration::ZERO),
        LoginProblem::Refused { error, .. } if error == "slow_down" => Ok(SLOWER),
        LoginProblem::Throttled => Ok(SLOWER),
        LoginProblem::Unreachable => Ok(Duration::ZERO),
        _ => Err(failure.problem),
    }
}

/// The refresh token of a grant; without one there is nothing to keep.
fn refresh_token(granted: Granted) -> Result<SecretString, LoginProblem> {
    granted.refresh.ok_or(LoginProblem::Unreadable)
}
