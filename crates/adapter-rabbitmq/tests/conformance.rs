//! The broker's suite on a real RabbitMQ.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_rabbitmq::Rabbit;
use ports::Broker;
use std::sync::Arc;

async fn make() -> (Arc<dyn Broker>, ()) {
    let rabbit = Rabbit::connect_for_a_while(support::config(), support::UNUSED_FOR).await.unwrap();
    (Arc::new(rabbit), ())
}

ports::broker_conformance!(make);
