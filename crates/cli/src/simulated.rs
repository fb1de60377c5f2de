//! A simulated partner inside this process, for configurations that name a world file.
//!
//! Its clock begins where the world stands and runs compressed, for engine and simulator alike. At the end the world is
//! written back as it stands, so that the next command goes on from there.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use seatshift_simulator::world::{Partner, World};
use seatshift_simulator::{ScaledClock, Simulator};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::commands::simulator::read_world;
use crate::connection::loopback;
use crate::ending::Usage;
use crate::remains::as_it_stands;
use crate::settings::{ClockSettings, Secret, Settings};

/// A simulator that runs as long as this lives.
#[derive(Debug)]
pub(crate) struct Simulated {
    pub(crate) simulator: Simulator,
    pub(crate) world: World,
    pub(crate) clock: ClockSettings,
    pub(crate) port: u16,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
    /// Where the world is written at the end.
    file: Option<PathBuf>,
}

impl Simulated {
    /// Starts what the configuration names, and gives the configuration that leads to it; unchanged where it names none,
    /// or says itself where to call.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<(Settings, Option<Simulated>)> {
        let Some(simulator) = settings.simulator.as_ref().filter(|_| settings.partner_center.api.is_none())
        else {
            return Ok((settings.clone(), None));
        };
        let world = read_world(&simulator.world)?;
        let mut simulated = Simulated::serve(world, simulator.scale).await?;
        simulated.file = Some(simulator.world.clone());
        let settings = simulated.settings(settings)?;
        Ok((settings, Some(simulated)))
    }

    /// Serves a world on a free port of this machine.
    pub(crate) async fn serve(world: World, scale: u32) -> anyhow::Result<Simulated> {
        let clock = ScaledClock::starting_now(world.start, scale);
        let epoch = Timestamp::from_millisecond(clock.epoch_ms())?;
        let clock_settings = ClockSettings { start: world.start, epoch, scale };
        let simulator =
            Simulator::new(world.clone(), Arc::new(clock)).map_err(|error| Usage::new(error.to_string()))?;
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).await.context("no port of this machine is free")?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(seatshift_simulator::serve(simulator.clone(), listener, stopped));
        Ok(Simulated { simulator, world, clock: clock_settings, port, stop, serving, file: None })
    }

    /// The configuration that leads to it.
    pub(crate) fn settings(&self, settings: &Settings) -> anyhow::Result<Settings> {
        let Partner { tenant_id, client_id, client_secret, refresh_token, indirect_provider, .. } =
            self.world.partner.clone();
        let mut settings = settings.clone();
        let center = &mut settings.partner_center;
        center.api = Some(loopback(self.port)?);
        center.authority = Some(loopback(self.port)?);
        center.tenant = Some(tenant_id.to_string());
        center.client_id = Some(client_id.to_string());
        center.client_secret = Some(Secret::Given(client_secret.into()));
        center.indirect_provider = indirect_provider;
        // Each start of a simulated world begins with its first refresh token again.
        let _ = std::fs::remove_file(&center.refresh_token_file);
        center.refresh_token = Some(refresh_token.into());
        settings.clock = Some(self.clock);
        Ok(settings)
    }

    /// The world as it stands now.
    pub(crate) fn remains(&self) -> World {
        as_it_stands(&self.world, &self.simulator.books(), self.now())
    }

    /// The simulated time.
    pub(crate) fn now(&self) -> Timestamp {
        use seatshift_host::{Clock as _, ScaledClock};
        ScaledClock::compressed(self.clock.start, self.clock.epoch, self.clock.scale).now()
    }

    /// Stops serving, and writes the world where it came from.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        if let Some(file) = &self.file {
            let world = self.remains();
            seatshift_simulator::world::write(&world, file)
                .with_context(|| format!("{}: the world cannot be written back", file.display()))?;
        }
        // Nobody listens any more when it has ended by itself, which its result tells.
        let _ = self.stop.send(());
        Ok(self.serving.await??)
    }
}
