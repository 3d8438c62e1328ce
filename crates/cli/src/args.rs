use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Ask your databases in your own words, and never lose an answer.
#[derive(Parser)]
#[command(
    name = "askline",
    version,
    after_help = "Start with `askline demo`, then `askline ask \"How many customers do we have?\"`."
)]
pub struct Args {
    /// Settings file (TOML) over the defaults; the environment wins over both.
    #[arg(long, global = true, env = "ASKLINE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Start everything in this process on a sample shop, and print how to try it.
    Demo(Demo),
    /// Start every role in this process.
    Serve(Serve),
    /// Start the API and the page.
    Api(Serve),
    /// Start workers.
    Worker(Worker),
    /// Start the sweeper, which ends what is overdue, and the dispatcher, which lets in those who wait.
    Sweep,
    /// Ask a question and watch the answer arrive.
    Ask(Ask),
    /// Speak MCP on standard input and output, for a client that starts this program, and pass it on to a server.
    Mcp(Mcp),
    /// The databases of your business.
    Connection(Connection),
    /// Changes of data that wait for a person's word.
    Approval(crate::commands::approval::Approval),
    /// What was given up: look at it, run it again, or drop it.
    Dead(crate::commands::dead::Dead),
    /// What ran on the databases: list it, note its end, check that nobody changed it.
    Audit(crate::commands::audit::Audit),
    /// Who may log in.
    User(User),
    /// Say what is reachable and what is missing.
    Doctor(Doctor),
    /// Bring the app store's tables up to date.
    Migrate,
    /// Make a token secret and a key pair for credentials, as JSON.
    Keys(Keys),
    /// Print every setting with its default.
    Settings(Settings),
    /// Whether a process answers; exit code 0 when it does.
    Health(Health),
    /// Try statements on the SQL guard.
    Guard(Guard),
    /// Measure accuracy.
    Eval(Eval),
    /// Measure speed.
    Bench(Bench),
}

#[derive(ClapArgs)]
pub struct Demo {
    /// Port of the page and the API.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Folder for the demo's data.
    #[arg(long, env = "ASKLINE_DEMO_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print one line {url, email, password, token} when ready.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct Serve {
    /// Address to listen on, instead of server.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

#[derive(ClapArgs)]
pub struct Worker {
    /// Kinds of job, separated by commas: classify, generate_sql, execute_sql, reply, test_connection, introspect, follow,
    /// execute_change.
    /// Who does classify does follow too.
    #[arg(long, value_delimiter = ',', required = true)]
    pub kinds: Vec<String>,
}

/// Where the server is, and who asks.
#[derive(ClapArgs, Clone)]
pub struct Server {
    /// Address of the server; without it the demo that runs on this machine.
    #[arg(long, env = "ASKLINE_URL")]
    pub url: Option<String>,
    /// Token; without it the demo's.
    #[arg(long, env = "ASKLINE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Folder of the demo's data.
    #[arg(long, env = "ASKLINE_DEMO_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Business, when you belong to several.
    #[arg(long, env = "ASKLINE_BUSINESS")]
    pub business: Option<String>,
}

/// The token comes from ASKLINE_TOKEN alone.
#[derive(ClapArgs)]
pub struct Mcp {
    /// Address of the server; without it the demo that runs on this machine.
    #[arg(long, env = "ASKLINE_URL")]
    pub url: Option<String>,
    /// Folder of the demo's data.
    #[arg(long, env = "ASKLINE_DEMO_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Business, when you belong to several.
    #[arg(long, env = "ASKLINE_BUSINESS")]
    pub business: Option<String>,
}

#[derive(ClapArgs)]
pub struct Ask {
    /// The question, in your own words.
    pub question: String,
    #[command(flatten)]
    pub server: Server,
    /// Ask in this process on the sample shop: no server needed.
    #[arg(long)]
    pub demo: bool,
    /// Connection to ask (id or name); without it the first one that is ready.
    #[arg(long)]
    pub connection: Option<String>,
    /// Conversation to go on with.
    #[arg(long)]
    pub conversation: Option<String>,
    /// Print the events as JSON lines.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct Keys {
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Seal all credentials for a new key pair. The old private key is ASKLINE_SECRETS__VAULT_PREVIOUS_PRIVATE_KEY;
    /// embedded, the pair in the data folder is changed.
    Rotate,
}

#[derive(ClapArgs)]
pub struct Connection {
    #[command(subcommand)]
    pub command: ConnectionCommand,
}

#[derive(Subcommand)]
pub enum ConnectionCommand {
    /// Add a database; it is tested and read at once.
    Add {
        /// A name for people.
        name: String,
        /// postgres://…, mysql://… or sqlite:FILE. With `-` it is read from standard input, so that a password stays
        /// out of the shell's history.
        #[arg(required_unless_present = "file")]
        database_url: Option<String>,
        /// A CSV file or an Excel workbook instead: it is uploaded and becomes a database of its own.
        #[arg(long, value_name = "FILE", conflicts_with = "database_url")]
        file: Option<PathBuf>,
        /// The environment variable that holds a second URL, whose login may change data: then changes can be asked for,
        /// and a person must approve each.
        #[arg(long, value_name = "NAME", conflicts_with = "file")]
        write_url_env: Option<String>,
        #[command(flatten)]
        server: Server,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the databases.
    List {
        #[command(flatten)]
        server: Server,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What each role may see of a database.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Allow changes on a database. Each one waits until a person has approved it.
    AllowWrites {
        /// Id or name.
        connection: String,
        /// The environment variable that holds a second URL, whose login may change data; without it the URL is read
        /// from standard input.
        #[arg(long, value_name = "NAME")]
        write_url_env: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Allow changes on a database no more.
    DenyWrites {
        /// Id or name.
        connection: String,
        #[command(flatten)]
        server: Server,
    },
    /// Set how many rows a database may expect to go through for one statement.
    Bound {
        /// Id or name.
        connection: String,
        /// Rows, or `default` for what the settings say.
        rows: String,
        #[command(flatten)]
        server: Server,
    },
    /// Test a database again.
    Test {
        /// Id or name.
        connection: String,
        #[command(flatten)]
        server: Server,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Print the policy as JSON.
    Show {
        /// Id or name of the connection.
        connection: String,
        #[command(flatten)]
        server: Server,
    },
    /// Replace the policy. It is checked first.
    Set {
        /// Id or name of the connection.
        connection: String,
        /// JSON as `policy show` prints it; `-` reads standard input.
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(ClapArgs)]
pub struct Guard {
    #[command(subcommand)]
    pub command: GuardCommand,
}

#[derive(Subcommand)]
pub enum GuardCommand {
    /// Read statements (TSV with the columns id and sql) from standard input and print a verdict for each (JSON lines).
    Check(GuardCheck),
}

#[derive(ClapArgs)]
pub struct GuardCheck {
    /// Dialect of the statements: postgres, mysql or sqlite.
    #[arg(long)]
    pub dialect: String,
    /// Policy (JSON): tables, columns, rules.
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// An attribute of the user that row filters name, such as `region=EU`. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub user: Vec<String>,
}

#[derive(ClapArgs)]
pub struct User {
    #[command(subcommand)]
    pub command: UserCommand,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a user to a business; both are made where they do not exist. The password comes from standard input.
    Add {
        /// E-mail address.
        email: String,
        /// Name of the business.
        #[arg(long)]
        business: String,
        /// What the user may do there.
        #[arg(long, value_enum, default_value_t = RoleArg::Member)]
        role: RoleArg,
    },
    /// Take a user's access to a business away. It counts from the next step of every question on.
    Remove {
        /// E-mail address.
        email: String,
        /// Name of the business.
        #[arg(long)]
        business: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Viewer,
    Member,
    Manager,
    Admin,
}

#[derive(ClapArgs)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Look as the demo would.
    #[arg(long)]
    pub demo: bool,
}

#[derive(ClapArgs)]
pub struct Settings {
    /// Print the JSON schema of the settings file instead.
    #[arg(long)]
    pub schema: bool,
    /// Check the settings in force and print nothing else.
    #[arg(long, conflicts_with = "schema")]
    pub check: bool,
}

#[derive(ClapArgs)]
pub struct Health {
    /// Address to ask, such as http://127.0.0.1:9090/ready.
    #[arg(long)]
    pub url: String,
}

#[derive(ClapArgs)]
pub struct Eval {
    #[command(subcommand)]
    pub command: EvalCommand,
}

#[derive(Subcommand)]
pub enum EvalCommand {
    /// Drive recorded SQL through the whole pipeline and compare it with the same SQL run directly.
    Replay(EvalReplay),
    /// Ask the questions with the built-in rules alone: how many they answer, rightly, and how many they leave.
    Rules(EvalRules),
}

#[derive(ClapArgs)]
pub struct EvalReplay {
    #[command(flatten)]
    pub of: EvalData,
    /// Recorded SQL (JSONL).
    #[arg(long, value_name = "FILE")]
    pub replay: PathBuf,
    /// Whose SQL: empty for the main model, `gold` for the gold SQL, else a name in the file.
    #[arg(long, default_value = "")]
    pub model: String,
}

#[derive(ClapArgs)]
pub struct EvalRules {
    #[command(flatten)]
    pub of: EvalData,
}

/// Which questions, and where their rows are.
#[derive(ClapArgs)]
pub struct EvalData {
    /// Folder with questions.jsonl, schemas/, db/ and ddl/.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Suite of questions.
    #[arg(long)]
    pub suite: String,
    /// Server for suites that need one (defog_postgres): a URL of a PostgreSQL whose user may create databases.
    #[arg(long, env = "ASKLINE_TEST_POSTGRES_URL", hide_env_values = true)]
    pub postgres: Option<String>,
    /// As above, for MySQL and MariaDB.
    #[arg(long, env = "ASKLINE_TEST_MYSQL_URL", hide_env_values = true)]
    pub mysql: Option<String>,
    /// Only so many questions.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct Bench {
    #[command(subcommand)]
    pub command: BenchCommand,
}

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Whole turns through RabbitMQ, Redis and PostgreSQL, beside a raw relay.
    Pipeline(BenchPipeline),
    /// What a turn costs while many others wait in line, with a process for each role.
    Waiting(BenchWaiting),
    /// Whole turns in embedded mode, which needs no server.
    Embedded(BenchEmbedded),
    /// One process of an installation that is measured: `bench pipeline` starts it.
    #[command(hide = true)]
    Role(BenchRole),
}

#[derive(ClapArgs)]
pub struct BenchEmbedded {
    /// Turns under load.
    #[arg(long, default_value_t = 2_000)]
    pub turns: usize,
    /// Turns in flight.
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// Turns one at a time, for p50 and p99.
    #[arg(long, default_value_t = 300)]
    pub single: usize,
    /// Turns before the measurement.
    #[arg(long, default_value_t = 200)]
    pub warmup: usize,
    /// Where the data folder is made, and removed again. The system's folder for temporary files when it is not named:
    /// that may lie in memory.
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct BenchWaiting {
    /// How many wait: each length is measured by itself.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000, 100_000])]
    pub waiting: Vec<u64>,
    /// Turns that leave the line while it is measured; it is kept at its length meanwhile.
    #[arg(long, default_value_t = 3_000)]
    pub turns: u64,
    /// Print a line of JSON for each.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct BenchRole {
    /// `api`, `sweep`, or a kind of job.
    pub role: String,
}

#[derive(ClapArgs)]
pub struct BenchPipeline {
    /// Turns under load.
    #[arg(long, default_value_t = 3_000)]
    pub turns: usize,
    /// Turns in flight.
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// Turns one at a time, for p50 and p99.
    #[arg(long, default_value_t = 300)]
    pub single: usize,
    /// Turns before the measurement.
    #[arg(long, default_value_t = 500)]
    pub warmup: usize,
    /// The turns under load are shared among so many rounds, with the raw relay before, between and after them.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Processes for each kind of job that a turn goes through, beside one for each other role. Everything is in one process when
    /// it is not named.
    #[arg(long)]
    pub processes: Option<usize>,
    /// A folder of programs that measure what else could be used, such as ops/peers: each is run beside the relay.
    #[arg(long)]
    pub peers: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
