//! Whether a server answers, without asking its model anything.

use super::config::OpenaiConfig;
use super::send::SingleSend;
use crate::provider::Failure;
use reqwest::Response;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn check(config: &OpenaiConfig, sender: &SingleSend) -> Result<String, String> {
    let url = format!("{}/models", config.base_url.trim_end_matches('/'));
    let models = async { Ok(model_names(sender.get(&url).await?).await) };
    match timeout(TIMEOUT, models).await {
        Err(_) => Err(format!("did not answer within {} s", TIMEOUT.as_secs())),
        Ok(Ok(names)) => Ok(judge(&config.model, names)),
        // Not every compatible server lists its models.
        Ok(Err(Failure::Refused { .. })) => Ok(format!("answers; whether it has {} is unknown", config.model)),
        Ok(Err(failure)) => Err(failure.to_string()),
    }
}

async fn model_names(response: Response) -> Option<Vec<String>> {
    let list: Value = response.json().await.ok()?;
    let names = list["data"].as_array()?.iter().filter_map(|model| model["id"].as_str());
    Some(names.map(str::to_owned).collect())
}

fn judge(model: &str, names: Option<Vec<String>>) -> String {
    match names {
        Some(names) if names.iter().any(|name| name == model) => format!("answers and has {model}"),
        Some(_) => format!("answers, but does not list {model}"),
        None => format!("answers; whether it has {model} is unknown"),
    }
}
