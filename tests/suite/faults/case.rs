//! What a row of the table is made of.

use super::installation::{Link, Mode};
use super::llm::Mood;
use super::question::Style;
use std::time::Duration;

/// A fault of the table in the security document.
pub struct Row {
    pub id: &'static str,
    pub what: &'static str,
    /// Where it is injected.
    pub place: &'static str,
    pub cases: Vec<Case>,
    /// Why it is not here, when it is not.
    pub missing: Option<&'static str>,
}

/// One run: questions, a fault among them, what must come of them.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub modes: &'static [Mode],
    /// Taken in turn.
    pub styles: Vec<Style>,
    /// So many clients ask each question.
    pub asked_by: usize,
    /// Settings of an installation of its own.
    pub settings: Vec<(&'static str, String)>,
    /// Before anything is asked.
    pub before: Vec<Step>,
    /// Among the questions. When the last one is done the fault is over.
    pub during: Vec<Step>,
    pub expect: Vec<Expect>,
    /// The fault takes the event log away.
    pub log_may_be_lost: bool,
    /// The fault makes clocks differ.
    pub skewed: bool,
    /// Bodies that the fault puts into dead queues.
    pub dead_expected: usize,
    /// The broker is a cluster of three nodes.
    pub cluster: bool,
}

/// A server of the suite's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Broker,
    Events,
    Store,
}

/// What a proxy does.
#[derive(Clone, Copy, Debug)]
pub enum Net {
    Refuse,
    Freeze,
    /// Towards the server only.
    FreezeOneWay,
    HalfOpen,
    Delay(Duration),
    Throttle(u32),
    Heal,
}

/// Whose links.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    Everybody,
    Api,
    Workers,
}

/// Something that happens in a run.
#[derive(Clone, Debug)]
pub enum Step {
    /// So many percent of the questions, asked on top.
    AskMore(usize),
    /// A tenant alone asks so many percent of the questions, in a style.
    AskAs(usize, usize, Style),
    UntilAccepted(usize),
    UntilEnded(usize),
    UntilDeltas(usize),
    UntilRefused(usize),
    UntilPaused,
    /// The fault lasts.
    Lasts(Duration),
    /// The process that does this kind waits at this point.
    Pause(&'static str, &'static str),
    /// The process of this role does the steps of a question after classifying, and goes on from one to the next.
    Together(&'static str),
    /// Jobs of this kind whose text holds this style's name panic.
    Poison(&'static str),
    Kill(&'static str),
    Terminate(&'static str),
    Start(&'static str),
    StartWith(&'static str, Vec<(&'static str, String)>),
    /// A second process of that role.
    Second(&'static str),
    Signal(&'static str, &'static str),
    StopServer(Server),
    KillServer(Server),
    StartServer(Server),
    /// What the broker, which is stopped, has stored is gone; or the journal of the one process, which is stopped.
    WipeBroker,
    FlushEvents,
    Net(Whose, Link, Net),
    Source(usize, Net),
    Llm(usize, Mood),
    /// Ends what a tenant's database is doing for us.
    EndBackends,
    ReaderPassword(&'static str),
    /// Raises or ends the broker's memory alarm.
    Alarm(bool),
    ConsumerTimeout(Duration),
    /// From now on copies of all messages are kept.
    Tap,
    /// Publishes every job that was published so far once more.
    Republish,
    /// Takes each job that waits, adds fields of a later release, and puts it back.
    AddFields(&'static str),
    /// The same for what the one process writes down from now on; it reads that when it is started again.
    LaterReleaseWrites,
    /// Some jobs of this kind are written so; no more are.
    LaterReleaseWrote(&'static str),
    PublishBad,
    SmallDisk(Server),
    Fill(Server),
    Free(Server),
    /// The audit table takes no rows, or takes them again.
    AuditFails(bool),
    /// The app store can be read and takes no writes, or takes them again.
    ReadOnly(bool),
    /// A question over HTTP gets a 503 that says when to try again, within so long.
    RefusesSoon(Duration),
    /// The API says that it is not ready.
    NotReady,
    /// No process has ended by itself.
    AllRun,
    /// The user of a tenant may ask no more, or again.
    Access(usize, bool),
    /// Bad frames and bodies to the API.
    BadInput,
    /// The same key: in parallel, again, with another text.
    SameKey,
    /// No statement of ours runs in a tenant's database any more.
    NothingRuns,
    /// A tenant's table is as it was.
    Untouched,
    /// Every queue has three replicas.
    ThreeReplicas,
    /// The broker's node that leads the queues dies; who knows the others goes to one of them.
    KillLeader,
    /// A replica takes the place of Redis.
    FailOver,
    /// They change places, and nobody's connection ends.
    ChangeOver,
    /// Redis has no room for anything, or has room again.
    EventsFull(bool),
}

/// What must come of the questions, beside the invariants.
#[derive(Clone, Debug)]
pub enum Expect {
    AllAnswered,
    /// At least so many percent.
    Answered(usize),
    /// No question got an answer.
    NoneAnswered,
    /// Every error has one of these codes.
    Codes(&'static [&'static str]),
    /// Every question of this tenant was answered.
    TenantAnswered(usize),
    SomeRefused,
    /// Some questions were run for several who asked them.
    SomeShared,
    NoSecondAttempt,
    /// Some step ran twice.
    SomeSecondAttempt,
    CallsAtMost(u32),
    /// Questions of the first style did not wait for those of the second.
    Faster(Style, Style),
    /// The p95 of questions of the second style is at most twice that of the first, both of this tenant.
    NotHeldUp(usize, Style, Style),
    /// So many jobs lie in dead queues.
    Dead(usize),
    AllIncomplete,
    NothingExecuted,
}

pub const BOTH: &[Mode] = &[Mode::Distributed, Mode::Embedded];
pub const DISTRIBUTED: &[Mode] = &[Mode::Distributed];
pub const EMBEDDED: &[Mode] = &[Mode::Embedded];

impl Row {
    pub fn new(id: &'static str, what: &'static str, place: &'static str, cases: Vec<Case>) -> Self {
        Self { id, what, place, cases, missing: None }
    }

    /// A row that cannot be run, and why.
    pub fn missing(id: &'static str, what: &'static str, why: &'static str) -> Self {
        Self { id, what, place: "", cases: Vec::new(), missing: Some(why) }
    }
}

impl Case {
    /// Paced questions, all of which are answered.
    pub fn new(name: impl Into<String>, modes: &'static [Mode], during: Vec<Step>) -> Self {
        Self {
            name: name.into(),
            modes,
            styles: vec![Style::Paced],
            asked_by: 1,
            settings: Vec::new(),
            before: Vec::new(),
            during,
            expect: vec![Expect::AllAnswered],
            log_may_be_lost: false,
            skewed: false,
            dead_expected: 0,
            cluster: false,
        }
    }

    pub fn asking(self, styles: &[Style]) -> Self {
        Self { styles: styles.to_vec(), ..self }
    }

    /// So many clients ask each question, which is run once for all of them.
    pub fn asked_by(self, clients: usize) -> Self {
        Self { asked_by: clients, ..self }
    }

    pub fn before(self, before: Vec<Step>) -> Self {
        Self { before, ..self }
    }

    pub fn expect(self, expect: Vec<Expect>) -> Self {
        Self { expect, ..self }
    }

    pub fn losing_the_log(self) -> Self {
        Self { log_may_be_lost: true, ..self }
    }

    /// Whether the model of the protocol must explain every turn. Lines of clocks that differ have no order, and what a
    /// store forgets when its server dies, no process has told.
    pub fn is_modelled(&self) -> bool {
        let ends_the_store = |step: &Step| matches!(step, Step::KillServer(Server::Store) | Step::Fill(Server::Store));
        !self.skewed && !self.during.iter().any(ends_the_store)
    }
}
