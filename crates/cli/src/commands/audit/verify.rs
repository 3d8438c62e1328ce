//! Whether the audit is as it was written.

use super::args::Verify;
use crate::{output, process};
use anyhow::{Result, bail};
use app::{AuditDesk, CheckedChain, Verified};
use contracts::BusinessId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

const FOUND: u8 = 1;
const NOT_LOOKED: u8 = 2;
/// Of SHA-256, in hex.
const HASH_LENGTH: usize = 64;

pub async fn run(config: Option<PathBuf>, args: Verify) -> ExitCode {
    let as_json = args.json;
    match verify(config, args).await.and_then(|verified| tell(&verified, as_json).map(|()| verified.is_sound())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND),
        Err(error) => {
            output::error(&error.context("the audit was not checked"));
            ExitCode::from(NOT_LOOKED)
        }
    }
}

async fn verify(config: Option<PathBuf>, args: Verify) -> Result<Verified> {
    if let Some(wrong) = args.heads.iter().find(|hash| !is_hash(hash)) {
        bail!("{wrong:?} is no hash: give the last word of a line of `askline audit head`");
    }
    let desk = AuditDesk::open(&process::settings(config)?).await?;
    let business = args.business.map(BusinessId);
    let bar = progress();
    let verified = desk
        .verify(business.as_ref(), &args.heads, &mut |read, total| {
            bar.set_length(total.max(read));
            bar.set_position(read);
        })
        .await;
    bar.finish_and_clear();
    let verified = verified?;
    match business {
        Some(business) if verified.chains.is_empty() => {
            bail!("there is no audit of {business}: `askline audit head` lists the businesses that have one")
        }
        _ => Ok(verified),
    }
}

fn is_hash(text: &str) -> bool {
    let text = text.trim();
    text.len() == HASH_LENGTH && text.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// Hidden by itself where standard error is no terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0).with_message("rows");
    match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn tell(verified: &Verified, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(&body(verified));
    }
    for chain in &verified.chains {
        output::line(summary(chain));
        for finding in &chain.checked.findings {
            output::line(format!("  {}", finding.sentence()));
        }
        if chain.checked.more_findings > 0 {
            output::line(format!("  And {} more findings.", chain.checked.more_findings));
        }
    }
    for hash in &verified.not_found {
        output::line(format!("{hash}: {}", not_found()));
    }
    match (verified.chains.is_empty(), verified.is_sound()) {
        (true, true) => output::note("No chain has begun: nothing has run yet."),
        (false, true) => output::note("The audit is as it was written."),
        (_, false) => {
            output::note("The audit is not as it was written: keep the store as it is, and compare it with a backup.")
        }
    }
    Ok(())
}

fn not_found() -> &'static str {
    "This hash is in no chain: rows were cut off or written anew after it was noted. Look for it in a backup."
}

fn summary(chain: &CheckedChain) -> String {
    let checked = &chain.checked;
    let mut parts = vec![format!("{} rows", checked.rows)];
    if checked.open_intents > 0 {
        parts.push(format!("{} statements whose end is not known", checked.open_intents));
    }
    if chain.unchained > 0 {
        parts.push(format!("{} rows from before the chain", chain.unchained));
    }
    let word = if checked.findings.is_empty() { "sound" } else { "NOT AS WRITTEN" };
    format!("{}: {word}: {}", chain.business, parts.join(", "))
}

fn body(verified: &Verified) -> Value {
    let chains: Vec<Value> = verified.chains.iter().map(chain_body).collect();
    json!({"sound": verified.is_sound(), "chains": chains, "hashes_not_found": verified.not_found})
}

fn chain_body(chain: &CheckedChain) -> Value {
    let checked = &chain.checked;
    let findings = checked.findings.iter().map(|finding| {
        json!({
            "seq": finding.seq,
            "id": finding.id,
            "fault": finding.fault.name(),
            "message": finding.sentence(),
        })
    });
    json!({
        "business": chain.business,
        "rows": checked.rows,
        "head": checked.last.as_ref().map(|last| json!({"seq": last.seq, "hash": last.hash})),
        "end_not_known": checked.open_intents,
        "from_before_the_chain": chain.unchained,
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": checked.more_findings,
    })
}
