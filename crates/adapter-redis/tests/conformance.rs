//! The suites of the event log, of signals and of the limiter on a real Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_redis::RedisBus;
use ports::{EventLog, Flights, Limiter, Signals};
use std::sync::Arc;

mod event_log {
    use super::*;

    async fn make() -> (Arc<dyn EventLog>, ()) {
        (Arc::new(RedisBus::connect(support::config()).await.unwrap()), ())
    }

    ports::event_log_conformance!(make);
}

mod signals {
    use super::*;

    async fn make() -> ((Arc<dyn Signals>, Arc<dyn Signals>), ()) {
        let config = support::config();
        let here = RedisBus::connect(config.clone()).await.unwrap();
        let there = RedisBus::connect(config).await.unwrap();
        ((Arc::new(here), Arc::new(there)), ())
    }

    ports::signals_conformance!(make);
}

mod limiter {
    use super::*;

    async fn make() -> ((Arc<dyn Limiter>, Arc<dyn Limiter>), ()) {
        let config = support::config();
        let here = RedisBus::connect(config.clone()).await.unwrap();
        let there = RedisBus::connect(config).await.unwrap();
        ((Arc::new(here), Arc::new(there)), ())
    }

    ports::limiter_conformance!(make);
}

mod flights {
    use super::*;

    async fn make() -> ((Arc<dyn Flights>, Arc<dyn Flights>), ()) {
        let config = support::config();
        let here = RedisBus::connect(config.clone()).await.unwrap();
        let there = RedisBus::connect(config).await.unwrap();
        ((Arc::new(here), Arc::new(there)), ())
    }

    ports::flights_conformance!(make);
}
