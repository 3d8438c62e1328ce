//! MCP on standard input and output: a bridge to the MCP server of an installation.

mod bridge;
mod message;

use crate::args::{Mcp, Server};
use crate::client::Client;
use crate::output;
use anyhow::{Context, Result};
use bridge::Bridge;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const TOKEN: &str = "ASKLINE_TOKEN";

/// Passes messages on until the client closes its end, and then the answers that are still to come. The token comes
/// from the environment: a command line can be read by everybody on the machine.
pub async fn run(args: Mcp) -> Result<ExitCode> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let url = args.url.inspect(|url| output::note(format!("passing on to {url}/mcp")));
    if url.is_some() && token.is_none() {
        anyhow::bail!("set {TOKEN} in the environment of this program: log in over POST /v1/auth/login for a token");
    }
    let client = Client::new(&Server { url, token, data_dir: args.data_dir, business: args.business })?;
    // A server that is away, or that refuses the token, is told at once and not with the first call.
    client.get("/v1/me").await.context("the server cannot be used")?;
    let bridge = Arc::new(Bridge::new(client));
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.context("standard input cannot be read")? {
        if !line.trim().is_empty() {
            bridge.take(&line);
        }
    }
    bridge.drained().await;
    Ok(ExitCode::SUCCESS)
}
