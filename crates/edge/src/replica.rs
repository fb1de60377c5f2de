//! The client of a service process: over what all replicas share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use seatshift_host::settings::Settings;
use seatshift_host::{Assembly, Base, Refusal};
use seatshift_partner_center::gate::Gate;
use seatshift_partner_center::{Client, Config, Observer};
use seatshift_store::quota::PgQuota;
use seatshift_store::{Store, StoreError};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::cleaning::Cleaning;
use crate::connect;
use crate::meter::Metered;
use crate::observer::CallLog;
use crate::read_only::ReadOnly;
use crate::shared_gate::SharedGate;
use crate::shared_tokens::SharedTokens;
use crate::timer::ClockTimer;

/// For so long lines of the call log gather before they are written. Real time.
const LOG_MOMENT: Duration = Duration::from_millis(250);

/// What a service process calls Microsoft with.
pub struct Replica {
    pub client: Client,
    /// The quota and the switch that all replicas share.
    pub gate: SharedGate,
    /// The refresh token that all replicas share.
    pub tokens: SharedTokens,
    /// The longest that one changing call can take, in the clock's own time.
    pub longest_call: SignedDuration,
    ended: CancellationToken,
    beside: Vec<BoxFuture<'static, ()>>,
}

/// What a service needs of the configuration to call Microsoft. For [`seatshift_host::Program::check`].
///
/// # Errors
/// What is missing, with where to put it.
pub fn check(settings: &Settings) -> Result<(), Refusal> {
    connect::config(&settings.partner_center, &Arc::new(seatshift_host::Ids::random()))?;
    Ok(())
}

impl Replica {
    /// Connects. Nothing is called before the first question is asked.
    ///
    /// # Errors
    /// What is missing in the configuration, or cannot be read.
    pub async fn connect(base: &Base) -> Result<Replica, Refusal> {
        let config = connect::config(&base.settings.partner_center, &base.ids)?;
        let longest_call = longest_call(base, &config);
        let transport = connect::transport(&config)?;
        let timer = Arc::new(ClockTimer(base.clock.clone()));
        let ended = CancellationToken::new();
        let (log, writing) =
            CallLog::gathering(base.store.clone() as Arc<dyn Store>, LOG_MOMENT, ended.clone());
        let observer: Arc<dyn Observer> =
            Arc::new(Metered::new(base.meters.clone(), base.scale, Arc::new(log)));
        let quota = Arc::new(quota(base).await?);
        let limits = connect::limits(&base.settings.quota);
        let cleaning = Cleaning::of(base, quota.clone()).run(base.stopping.clone());
        let (gate, asking) =
            SharedGate::new(quota.clone(), limits, &config.partner, base.scale, &base.meters, ended.clone());
        let app = config.user_app.as_ref().unwrap_or(&config.app);
        let tokens = SharedTokens::new(quota, &config.partner, app);
        connect::keep_first(&tokens, first_token(base).as_ref()).await?;
        let keeper = Arc::new(tokens.clone());
        let seats: Arc<dyn Gate> = if base.settings.allow_changes {
            Arc::new(gate.clone())
        } else {
            tracing::warn!("nothing is changed at Microsoft: `allow_changes` is false");
            Arc::new(ReadOnly(gate.clone()))
        };
        let client = Client::new(config, transport, keeper, seats, timer, observer);
        let beside: Vec<BoxFuture<'static, ()>> =
            vec![Box::pin(writing), Box::pin(asking), Box::pin(cleaning)];
        Ok(Replica { client, gate, tokens, longest_call, ended, beside })
    }

    /// The service around `running`, with what runs beside the client. Lets go of the client, so that the call log ends when
    /// the service does.
    pub fn assembly(self, running: impl Future<Output = ()> + Send + 'static) -> Assembly {
        let Replica { client, beside, ended, .. } = self;
        drop(client);
        let running = async move {
            // Also when it is cut off: then what is left of the quota goes back all the same.
            let _ended = ended.drop_guard();
            running.await;
        };
        beside.into_iter().fold(Assembly::new(running), Assembly::beside)
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("longest_call", &self.longest_call).finish_non_exhaustive()
    }
}

/// The consent to begin with, where the database holds none yet: given by the environment, else as `seatshift login` of the
/// embedded mode or a simulator left it in its file. From then on only the database has the one that is good.
fn first_token(base: &Base) -> Option<SecretString> {
    let settings = &base.settings.partner_center;
    let in_file = || std::fs::read_to_string(&settings.refresh_token_file).ok();
    settings.refresh_token.clone().or_else(|| in_file().map(|text| text.trim().to_owned().into()))
}

/// The shared quota, in the same database as everything else; tried until it is reached.
async fn quota(base: &Base) -> Result<PgQuota, Refusal> {
    let Some(options) = base.database()? else { return Err("database.url is not set".into()) };
    let mut wait = Duration::from_millis(100);
    loop {
        match PgQuota::connect(&options).await {
            Ok(quota) => {
                base.readiness.found("quota");
                return Ok(quota);
            }
            Err(error @ (StoreError::TooNew { .. } | StoreError::Damaged { .. })) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the shared quota cannot be used yet; trying again"
                );
                base.readiness.missing("quota", error.to_string());
                base.clock.pause(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// [`Config::longest_change`] on the clock: calls take real time, the waits between tries for a token the clock's own.
fn longest_call(base: &Base, config: &Config) -> SignedDuration {
    let signed = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    let tries = i32::try_from(config.retry.tries).unwrap_or(i32::MAX).saturating_add(1);
    let calls = base.on_clock(signed(config.timeouts.whole)).saturating_mul(tries);
    calls.saturating_add(signed(config.retry.waiting))
}
