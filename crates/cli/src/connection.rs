//! From the configuration to something that can be called: clock, ids, store, tokens, quota gate, client.
//!
//! One process has one of these. Where the configuration names a simulated world, its Partner Center is started inside this
//! process and the world is written back at the end, so that a demo's state can be looked at and worked on later.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use seatshift_edge::connect::{self, Unusable};
use seatshift_edge::{CallLog, ClockTimer};
use seatshift_host::{Clock, Ids, ScaledClock};
use seatshift_partner_center::consent::Consent;
use seatshift_partner_center::{
    Client, FileTokens, LoginProblem, Observer, Problem, RefreshTokens, Remedy, TokenBuckets, Unobserved,
};
use seatshift_store::{SqliteStore, Store};
use tokio::task::JoinHandle;
use url::Url;

use crate::ending::Usage;
use crate::lock::make_private;
use crate::settings::{PartnerCenter, Settings};
use crate::simulated::Simulated;

/// Name of the store's file in the state folder.
const STORE: &str = "seatshift.sqlite";

/// What does not need Microsoft: time, ids, and what is remembered.
#[derive(Debug, Clone)]
pub struct Base {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub store: Arc<SqliteStore>,
}

/// Everything a command needs that speaks to Partner Center.
#[derive(Debug)]
pub struct Connection {
    pub base: Base,
    pub client: Client,
    pub gate: TokenBuckets,
    /// The longest that one changing call can take, in real time.
    pub longest_call: Duration,
    /// Seconds of the clock in a real one.
    pub scale: u32,
    call_log: JoinHandle<()>,
    simulated: Option<Simulated>,
}

impl Base {
    /// Opens the store of this configuration, making folder and file where they are not there.
    pub async fn open(settings: &Settings) -> anyhow::Result<Base> {
        let clock: Arc<dyn Clock> = match settings.clock {
            Some(clock) => Arc::new(ScaledClock::compressed(clock.start, clock.epoch, clock.scale)),
            None => Arc::new(ScaledClock::real()),
        };
        let folder = &settings.state_dir;
        make_private(folder).with_context(|| {
            format!("{}: the state folder cannot be made; check `state_dir` and its rights", folder.display())
        })?;
        let path = folder.join(STORE);
        let store = SqliteStore::open(&path).await.with_context(|| path.display().to_string())?;
        Ok(Base { clock, ids: Arc::new(Ids::random()), store: Arc::new(store) })
    }

    /// Opens a store that must be there already.
    ///
    /// # Errors
    /// When nothing has been applied or planned with this configuration.
    pub async fn existing(settings: &Settings) -> anyhow::Result<Base> {
        if settings.state_dir.join(STORE).is_file() {
            return Base::open(settings).await;
        }
        Err(Usage::new(format!(
            "{}: there is no state here yet; plan and apply first, or name another configuration with --config",
            settings.state_dir.display()
        ))
        .into())
    }
}

impl Connection {
    /// Connects. Nothing is called before the first question is asked.
    pub async fn open(settings: &Settings) -> anyhow::Result<Connection> {
        let (settings, simulated) = Simulated::start(settings).await?;
        let base = Base::open(&settings).await?;
        let timer = Arc::new(ClockTimer(base.clock.clone()));
        let gate = TokenBuckets::with_limits(timer.clone(), connect::limits(&settings.quota));
        let config = connect::config(&settings.partner_center, &base.ids).map_err(usage)?;
        let longest_call = config.longest_change();
        let scale = settings.clock.map_or(1, |clock| clock.scale);
        let transport = connect::transport(&config).map_err(usage)?;
        let (log, writing) = CallLog::new(base.store.clone() as Arc<dyn Store>);
        let observer: Arc<dyn Observer> = Arc::new(log);
        let tokens = tokens(&settings.partner_center).await?;
        let client = Client::new(config, transport, tokens, Arc::new(gate.clone()), timer, observer);
        let call_log = tokio::spawn(writing);
        Ok(Connection { base, client, gate, longest_call, scale, call_log, simulated })
    }

    /// Makes sure that there is a login, before anything is asked about a customer.
    ///
    /// # Errors
    /// What the login authority said, and what to do about it.
    pub async fn sign_in(&self) -> anyhow::Result<()> {
        let Err(error) = self.client.reader().sign_in().await else { return Ok(()) };
        // An outage passes; the work itself waits for it.
        if matches!(error.remedy, Remedy::Retry | Remedy::Throttled { .. }) {
            return Ok(());
        }
        let advice = match &error.problem {
            Problem::Login(LoginProblem::Refused { error, .. }) if error == "invalid_client" => {
                "the application's id or secret is wrong or has expired: check partner_center.client_id and the file named by \
                 partner_center.client_secret_file"
            }
            _ => "run `seatshift login`; `seatshift doctor` shows more",
        };
        Err(Usage::new(format!("nobody is logged in ({error}); {advice}")).into())
    }

    /// Ends: the last lines of the call log are written, and a simulated world is written back. Whoever was given the
    /// client must have let go of it.
    pub async fn close(self) -> anyhow::Result<()> {
        let Connection { client, call_log, simulated, base, gate, .. } = self;
        drop((client, gate));
        // The log ends when the last client is gone; one that is still held must not hold up the end.
        let patience = tokio::time::timeout(Duration::from_secs(2), call_log);
        if patience.await.is_err() {
            tracing::warn!("the last lines of the call log may be missing");
        }
        drop(base);
        match simulated {
            Some(simulated) => simulated.stop().await,
            None => Ok(()),
        }
    }
}

/// What `login` needs: the consent, where its refresh token is kept, and the simulated partner where it is one.
pub(crate) struct Login {
    pub(crate) consent: Consent,
    pub(crate) tokens: FileTokens,
    pub(crate) ids: Arc<Ids>,
    pub(crate) file: PathBuf,
    simulated: Option<Simulated>,
}

impl Login {
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Login> {
        let (settings, simulated) = Simulated::start(settings).await?;
        let base = Base::open(&settings).await?;
        let config = connect::config(&settings.partner_center, &base.ids).map_err(usage)?;
        let transport = connect::transport(&config).map_err(usage)?;
        let timer = Arc::new(ClockTimer(base.clock));
        let file = settings.partner_center.refresh_token_file.clone();
        if let Some(folder) = file.parent() {
            make_private(folder).with_context(|| folder.display().to_string())?;
        }
        let consent = Consent::new(config, transport, timer, Arc::new(Unobserved));
        Ok(Login { consent, tokens: FileTokens::new(&file), ids: base.ids, file, simulated })
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self.simulated {
            Some(simulated) => simulated.stop().await,
            None => Ok(()),
        }
    }
}

/// What is missing in the configuration is the person's to fill in.
fn usage(unusable: Unusable) -> anyhow::Error {
    match unusable {
        Unusable::Missing { .. } | Unusable::Secret { .. } => Usage::new(unusable.to_string()).into(),
        Unusable::Tls(_) => unusable.into(),
    }
}

/// The refresh token's keeping; a first one that was given by the environment is put there once.
async fn tokens(settings: &PartnerCenter) -> anyhow::Result<Arc<dyn RefreshTokens>> {
    let path: &PathBuf = &settings.refresh_token_file;
    if let Some(folder) = path.parent() {
        make_private(folder).with_context(|| folder.display().to_string())?;
    }
    let tokens = FileTokens::new(path);
    connect::keep_first(&tokens, settings.refresh_token.as_ref()).await?;
    Ok(Arc::new(tokens))
}

/// An address of this machine.
pub(crate) fn loopback(port: u16) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://127.0.0.1:{port}"))?)
}
