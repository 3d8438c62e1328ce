use super::approvals::Asked;
use super::dead::Desk;
use super::{Effects, down};
use async_trait::async_trait;
use contracts::event::Usage;
use contracts::{
    BusinessId, ConnectionId, ConversationId, Envelope, Lane, ResultId, ResultSet, Role, Schema, TurnId, UserId,
};
use ports::PortError;
use ports::audit::AuditEntry;
use ports::line::{Beginning, Line, Queued, Taken, Waits};
use ports::store::{
    AppStore, Business, Connection, ConnectionStatus, Connections, ConversationSummary, EndState, FileKind, Files,
    Identity, LlmCallRecord, Membership, NewTurn, Offered, OpenStep, Records, Seen, StoredFile, StoredResult, Turn,
    TurnState, Turns, User,
};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

#[derive(Default)]
pub struct FakeStore {
    effects: Effects,
    down: AtomicBool,
    beyond: AtomicBool,
    data: Mutex<Data>,
    pub(super) desk: Desk,
    pub(super) asked: Asked,
    pub(super) audit: Mutex<Vec<AuditEntry>>,
}

#[derive(Default)]
struct Data {
    users: Vec<User>,
    memberships: Vec<(UserId, Membership)>,
    connections: Vec<Connection>,
    schemas: HashMap<ConnectionId, Schema>,
    policies: HashMap<ConnectionId, Value>,
    turns: Vec<(Turn, Option<String>)>,
    results: Vec<StoredResult>,
    files: Vec<(StoredFile, Vec<u8>)>,
}

impl FakeStore {
    pub fn new(effects: Effects) -> Self {
        Self { effects, ..Self::default() }
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// From now on every business has its share in flight.
    pub fn use_up_shares(&self) {
        self.beyond.store(true, Ordering::SeqCst);
    }

    pub fn add_audit(&self, entry: AuditEntry) {
        self.audit.lock().unwrap().push(entry);
    }

    /// Turns in the store.
    pub fn count(&self) -> usize {
        self.data.lock().unwrap().turns.len()
    }

    pub fn add_user(&self, user: User, memberships: Vec<Membership>) {
        let mut data = self.data.lock().unwrap();
        data.memberships.extend(memberships.into_iter().map(|membership| (user.id.clone(), membership)));
        data.users.push(user);
    }

    pub fn add_result(&self, result: StoredResult) {
        self.data.lock().unwrap().results.push(result);
    }

    pub fn sealed_url(&self, id: &str) -> String {
        let data = self.data.lock().unwrap();
        data.connections.iter().find(|one| one.id.as_str() == id).unwrap().sealed_url.clone()
    }

    /// As if whoever offered the turn had died before it was accepted.
    pub fn forget_accept(&self, id: &str) {
        self.change(id, |turn| turn.state = TurnState::Offered);
    }

    pub fn state_of(&self, id: &str) -> TurnState {
        self.change(id, |turn| turn.state)
    }

    /// A worker claims it.
    pub fn take(&self, id: &str) {
        self.change(id, |turn| turn.state = TurnState::Accepted);
    }

    /// A worker ends it; `seq` is the number of its terminal event.
    pub fn end(&self, id: &str, end: EndState, seq: u64) {
        self.change(id, |turn| {
            turn.state = end.state;
            turn.next_seq = seq;
            turn.usage = Usage { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
            turn.end = Some(end);
        });
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Turn) -> T) -> T {
        let mut data = self.data.lock().unwrap();
        change(&mut data.turns.iter_mut().find(|(turn, _)| turn.id.as_str() == id).unwrap().0)
    }

    fn data(&self) -> Result<MutexGuard<'_, Data>, PortError> {
        if self.down.load(Ordering::SeqCst) { Err(down("store")) } else { Ok(self.data.lock().unwrap()) }
    }
}

fn stored(new: &NewTurn) -> Turn {
    Turn {
        id: new.id.clone(),
        business: new.business.clone(),
        user: new.user.clone(),
        conversation: new.conversation.clone(),
        connection: new.connection.clone(),
        question: new.question.clone(),
        lane: new.lane,
        place: None,
        state: TurnState::Offered,
        cancel_requested: false,
        usage: Usage::default(),
        end: None,
        next_seq: 0,
        created_ms: new.created_ms,
        deadline_ms: new.deadline_ms,
        replay_of: new.replay_of.clone(),
    }
}

#[async_trait]
impl Turns for FakeStore {
    async fn offer(&self, new: &NewTurn, _: &Envelope) -> Result<Offered, PortError> {
        let mut data = self.data()?;
        self.effects.note("offer");
        let same = |turn: &Turn, key: &Option<String>| {
            key.is_some() && *key == new.idempotency_key && turn.business == new.business && turn.user == new.user
        };
        let Some((turn, _)) = data.turns.iter_mut().find(|(turn, key)| same(turn, key)) else {
            if new.share.is_some() && self.beyond.load(Ordering::SeqCst) {
                return Ok(Offered::Beyond);
            }
            data.turns.push((stored(new), new.idempotency_key.clone()));
            return Ok(Offered::New);
        };
        if turn.question != new.question {
            return Ok(Offered::KeyReused);
        }
        if turn.state != TurnState::Refused {
            return Ok(Offered::Known(turn.id.clone()));
        }
        turn.state = TurnState::Offered;
        turn.deadline_ms = new.deadline_ms;
        Ok(Offered::Reopened(turn.id.clone()))
    }

    async fn accept(&self, id: &TurnId) -> Result<bool, PortError> {
        drop(self.data()?);
        self.effects.note("accept");
        Ok(self.change(id.as_str(), |turn| {
            if turn.state == TurnState::Offered {
                turn.state = TurnState::Accepted;
            }
            turn.state != TurnState::Refused
        }))
    }

    async fn refuse(&self, id: &TurnId) -> Result<bool, PortError> {
        drop(self.data()?);
        self.effects.note("refuse");
        Ok(self.change(id.as_str(), |turn| {
            let offered = matches!(turn.state, TurnState::Offered | TurnState::Waiting);
            if offered {
                turn.state = TurnState::Refused;
            }
            offered
        }))
    }

    async fn turn(&self, business: &BusinessId, id: &TurnId) -> Result<Option<Turn>, PortError> {
        let data = self.data()?;
        Ok(data.turns.iter().map(|(turn, _)| turn).find(|turn| turn.id == *id && turn.business == *business).cloned())
    }

    async fn request_cancel(&self, business: &BusinessId, id: &TurnId) -> Result<bool, PortError> {
        let mut data = self.data()?;
        self.effects.note("request_cancel");
        let turn =
            data.turns.iter_mut().map(|(turn, _)| turn).find(|turn| turn.id == *id && turn.business == *business);
        Ok(turn.is_some_and(|turn| {
            turn.cancel_requested = turn.end.is_none();
            turn.cancel_requested
        }))
    }

    async fn history(&self, _: &BusinessId, _: &ConversationId, _: u32) -> Result<Vec<Turn>, PortError> {
        panic!("the API reads no history for prompts")
    }

    async fn turns(&self, business: &BusinessId, id: &ConversationId, limit: u32) -> Result<Vec<Turn>, PortError> {
        let data = self.data()?;
        let ours = |turn: &&Turn| turn.business == *business && turn.conversation.as_ref() == Some(id);
        Ok(data.turns.iter().map(|(turn, _)| turn).filter(ours).take(limit as usize).cloned().collect())
    }

    async fn conversations(
        &self,
        business: &BusinessId,
        user: &UserId,
        _: u32,
    ) -> Result<Vec<ConversationSummary>, PortError> {
        let data = self.data()?;
        let ours =
            data.turns.iter().map(|(turn, _)| turn).filter(|turn| turn.business == *business && turn.user == *user);
        Ok(ours
            .filter_map(|turn| {
                let (id, title) = (turn.conversation.clone()?, turn.question.clone());
                Some(ConversationSummary { id, title, updated_ms: turn.created_ms, turns: 1 })
            })
            .collect())
    }

    async fn overdue(&self, _: i64, _: u32) -> Result<Vec<Turn>, PortError> {
        panic!("the API sweeps nothing")
    }

    async fn open_steps(&self, _: u32) -> Result<Vec<OpenStep>, PortError> {
        panic!("the API measures nothing")
    }

    async fn result(&self, business: &BusinessId, id: &ResultId) -> Result<Option<ResultSet>, PortError> {
        let data = self.data()?;
        Ok(data.results.iter().find(|one| one.id == *id && one.business == *business).map(|one| one.rows.clone()))
    }
}

#[async_trait]
impl Line for FakeStore {
    async fn wait(&self, new: &NewTurn, _: &Beginning, most: u32) -> Result<Waits, PortError> {
        let mut data = self.data()?;
        self.effects.note("wait");
        let waiting = data.turns.iter().filter(|(turn, _)| turn.state == TurnState::Waiting).count() as u64;
        if waiting >= u64::from(most) {
            return Ok(Waits::Full);
        }
        let place = Some(waiting + 1);
        let turn = Turn { state: TurnState::Waiting, place, ..stored(new) };
        data.turns.push((turn, new.idempotency_key.clone()));
        Ok(Waits::At(waiting + 1))
    }

    async fn lines(&self, lane: Lane) -> Result<Vec<Queued>, PortError> {
        let data = self.data()?;
        let waiting = data.turns.iter().map(|(turn, _)| turn).filter(|turn| turn.place.is_some() && turn.lane == lane);
        let line = |turn: &Turn| Queued { business: turn.business.clone(), head: 1, tail: turn.place.unwrap() };
        Ok(waiting.map(line).next_back().into_iter().collect())
    }

    async fn in_flight(&self, _: Lane) -> Result<Vec<(BusinessId, u64)>, PortError> {
        panic!("the API lets nobody in")
    }

    async fn take(&self, _: Lane, _: &BusinessId, _: u32, _: Duration) -> Result<Vec<Taken>, PortError> {
        panic!("the API lets nobody in")
    }

    async fn begun(&self, _: &TurnId) -> Result<(), PortError> {
        panic!("the API lets nobody in")
    }

    async fn stopped(&self, _: u32) -> Result<Vec<Turn>, PortError> {
        panic!("the API ends nothing")
    }
}

#[async_trait]
impl Connections for FakeStore {
    async fn create_connection(&self, connection: &Connection) -> Result<bool, PortError> {
        let mut data = self.data()?;
        let taken = |one: &Connection| one.business == connection.business && one.name == connection.name;
        if data.connections.iter().any(taken) {
            return Ok(false);
        }
        data.connections.push(connection.clone());
        Ok(true)
    }

    async fn connection(&self, business: &BusinessId, id: &ConnectionId) -> Result<Option<Connection>, PortError> {
        let data = self.data()?;
        Ok(data.connections.iter().find(|one| one.id == *id && one.business == *business).cloned())
    }

    async fn seen(&self, _: &BusinessId, _: &ConnectionId, _: &UserId) -> Result<Option<Seen>, PortError> {
        panic!("the API runs no step")
    }

    async fn schema_of(&self, _: &Connection) -> Result<Option<std::sync::Arc<Schema>>, PortError> {
        panic!("the API runs no step")
    }

    async fn connections(&self, business: &BusinessId) -> Result<Vec<Connection>, PortError> {
        Ok(self.data()?.connections.iter().filter(|one| one.business == *business).cloned().collect())
    }

    async fn set_connection_status(
        &self,
        _: &BusinessId,
        id: &ConnectionId,
        status: ConnectionStatus,
        message: &str,
    ) -> Result<(), PortError> {
        let mut data = self.data()?;
        let connection = data.connections.iter_mut().find(|one| one.id == *id).unwrap();
        (connection.status, connection.status_message) = (status, message.to_owned());
        Ok(())
    }

    async fn every_connection(&self) -> Result<Vec<Connection>, PortError> {
        panic!("the API reads one business at a time")
    }

    async fn reseal(&self, _: &BusinessId, _: &ConnectionId, _: &str, _: &str) -> Result<bool, PortError> {
        panic!("the API opens no credentials")
    }

    async fn set_write_url(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        sealed: Option<&str>,
    ) -> Result<bool, PortError> {
        let mut data = self.data()?;
        let found = data.connections.iter_mut().find(|one| one.business == *business && one.id == *id);
        Ok(found.map(|one| one.sealed_write_url = sealed.map(str::to_owned)).is_some())
    }

    async fn reseal_write_url(&self, _: &BusinessId, _: &ConnectionId, _: &str, _: &str) -> Result<bool, PortError> {
        panic!("the API opens no credentials")
    }

    async fn set_max_scanned_rows(
        &self,
        business: &BusinessId,
        id: &ConnectionId,
        rows: Option<u64>,
    ) -> Result<bool, PortError> {
        let mut data = self.data()?;
        let found = data.connections.iter_mut().find(|one| one.business == *business && one.id == *id);
        Ok(found.map(|one| one.max_scanned_rows = rows).is_some())
    }

    async fn save_schema(&self, _: &BusinessId, id: &ConnectionId, schema: &Schema) -> Result<(), PortError> {
        self.data()?.schemas.insert(id.clone(), schema.clone());
        Ok(())
    }

    async fn schema(&self, _: &BusinessId, id: &ConnectionId) -> Result<Option<Schema>, PortError> {
        Ok(self.data()?.schemas.get(id).cloned())
    }

    async fn connection_policy(&self, _: &BusinessId, id: &ConnectionId) -> Result<Option<Value>, PortError> {
        Ok(self.data()?.policies.get(id).cloned())
    }

    async fn save_connection_policy(&self, _: &BusinessId, id: &ConnectionId, policy: &Value) -> Result<(), PortError> {
        self.data()?.policies.insert(id.clone(), policy.clone());
        Ok(())
    }
}

#[async_trait]
impl Identity for FakeStore {
    async fn create_business(&self, _: &Business) -> Result<bool, PortError> {
        panic!("the API creates no business")
    }
    async fn business(&self, _: &BusinessId) -> Result<Option<Business>, PortError> {
        Ok(None)
    }
    async fn create_user(&self, _: &User) -> Result<bool, PortError> {
        panic!("the API creates no user")
    }
    async fn user_by_email(&self, email: &str) -> Result<Option<User>, PortError> {
        Ok(self.data()?.users.iter().find(|user| user.email == email).cloned())
    }
    async fn user(&self, id: &UserId) -> Result<Option<User>, PortError> {
        Ok(self.data()?.users.iter().find(|user| user.id == *id).cloned())
    }
    async fn set_membership(&self, _: &UserId, _: &BusinessId, _: Role) -> Result<(), PortError> {
        panic!("the API changes no membership")
    }
    async fn remove_membership(&self, _: &UserId, _: &BusinessId) -> Result<bool, PortError> {
        panic!("the API changes no membership")
    }
    async fn memberships(&self, user: &UserId) -> Result<Vec<Membership>, PortError> {
        let data = self.data()?;
        Ok(data.memberships.iter().filter(|(of, _)| of == user).map(|(_, membership)| membership.clone()).collect())
    }
    async fn role_in(&self, _: &UserId, _: &BusinessId) -> Result<Option<Role>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Files for FakeStore {
    async fn save_file(&self, file: &StoredFile, body: &[u8]) -> Result<(), PortError> {
        self.data()?.files.push((file.clone(), body.to_vec()));
        Ok(())
    }
    async fn file_of(
        &self,
        business: &BusinessId,
        connection: &ConnectionId,
        kind: FileKind,
    ) -> Result<Option<StoredFile>, PortError> {
        let data = self.data()?;
        let is_it = |file: &StoredFile| (&file.business, &file.connection, file.kind) == (business, connection, kind);
        Ok(data.files.iter().map(|(file, _)| file).find(|file| is_it(file)).cloned())
    }
    async fn file_body(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.data()?.files.iter().find(|(known, _)| known.id == file.id).map(|(_, body)| body.clone()))
    }
    async fn remove_file(&self, business: &BusinessId, id: &str) -> Result<(), PortError> {
        self.data()?.files.retain(|(file, _)| file.business != *business || file.id != id);
        Ok(())
    }
}

#[async_trait]
impl Records for FakeStore {
    async fn record_llm_call(&self, _: &LlmCallRecord) -> Result<(), PortError> {
        panic!("the API calls no language model")
    }
}

#[async_trait]
impl AppStore for FakeStore {
    async fn ping(&self) -> Result<(), PortError> {
        self.data().map(drop)
    }
}
