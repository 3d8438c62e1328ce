use crate::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The commented defaults.
pub const DEFAULTS: &str = include_str!("../askline.default.toml");

const PREFIX: &str = "ASKLINE_";

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// A file over the defaults.
    pub file: Option<PathBuf>,
    /// The environment, as pairs.
    pub env: BTreeMap<String, String>,
}

impl Source {
    /// The process's environment, and a file.
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { file, env }
    }
}

/// Why there are no settings. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the settings file {path} cannot be read ({source}): check the path given with --config")]
    Read { path: PathBuf, source: std::io::Error },
    /// The file is no TOML.
    #[error("the settings file {path} is not valid TOML: {message}")]
    Syntax { path: PathBuf, message: String },
    /// A secret in a file.
    #[error("{path} sets secrets.{key}: secrets come from the environment only; set {PREFIX}SECRETS__{upper} or {PREFIX}SECRETS__{upper}_FILE", upper = .key.to_uppercase())]
    SecretInFile { path: PathBuf, key: String },
    /// A file that the environment names cannot be read.
    #[error("{variable} names {path}, which cannot be read ({source})")]
    SecretFile { variable: String, path: PathBuf, source: std::io::Error },
    /// A name that is no setting.
    #[error("{name} names no setting: use {PREFIX}<SECTION>__<KEY>, such as {PREFIX}SERVER__LISTEN")]
    UnknownVariable { name: String },
    /// A value of the wrong type, an unknown key, a missing one.
    #[error("settings: {0}. `askline settings` prints every setting with its default")]
    Invalid(String),
}

/// Reads defaults, file and environment.
pub fn load(source: &Source) -> Result<Settings, Error> {
    let mut settings: Table = DEFAULTS.parse().map_err(|error: toml::de::Error| Error::Invalid(error.to_string()))?;
    if let Some(path) = &source.file {
        merge(&mut settings, read_file(path)?);
    }
    for (name, text) in &source.env {
        overlay(&mut settings, name, text)?;
    }
    serde_path_to_error::deserialize(Value::Table(settings)).map_err(|error| {
        let message = one_line(error.inner().message());
        Error::Invalid(format!("{}: {message}", error.path()))
    })
}

/// The JSON schema of the settings.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Settings).to_value()
}

fn one_line(message: &str) -> String {
    message.replace('\n', " ").trim().to_owned()
}

fn read_file(path: &Path) -> Result<Table, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| Error::Syntax {
        path: path.to_owned(),
        message: one_line(&error.to_string()),
    })?;
    match table.get("secrets").and_then(Value::as_table).and_then(|secrets| secrets.keys().next()) {
        Some(key) => Err(Error::SecretInFile { path: path.to_owned(), key: key.clone() }),
        None => Ok(table),
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Sets one value from `ASKLINE_SECTION__KEY` (or `ASKLINE_MODE`). Variables without `__` that other commands own
/// (`ASKLINE_TEST_…`, `ASKLINE_TOKEN`, …) are left alone.
fn overlay(settings: &mut Table, name: &str, text: &str) -> Result<(), Error> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    if path == "mode" {
        settings.insert("mode".into(), Value::String(text.to_owned()));
        return Ok(());
    }
    let Some((section, key)) = path.split_once("__") else { return Ok(()) };
    let unknown = || Error::UnknownVariable { name: name.to_owned() };
    if section == "secrets" {
        let (key, secret) = read_secret(name, key, text)?;
        let secrets = settings.entry("secrets").or_insert_with(|| Value::Table(Table::new()));
        secrets.as_table_mut().ok_or_else(unknown)?.insert(key, Value::String(secret));
        return Ok(());
    }
    let table = settings.get_mut(section).and_then(Value::as_table_mut).ok_or_else(unknown)?;
    let value = typed(table.get(key), text);
    table.insert(key.to_owned(), value);
    Ok(())
}

fn read_secret(variable: &str, key: &str, text: &str) -> Result<(String, String), Error> {
    let Some(key) = key.strip_suffix("_file") else { return Ok((key.to_owned(), text.to_owned())) };
    let path = PathBuf::from(text);
    let secret = std::fs::read_to_string(&path).map_err(|source| Error::SecretFile {
        variable: variable.to_owned(),
        path,
        source,
    })?;
    Ok((key.to_owned(), secret.trim_end().to_owned()))
}

/// Text as the type of the default; where that is no string, as TOML.
fn typed(default: Option<&Value>, text: &str) -> Value {
    let string = Value::String(text.to_owned());
    if matches!(default, None | Some(Value::String(_))) {
        return string;
    }
    format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value")).unwrap_or(string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
        let env = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        load(&Source { file: None, env })
    }

    #[test]
    fn the_defaults_load() {
        let settings = with_env(&[]).unwrap();
        assert_eq!(settings.turn.correction_rounds, 2);
    }

    #[test]
    fn the_environment_wins_and_keeps_types() {
        let settings = with_env(&[("ASKLINE_TURN__DEADLINE_S", "7"), ("ASKLINE_SERVER__LISTEN", "[::1]:1")]).unwrap();
        assert_eq!((settings.turn.deadline_s, settings.server.listen.as_str()), (7, "[::1]:1"));
    }

    #[test]
    fn providers_can_be_set_from_the_environment() {
        let settings = with_env(&[("ASKLINE_LLM__PROVIDERS", "[{name='a',kind='rules'}]")]).unwrap();
        assert_eq!(settings.llm.providers[0].name, "a");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = with_env(&[("ASKLINE_SERVER__LISTENN", "x")]).unwrap_err().to_string();
        assert!(error.contains("listenn"), "{error}");
        let error = with_env(&[("ASKLINE_SERVR__LISTEN", "x")]).unwrap_err().to_string();
        assert!(error.contains("ASKLINE_SERVR__LISTEN"), "{error}");
    }

    #[test]
    fn a_secret_in_a_file_is_refused_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("askline.toml");
        std::fs::write(&file, "[secrets]\njwt_secret = \"hush\"\n").unwrap();
        let error = load(&Source { file: Some(file), env: BTreeMap::new() }).unwrap_err().to_string();
        assert!(error.contains("ASKLINE_SECRETS__JWT_SECRET") && !error.contains("hush"), "{error}");
        let settings = with_env(&[("ASKLINE_SECRETS__JWT_SECRET", "hush")]).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn a_secret_may_lie_in_a_file_that_the_environment_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "hush\n").unwrap();
        let settings = with_env(&[("ASKLINE_SECRETS__JWT_SECRET_FILE", file.to_str().unwrap())]).unwrap();
        assert_eq!(settings.secrets.jwt_secret.reveal(), "hush");
    }
}
