use crate::args::{Keys, KeysCommand, Settings as SettingsArgs};
use crate::{output, process};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Brings the app store's tables up to date.
pub async fn migrate(config: Option<PathBuf>) -> Result<ExitCode> {
    app::migrate(&process::settings(config)?).await?;
    output::line("The app store is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Makes secrets, or seals credentials for new ones.
pub async fn keys(config: Option<PathBuf>, args: Keys) -> Result<ExitCode> {
    match args.command {
        None => make_keys(),
        Some(KeysCommand::Rotate) => {
            output::line(app::rotate_keys(&mut process::settings(config)?).await?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn make_keys() -> Result<ExitCode> {
    let (vault_public_key, vault_private_key) = app::generate_vault_keys()?;
    output::json(&json!({
        "jwt_secret": app::random_secret(),
        "vault_public_key": vault_public_key,
        "vault_private_key": vault_private_key,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the settings' defaults or schema.
pub fn settings(config: Option<PathBuf>, args: SettingsArgs) -> Result<ExitCode> {
    if args.check {
        process::settings(config)?;
        output::line("The settings are valid.");
    } else if args.schema {
        output::line(serde_json::to_string_pretty(&settings::json_schema())?);
    } else {
        output::text(settings::DEFAULTS);
    }
    Ok(ExitCode::SUCCESS)
}
