//! What the tests of this crate share.

#![allow(dead_code)]

use adapter_redis::RedisConfig;
use std::time::Duration;

pub fn url() -> String {
    std::env::var("ASKLINE_TEST_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/0".to_owned())
}

/// The test's server, under a prefix that no other test uses. Its keys vanish by themselves.
pub fn config() -> RedisConfig {
    let prefix = format!("test-{:016x}", rand::random::<u64>());
    let retention = Duration::from_secs(60);
    RedisConfig { url: url(), nodes: Vec::new(), prefix, retention, tls: tls::Files::default() }
}
