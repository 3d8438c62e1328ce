use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// One process without servers, or roles over RabbitMQ, Redis and PostgreSQL.
    pub mode: Mode,
    /// The API.
    pub server: Server,
    /// The MCP server.
    pub mcp: Mcp,
    /// Embedded mode.
    pub embedded: Embedded,
    /// The app store of distributed mode.
    pub store: Store,
    /// RabbitMQ.
    pub broker: Broker,
    /// Redis.
    pub events: Events,
    /// What a question may take.
    pub turn: Turn,
    /// How many questions are worked on at a time, and who waits.
    pub admission: Admission,
    /// Language models.
    pub llm: Llm,
    /// Customers' databases.
    pub sources: Sources,
    /// Personal data.
    pub masking: Masking,
    /// Changes of data.
    pub writes: Writes,
    /// Worker processes.
    pub workers: Workers,
    /// Starting a process.
    pub start: Start,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Keys; from the environment only.
    #[serde(default)]
    pub secrets: Secrets,
}

/// Where the roles find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One process, no server.
    Embedded,
    /// RabbitMQ, Redis, PostgreSQL.
    Distributed,
}

/// The API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: String,
    /// Origins that browsers may call from; empty means the server's own page only.
    pub cors_origins: Vec<String>,
    /// Largest question, bytes of UTF-8.
    pub max_question_bytes: usize,
    /// Largest frame or body that a client may send, bytes.
    pub max_frame_bytes: usize,
    /// Largest file that may be uploaded as a database, bytes.
    pub max_upload_bytes: usize,
    /// Life of a token, seconds.
    pub token_ttl_s: u64,
    /// A websocket must authenticate within this, seconds.
    pub auth_timeout_s: u64,
    /// Ping interval of websockets, seconds.
    pub ping_interval_s: u64,
    /// A websocket without a frame for this long after a ping is closed, seconds.
    pub pong_timeout_s: u64,
    /// Open websockets per process.
    pub max_connections: usize,
    /// Bytes waiting for one slow client before deltas are joined.
    pub outbound_soft_bytes: usize,
    /// Bytes waiting for one slow client before it is closed with 4408.
    pub outbound_hard_bytes: usize,
    /// How long a publish to the broker may take before the client gets a 503, milliseconds.
    pub enqueue_timeout_ms: u64,
}

/// The MCP server, at `/mcp` of the API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// Off: `/mcp` is not there.
    pub enabled: bool,
    /// Hosts, or `host:port`, that a request may name in `Host`, and a browser in `Origin`. Set it for a deployment.
    pub allowed_hosts: Vec<String>,
    /// Bytes of rows in one answer; more is cut, and the answer says so.
    pub max_result_bytes: usize,
}

/// Embedded mode.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// Folder for the store, the queue journal, the event log and the keys.
    pub data_dir: PathBuf,
}

/// The app store of distributed mode.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `postgres://user@host/database`; the password may stand in it or in `secrets.store_password`.
    pub url: String,
    /// PEM file of authorities. With it the server must speak TLS, and its certificate and host name are verified, as
    /// with `sslmode=verify-full`. Authorities that are well known are trusted beside it. Empty: the URL decides.
    pub ca_file: PathBuf,
    /// Connections of one process.
    pub max_connections: u32,
    /// Schemas of connections that one process keeps in memory, at most. One that was read anew is noticed at once.
    pub schemas: usize,
}

/// RabbitMQ.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// `amqp://user@host:5672/vhost`, or `amqps://user@host:5671/vhost` for TLS; the password may stand in it or in
    /// `secrets.broker_password`.
    pub url: String,
    /// `amqps://`: PEM file of the authorities that are trusted, and no others; empty means those of the system.
    pub ca_file: PathBuf,
    /// `amqps://`: PEM file of a certificate to show to a server that asks for one; empty means none.
    pub client_cert_file: PathBuf,
    /// PEM file of its private key.
    pub client_key_file: PathBuf,
    /// Other nodes of its cluster, `host:port`, which are tried in turn when the one before cannot be reached. Login,
    /// virtual host and TLS are those of `url`.
    pub nodes: Vec<String>,
    /// Put before every queue name, so that several installations can share a broker.
    pub prefix: String,
    /// A queue takes no more messages than this. Queues keep the length that they were made with: with another one the
    /// processes do not start, unless under another prefix.
    pub max_queue_length: u64,
    /// Queues from which nobody takes for this long vanish with their messages, seconds; 0 keeps them. For trials only:
    /// nobody ever takes from a ladder, so those vanish even while jobs pass through them. It must be longer than the
    /// installation lives.
    pub unused_queues_expire_s: u64,
}

/// Redis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// `redis://host:6379/0`, or `rediss://host:6379/0` for TLS.
    pub url: String,
    /// `rediss://`: PEM file of the authorities that are trusted, and no others; empty means those of the system.
    pub ca_file: PathBuf,
    /// `rediss://`: PEM file of a certificate to show to a server that asks for one; empty means none.
    pub client_cert_file: PathBuf,
    /// PEM file of its private key.
    pub client_key_file: PathBuf,
    /// Others that may take its place, `host:port`: replicas that something promotes. They are tried in turn when the one
    /// before cannot be reached or takes no writes. Login, database and TLS are those of `url`.
    pub nodes: Vec<String>,
    /// Put before every key and channel.
    pub prefix: String,
    /// How long the events of a response are kept, seconds. In both modes.
    pub retention_s: u64,
    /// Text waits at most this long to be sent together, milliseconds. In both modes.
    pub flush_ms: u64,
    /// Text of this many bytes is sent at once. In both modes.
    pub flush_bytes: usize,
}

/// What a question may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// It ends after this, seconds.
    pub deadline_s: u64,
    /// Corrections of a refused or failed statement.
    pub correction_rounds: u32,
    /// Calls to language models over all retries and redeliveries.
    pub llm_calls: u32,
    /// Messages of the conversation that the prompt shows.
    pub history_messages: u32,
    /// Messages of the conversation that the classifier sees.
    pub classifier_messages: u32,
    /// Tokens of schema in a prompt; more is cut, and an event says so.
    pub schema_tokens: usize,
    /// The same question asked again while it is in flight is not run again: the run answers both.
    pub single_flight: bool,
    /// Rows that the rows event shows; the rest lies in the store.
    pub shown_rows: usize,
    /// Rows that the prompt of the reply shows.
    pub reply_rows: usize,
}

/// How many questions are worked on at a time, and who waits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Questions that a person waits for.
    pub interactive: LaneAdmission,
    /// Questions that a schedule asks.
    pub scheduled: LaneAdmission,
    /// Questions of a backfill.
    pub backfill: LaneAdmission,
    /// Pause between two rounds of the dispatcher while somebody waits, milliseconds.
    pub dispatch_ms: u64,
    /// Turns that a business gets in its round, by its id; 1 where it is not named.
    pub weights: BTreeMap<String, u32>,
    /// An idempotency key is honoured for so long, seconds.
    pub idempotency_s: u64,
}

/// One lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneAdmission {
    /// Turns of one business in flight that need not wait, at least 1. Those beyond wait in line.
    pub share: u32,
    /// Turns in flight, of all businesses, up to which waiting ones are let in.
    pub window: u32,
    /// Turns of one business that may wait; those beyond get a 429.
    pub max_waiting: u32,
    /// A question of this lane ends after this, waiting included, seconds; 0 is `turn.deadline_s`.
    pub deadline_s: u64,
}

/// Language models.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// Asked in this order. None: `askline demo` uses `rules`, every other command says what is missing.
    pub providers: Vec<Provider>,
}

/// A provider.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// For logs, metrics and notices.
    pub name: String,
    /// What speaks.
    pub kind: ProviderKind,
    /// `openai`: base URL, such as `http://localhost:11434/v1`.
    #[serde(default)]
    pub base_url: String,
    /// `openai`: model name. `replay`: the recorded model to play; empty means the main one.
    #[serde(default)]
    pub model: String,
    /// `openai`: the environment variable that holds the key; empty means no key.
    #[serde(default)]
    pub api_key_env: String,
    /// `openai`: until the first byte of an answer, seconds.
    #[serde(default = "first_byte")]
    pub first_byte_timeout_s: u64,
    /// `openai`: the longest silence within an answer, seconds.
    #[serde(default = "stall")]
    pub stall_timeout_s: u64,
    /// `openai`: tries before the next provider is asked.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Calls at a time, over all processes; those beyond wait. 0 is no bound.
    #[serde(default = "calls")]
    pub max_in_flight: u32,
    /// `openai`: constrain JSON answers by `response_format`; off for servers that refuse it.
    #[serde(default = "yes")]
    pub json_schema: bool,
    /// `replay`: the JSONL file.
    #[serde(default)]
    pub path: PathBuf,
    /// `replay`: the suite in it; empty means all.
    #[serde(default)]
    pub suite: String,
}

fn first_byte() -> u64 {
    20
}
fn stall() -> u64 {
    15
}
fn attempts() -> u32 {
    2
}
fn calls() -> u32 {
    64
}
fn yes() -> bool {
    true
}

/// What speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// A server with OpenAI's API.
    Openai,
    /// Recorded SQL.
    Replay,
    /// No model: rules over the schema.
    Rules,
}

/// Customers' databases.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// A statement is stopped in the database after this, milliseconds.
    pub statement_timeout_ms: u64,
    /// Rows kept of a result.
    pub max_rows: usize,
    /// Bytes of cells kept of a result.
    pub max_bytes: usize,
    /// Rows that a database may expect to go through for a statement; more is refused before it runs. A connection may
    /// have its own bound.
    pub max_scanned_rows: u64,
    /// Jobs that work with one source at a time, over all processes; those beyond come again a little later.
    pub max_in_flight: u32,
    /// Connections to one source from one process.
    pub max_connections: u32,
    /// Sources that one process keeps open.
    pub max_open: usize,
    /// Tables that discovery reads.
    pub max_tables: usize,
    /// Distinct sample values kept per text column.
    pub samples: usize,
    /// Rows of a table that are looked at for them.
    pub sampled_rows: usize,
    /// PEM file of authorities that a database's certificate may be signed by, beside those that are well known, where the
    /// URL of its connection names none.
    pub ca_file: PathBuf,
    /// Folder that `sqlite:` connections must lie in; empty means that managers may name any file of the server but
    /// those of the data folder and of `files_dir`.
    pub sqlite_root: PathBuf,
    /// Rows of a table in an uploaded file.
    pub max_file_rows: usize,
    /// Columns of a table in an uploaded file.
    pub max_file_columns: usize,
    /// Bytes of the database that is made of an uploaded file. It lies in the app store.
    pub max_file_database_bytes: usize,
    /// Folder where workers keep such databases at hand; empty: `files` in `embedded.data_dir`.
    pub files_dir: PathBuf,
}

/// Personal data: e-mail addresses, telephone numbers, cards, accounts, national ids.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// Roles that see it in results and previews; all others see masks, whoever asked.
    pub clear_roles: Vec<RoleName>,
    /// Columns that are masked whatever they hold and whatever a statement calls them: `salary` or `employees.salary`. The
    /// last part counts, in every table and view.
    pub columns: Vec<String>,
    /// Columns that are never masked.
    pub clear_columns: Vec<String>,
    /// Language models see it too. Otherwise everything that is sent to one is masked, whoever asks. What a model writes of
    /// a clear role's rows is then shown as it is to whoever may read the answer.
    pub clear_to_llm: bool,
}

/// Changes of data, on connections that have a URL for them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Writes {
    /// Roles whose questions may ask for a change.
    pub askers: Vec<RoleName>,
    /// Roles that may approve or decline one.
    pub approvers: Vec<RoleName>,
    /// Nobody can approve a change after this, seconds.
    pub expire_s: u64,
    /// Rows that one change may concern.
    pub max_rows: u64,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Reads answers.
    Viewer,
    /// Asks questions.
    Member,
    /// Manages a business.
    Manager,
    /// Manages every business.
    Admin,
}

impl RoleName {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }
}

/// Worker processes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// Jobs of one kind at a time in one process.
    pub concurrency: usize,
    /// As above, for single kinds.
    pub concurrency_of: BTreeMap<String, usize>,
    /// As `concurrency`, for the lane of schedules. Beside it, so that neither waits for the other.
    pub scheduled_concurrency: usize,
    /// As `concurrency`, for the lane of backfills.
    pub backfill_concurrency: usize,
    /// Unsettled messages of one kind in one process.
    pub prefetch: u16,
    /// A process that does the next step of a question, too, goes on with it at once, without a queue, as long as it has
    /// held the message of an earlier step for less than so many milliseconds (at most half of `longest_run_s`); 0 passes
    /// every step through its queue.
    pub go_on_ms: u64,
    /// What such a process did of a question in less than so many milliseconds (at most `renew_ms`) is stored with the step
    /// after it, unless somebody has seen it: a crash has it done again. 0 stores every step by itself.
    pub defer_ms: u64,
    /// Failed runs before a job goes to the dead queue.
    pub max_attempts: u32,
    /// One run of one job may take so long, seconds; work that takes longer is done in several jobs. A broker closes the
    /// channel of a message that is not settled in time (RabbitMQ: `consumer_timeout`, 30 minutes), and a message that
    /// was handed out waits for those before it: at most `prefetch / concurrency` runs.
    pub longest_run_s: u64,
    /// A job that holds its claim, and of which nothing comes for so long, is counted as stuck, seconds; 0 counts none.
    /// Events, pieces of a model's answer, and what a worker says itself (an import: each thousand rows) count as progress.
    pub stuck_after_s: u64,
    /// How long a claim holds, milliseconds.
    pub lease_ms: u64,
    /// How often it is renewed, milliseconds.
    pub renew_ms: u64,
    /// After the first signal running jobs may end within this, seconds.
    pub drain_s: u64,
    /// Pause between two rounds of the sweeper, milliseconds.
    pub sweep_ms: u64,
    /// A job that nobody holds for so long, and that is in no queue either, is lost: it is published again, seconds. In a
    /// queue that others wait in that takes ten times as long. 0 leaves it to the deadline of its question.
    pub lost_after_s: u64,
    /// Rows of results, and how the steps of a question went, are deleted so long after its end, days; 0 keeps them for
    /// ever. Questions, answers, statements and the audit stay.
    pub keep_results_days: u64,
    /// Address of `/health`, `/ready` and `/metrics` of a worker process; empty means none.
    pub listen: String,
}

/// Starting a process.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Servers that are not there yet, and tables that are not up to date, are waited for, seconds; 0 means not at all.
    pub wait_s: u64,
}

/// Logs and traces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Filter, such as `info,worker_kit=debug`.
    pub log: String,
    /// `text`, `json`, or `auto`: text on a terminal, else JSON.
    pub format: LogFormat,
    /// OTLP endpoint for traces (HTTP), such as `http://localhost:4318`; empty means none.
    pub otlp_endpoint: String,
    /// Headers for it: `name=value,name=value`. May hold a key.
    #[serde(default)]
    pub otlp_headers: Secret,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// Signs tokens. At least 32 bytes. Role: api.
    pub jwt_secret: Secret,
    /// Seals credentials of sources: base64 of an HPKE public key. Roles: api, cli.
    pub vault_public_key: Secret,
    /// Opens them: base64 of the private key. Roles: execute_sql, execute_change, test_connection,
    /// introspect.
    pub vault_private_key: Secret,
    /// Opens what was sealed before the keys were changed, until `askline keys rotate` has sealed it anew. Roles as
    /// above.
    pub vault_previous_private_key: Secret,
    /// Password for `store.url`.
    pub store_password: Secret,
    /// Password for `broker.url`.
    pub broker_password: Secret,
    /// Password for `events.url`.
    pub events_password: Secret,
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text. Name this where it is used, and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
    /// True when nothing was set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(unset)" } else { "(secret)" })
    }
}
