//! A provider with a bound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adapter_llm::{Failure, Limited, Provider, ProviderStream};
use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use ports::limiter::{Limiter, Permit};
use ports::llm::{Purpose, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Never says anything.
struct Silent;

#[async_trait]
impl Provider for Silent {
    fn name(&self) -> &str {
        "silent"
    }
    fn model(&self) -> &str {
        "none"
    }
    fn attempts(&self) -> u32 {
        1
    }
    async fn stream(&self, _: &Request) -> Result<ProviderStream, Failure> {
        Ok(stream::pending().boxed())
    }
    async fn check(&self) -> Result<String, String> {
        Ok("silent".into())
    }
}

struct Places(Arc<Semaphore>);

#[async_trait]
impl Limiter for Places {
    async fn acquire(&self, key: &str, most: u32) -> Result<Option<Permit>, ports::PortError> {
        assert_eq!((key, most), ("provider:silent", 2));
        Ok(self.0.clone().try_acquire_owned().ok().map(Permit::new))
    }
}

fn request() -> Request {
    Request {
        purpose: Purpose::Reply,
        business: "biz_1".into(),
        connection: None,
        connection_name: None,
        question: String::new(),
        messages: Vec::new(),
        json_schema: None,
        max_tokens: 1,
        schema: None,
        dialect: None,
        result: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_until_another_has_ended() {
    let limited = Limited::new(Arc::new(Silent), Arc::new(Places(Arc::new(Semaphore::new(2)))), 2);
    let first = limited.stream(&request()).await.unwrap();
    let _second = limited.stream(&request()).await.unwrap();
    let request = request();
    let third = limited.stream(&request);
    tokio::pin!(third);
    assert!(timeout(Duration::from_secs(60), &mut third).await.is_err());
    drop(first);
    assert!(timeout(Duration::from_secs(60), &mut third).await.is_ok());
}
