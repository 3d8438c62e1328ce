use super::{Effects, FakeStore, down};
use async_trait::async_trait;
use contracts::Envelope;
use ports::PortError;
use ports::broker::{Broker, Consumer, Delivery, Depth, Destination, Message, PublishError, Queue};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// How the broker behaves.
#[derive(Clone)]
pub enum Mode {
    Up,
    Down,
    Full,
    Hangs,
    /// Publishes, and a worker takes the job before the confirm is lost.
    LosesConfirm(Arc<FakeStore>),
    /// Waits to be let on, after it said that it waits.
    Waits {
        reached: Arc<Notify>,
        go_on: Arc<Notify>,
    },
}

pub struct FakeBroker {
    effects: Effects,
    mode: Mutex<Mode>,
    published: Mutex<Vec<(Destination, Message)>>,
}

impl FakeBroker {
    pub fn new(effects: Effects) -> Self {
        Self { effects, mode: Mutex::new(Mode::Up), published: Mutex::default() }
    }

    pub fn behave(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub fn published(&self) -> Vec<(Destination, Message)> {
        self.published.lock().unwrap().clone()
    }

    pub fn envelopes(&self) -> Vec<Envelope> {
        self.published().iter().map(|(_, message)| serde_json::from_slice(&message.body).unwrap()).collect()
    }

    fn keep(&self, to: &Destination, message: Message) {
        self.effects.note("publish");
        self.published.lock().unwrap().push((to.clone(), message));
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn declare(&self, _: &[Queue]) -> Result<(), PortError> {
        Ok(())
    }

    async fn publish(&self, to: &Destination, message: Message) -> Result<(), PublishError> {
        let mode = self.mode.lock().unwrap().clone();
        match mode {
            Mode::Up => self.keep(to, message),
            Mode::Down => return Err(PublishError::Port(down("rabbitmq"))),
            Mode::Full => return Err(PublishError::Full),
            Mode::Hangs => std::future::pending().await,
            Mode::LosesConfirm(store) => {
                let envelope: Envelope = serde_json::from_slice(&message.body).unwrap();
                self.keep(to, message);
                store.take(envelope.meta.turn.as_str());
                return Err(PublishError::Port(down("rabbitmq")));
            }
            Mode::Waits { reached, go_on } => {
                reached.notify_one();
                go_on.notified().await;
                self.keep(to, message);
            }
        }
        Ok(())
    }

    async fn consume(&self, _: &Queue, _: u16) -> Result<Box<dyn Consumer>, PortError> {
        panic!("the API consumes nothing")
    }

    async fn depth(&self, _: &Destination) -> Result<Depth, PortError> {
        Ok(Depth::default())
    }

    async fn take_dead(&self, _: &Queue, _: usize) -> Result<Vec<Delivery>, PortError> {
        panic!("the API takes no dead jobs")
    }

    async fn ping(&self, _: Duration) -> Result<(), PortError> {
        match *self.mode.lock().unwrap() {
            Mode::Down => Err(down("rabbitmq")),
            _ => Ok(()),
        }
    }
}
