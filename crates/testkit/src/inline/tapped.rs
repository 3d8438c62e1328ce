//! Ports that write every call down, and fail the one that they are told to fail.

use super::tape::Tape;
use async_trait::async_trait;
use contracts::{
    ApprovalId, BusinessId, ConnectionId, ConversationId, DeadId, Envelope, HopId, Lane, LoggedEvent, ResultId,
    ResultSet, Role, Schema, TurnId, UserId,
};
use ports::approvals::{Approval, ApprovalState, Approvals, ChangeEnd, Verdict};
use ports::audit::{AuditChain, AuditEntry, AuditFilter, AuditHead, StoredAudit};
use ports::dead::{DeadFilter, DeadJob, DeadJobs, Decision, Scope};
use ports::event_log::{Append, AppendError, Position, Watch};
use ports::leader::Leaders;
use ports::ledger::{Back, Claim, Claimed, Commit, Committed, Grant, Outcome, Renewed};
use ports::line::{Beginning, Line, Queued, Taken, Waits};
use ports::llm::{Call, Error as LlmError, Pieces};
use ports::retention::Retention;
use ports::source::{
    About, Access, Change, Changed, DiscoveryLimits, Error as SourceError, GoOn, Source, Statement, Writer,
};
use ports::store::*;
use ports::{EventLog, Ledger, Llm, PortError, Sources, Vault};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A port behind a tape.
pub(super) struct Tapped<P: ?Sized> {
    pub(super) port: Arc<P>,
    pub(super) tape: Arc<Tape>,
    pub(super) commits: Arc<Mutex<Vec<Commit>>>,
    pub(super) events: Arc<Mutex<Vec<String>>>,
}

macro_rules! tapped {
    ($port:ident: $trait:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $trait for Tapped<dyn $port> {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, PortError> {
                self.tape.call(stringify!($name))?;
                self.port.$name($($arg),*).await
            })*
        }
    };
}

tapped!(AppStore: Identity {
    fn create_business(business: &Business) -> bool;
    fn business(id: &BusinessId) -> Option<Business>;
    fn create_user(user: &User) -> bool;
    fn user_by_email(email: &str) -> Option<User>;
    fn user(id: &UserId) -> Option<User>;
    fn set_membership(user: &UserId, business: &BusinessId, role: Role) -> ();
    fn remove_membership(user: &UserId, business: &BusinessId) -> bool;
    fn memberships(user: &UserId) -> Vec<Membership>;
    fn role_in(user: &UserId, business: &BusinessId) -> Option<Role>;
});

tapped!(AppStore: Connections {
    fn create_connection(connection: &Connection) -> bool;
    fn connection(business: &BusinessId, id: &ConnectionId) -> Option<Connection>;
    fn seen(business: &BusinessId, id: &ConnectionId, user: &UserId) -> Option<Seen>;
    fn connections(business: &BusinessId) -> Vec<Connection>;
    fn every_connection() -> Vec<Connection>;
    fn reseal(business: &BusinessId, id: &ConnectionId, old: &str, new: &str) -> bool;
    fn set_write_url(business: &BusinessId, id: &ConnectionId, sealed: Option<&str>) -> bool;
    fn reseal_write_url(business: &BusinessId, id: &ConnectionId, old: &str, new: &str) -> bool;
    fn set_max_scanned_rows(business: &BusinessId, id: &ConnectionId, rows: Option<u64>) -> bool;
    fn connection_policy(business: &BusinessId, id: &ConnectionId) -> Option<Value>;
    fn save_connection_policy(business: &BusinessId, id: &ConnectionId, policy: &Value) -> ();
    fn set_connection_status(business: &BusinessId, id: &ConnectionId, status: ConnectionStatus, message: &str) -> ();
    fn save_schema(business: &BusinessId, id: &ConnectionId, schema: &Schema) -> ();
    fn schema(business: &BusinessId, id: &ConnectionId) -> Option<Schema>;
    fn schema_of(connection: &Connection) -> Option<Arc<Schema>>;
});

tapped!(AppStore: Turns {
    fn offer(turn: &NewTurn, first: &Envelope) -> Offered;
    fn accept(turn: &TurnId) -> bool;
    fn refuse(turn: &TurnId) -> bool;
    fn turn(business: &BusinessId, id: &TurnId) -> Option<Turn>;
    fn request_cancel(business: &BusinessId, id: &TurnId) -> bool;
    fn history(business: &BusinessId, id: &ConversationId, limit: u32) -> Vec<Turn>;
    fn turns(business: &BusinessId, id: &ConversationId, limit: u32) -> Vec<Turn>;
    fn conversations(business: &BusinessId, user: &UserId, limit: u32) -> Vec<ConversationSummary>;
    fn overdue(before_ms: i64, limit: u32) -> Vec<Turn>;
    fn open_steps(limit: u32) -> Vec<OpenStep>;
    fn result(business: &BusinessId, id: &ResultId) -> Option<ResultSet>;
});

tapped!(AppStore: Line {
    fn wait(turn: &NewTurn, beginning: &Beginning, most: u32) -> Waits;
    fn lines(lane: Lane) -> Vec<Queued>;
    fn in_flight(lane: Lane) -> Vec<(BusinessId, u64)>;
    fn take(lane: Lane, business: &BusinessId, most: u32, lease: Duration) -> Vec<Taken>;
    fn begun(turn: &TurnId) -> ();
    fn stopped(limit: u32) -> Vec<Turn>;
});

tapped!(AppStore: AuditLog {
    fn audit(row: &AuditRow) -> ();
    fn audit_of(business: &BusinessId, turn: &TurnId) -> Vec<AuditRow>;
    fn audit_list(business: &BusinessId, filter: &AuditFilter, limit: u32) -> Vec<AuditEntry>;
    fn audit_heads(business: Option<&BusinessId>) -> Vec<AuditHead>;
    fn audit_chains() -> Vec<AuditChain>;
    fn audit_page(business: &BusinessId, after: Option<(i64, &str)>, limit: u32) -> Vec<StoredAudit>;
});

tapped!(AppStore: Records {
    fn record_llm_call(call: &LlmCallRecord) -> ();
});

tapped!(AppStore: Files {
    fn save_file(file: &StoredFile, body: &[u8]) -> ();
    fn file_of(business: &BusinessId, connection: &ConnectionId, kind: FileKind) -> Option<StoredFile>;
    fn file_body(file: &StoredFile) -> Option<Vec<u8>>;
    fn remove_file(business: &BusinessId, id: &str) -> ();
});

tapped!(AppStore: DeadJobs {
    fn keep_dead(job: &DeadJob) -> bool;
    fn dead_job(scope: &Scope, id: &DeadId) -> Option<DeadJob>;
    fn dead_jobs(scope: &Scope, filter: &DeadFilter, limit: u32) -> Vec<DeadJob>;
    fn count_dead(scope: &Scope, filter: &DeadFilter) -> u64;
    fn plan_replay(scope: &Scope, id: &DeadId, turn: &TurnId, instead_of: Option<&TurnId>) -> bool;
    fn mark_replayed(scope: &Scope, id: &DeadId, turn: &TurnId, decision: &Decision) -> bool;
    fn drop_dead(scope: &Scope, id: &DeadId, decision: &Decision) -> bool;
});

tapped!(AppStore: Approvals {
    fn ask_approval(approval: &Approval) -> Approval;
    fn approval(business: &BusinessId, id: &ApprovalId) -> Option<Approval>;
    fn approvals(business: &BusinessId, state: Option<ApprovalState>, limit: u32) -> Vec<Approval>;
    fn decide(business: &BusinessId, id: &ApprovalId, verdict: Verdict, turn: &TurnId, decision: &Decision) -> bool;
    fn redirect_approval(business: &BusinessId, id: &ApprovalId, from: &TurnId, to: &TurnId) -> bool;
    fn begin_change(business: &BusinessId, id: &ApprovalId, turn: &TurnId) -> bool;
    fn end_change(business: &BusinessId, id: &ApprovalId, end: &ChangeEnd) -> bool;
    fn expire_approvals(now_ms: i64, limit: u32) -> u64;
});

tapped!(AppStore: Leaders {
    fn lead(task: &str, owner: &str, lease: Duration) -> Option<u64>;
    fn resign(task: &str, owner: &str) -> ();
});

tapped!(AppStore: Retention {
    fn forget_results(before_ms: i64, limit: u32) -> u64;
});

tapped!(AppStore: AppStore {
    fn ping() -> ();
});

tapped!(Vault: Vault {
    fn seal(business: &BusinessId, connection: &ConnectionId, secret: &str) -> String;
    fn open(business: &BusinessId, connection: &ConnectionId, sealed: &str) -> String;
});

#[async_trait]
impl Ledger for Tapped<dyn Ledger> {
    async fn claim(&self, claim: Claim) -> Result<Claimed, PortError> {
        self.tape.call("claim")?;
        self.port.claim(claim).await
    }

    async fn renew(&self, turn: &TurnId, fence: u64, lease: Duration) -> Result<Renewed, PortError> {
        self.tape.call("renew")?;
        self.port.renew(turn, fence, lease).await
    }

    async fn release(&self, turn: &TurnId, fence: u64, back: Back) -> Result<(), PortError> {
        self.tape.call("release")?;
        self.port.release(turn, fence, back).await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, PortError> {
        self.tape.call("commit")?;
        let committed = self.port.commit(commit.clone()).await?;
        if committed == Committed::Stored {
            self.commits.lock().unwrap().push(commit);
        }
        Ok(committed)
    }

    async fn expired(&self, older_than: Duration, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        self.tape.call("expired")?;
        self.port.expired(older_than, limit).await
    }

    async fn idle(&self, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        self.tape.call("idle")?;
        self.port.idle(limit).await
    }

    async fn awaited(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError> {
        self.tape.call("awaited")?;
        self.port.awaited(turn).await
    }

    async fn unfinished(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError> {
        self.tape.call("unfinished")?;
        self.port.unfinished(turn).await
    }

    async fn mark_published(&self, hop: &HopId, fence: u64) -> Result<(), PortError> {
        self.tape.call("mark_published")?;
        self.port.mark_published(hop, fence).await
    }

    async fn spend_llm_call(&self, turn: &TurnId, max: u32) -> Result<bool, PortError> {
        self.tape.call("spend_llm_call")?;
        self.port.spend_llm_call(turn, max).await
    }

    async fn seize(&self, turn: &TurnId, owner: &str, lease: Duration) -> Result<Option<Grant>, PortError> {
        self.tape.call("seize")?;
        self.port.seize(turn, owner, lease).await
    }

    async fn unpublished(&self, older_than: Duration, limit: u32) -> Result<Vec<Outcome>, PortError> {
        self.tape.call("unpublished")?;
        self.port.unpublished(older_than, limit).await
    }

    async fn void_claims(&self) -> Result<(), PortError> {
        self.tape.call("void_claims")?;
        self.port.void_claims().await
    }
}

#[async_trait]
impl EventLog for Tapped<dyn EventLog> {
    async fn append(&self, append: Append) -> Result<Position, AppendError> {
        self.tape.call("append")?;
        let events = append.events.clone();
        let position = self.port.append(append).await?;
        self.events.lock().unwrap().extend(events);
        Ok(position)
    }

    async fn position(&self, turn: &TurnId) -> Result<Option<Position>, PortError> {
        self.port.position(turn).await
    }

    async fn read(&self, turn: &TurnId, from: u64, limit: usize) -> Result<Vec<LoggedEvent>, PortError> {
        self.port.read(turn, from, limit).await
    }

    async fn watch(&self, turn: &TurnId) -> Result<Box<dyn Watch>, PortError> {
        self.port.watch(turn).await
    }

    async fn ping(&self) -> Result<(), PortError> {
        self.port.ping().await
    }
}

#[async_trait]
impl Llm for Tapped<dyn Llm> {
    async fn stream(&self, call: Call) -> Result<Pieces, LlmError> {
        self.tape.call("llm").map_err(|error| LlmError::Unavailable(error.to_string()))?;
        self.port.stream(call).await
    }

    fn providers(&self) -> Vec<String> {
        self.port.providers()
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        self.port.check().await
    }
}

#[async_trait]
impl Sources for Tapped<dyn Sources> {
    async fn open(&self, access: &Access) -> Result<Arc<dyn Source>, SourceError> {
        self.tape.call("open_source").map_err(lost)?;
        let source = self.port.open(access).await?;
        Ok(Arc::new(TappedSource { source, tape: self.tape.clone() }))
    }

    async fn writer(&self, source: &Access, access: &Access) -> Result<Arc<dyn Writer>, SourceError> {
        self.tape.call("open_writer").map_err(lost)?;
        let writer = self.port.writer(source, access).await?;
        Ok(Arc::new(TappedWriter { writer, tape: self.tape.clone() }))
    }
}

struct TappedWriter {
    writer: Arc<dyn Writer>,
    tape: Arc<Tape>,
}

#[async_trait]
impl Writer for TappedWriter {
    async fn check(&self) -> Result<(), SourceError> {
        self.tape.call("check_writer").map_err(lost)?;
        self.writer.check().await
    }

    async fn change(&self, change: Change) -> Result<Changed, SourceError> {
        self.tape.call("change").map_err(lost)?;
        self.writer.change(change).await
    }
}

struct TappedSource {
    source: Arc<dyn Source>,
    tape: Arc<Tape>,
}

#[async_trait]
impl Source for TappedSource {
    async fn about(&self) -> Result<About, SourceError> {
        self.tape.call("about").map_err(lost)?;
        self.source.about().await
    }

    async fn discover(&self, limits: DiscoveryLimits, go_on: GoOn) -> Result<Schema, SourceError> {
        self.tape.call("discover").map_err(lost)?;
        self.source.discover(limits, go_on).await
    }

    async fn query(&self, statement: Statement) -> Result<ResultSet, SourceError> {
        self.tape.call("query").map_err(lost)?;
        self.source.query(statement).await
    }

    async fn plan(&self, statement: Statement) -> Result<(), SourceError> {
        self.tape.call("plan").map_err(lost)?;
        self.source.plan(statement).await
    }
}

fn lost(error: PortError) -> SourceError {
    SourceError::Unreachable(error.to_string())
}
