//! SIGTERM and SIGINT: the first asks for an orderly end, the second ends at once.

use super::Stopping;

/// Listens from now on, until the process ends.
#[cfg(unix)]
pub(super) fn listen(stopping: Stopping) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for token in [stopping.stopping, stopping.at_once] {
            let name = tokio::select! {
                biased;
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, at_once = token.is_cancelled(), "told to stop");
            token.cancel();
        }
    });
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn listen(stopping: Stopping) -> std::io::Result<()> {
    tokio::spawn(async move {
        for token in [stopping.stopping, stopping.at_once] {
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            tracing::info!(signal = "Ctrl-C", "told to stop");
            token.cancel();
        }
    });
    Ok(())
}
