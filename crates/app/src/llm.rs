use adapter_llm::{ApiKey, Chain, Limited, Openai, OpenaiConfig, Provider, Replay, ReplayConfig, Rules, Unconfigured};
use anyhow::{Context, Result, bail};
use ports::{Clock, Limiter, Llm};
use settings::{Llm as LlmSettings, Provider as ProviderSettings, ProviderKind};
use std::sync::Arc;
use std::time::Duration;

/// The chain of providers that the settings name.
pub(crate) fn chain(settings: &LlmSettings, limiter: &Arc<dyn Limiter>, clock: Arc<dyn Clock>) -> Result<Arc<dyn Llm>> {
    if settings.providers.is_empty() {
        return Ok(Arc::new(Unconfigured::default()));
    }
    let providers = settings.providers.iter().map(|settings| bounded(settings, limiter)).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Chain::new(providers, clock)))
}

fn bounded(settings: &ProviderSettings, limiter: &Arc<dyn Limiter>) -> Result<Arc<dyn Provider>> {
    let provider = provider(settings)?;
    match settings.max_in_flight {
        0 => Ok(provider),
        most => Ok(Arc::new(Limited::new(provider, limiter.clone(), most))),
    }
}

fn provider(settings: &ProviderSettings) -> Result<Arc<dyn Provider>> {
    match settings.kind {
        ProviderKind::Openai => Ok(Arc::new(Openai::new(openai(settings)?)?)),
        ProviderKind::Replay => Ok(Arc::new(Replay::load(ReplayConfig {
            name: settings.name.clone(),
            path: settings.path.clone(),
            suite: settings.suite.clone(),
            model: settings.model.clone(),
        })?)),
        ProviderKind::Rules => Ok(Arc::new(Rules::new(settings.name.clone(), adapter_llm::BuiltIn))),
    }
}

fn openai(settings: &ProviderSettings) -> Result<OpenaiConfig> {
    if settings.model.is_empty() {
        bail!("provider {}: model is missing: name the model that the server should use", settings.name);
    }
    Ok(OpenaiConfig {
        name: settings.name.clone(),
        base_url: settings.base_url.clone(),
        model: settings.model.clone(),
        api_key: api_key(settings)?,
        api_key_env: settings.api_key_env.clone(),
        first_byte_timeout: Duration::from_secs(settings.first_byte_timeout_s),
        stall_timeout: Duration::from_secs(settings.stall_timeout_s),
        attempts: settings.attempts,
        json_schema: settings.json_schema,
    })
}

fn api_key(settings: &ProviderSettings) -> Result<Option<ApiKey>> {
    let variable = &settings.api_key_env;
    if variable.is_empty() {
        return Ok(None);
    }
    let key = std::env::var(variable)
        .with_context(|| format!("provider {}: set {variable} in the environment", settings.name))?;
    Ok(Some(ApiKey::new(&key)?))
}
