use crate::args::Demo as DemoArgs;
use crate::{output, process};
use anyhow::{Context, Result};
use app::{Demo, Overrides, Roles, Running, Shutdown};
use settings::Settings;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const QUESTION: &str = "How many customers do we have?";

/// Everything in this process, on the sample shop.
pub async fn run(config: Option<PathBuf>, args: DemoArgs) -> Result<ExitCode> {
    let mut settings = process::settings(config)?;
    quiet_on_a_terminal(&mut settings);
    let _telemetry = process::telemetry(&settings, "demo")?;
    let folder = process::demo_folder(args.data_dir.clone());
    settings.server.listen = format!("127.0.0.1:{}", args.port);
    let (demo, running) = start(&mut settings, &folder, Shutdown::on_signals()?).await?;
    if args.json {
        output::json(&demo)?;
    } else {
        invite(&demo, &settings, &args);
    }
    running.until_stopped().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a demo in a folder and leaves a note of it there.
pub async fn start(settings: &mut Settings, folder: &Path, shutdown: Shutdown) -> Result<(Demo, Running)> {
    app::demo_settings(settings, folder);
    let roles = Roles::all();
    let composed = app::compose(settings, &roles, Overrides::default()).await?;
    let mut demo = app::prepare_demo(&composed.ports, settings).await.context("the demo cannot be prepared")?;
    let running = app::start(settings, &roles, composed, shutdown).await?;
    let address = running.address.context("the API does not listen")?;
    demo.url = format!("http://{address}");
    demo.write(folder).context("the demo's note cannot be written")?;
    Ok((demo, running))
}

/// The invitation is for people; every job as a log line beside it is not.
fn quiet_on_a_terminal(settings: &mut Settings) {
    if settings.telemetry.log == "info" {
        settings.telemetry.log = "warn".into();
    }
}

fn invite(demo: &Demo, settings: &Settings, args: &DemoArgs) {
    let folder = args.data_dir.as_ref().map(|folder| format!(" --data-dir {}", folder.display())).unwrap_or_default();
    let providers: Vec<_> = settings.llm.providers.iter().map(|provider| provider.name.as_str()).collect();
    output::line(output::out("Askline is ready.", output::BOLD));
    output::line("");
    output::line(format!("  page      {}", output::out(&demo.url, output::BOLD)));
    output::line(format!("  login     {}", demo.email));
    output::line(format!("  password  {}", demo.password));
    output::line(format!("  answers   {}", providers.join(", then ")));
    if providers == ["rules"] {
        output::line("            built-in rules, no language model: simple questions only");
    }
    output::line("");
    output::line("Try it in another terminal:");
    output::line("");
    let program = std::env::args().next().unwrap_or_else(|| "askline".into());
    output::line(format!("  {program} ask{folder} \"{QUESTION}\""));
    output::line("");
    output::line(output::out("Ctrl-C stops it.", output::DIM));
}
