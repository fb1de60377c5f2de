//! What every service stands on.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use seatshift_bus::{BrokerUrl, Declare, RabbitBus, RabbitOptions, Tls};
use seatshift_messages::Service;
use seatshift_store::{PgOptions, PgStore};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, ScaledClock};
use crate::host::Parts;
use crate::ids::Ids;
use crate::limits::Limits;
use crate::meters::Meters;
use crate::settings::{Secret, Settings};

use super::{Readiness, Refusal};

/// Configuration, servers, time, ids and figures of one process.
#[derive(Debug, Clone)]
pub struct Base {
    pub service: Service,
    /// Of this process, for logs and lists of sessions: host name and process id.
    pub instance: String,
    pub settings: Arc<Settings>,
    pub store: Arc<PgStore>,
    pub bus: Arc<RabbitBus>,
    pub clock: Arc<dyn Clock>,
    /// Seconds of the clock in a real one.
    pub scale: u32,
    pub ids: Arc<Ids>,
    pub meters: Meters,
    /// What `/readyz` tells beside database and broker.
    pub readiness: Readiness,
    /// Nothing more is to be taken up.
    pub stopping: CancellationToken,
}

/// A replica that has died is noticed, and its rows looked for, at least this often. Real time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// Beyond every wait for a confirmation, so that nobody publishes what another is publishing. Real time.
const OUTBOX_LEASE: SignedDuration = SignedDuration::from_secs(30);
/// What is to be written waits for company so long at most. Real time.
const GATHER: Duration = Duration::from_millis(10);
/// What clocks of machines may differ by, and what a commit may take, within a lease. Real time.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// The lease that the configuration wants would end before a call that is made under it.
#[derive(Debug, thiserror::Error)]
#[error(
    "service.lease_seconds is {lease} and one call may take {call} s of the clock's time: under such a lease nothing could \
     ever be sent; leave the key out, or set at least {least}"
)]
struct LeaseTooShort {
    lease: i64,
    call: i64,
    least: i64,
}

impl Base {
    /// How this process reaches the database, for connections of its own; none where there is no database.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn database(&self) -> Result<Option<PgOptions>, Refusal> {
        super::database::options(&self.settings.database, self.service, &self.instance)
    }

    /// How this process reaches the broker, for connections of its own.
    ///
    /// # Errors
    /// When the password cannot be read, or an address is none.
    pub fn broker(&self) -> Result<RabbitOptions, Refusal> {
        broker(&self.settings, self.service, &self.instance, &self.ids)
    }

    /// This much real time, on the clock.
    pub fn on_clock(&self, real: SignedDuration) -> SignedDuration {
        real.saturating_mul(i32::try_from(self.scale).unwrap_or(i32::MAX))
    }

    /// The limits of a replica whose changing calls take at most `longest_call`, in the clock's own time.
    ///
    /// # Errors
    /// When the configured lease would not outlive such a call.
    pub fn limits(&self, longest_call: SignedDuration) -> Result<Limits, Refusal> {
        limits(&self.settings, self.service, self.scale, longest_call)
    }

    /// What a host runs on; `longest_call` as in [`Base::limits`].
    ///
    /// # Errors
    /// As [`Base::limits`].
    pub fn parts(&self, longest_call: SignedDuration) -> Result<Parts, Refusal> {
        Ok(Parts {
            store: self.store.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            limits: self.limits(longest_call)?,
            meters: self.meters.clone(),
        })
    }
}

fn limits(
    settings: &Settings,
    service: Service,
    scale: u32,
    longest_call: SignedDuration,
) -> Result<Limits, Refusal> {
    let on_clock = |real: SignedDuration| real.saturating_mul(i32::try_from(scale).unwrap_or(i32::MAX));
    // Twice a call: a wait for a permit may take up the first half.
    let lease = match settings.service.lease_seconds {
        Some(seconds) => SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)),
        None => longest_call.saturating_mul(2).saturating_add(on_clock(MARGIN)),
    };
    let least = longest_call.saturating_add(on_clock(SignedDuration::from_secs(5)));
    if lease < least {
        let (lease, call, least) = (lease.as_secs(), longest_call.as_secs(), least.as_secs());
        return Err(LeaseTooShort { lease, call, least }.into());
    }
    Ok(Limits {
        batch: settings.service.batch,
        parallel: settings.service.parallel,
        lease,
        call_deadline: longest_call,
        look_again: Some(on_clock(LOOK_AGAIN)),
        outbox_lease: Some(on_clock(OUTBOX_LEASE)),
        // One at a time is one at a time.
        gather: if settings.service.batch > 1 { GATHER } else { Duration::ZERO },
        log_heard: service == Service::Control,
        sabotage: settings.service.sabotage,
    })
}

/// How the broker is reached.
pub(super) fn broker(
    settings: &Settings,
    service: Service,
    instance: &str,
    ids: &Ids,
) -> Result<RabbitOptions, Refusal> {
    let broker = &settings.broker;
    let password = broker.password.as_ref().map(Secret::read).transpose()?;
    let mut urls = Vec::new();
    for url in &broker.urls {
        let url = BrokerUrl::parse(url.as_str())?;
        urls.push(match &password {
            Some(password) => url.with_password(password),
            None => url,
        });
    }
    Ok(RabbitOptions {
        instance: instance.to_owned(),
        prefetch: broker.prefetch,
        declare: if broker.passive { Declare::Passive } else { Declare::Active },
        tls: Tls {
            ca: broker.ca_file.clone(),
            cert: broker.client_cert_file.clone(),
            key: broker.client_key_file.clone(),
        },
        batch: settings.service.batch.max(1),
        seed: ids.request().as_u64_pair().0,
        ..RabbitOptions::new(service, urls)
    })
}

/// The clock that the configuration wants.
pub(super) fn clock(settings: &Settings) -> ScaledClock {
    settings.clock.map_or_else(ScaledClock::real, |clock| {
        ScaledClock::compressed(clock.start, clock.epoch, clock.scale)
    })
}

/// Name of this process: the machine's (a container's) and the process's.
pub(super) fn instance() -> String {
    let machine = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let machine = machine.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    format!("{}-{}", machine.as_deref().map_or("unknown", str::trim), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(environment: &[(&str, &str)]) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seatshift.toml");
        std::fs::write(&file, "").unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::read(Some(&file), environment).unwrap()
    }

    #[test]
    fn a_lease_outlives_a_wait_and_a_call() {
        let call = SignedDuration::from_secs(100);
        let limits = limits(&settings(&[]), Service::Purchase, 10, call).unwrap();
        assert_eq!(limits.lease, SignedDuration::from_secs(2 * 100 + 300));
        assert_eq!(limits.look_again, Some(SignedDuration::from_secs(10)));
        assert!(!limits.log_heard && limits.replicated());
    }

    #[test]
    fn a_lease_under_which_nothing_could_be_sent_is_refused() {
        let settings = settings(&[("SEATSHIFT__SERVICE__LEASE_SECONDS", "60")]);
        let call = SignedDuration::from_secs(60);
        let told = limits(&settings, Service::Purchase, 1, call).unwrap_err().to_string();
        assert!(told.contains("at least 65"), "{told}");
        limits(&settings, Service::Purchase, 1, SignedDuration::from_secs(30)).unwrap();
    }
}
