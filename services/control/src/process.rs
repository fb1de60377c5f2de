//! Control as a process of the distributed mode: over PostgreSQL, RabbitMQ and the shared quota gate, with its HTTP API.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use seatshift_bus::dead_letters::DeadLetters;
use seatshift_bus::history::{self, Since};
use seatshift_bus::{BrokerUrl, Outgoing, RabbitError, RabbitOptions, Tls};
use seatshift_edge::{ClockTimer, Replica, SharedGate, SharedTokens};
use seatshift_host::settings::{Secret, Settings};
use seatshift_host::{Assembly, Base, Refusal};
use seatshift_messages::{Envelope, MigrationId, Policy, Service};
use seatshift_partner_center::TokenStoreError;
use seatshift_store::quota::Mode;
use seatshift_store::{Changes, LedgerChange, PgStore, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::api::{Api, Consents, OnRabbit, router};
use crate::control::Control;
use crate::pause::{Turned, Valve};
use crate::planned::LastLook;
use crate::shared::{Holding, Shared};
use crate::silence::History;
use crate::{Setup, configured, start};

/// The API would be open to everybody who reaches the address.
#[derive(Debug, thiserror::Error)]
#[error(
    "control.token is not set: whoever reaches control's API could move customers. Put a long random text into a file \
     readable by control alone and name it in control.token_file, or set SEATSHIFT__CONTROL__TOKEN"
)]
struct NoToken;

/// What control needs of the configuration beyond what all services need. For [`seatshift_host::Program::check`].
///
/// # Errors
/// What is missing, with where to put it.
pub fn check(settings: &Settings) -> Result<(), Refusal> {
    seatshift_edge::replica::check(settings)?;
    token(settings)?;
    configured::offers(settings)?;
    Ok(())
}

fn token(settings: &Settings) -> Result<SecretString, Refusal> {
    let token = settings.control.token.as_ref().map(Secret::read).transpose()?;
    Ok(token.filter(|token| !token.expose_secret().trim().is_empty()).ok_or(NoToken)?)
}

/// Puts control together.
///
/// # Errors
/// What is missing in the configuration, or cannot be read.
pub async fn assemble(base: Base) -> Result<Assembly, Refusal> {
    let token = token(&base.settings)?;
    let (offers, problems) = configured::offers(&base.settings)?;
    for problem in problems {
        tracing::warn!("{problem}");
    }
    let edge = Replica::connect(&base).await?;
    let timer = Arc::new(ClockTimer(base.clock.clone()));
    let planning = configured::planning(&base.settings, offers);
    let look = LastLook::new(edge.client.reader().clone(), timer, planning, Policy::default());
    let setup = Setup {
        parts: base.parts(edge.longest_call)?,
        recheck: Arc::new(look),
        valve: Arc::new(GateValve(edge.gate.clone())),
        config: configured::config(&base.settings),
        history: Some(Arc::new(OnStream(broker(&base)?))),
        shared: Some(Arc::new(OnPostgres(base.store.clone()))),
    };
    let (control, running) = start(setup, base.stopping.clone()).await?;
    let api = Api {
        control: control.clone(),
        allow_changes: base.settings.allow_changes,
        clock_scale: base.scale,
        reader: edge.client.reader().clone(),
        consents: Arc::new(edge.tokens.clone()),
        letters: Arc::new(OnRabbit(DeadLetters::new(broker(&base)?))),
        instance: base.instance.as_str().into(),
    };
    let figures = Figures::of(&base, control);
    let assembly = edge.assembly(running).api(router(api, &token));
    Ok(assembly.look(move || figures.look()))
}

/// The broker, for looking at dead letters and into the history.
fn broker(base: &Base) -> Result<RabbitOptions, Refusal> {
    let broker = &base.settings.broker;
    let password = broker.password.as_ref().map(Secret::read).transpose()?;
    let mut urls = Vec::new();
    for url in &broker.urls {
        let url = BrokerUrl::parse(url.as_str())?;
        urls.push(match &password {
            Some(password) => url.with_password(password),
            None => url,
        });
    }
    let tls = Tls {
        ca: broker.ca_file.clone(),
        cert: broker.client_cert_file.clone(),
        key: broker.client_key_file.clone(),
    };
    let instance = base.instance.clone();
    Ok(RabbitOptions { instance, tls, ..RabbitOptions::new(Service::Control, urls) })
}

/// What `/metrics` tells of control.
struct Figures {
    control: Control,
    at_risk: Box<dyn Fn(f64) + Send + Sync>,
    unreadable: Box<dyn Fn(f64) + Send + Sync>,
    silent: Box<dyn Fn(f64) + Send + Sync>,
    under_way: Box<dyn Fn(f64) + Send + Sync>,
    moved: Box<dyn Fn(f64) + Send + Sync>,
}

impl Figures {
    fn of(base: &Base, control: Control) -> Self {
        let gauge = |name, help| -> Box<dyn Fn(f64) + Send + Sync> {
            let gauge = base.meters.gauge(name, help);
            Box::new(move |figure| {
                gauge.set(figure);
            })
        };
        Figures {
            control,
            at_risk: gauge(
                "customers_at_risk",
                "Customers with an old subscription that ends within 14 days and from which they are not moved",
            ),
            unreadable: gauge(
                "ledgers_unreadable",
                "Migrations of which what is written down cannot be read; their customers wait",
            ),
            silent: gauge(
                "migrations_silent",
                "Migrations under way of which nothing was heard for longer than their step may take",
            ),
            under_way: gauge(
                "migrations_under_way",
                "Migrations that were asked for and are not at their end",
            ),
            moved: gauge("seats_moved", "Users on their new plan because of us"),
        }
    }

    fn look(&self) -> BoxFuture<'static, ()> {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).into();
        let progress = self.control.progress();
        (self.at_risk)(count(self.control.customers_at_risk()));
        (self.unreadable)(count(self.control.unreadable()));
        (self.silent)(count(self.control.silent().len()));
        (self.under_way)(count(progress.running));
        (self.moved)(u32::try_from(progress.users_moved).unwrap_or(u32::MAX).into());
        futures::future::ready(()).boxed()
    }
}

/// The switch that all replicas of all services obey.
#[derive(Debug)]
struct GateValve(SharedGate);

#[async_trait]
impl Valve for GateValve {
    async fn pause(&self, drain: bool) {
        self.0.set_mode(if drain { Mode::Draining } else { Mode::Paused }).await;
    }

    async fn resume(&self) {
        self.0.set_mode(Mode::Running).await;
    }

    fn stands(&self) -> Option<Turned> {
        self.0.mode().map(|mode| match mode {
            Mode::Running => Turned::Open,
            Mode::Draining => Turned::Draining,
            Mode::Paused => Turned::Shut,
        })
    }
}

#[async_trait]
impl Consents for SharedTokens {
    async fn consented(&self, token: SecretString) -> Result<(), TokenStoreError> {
        SharedTokens::consented(self, &token).await
    }
}

/// The broker's stream, which takes every event whether its reader is bound or not.
#[derive(Debug)]
pub struct OnStream(pub RabbitOptions);

#[async_trait]
impl History for OnStream {
    async fn about(
        &self,
        migrations: &BTreeSet<MigrationId>,
        since: Timestamp,
    ) -> Result<Vec<Outgoing>, RabbitError> {
        let mut found = BTreeMap::new();
        history::walk(&self.0, Since::Time(since), |record| {
            if let Ok(envelope) = Envelope::from_bytes(&record.bytes)
                && migrations.contains(&MigrationId(envelope.subject))
            {
                let event = Outgoing { id: envelope.id, bytes: record.bytes.into() };
                // Published twice it lies there twice. Ids sort by time.
                found.insert(envelope.id, event);
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(found.into_values().collect())
    }
}

/// Replicas that share a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct OnPostgres(pub Arc<PgStore>);

#[async_trait]
impl Shared for OnPostgres {
    async fn changed(&self, after: u64, limit: usize) -> Result<Vec<LedgerChange>, StoreError> {
        self.0.changed_ledgers(Service::Control, after, limit).await
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        Changes::last_change(&*self.0, Service::Control).await
    }

    async fn lock(&self, name: &str) -> Result<Option<Box<dyn Holding>>, StoreError> {
        let held = self.0.lock(name).await?;
        Ok(held.map(|held| Box::new(held) as Box<dyn Holding>))
    }
}

impl Holding for seatshift_store::Held {
    fn lost(&self) -> BoxFuture<'_, ()> {
        seatshift_store::Held::lost(self).boxed()
    }
}
