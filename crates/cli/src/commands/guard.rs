//! `askline guard check`: statements in, verdicts out, one by one.

mod tsv;

use crate::args::{Guard, GuardCheck, GuardCommand};
use crate::output;
use anyhow::{Context, Result, anyhow, bail};
use contracts::Dialect;
use serde::Serialize;
use sql_guard::{Attributes, Policy};
use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;
use tsv::Header;

/// Work on the SQL guard.
pub fn run(args: Guard) -> Result<ExitCode> {
    match args.command {
        GuardCommand::Check(check) => self::check(&check, &mut std::io::stdin().lock()),
    }
}

/// What the guard says about one statement.
#[derive(Serialize)]
struct Verdict<'a> {
    id: &'a str,
    verdict: &'static str,
    rule: Option<&'static str>,
    message: Option<String>,
    sql: Option<String>,
}

fn check(args: &GuardCheck, input: &mut impl BufRead) -> Result<ExitCode> {
    let policy = policy(args)?;
    let mut lines = numbered(input);
    let Some((_, first)) = lines.next().transpose()? else {
        bail!("line 1: standard input is empty; the first line must name the columns id and sql, separated by tabs");
    };
    let header = Header::read(&first)?;
    for line in lines {
        let (number, text) = line?;
        if text.is_empty() {
            continue;
        }
        let row = header.row(&text).with_context(|| format!("line {number}"))?;
        output::json(&judge(row.id, &row.sql, &policy))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn judge<'a>(id: &'a str, sql: &str, policy: &Policy) -> Verdict<'a> {
    match sql_guard::check(sql, policy) {
        Ok(checked) => Verdict { id, verdict: "allow", rule: None, message: None, sql: Some(checked.sql) },
        Err(refusal) => {
            Verdict { id, verdict: "refuse", rule: Some(refusal.rule), message: Some(refusal.message), sql: None }
        }
    }
}

/// Lines with their numbers, as they arrive.
fn numbered(input: &mut impl BufRead) -> impl Iterator<Item = Result<(usize, String)>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        number += 1;
        match input.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(text(bytes, number)),
            Err(error) => Some(Err(anyhow!(error).context(format!("line {number}: standard input cannot be read")))),
        }
    })
}

fn text(mut bytes: Vec<u8>, number: usize) -> Result<(usize, String)> {
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow!("line {number}: this is not UTF-8; convert the file, or write the bytes as \\xHH"))?;
    Ok((number, text))
}

fn policy(args: &GuardCheck) -> Result<Policy> {
    let dialect = Dialect::parse(&args.dialect)
        .ok_or_else(|| anyhow!("there is no dialect {:?}; use postgres, mysql or sqlite", args.dialect))?;
    let policy = read(&args.policy)?;
    if policy.dialect() != dialect {
        bail!(
            "the policy {} is for {}, not for {}; name the policy of this dialect",
            args.policy.display(),
            policy.dialect().as_str(),
            dialect.as_str()
        );
    }
    let attributes = args.user.iter().map(|pair| attribute(pair)).collect::<Result<Attributes>>()?;
    Ok(policy.for_user(&attributes)?)
}

fn read(path: &Path) -> Result<Policy> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the policy {shown} cannot be read; name a JSON file with --policy"))?;
    serde_json::from_str(&text).with_context(|| format!("the policy {shown} cannot be used; correct it there"))
}

/// `region=EU`; the value is JSON where it can be read as JSON, else text.
fn attribute(pair: &str) -> Result<(String, serde_json::Value)> {
    let (name, value) =
        pair.split_once('=').with_context(|| format!("--user {pair:?} has no value; write it as --user region=EU"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}
