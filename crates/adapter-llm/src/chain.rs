//! Providers in order: the first that answers wins.

use crate::backoff::Backoff;
use crate::provider::Provider;
use crate::run::Run;
use async_trait::async_trait;
use futures_util::future::{join_all, ready};
use futures_util::stream::{self, StreamExt};
use ports::llm::{Call, Error, Llm, Pieces};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pieces between the providers and the reader. Both are polled by one task, so this only smooths.
const PIECES: usize = 16;

/// An ordered chain of providers. It alone tries again: a provider as often as it says, with a wait in between, then
/// the next one, always within the call's budget and time.
#[derive(Clone)]
pub struct Chain {
    providers: Arc<[Arc<dyn Provider>]>,
    clock: Arc<dyn ports::Clock>,
    backoff: Backoff,
}

impl Chain {
    /// A chain that asks `providers` in this order.
    pub fn new(providers: Vec<Arc<dyn Provider>>, clock: Arc<dyn ports::Clock>) -> Self {
        Self { providers: providers.into(), clock, backoff: Backoff::default() }
    }

    /// The same chain with other waits.
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}

#[async_trait]
impl Llm for Chain {
    async fn stream(&self, call: Call) -> Result<Pieces, Error> {
        let (sender, mut receiver) = mpsc::channel(PIECES);
        let run = Run::new(self.providers.clone(), self.clock.clone(), self.backoff.clone(), call, sender);
        let driver = stream::once(run.drive()).filter_map(|()| ready(None));
        let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
        Ok(stream::select(pieces, driver).boxed())
    }

    fn providers(&self) -> Vec<String> {
        self.providers.iter().map(|provider| provider.name().to_owned()).collect()
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        let checks =
            self.providers.iter().map(|provider| async { (provider.name().to_owned(), provider.check().await) });
        join_all(checks).await
    }
}
