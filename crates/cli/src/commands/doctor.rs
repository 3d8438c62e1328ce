use crate::args::Doctor;
use crate::{output, process};
use anyhow::Result;
use app::Roles;
use std::path::PathBuf;
use std::process::ExitCode;

/// Says what is reachable and what is missing. Exit code 1 when something is.
pub async fn run(config: Option<PathBuf>, args: Doctor) -> Result<ExitCode> {
    let mut settings = process::settings(config)?;
    if args.demo {
        app::demo_settings(&mut settings, &process::demo_folder(None));
    }
    let findings = app::doctor(&settings, &Roles::all()).await;
    let well = findings.iter().all(|finding| finding.ok);
    if args.json {
        output::json(&findings)?;
    } else {
        let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
        for finding in &findings {
            let mark = if finding.ok { output::out("ok ", output::GREEN) } else { output::out("bad", output::RED) };
            output::line(format!("{mark}  {:width$}  {}", finding.name, finding.message));
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
