//! A simulated partner inside this process, for configurations that name a world file.
//!
//! Its clock begins where the world stands and runs compressed, for engine and simulator alike. At the end the world is
//! written back as it stands, so that the next command goes on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use seatshift_simulator::world::{Partner, World};
use seatshift_simulator::{BoxFuture, Clock, ScaledClock, Simulator};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::commands::simulator::read_world;
use crate::connection::loopback;
use crate::ending::Usage;
use crate::settings::{ClockSettings, Secret, Settings};

/// A simulator that runs as long as this lives.
#[derive(Debug)]
pub(crate) struct Simulated {
    pub(crate) simulator: Simulator,
    pub(crate) world: World,
    pub(crate) clock: ClockSettings,
    pub(crate) port: u16,
    ahead: Arc<Ahead>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
    /// Where the world is written at the end.
    file: Option<(PathBuf, Marker)>,
}

/// Says that a process holds the world in its memory. A marker whose process is gone means that it was killed, and that the
/// file is older than what the engine remembers: going on would be going on with another world.
#[derive(Debug)]
struct Marker(PathBuf);

impl Marker {
    fn beside(world: &Path) -> anyhow::Result<Marker> {
        let path = world.with_extension("running");
        if let Ok(text) = std::fs::read_to_string(&path)
            && !Path::new("/proc").join(text.trim()).exists()
        {
            return Err(Usage::new(format!(
                "the simulated partner of {} died with the process that held it (process {} was killed), so what the engine \
                 remembers and this file no longer fit together. Begin again from a copy in another folder; to try kills, \
                 serve the world in a process of its own: `seatshift simulator --world FILE --write-config FILE`",
                world.display(),
                text.trim()
            ))
            .into());
        }
        if !path.exists() {
            std::fs::write(&path, std::process::id().to_string())
                .with_context(|| format!("{}: cannot be written", path.display()))?;
            return Ok(Marker(path));
        }
        // Another living process has it; it also takes it away.
        Ok(Marker(PathBuf::new()))
    }

    fn remove(&self) {
        if !self.0.as_os_str().is_empty() {
            // Gone already is as good.
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// The simulator's clock, which at the end goes ahead so that orders and lost calls on their way arrive before the world
/// is written.
#[derive(Debug)]
struct Ahead {
    clock: ScaledClock,
    jumped: AtomicBool,
}

impl Ahead {
    /// Longer than any lag of the simulated partner.
    const JUMP: SignedDuration = SignedDuration::from_mins(20);

    fn jump(&self) {
        self.jumped.store(true, Ordering::Relaxed);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let ahead = if self.jumped.load(Ordering::Relaxed) { Self::JUMP } else { SignedDuration::ZERO };
        self.clock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    fn sleep(&self, duration: SignedDuration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }

    fn scale(&self) -> u32 {
        Clock::scale(&self.clock)
    }
}

impl Simulated {
    /// Starts what the configuration names, and gives the configuration that leads to it; unchanged where it names none,
    /// or says itself where to call.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<(Settings, Option<Simulated>)> {
        let Some(simulator) = settings.simulator.as_ref().filter(|_| settings.partner_center.api.is_none())
        else {
            return Ok((settings.clone(), None));
        };
        let marker = Marker::beside(&simulator.world)?;
        let world = read_world(&simulator.world)?;
        let mut simulated = Simulated::serve(world, simulator.scale).await?;
        simulated.file = Some((simulator.world.clone(), marker));
        let settings = simulated.settings(settings)?;
        Ok((settings, Some(simulated)))
    }

    /// Serves a world on a free port of this machine.
    pub(crate) async fn serve(world: World, scale: u32) -> anyhow::Result<Simulated> {
        let clock = ScaledClock::starting_now(world.start, scale);
        let epoch = Timestamp::from_millisecond(clock.epoch_ms())?;
        let clock_settings = ClockSettings { start: world.start, epoch, scale };
        let ahead = Arc::new(Ahead { clock, jumped: AtomicBool::new(false) });
        let simulator =
            Simulator::new(world.clone(), ahead.clone()).map_err(|error| Usage::new(error.to_string()))?;
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).await.context("no port of this machine is free")?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(seatshift_simulator::serve(simulator.clone(), listener, stopped));
        Ok(Simulated { simulator, world, clock: clock_settings, ahead, port, stop, serving, file: None })
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

    /// The world as it stands, once everything that is on its way has arrived.
    pub(crate) fn remains(&self) -> World {
        self.ahead.jump();
        self.simulator.as_it_stands()
    }

    /// Stops serving, and writes the world where it came from.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        if let Some((file, marker)) = &self.file {
            let world = self.remains();
            seatshift_simulator::world::write(&world, file)
                .with_context(|| format!("{}: the world cannot be written back", file.display()))?;
            marker.remove();
        }
        // Nobody listens any more when it has ended by itself, which its result tells.
        let _ = self.stop.send(());
        Ok(self.serving.await??)
    }
}
