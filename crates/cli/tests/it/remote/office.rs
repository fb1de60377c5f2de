//! Control with its API on a free port of this machine, and the rest of the engine behind it, for a simulated partner.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use seatshift_bus::LocalBus;
use seatshift_cli::embedded::{Embedded, EmbeddedParts, EmbeddedSettings, alone};
use seatshift_cli::settings::Settings;
use seatshift_control::api::{Api, Consents, InStore, router};
use seatshift_edge::{CallLog, ClockTimer, connect};
use seatshift_host::{Clock, Ids, ScaledClock};
use seatshift_partner_center::{Client, FileTokens, TokenBuckets, TokenStoreError};
use seatshift_store::SqliteStore;
use secrecy::{ExposeSecret as _, SecretString};

use crate::stage::Stage;

pub(super) const TOKEN: &str = "an-invented-token-of-control";

/// Runs until it is dropped.
pub(super) struct Office {
    pub(super) address: String,
    consents: Arc<Given>,
    _runtime: tokio::runtime::Runtime,
}

/// Refresh tokens that were given.
#[derive(Debug, Default)]
struct Given(Mutex<Vec<String>>);

#[async_trait]
impl Consents for Given {
    async fn consented(&self, token: SecretString) -> Result<(), TokenStoreError> {
        self.0.lock().unwrap().push(token.expose_secret().to_owned());
        Ok(())
    }
}

impl Office {
    /// For the partner that `sim/seatshift.toml` leads to.
    pub(super) fn open(stage: &Stage) -> Office {
        let settings = Settings::read(Some(&stage.path("sim/seatshift.toml")), std::iter::empty()).unwrap();
        let consents = Arc::new(Given::default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = runtime.block_on(serve(stage, &settings, consents.clone()));
        Office { address, consents, _runtime: runtime }
    }

    pub(super) fn given(&self) -> Vec<String> {
        self.consents.0.lock().unwrap().clone()
    }
}

async fn serve(stage: &Stage, settings: &Settings, consents: Arc<Given>) -> String {
    let clock = settings.clock.unwrap();
    let scale = clock.scale;
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::compressed(clock.start, clock.epoch, clock.scale));
    let ids = Arc::new(Ids::random());
    let store = Arc::new(SqliteStore::open(&stage.path("control.sqlite")).await.unwrap());
    let config = connect::config(&settings.partner_center, &ids).unwrap();
    let longest_call = config.longest_change();
    let transport = connect::transport(&config).unwrap();
    let timer = Arc::new(ClockTimer(clock.clone()));
    let gate = TokenBuckets::with_limits(timer.clone(), connect::limits(&settings.quota));
    let tokens = Arc::new(FileTokens::new(&settings.partner_center.refresh_token_file));
    let (log, writing) = CallLog::new(store.clone());
    tokio::spawn(writing);
    let client = Client::new(config, transport, tokens, Arc::new(gate.clone()), timer, Arc::new(log));
    let limits = alone(longest_call.saturating_mul(scale));
    let parts = EmbeddedParts {
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        client: client.clone(),
        gate,
        settings: EmbeddedSettings { limits, ..EmbeddedSettings::default() },
    };
    let (embedded, running) = Embedded::start(parts).await.unwrap();
    tokio::spawn(running);
    let api = Api {
        control: embedded.control,
        allow_changes: true,
        clock_scale: scale,
        reader: client.reader().clone(),
        consents,
        letters: Arc::new(InStore { store, bus: Arc::new(LocalBus::new(8)), clock, ids }),
        instance: "the only one".into(),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = router(api, &SecretString::from(TOKEN));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
