use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two stages of a stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Fetch no more, and let what runs end.
    pub drain: CancellationToken,
    /// End now: what runs is given back.
    pub abandon: CancellationToken,
}

impl Shutdown {
    /// Drains at the first signal (SIGTERM, SIGINT) and abandons at the second.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut signals = Signals::new()?;
        let stages = shutdown.clone();
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: running jobs may end; a second signal ends them");
            stages.drain.cancel();
            signals.next().await;
            stages.abandon.cancel();
        });
        Ok(shutdown)
    }
}

/// Returns at the first SIGTERM or SIGINT.
pub async fn until_signal() -> std::io::Result<()> {
    Signals::new()?.next().await;
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
