//! A small world: two businesses, users of every role, one database that can be asked.

use super::rest::Forbidden;
use super::{Call, Clockwork, Effects, FakeBroker, FakeLog, FakeSignals, FakeStore, Sealer};
use api::{ApiState, StartError};
use axum::Router;
use axum::http::Method;
use contracts::event::{OutputItem, Response, Status};
use contracts::{Dialect, Event, Role};
use ports::store::{Connection, ConnectionStatus, Connections, EndState, Membership, TurnState, User};
use ports::{Clock, Ports};
use serde_json::{Value, json};
use settings::{Secret, Settings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const BUSINESS: &str = "biz_a";
pub const OTHER: &str = "biz_b";
const SECRET: &str = "a secret of at least thirty-two bytes";

pub struct World {
    pub store: Arc<FakeStore>,
    pub log: Arc<FakeLog>,
    pub broker: Arc<FakeBroker>,
    pub clock: Arc<Clockwork>,
    pub effects: Effects,
    pub state: ApiState,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings::load(&settings::Source::default()).unwrap();
        change(&mut settings);
        let world = Self::bare(&settings);
        world.add_connection("con_shop", BUSINESS, "shop", ConnectionStatus::Ready).await;
        world.add_connection("con_theirs", OTHER, "theirs", ConnectionStatus::Ready).await;
        world
    }

    /// Without any connection.
    pub fn bare(settings: &Settings) -> Self {
        Self::try_bare(settings, SECRET).unwrap()
    }

    pub fn try_bare(settings: &Settings, secret: &str) -> Result<Self, StartError> {
        let effects = Effects::default();
        let store = Arc::new(FakeStore::new(effects.clone()));
        let log = Arc::new(FakeLog::new(effects.clone()));
        let broker = Arc::new(FakeBroker::new(effects.clone()));
        let clock = Arc::new(Clockwork::new());
        let ports = Ports {
            broker: broker.clone(),
            events: log.clone(),
            signals: Arc::new(FakeSignals(effects.clone())),
            ledger: Arc::new(Forbidden),
            store: store.clone(),
            limiter: Arc::new(Forbidden),
            flights: Arc::new(Forbidden),
            llm: Arc::new(Forbidden),
            sources: Arc::new(Forbidden),
            vault: Arc::new(Sealer),
            clock: clock.clone(),
            ids: clock.clone(),
        };
        let state = ApiState::new(ports, settings, &Secret::new(secret), CancellationToken::new())?;
        Ok(Self { store, log, broker, clock, effects, state })
    }

    pub fn router(&self) -> Router {
        api::router(self.state.clone())
    }

    pub fn get(&self, path: &str) -> Call {
        Call::new(self.router(), Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        Call::new(self.router(), Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call {
        Call::new(self.router(), Method::PUT, path)
    }

    /// A token of a user of the first business.
    pub fn token(&self, role: Role) -> String {
        self.token_in(&[(BUSINESS, role)])
    }

    pub fn token_in(&self, memberships: &[(&str, Role)]) -> String {
        let memberships: Vec<_> = memberships.iter().map(|(id, role)| membership(id, *role)).collect();
        let issued = self.state.jwt.issue(&"usr_1".into(), "ann@example.org", &memberships, self.clock.now_ms());
        issued.unwrap().token
    }

    /// A question of a member of the first business.
    pub fn ask(&self, body: Value) -> Call {
        self.post("/v1/responses").token(&self.token(Role::Member)).json(body)
    }

    /// Asks and streams; gives the stream and the response's id.
    pub async fn ask_streaming(&self) -> (super::Sse, String) {
        let mut sse = self.ask(json!({"input": "How many?", "stream": true})).stream().await;
        let created = sse.next().await.unwrap();
        let id = created["response_id"].as_str().unwrap().to_owned();
        assert_eq!(sse.next().await.unwrap()["type"], "response.queued");
        (sse, id)
    }

    pub fn resume(&self, id: &str, query: &str) -> Call {
        self.get(&format!("/v1/responses/{id}?stream=true{query}")).token(&self.token(Role::Member))
    }

    pub async fn add_user(&self, email: &str, password: &str, role: Role) {
        let password_hash = api::passwords::hash(password).await.unwrap();
        let user = User { id: "usr_1".into(), email: email.to_owned(), password_hash, created_ms: 0 };
        self.store.add_user(user, vec![membership(BUSINESS, role)]);
    }

    pub async fn add_connection(&self, id: &str, business: &str, name: &str, status: ConnectionStatus) {
        let connection = Connection {
            id: id.into(),
            business: business.into(),
            name: name.to_owned(),
            dialect: Dialect::Sqlite,
            sealed_url: "sealed".to_owned(),
            sealed_write_url: None,
            status,
            status_message: String::new(),
            max_scanned_rows: None,
            schema_ms: None,
            created_ms: Clockwork::START_MS,
        };
        assert!(self.store.create_connection(&connection).await.unwrap());
    }

    /// A worker streams two deltas.
    pub fn work(&self, id: &str) {
        self.log.emit(
            id,
            2,
            &[Event::StepStarted { step: "reply".into(), attempt: 1 }, delta("There "), delta("are 42.")],
        );
    }

    /// A worker ends the turn: the store knows, and the log hears.
    pub fn end(&self, id: &str) {
        let seq = self.end_in_store(id);
        self.log.emit(id, seq, &[completed(id)]);
    }

    /// As above, and the log does not hear. Gives the number of the terminal event.
    pub fn end_in_store(&self, id: &str) -> u64 {
        let seq = self.log.types(id).last().map_or(9, |(last, _)| last + 1);
        self.store.end(id, answer(), seq);
        seq
    }
}

pub fn membership(business: &str, role: Role) -> Membership {
    Membership { business: business.into(), business_name: format!("Business {business}"), role }
}

pub fn delta(text: &str) -> Event {
    Event::TextDelta { item_id: "msg_1".into(), output_index: 0, content_index: 0, delta: text.into() }
}

pub fn answer() -> EndState {
    EndState {
        state: TurnState::Completed,
        answer: "There are 42.".into(),
        message_id: "msg_1".into(),
        sql: Some("SELECT 42".into()),
        result: Some("res_1".into()),
        error: None,
        reason: None,
        ended_ms: Clockwork::START_MS,
    }
}

pub fn completed(id: &str) -> Event {
    let mut response = Response::new(id, 0, Status::Completed);
    response.output.push(OutputItem::completed("msg_1", "There are 42."));
    Event::Completed { response }
}
