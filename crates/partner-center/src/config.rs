//! What the client must be told: where to call, as whom, and how patiently.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

/// A source of fresh ids. Handed in, so that a run can be replayed from a seed.
pub type Ids = Arc<dyn Fn() -> Uuid + Send + Sync>;
/// A source of fractions in `[0, 1)` that spread repeated tries over time. Handed in for the same reason.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Everything the client needs to know. Build it with [`Config::new`], then set what differs.
#[derive(Clone)]
pub struct Config {
    /// Base of the API, without `/v1`.
    pub api: Url,
    /// Base of the login authority.
    pub authority: Url,
    /// Base of Microsoft Graph, without `/v1.0`: where customers' directories are read. Also the `resource` of tokens for it.
    pub directory: Url,
    /// The partner's tenant, as GUID or domain.
    pub partner: String,
    /// The application that calls as itself (app-only).
    pub app: Application,
    /// The application that calls for a person (App+User), where it is another one.
    pub user_app: Option<Application>,
    /// `resource` of app-only tokens. Documented is the old graph; whether it is still accepted is unverified.
    pub app_only_resource: String,
    /// `resource` of App+User tokens.
    pub app_user_resource: String,
    /// Which token goes with which call.
    pub token_use: TokenUse,
    /// `MS-PartnerCenter-Application`: how Microsoft's logs name us.
    pub application_name: String,
    /// Customers on a page. No maximum is documented; 40 is the documents' own sample.
    pub customers_per_page: u16,
    /// Users on a page. No maximum is documented; 500 is the documents' own sample.
    pub users_per_page: u16,
    /// Time limits of one call; the transport keeps them.
    pub timeouts: Timeouts,
    /// How reads are repeated in place.
    pub retry: RetryLimits,
    /// The same for [`crate::Purpose::Plan`]: a discovery or a verification has no row that could come due later, so it
    /// sits a storm of 429s or a short outage out.
    pub patience: RetryLimits,
    /// Where request and correlation ids come from.
    pub ids: Ids,
    /// What spreads repeated tries.
    pub jitter: Jitter,
}

impl Config {
    /// The public cloud, with one application for both kinds of tokens.
    pub fn new(partner: impl Into<String>, app: Application, ids: Ids, jitter: Jitter) -> Self {
        let cloud = Cloud::Public;
        Self {
            api: cloud.api(),
            authority: cloud.authority(),
            directory: cloud.directory(),
            partner: partner.into(),
            app,
            user_app: None,
            app_only_resource: "https://graph.windows.net".to_owned(),
            app_user_resource: cloud.api().as_str().trim_end_matches('/').to_owned(),
            token_use: TokenUse::ByCall,
            application_name: "Seatshift".to_owned(),
            customers_per_page: 40,
            users_per_page: 500,
            timeouts: Timeouts::default(),
            retry: RetryLimits::default(),
            patience: RetryLimits {
                tries: 10,
                waiting: Duration::from_secs(20 * 60),
                ..RetryLimits::default()
            },
            ids,
            jitter,
        }
    }

    /// The same, in another of Microsoft's clouds.
    #[must_use]
    pub fn in_cloud(mut self, cloud: Cloud) -> Self {
        self.api = cloud.api();
        self.authority = cloud.authority();
        self.directory = cloud.directory();
        self.app_user_resource = cloud.api().as_str().trim_end_matches('/').to_owned();
        self
    }

    /// The longest a changing call can take in real time, once it has its permit: the tries for a token with the
    /// waits between them, and then its own one try. A lease must outlive this. Where the token takes longer all the same
    /// (its turn, a store that is away), the permit ends and the call is not made.
    pub fn longest_change(&self) -> Duration {
        self.timeouts.whole * (self.retry.tries + 1) + self.retry.waiting
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api", &self.api.as_str())
            .field("authority", &self.authority.as_str())
            .field("directory", &self.directory.as_str())
            .field("partner", &self.partner)
            .field("app", &self.app)
            .field("user_app", &self.user_app)
            .field("token_use", &self.token_use)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// An application registered with Microsoft.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its client id.
    pub id: String,
    /// Its secret. `Debug` prints `[REDACTED]`.
    pub secret: SecretString,
}

/// Microsoft's clouds that still exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Nearly everybody.
    Public,
    /// United States government: the public API, another authority.
    UsGovernment,
    /// Operated by 21Vianet. Licenses of users cannot be read or changed through its API.
    China,
}

impl Cloud {
    /// Base of the API.
    pub fn api(self) -> Url {
        known(match self {
            Self::Public | Self::UsGovernment => "https://api.partnercenter.microsoft.com",
            Self::China => "https://partner.partnercenterapi.microsoftonline.cn",
        })
    }

    /// Base of Microsoft Graph.
    pub fn directory(self) -> Url {
        known(match self {
            Self::Public => "https://graph.microsoft.com",
            Self::UsGovernment => "https://graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        })
    }

    /// Base of the login authority.
    pub fn authority(self) -> Url {
        known(match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        })
    }
}

fn known(address: &'static str) -> Url {
    Url::parse(address).expect("the addresses above are well formed")
}

/// Which token goes with which call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenUse {
    /// App+User where Microsoft demands it (users, licenses, pools, provisioning status), app-only elsewhere.
    #[default]
    ByCall,
    /// App+User for everything.
    AppUserForAll,
}

/// Time limits of one call in real time. They are never shortened, whatever the clock does: giving up early turns a
/// slow success into an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two pieces of the answer.
    pub read: Duration,
    /// The whole exchange.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            whole: Duration::from_secs(60),
        }
    }
}

/// How reads, and requests for tokens, are repeated in place. Changing calls never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryLimits {
    /// Tries in all.
    pub tries: u32,
    /// Time spent waiting between the tries, in all, on the [`crate::Timer`]'s clock.
    pub waiting: Duration,
    /// The first wait is drawn from zero to this, the next from zero to twice this, and so on.
    pub first: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { tries: 3, waiting: Duration::from_secs(10), first: Duration::from_millis(400) }
    }
}
