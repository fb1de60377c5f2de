//! The client of a service process: over what all replicas share.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use seatshift_host::settings::Settings;
use seatshift_host::{Assembly, Base, Refusal};
use seatshift_partner_center::{Client, Config, FileTokens, Gate, Observer, RefreshTokens, TokenBuckets};
use seatshift_store::Store;

use crate::connect;
use crate::meter::Metered;
use crate::observer::CallLog;
use crate::timer::ClockTimer;

/// What a service process calls Microsoft with.
pub struct Replica {
    pub client: Client,
    /// The longest that one changing call can take, in the clock's own time.
    pub longest_call: SignedDuration,
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
        let (log, writing) = CallLog::new(base.store.clone() as Arc<dyn Store>);
        let observer: Arc<dyn Observer> =
            Arc::new(Metered::new(base.meters.clone(), base.scale, Arc::new(log)));
        let gate: Arc<dyn Gate> =
            Arc::new(TokenBuckets::with_limits(timer.clone(), connect::limits(&base.settings.quota)));
        let tokens: Arc<dyn RefreshTokens> =
            Arc::new(FileTokens::new(&base.settings.partner_center.refresh_token_file));
        connect::keep_first(&*tokens, base.settings.partner_center.refresh_token.as_ref()).await?;
        let client = Client::new(config, transport, tokens, gate, timer, observer);
        Ok(Replica { client, longest_call, beside: vec![Box::pin(writing)] })
    }

    /// The service around `running`, with what runs beside the client. Lets go of the client, so that the call log ends when
    /// the service does.
    pub fn assembly(self, running: impl Future<Output = ()> + Send + 'static) -> Assembly {
        let Replica { client, beside, .. } = self;
        drop(client);
        beside.into_iter().fold(Assembly::new(running), Assembly::beside)
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("longest_call", &self.longest_call).finish_non_exhaustive()
    }
}

/// [`Config::longest_change`] on the clock: calls take real time, the waits between tries for a token the clock's own.
fn longest_call(base: &Base, config: &Config) -> SignedDuration {
    let signed = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    let tries = i32::try_from(config.retry.tries).unwrap_or(i32::MAX).saturating_add(1);
    let calls = base.on_clock(signed(config.timeouts.whole)).saturating_mul(tries);
    calls.saturating_add(signed(config.retry.waiting))
}
