use crate::args::Server;
use clap::{Args, Subcommand};

/// See `Command::Audit`.
#[derive(Args)]
pub struct Audit {
    #[command(subcommand)]
    pub command: AuditCommand,
}

#[derive(Subcommand)]
pub enum AuditCommand {
    /// List what ran, newest first.
    List(List),
    /// Print the end of each chain: business, number and hash. Keep it elsewhere: `verify --head` finds it again.
    Head(Head),
    /// Check that no row was changed, removed, put in or moved. Exit code 0 when all is well, 1 when not, 2 when it could
    /// not be looked at.
    Verify(Verify),
}

#[derive(Args)]
pub struct List {
    /// Of this response.
    #[arg(long, value_name = "RESPONSE")]
    pub turn: Option<String>,
    /// On behalf of this user (id).
    #[arg(long)]
    pub user: Option<String>,
    /// On this connection (id).
    #[arg(long)]
    pub connection: Option<String>,
    /// Written then or later: 90m, 2h or 7d ago, 2026-11-27, or 2026-11-27T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Written before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    #[command(flatten)]
    pub server: Server,
    /// Look into the store that the settings name instead, at the business of --business.
    #[arg(long, conflicts_with = "url", requires = "business")]
    pub operator: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Head {
    /// Only of this business (id).
    #[arg(long)]
    pub business: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// Only the chain of this business (id).
    #[arg(long)]
    pub business: Option<String>,
    /// A hash that `head` has printed: it must still be in the chain. May be given several times.
    #[arg(long = "head", value_name = "HASH")]
    pub heads: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
