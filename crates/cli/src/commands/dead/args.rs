use crate::args::Server;
use clap::{Args, Subcommand, ValueEnum};

/// See `Command::Dead`.
#[derive(Args)]
pub struct Dead {
    #[command(subcommand)]
    pub command: DeadCommand,
}

#[derive(Subcommand)]
pub enum DeadCommand {
    /// List dead jobs, oldest first.
    List(List),
    /// Show a dead job with its input and its error.
    Show(Show),
    /// Run dead jobs again, from the failed step, each in a new response.
    Replay(Decide),
    /// Drop dead jobs: they are kept, and are open no more.
    Drop(Decide),
}

/// Whose desk.
#[derive(Args)]
pub struct Desk {
    #[command(flatten)]
    pub server: Server,
    /// Look into the store that the settings name instead: jobs of every business, and those of none.
    #[arg(long, conflicts_with_all = ["url", "business"])]
    pub operator: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which jobs.
#[derive(Args, Clone)]
pub struct Filter {
    /// Kind of job, such as execute_sql.
    #[arg(long)]
    pub kind: Option<String>,
    /// Error code, or a part of the error.
    #[arg(long)]
    pub error: Option<String>,
    /// Given up then or later: 90m, 2h or 7d ago, 2026-11-27, or 2026-11-27T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Given up before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    pub filter: Filter,
    /// What became of them.
    #[arg(long, value_enum, default_value_t = State::Open)]
    pub state: State,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    #[command(flatten)]
    pub desk: Desk,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    Open,
    Replayed,
    Dropped,
    Any,
}

impl State {
    /// The name that the API knows; `None` for any.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Open => Some("open"),
            Self::Replayed => Some("replayed"),
            Self::Dropped => Some("dropped"),
            Self::Any => None,
        }
    }
}

#[derive(Args)]
pub struct Show {
    /// Id of the job, as the error of the response names it.
    pub id: String,
    #[command(flatten)]
    pub desk: Desk,
}

#[derive(Args)]
pub struct Decide {
    /// Ids of jobs.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// Every open job that fits.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub filter: Filter,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub desk: Desk,
}
