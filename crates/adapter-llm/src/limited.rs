//! A provider that is asked no more than so many things at a time, over all processes.

use crate::provider::{Chunk, Failure, Provider, ProviderStream};
use async_trait::async_trait;
use futures_util::StreamExt;
use ports::Limiter;
use ports::limiter::Permit;
use ports::llm::Request;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks whether there is room. The call's own deadline and its cancel end the wait.
const AGAIN: Duration = Duration::from_millis(50);

/// A provider with a bound.
pub struct Limited {
    inner: Arc<dyn Provider>,
    limiter: Arc<dyn Limiter>,
    key: String,
    most: u32,
}

impl Limited {
    /// The same provider, asked at most `most` things at a time.
    pub fn new(inner: Arc<dyn Provider>, limiter: Arc<dyn Limiter>, most: u32) -> Self {
        let key = format!("provider:{}", inner.name());
        Self { inner, limiter, key, most: most.max(1) }
    }

    async fn permit(&self) -> Option<Permit> {
        loop {
            match self.limiter.acquire(&self.key, self.most).await {
                Ok(Some(permit)) => return Some(permit),
                Ok(None) => tokio::time::sleep(AGAIN).await,
                Err(error) => {
                    tracing::warn!(provider = self.inner.name(), %error, "calls are not counted");
                    return None;
                }
            }
        }
    }
}

#[async_trait]
impl Provider for Limited {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn attempts(&self) -> u32 {
        self.inner.attempts()
    }

    async fn stream(&self, request: &Request) -> Result<ProviderStream, Failure> {
        let permit = self.permit().await;
        let answer = self.inner.stream(request).await?;
        let held = answer.map(move |chunk: Result<Chunk, Failure>| {
            let _held = &permit;
            chunk
        });
        Ok(held.boxed())
    }

    async fn check(&self) -> Result<String, String> {
        self.inner.check().await
    }
}
