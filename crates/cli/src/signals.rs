//! The wish to stop: Ctrl-C or SIGTERM. Asked for once it is a graceful stop; the caller decides what that means.

use std::io;

/// Listens from the moment it is made, so that a wish that comes while nobody waits for it is not lost (and does not end
/// the process at once).
#[derive(Debug)]
pub(crate) struct Wishes {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Wishes {
    pub(crate) fn listen() -> io::Result<Wishes> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Wishes {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Wishes {})
    }

    /// Completes at the next wish, or at once when one has come since the last.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}

/// Completes when the process is asked to stop.
pub(crate) async fn asked_to_stop() -> io::Result<()> {
    Wishes::listen()?.next().await
}
