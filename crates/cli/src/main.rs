//! `askline`: ask your databases in your own words.

mod args;
mod client;
mod commands;
mod output;
mod process;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

/// libc's took a quarter of the processor time of a turn.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(args).await {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.config;
    match args.command {
        Command::Demo(demo) => commands::demo::run(config, demo).await,
        Command::Serve(serve) => commands::serve::everything(config, serve).await,
        Command::Api(serve) => commands::serve::api(config, serve).await,
        Command::Worker(worker) => commands::serve::workers(config, worker).await,
        Command::Sweep => commands::serve::sweep(config).await,
        Command::Migrate => commands::setup::migrate(config).await,
        Command::Keys(args) => commands::setup::keys(config, args).await,
        Command::Settings(settings) => commands::setup::settings(config, settings),
        Command::User(user) => commands::user::run(config, user).await,
        Command::Doctor(doctor) => commands::doctor::run(config, doctor).await,
        Command::Health(health) => commands::health::run(health).await,
        Command::Ask(ask) => commands::ask::run(config, ask).await,
        Command::Mcp(mcp) => commands::mcp::run(mcp).await,
        Command::Connection(connection) => commands::connection::run(connection).await,
        Command::Guard(guard) => commands::guard::run(guard),
        Command::Dead(dead) => commands::dead::run(config, dead).await,
        Command::Audit(audit) => commands::audit::run(config, audit).await,
        Command::Eval(eval) => commands::eval::run(config, eval).await,
        Command::Bench(bench) => commands::bench::run(config, bench).await,
    }
}
