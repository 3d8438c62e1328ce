//! What the tests of this crate share.

#![allow(dead_code)]

use adapter_rabbitmq::RabbitConfig;
use std::time::Duration;

/// Queues of a test vanish by themselves, much later than it ends.
pub const UNUSED_FOR: Duration = Duration::from_secs(300);

pub fn url() -> String {
    std::env::var("ASKLINE_TEST_RABBITMQ_URL").unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

/// The test's broker, under a prefix that no other test uses.
pub fn config() -> RabbitConfig {
    let prefix = format!("test-{:016x}", rand::random::<u64>());
    RabbitConfig { url: url(), nodes: Vec::new(), prefix, max_queue_length: 100_000, tls: tls::Files::default() }
}
