//! Metric names and labels. OpenTelemetry's names with dots as underscores; labels have few values.

/// Histogram, seconds: a handler's run. Labels `kind`, `outcome`.
pub const PROCESS_DURATION: &str = "messaging_process_duration_seconds";
/// Histogram, seconds: publish until confirmed. Label `kind`.
pub const PUBLISH_DURATION: &str = "messaging_client_operation_duration_seconds";
/// Gauge: jobs being worked on in this process. Labels `kind`, `lane`.
pub const IN_FLIGHT: &str = "askline_jobs_in_flight";
/// Gauge: jobs of this process that hold their claim and of which nothing comes. Labels `kind`, `lane`.
pub const STUCK: &str = "askline_jobs_stuck";
/// Gauge: messages waiting. Labels `kind`, `lane`, `queue` (`work`, `retry`, `dead`). Told by the sweeper that leads, NaN by others.
pub const QUEUE_DEPTH: &str = "askline_queue_depth";
/// Gauge: messages handed out and not settled. Labels `kind`, `lane`. With RabbitMQ each process tells its own.
pub const QUEUE_UNACKED: &str = "askline_queue_unacked";
/// Gauge: consumers of all processes. Labels `kind`, `lane`. Told by the sweeper that leads.
pub const QUEUE_CONSUMERS: &str = "askline_queue_consumers";
/// Gauge, seconds: how long ago the oldest open turn was asked that waits for this kind or is in it. Labels `kind`,
/// `lane`. Told by the sweeper that leads; NaN where more turns are open than it looks at.
pub const OLDEST_AGE: &str = "askline_oldest_turn_age_seconds";
/// Gauge: dead jobs that nobody has decided about. Labels `kind`, `lane`. Told by the sweeper that leads.
pub const DEAD_OPEN: &str = "askline_dead_jobs_open";
/// Gauge: turns that wait for their business's share, as the dispatcher sees them. Label `lane`.
pub const TURNS_WAITING: &str = "askline_turns_waiting";
/// Gauge: turns in flight of a lane in which somebody waits, as the dispatcher sees them. Label `lane`.
pub const TURNS_IN_FLIGHT: &str = "askline_turns_in_flight";
/// Counter: waiting turns that this process let in. Label `lane`.
pub const TURNS_LET_IN: &str = "askline_turns_let_in_total";
/// Counter: jobs by how they were settled (`done`, `repeated`, `retry`, `snooze`, `dead`, `over`). Label `kind`.
pub const SETTLED: &str = "askline_jobs_settled_total";
/// Counter: turns that this process ended. Label `state`.
pub const TURNS_ENDED: &str = "askline_turns_ended_total";
/// Counter: turns that the API was asked to take. Label `state` (`accepted`, `waiting`, `refused`, `too_many`).
pub const TURNS_OFFERED: &str = "askline_turns_offered_total";
/// Histogram, seconds: a whole call to a language model. Labels `provider`, `model`, `purpose`, `outcome`.
pub const LLM_DURATION: &str = "gen_ai_client_operation_duration_seconds";
/// Counter: tokens. Labels `provider`, `model`, `direction` (`input`, `output`).
pub const LLM_TOKENS: &str = "gen_ai_client_token_usage_total";
/// Histogram, seconds: until the first piece of an answer. Labels `provider`, `model`.
pub const LLM_FIRST_CHUNK: &str = "gen_ai_client_time_to_first_chunk_seconds";
/// Histogram, seconds: a statement on a source. Labels `system`, `outcome`.
pub const DB_DURATION: &str = "db_client_operation_duration_seconds";
/// Histogram: rows that a statement returned. Label `system`.
pub const DB_ROWS: &str = "db_client_response_returned_rows";
/// Gauge: open websockets of this process.
pub const SOCKETS: &str = "askline_websockets_open";
/// Histogram: writes that shared one commit of the app store. Label `write`.
pub const STORE_BATCH: &str = "askline_store_batch_size";
