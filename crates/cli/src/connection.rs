//! From the configuration to something that can be called: clock, ids, store, tokens, quota gate, client.
//!
//! One process has one of these. Where the configuration names control, memory and calls are control's: nothing is kept here,
//! and nobody logs in here. Where the configuration names a simulated world, its Partner Center is started inside this
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
    Client, FileTokens, LoginProblem, Observer, Problem, Reader, RefreshTokens, Remedy, TokenBuckets,
    Unobserved,
};
use seatshift_store::{SqliteStore, Store};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use url::Url;

use crate::ending::{Usage, locked};
use crate::lock::{self, Lock, make_private};
pub use crate::remote::Counted;
use crate::remote::Remote;
use crate::settings::{PartnerCenter, Settings};
use crate::simulated::Simulated;

/// Name of the store's file in the state folder.
const STORE: &str = "seatshift.sqlite";

/// What does not need Microsoft: time, ids, and what is remembered.
#[derive(Debug, Clone)]
pub struct Base {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub store: Arc<dyn Store>,
    /// Whose memory it is, where it is not this process's own.
    pub(crate) control: Option<Remote>,
}

/// Everything a command needs that reads Partner Center.
#[derive(Debug)]
pub struct Connection {
    pub base: Base,
    pub reader: Reader,
    pub calls: Calls,
    /// Where this process makes the calls itself.
    log: Option<JoinHandle<()>>,
    simulated: Option<Simulated>,
}

/// Where this process makes the calls itself: with what it also changes.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) client: Client,
    pub(crate) gate: TokenBuckets,
    /// The longest that one changing call can take, in real time.
    pub(crate) longest_call: Duration,
    /// Seconds of the clock in a real one.
    pub(crate) scale: u32,
}

/// Calls that were made, for people.
#[derive(Debug, Clone)]
pub enum Calls {
    Own(TokenBuckets),
    Relayed(Counted),
}

impl Calls {
    /// So many.
    pub fn made(&self) -> u64 {
        match self {
            Calls::Own(gate) => gate.granted(),
            Calls::Relayed(counted) => counted.calls(),
        }
    }
}

impl Base {
    /// Opens the store of this configuration, making folder and file where they are not there; or reaches control, where the
    /// configuration names it.
    pub async fn open(settings: &Settings) -> anyhow::Result<Base> {
        let ids = Arc::new(Ids::random());
        if let Some(control) = Remote::of(settings)? {
            let now = control.reach().await?;
            // Its clock, whatever ours says: plans and reports speak of the same day.
            let clock = Arc::new(ScaledClock::showing(now.now, now.clock_scale));
            let store = Arc::new(control.store());
            return Ok(Base { clock, ids, store, control: Some(control) });
        }
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
        Ok(Base { clock, ids, store: Arc::new(store), control: None })
    }

    /// Opens a store that must be there already.
    ///
    /// # Errors
    /// When nothing has been applied or planned with this configuration.
    pub async fn existing(settings: &Settings) -> anyhow::Result<Base> {
        if settings.control.url.is_some() || settings.state_dir.join(STORE).is_file() {
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
    /// Connects, to Microsoft or to control. Nothing is called before the first question is asked.
    pub async fn open(settings: &Settings) -> anyhow::Result<Connection> {
        if settings.control.url.is_none() {
            return Ok(Connection::own(settings).await?.0);
        }
        let base = Base::open(settings).await?;
        let Some(control) = &base.control else {
            return Err(Usage::new("control.url is set, and control is not what was reached").into());
        };
        let counted = Counted::default();
        let timer = Arc::new(ClockTimer(base.clock.clone()));
        let reader = control.reader(&base.ids, counted.clone(), timer);
        Ok(Connection { base, reader, calls: Calls::Relayed(counted), log: None, simulated: None })
    }

    /// Connects to Microsoft.
    pub(crate) async fn own(settings: &Settings) -> anyhow::Result<(Connection, Own)> {
        let (settings, simulated) = Simulated::start(settings).await?;
        let base = Base::open(&settings).await?;
        let timer = Arc::new(ClockTimer(base.clock.clone()));
        let gate = TokenBuckets::with_limits(timer.clone(), connect::limits(&settings.quota));
        let config = connect::config(&settings.partner_center, &base.ids).map_err(usage)?;
        let longest_call = config.longest_change();
        let scale = settings.clock.map_or(1, |clock| clock.scale);
        let transport = connect::transport(&config).map_err(usage)?;
        let (log, writing) = CallLog::new(base.store.clone());
        let observer: Arc<dyn Observer> = Arc::new(log);
        let tokens = tokens(&settings.partner_center).await?;
        let client = Client::new(config, transport, tokens, Arc::new(gate.clone()), timer, observer);
        let log = Some(tokio::spawn(writing));
        let (reader, calls) = (client.reader().clone(), Calls::Own(gate.clone()));
        let connection = Connection { base, reader, calls, log, simulated };
        Ok((connection, Own { client, gate, longest_call, scale }))
    }

    /// Makes sure that there is a login, before anything is asked about a customer.
    ///
    /// # Errors
    /// What the login authority said, and what to do about it.
    pub async fn sign_in(&self) -> anyhow::Result<()> {
        let Err(error) = self.reader.sign_in().await else { return Ok(()) };
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
        let Connection { reader, log, simulated, base, calls } = self;
        drop((reader, calls));
        if let Some(log) = log {
            // The log ends when the last client is gone; one that is still held must not hold up the end.
            let patience = tokio::time::timeout(Duration::from_secs(2), log);
            if patience.await.is_err() {
                tracing::warn!("the last lines of the call log may be missing");
            }
        }
        drop(base);
        match simulated {
            Some(simulated) => simulated.stop().await,
            None => Ok(()),
        }
    }
}

/// Keeps other engines off the memory that is kept here; none where control remembers, and sees to it itself.
pub(crate) fn alone(settings: &Settings, doing: &str) -> anyhow::Result<Option<Lock>> {
    if settings.control.url.is_some() {
        return Ok(None);
    }
    Lock::take(&settings.state_dir, doing).map(Some).map_err(locked)
}

impl Base {
    /// Who works on this memory; none when nobody does, or when nothing is left to do.
    pub(crate) async fn at_work(&self, settings: &Settings) -> anyhow::Result<Option<String>> {
        match &self.control {
            Some(control) => control.at_work().await,
            None => Ok(lock::running(&settings.state_dir)),
        }
    }
}

/// What `login` needs: the consent, where its refresh token is kept, and the simulated partner where it is one.
pub(crate) struct Login {
    pub(crate) consent: Consent,
    pub(crate) kept: Kept,
    pub(crate) ids: Arc<Ids>,
    simulated: Option<Simulated>,
}

/// Where the refresh token of a login goes.
pub(crate) enum Kept {
    InFile(PathBuf),
    ByControl(Remote),
}

impl Kept {
    pub(crate) async fn keep(&self, token: SecretString) -> anyhow::Result<()> {
        match self {
            Kept::InFile(file) => Ok(FileTokens::new(file).store(token).await?),
            Kept::ByControl(control) => control.keep(token).await,
        }
    }
}

impl Login {
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Login> {
        let (settings, simulated) = match settings.control.url {
            Some(_) => (settings.clone(), None),
            None => Simulated::start(settings).await?,
        };
        let base = Base::open(&settings).await?;
        let config = connect::config(&settings.partner_center, &base.ids).map_err(usage)?;
        let transport = connect::transport(&config).map_err(usage)?;
        let timer = Arc::new(ClockTimer(base.clock));
        let kept = match base.control {
            Some(control) => Kept::ByControl(control),
            None => {
                let file = settings.partner_center.refresh_token_file.clone();
                if let Some(folder) = file.parent() {
                    make_private(folder).with_context(|| folder.display().to_string())?;
                }
                Kept::InFile(file)
            }
        };
        let consent = Consent::new(config, transport, timer, Arc::new(Unobserved));
        Ok(Login { consent, kept, ids: base.ids, simulated })
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
