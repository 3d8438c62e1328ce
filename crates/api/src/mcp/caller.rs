use super::answer::Followed;
use crate::auth::{Actor, Caller};
use crate::error::ApiError;
use crate::responses::{self, CreateRequest};
use crate::rest::policy;
use crate::state::ApiState;
use crate::submit::{self, Order};
use async_trait::async_trait;
use axum::http::StatusCode;
use contracts::job::ExecuteSql;
use contracts::{BusinessId, ConnectionId, Lane, ResultId, ResultSet, Role, Schema, TurnId};
use mcp::{Answer, CallKey, Database, Problem, Question, Statement};
use ports::store::NewTurn;
use sha2::{Digest, Sha256};

/// What the question of a turn begins with that runs a statement of a program.
const STATEMENT: &str = "SQL: ";

/// A member of a business, as the MCP server sees them.
pub struct Member {
    state: ApiState,
    caller: Caller,
    actor: Actor,
}

/// The turn of a call. A call that is sent again, and its cancel, come to the same one, whichever process they reach.
struct Named {
    id: TurnId,
    key: Option<String>,
}

impl Member {
    pub fn new(state: ApiState, caller: Caller, actor: Actor) -> Self {
        Self { state, caller, actor }
    }

    fn follow(&self, turn: TurnId) -> Box<dyn Answer> {
        Box::new(Followed::new(self.state.clone(), self.caller.clone(), self.actor.business.clone(), turn))
    }

    fn named(&self, call: Option<&CallKey>) -> Named {
        match call {
            Some(call) => {
                let digest = self.digest(call);
                Named { id: TurnId(format!("resp_mcp{digest}")), key: Some(format!("mcp-{digest}")) }
            }
            None => Named { id: TurnId(self.state.ports.ids.next("resp")), key: None },
        }
    }

    fn digest(&self, call: &CallKey) -> String {
        let mut hash = Sha256::new();
        for part in [self.actor.business.as_str(), self.actor.user.as_str(), &call.0] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    async fn run(&self, statement: Statement, call: Option<&CallKey>) -> Result<TurnId, ApiError> {
        let business = &self.actor.business;
        let actor = self.caller.act_for(business, Role::Member)?;
        let most = self.state.settings.max_question_bytes;
        if statement.sql.len() > most {
            let message = format!("The statement is longer than {most} bytes. Shorten it.");
            return Err(ApiError::too_large(message).about("sql"));
        }
        let lane = Lane::Interactive;
        let now_ms = self.state.now_ms();
        let Named { id, key } = self.named(call);
        let question = format!("{STATEMENT}{}", statement.sql);
        let turn = NewTurn {
            id,
            business: actor.business,
            user: actor.user,
            // No conversation: it is no question, and shows in no history and no prompt.
            conversation: None,
            connection: Some(statement.database.id),
            question: question.clone(),
            idempotency_key: key,
            lane,
            share: Some(self.state.admission_of(lane).share.max(1)),
            created_ms: now_ms,
            deadline_ms: submit::deadline_ms(&self.state, lane, now_ms),
            replay_of: None,
        };
        let job = ExecuteSql {
            question,
            sql: statement.sql,
            dialect: statement.database.dialect,
            round: 0,
            direct: Some(statement.direct),
        };
        submit::submit(&self.state, Order { turn, job }).await
    }
}

#[async_trait]
impl mcp::Caller for Member {
    fn business(&self) -> &BusinessId {
        &self.actor.business
    }

    fn new_session(&self) -> String {
        self.state.ports.ids.next("mcp")
    }

    async fn databases(&self) -> Result<Vec<Database>, Problem> {
        let all = self.state.ports.store.connections(&self.actor.business).await.map_err(ApiError::from)?;
        let all = all.into_iter().map(|one| Database { id: one.id, name: one.name, dialect: one.dialect });
        Ok(all.collect())
    }

    async fn schema(&self, database: &ConnectionId) -> Result<Option<Schema>, Problem> {
        let (store, business) = (&self.state.ports.store, &self.actor.business);
        let connection = store.connection(business, database).await.map_err(ApiError::from)?;
        let connection = connection.ok_or_else(|| ApiError::not_found("connection"))?;
        let Some(schema) = store.schema(business, database).await.map_err(ApiError::from)? else { return Ok(None) };
        Ok(Some(policy::visible(&self.state, &self.actor, &connection, schema).await?))
    }

    async fn ask(&self, question: Question, call: Option<&CallKey>) -> Result<Box<dyn Answer>, Problem> {
        let Named { id, key } = self.named(call);
        let request =
            CreateRequest::asking(question.text, question.database, question.conversation, &self.actor.business, key);
        let (_, turn) = responses::ask_as(&self.state, &self.caller, &request, id).await?;
        Ok(self.follow(turn))
    }

    async fn execute(&self, statement: Statement, call: Option<&CallKey>) -> Result<Box<dyn Answer>, Problem> {
        let turn = self.run(statement, call).await?;
        Ok(self.follow(turn))
    }

    async fn rows(&self, id: &ResultId) -> Result<Option<ResultSet>, Problem> {
        let mut rows = self.state.ports.store.result(&self.actor.business, id).await.map_err(ApiError::from)?;
        if let Some(rows) = &mut rows {
            self.state.sight.show(Some(self.actor.role), rows);
        }
        Ok(rows)
    }

    async fn cancel(&self, call: &CallKey) -> Result<(), Problem> {
        let turn = self.named(Some(call)).id;
        match responses::cancel(&self.state, &self.caller, &turn).await {
            // The call began no turn, or it is not there yet: what is late is not stopped, as the protocol allows.
            Err(error) if error.status == StatusCode::NOT_FOUND => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self::new(error.code, error.message)
    }
}
