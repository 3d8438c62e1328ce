//! Where the rows of the questions are: files of the data, and databases that are made for this run and removed
//! after it.

use super::load::Question;
use super::{Missing, direct};
use crate::args::EvalData;
use crate::output;
use anyhow::{Context, Result, bail};
use contracts::Dialect;
use ports::source::Access;
use reqwest::Url;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Databases of this name (`shop/sqlite`, `shop/postgres`, `shop/mysql`) are our own sample shop.
const SAMPLE: &str = "shop/";

/// The databases of a run, by name.
pub type Databases = BTreeMap<String, Access>;

/// Works in a temporary folder, with databases that are removed afterwards, also after an error or a signal.
pub async fn with_databases<R>(
    args: &EvalData,
    work: impl AsyncFnOnce(&Path, &mut Maker<'_>) -> Result<R>,
) -> Result<R> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let mut maker = Maker::new(args, folder.path());
    let outcome = tokio::select! {
        outcome = work(folder.path(), &mut maker) => outcome,
        stopped = app::until_signal() => stopped.map_err(anyhow::Error::from).and_then(|()| bail!("stopped")),
    };
    maker.remove().await;
    outcome
}

enum Home {
    File(PathBuf),
    Dump(PathBuf),
    Sample,
}

/// Makes databases, and knows which to remove.
pub struct Maker<'a> {
    args: &'a EvalData,
    /// For files that are made.
    folder: &'a Path,
    made: Vec<Made>,
}

struct Made {
    dialect: Dialect,
    server: String,
    name: String,
}

impl<'a> Maker<'a> {
    /// Nothing is made yet.
    fn new(args: &'a EvalData, folder: &'a Path) -> Self {
        Self { args, folder, made: Vec::new() }
    }

    /// The databases that these questions ask, as far as their rows are here.
    pub async fn make(&mut self, questions: &[Question]) -> Result<Databases> {
        let wanted: BTreeMap<&str, Dialect> =
            questions.iter().map(|question| (question.database.as_str(), question.dialect)).collect();
        let mut databases = Databases::new();
        for (name, dialect) in wanted {
            if let Some(home) = self.home(name, dialect) {
                let access = self.access(home, dialect).await.with_context(|| format!("{name} cannot be made"))?;
                databases.insert(name.to_owned(), access);
            }
        }
        if databases.is_empty() {
            let suite = &self.args.suite;
            return Err(Missing(format!("no database of {suite} has its rows in {}", self.args.data.display())).into());
        }
        Ok(databases)
    }

    fn home(&self, name: &str, dialect: Dialect) -> Option<Home> {
        let stem = name.replace('/', "__");
        let file = self.args.data.join("db").join(format!("{stem}.sqlite"));
        let dump = self.args.data.join("ddl").join(format!("{stem}.{}.sql", dialect.as_str()));
        match dialect {
            _ if name.starts_with(SAMPLE) => Some(Home::Sample),
            Dialect::Sqlite => file.is_file().then_some(Home::File(file)),
            _ => dump.is_file().then_some(Home::Dump(dump)),
        }
    }

    async fn access(&mut self, home: Home, dialect: Dialect) -> Result<Access> {
        match home {
            Home::File(file) => Ok(at(&file.canonicalize()?)),
            Home::Dump(dump) => {
                let access = self.fresh(dialect).await?;
                let script = std::fs::read_to_string(&dump).with_context(|| format!("{}", dump.display()))?;
                direct::run(dialect, &access.url, script).await?;
                Ok(access)
            }
            Home::Sample => {
                let access = self.fresh(dialect).await?;
                app::sample::load(&access).await?;
                Ok(access)
            }
        }
    }

    /// An empty database. Its name is noted first, so that it is removed whatever happens.
    async fn fresh(&mut self, dialect: Dialect) -> Result<Access> {
        let server = match dialect {
            Dialect::Sqlite => return Ok(at(&self.folder.join("sample.sqlite"))),
            Dialect::Postgres => server(&self.args.postgres, "--postgres", dialect)?,
            Dialect::Mysql => server(&self.args.mysql, "--mysql", dialect)?,
        };
        let name = fresh_name();
        let mut url = Url::parse(&server).context("the server's address is no URL")?;
        url.set_path(&name);
        let statement = format!("CREATE DATABASE {name}");
        self.made.push(Made { dialect, server: server.clone(), name });
        direct::run(dialect, &server, statement).await?;
        Ok(Access { dialect, url: url.into() })
    }

    /// Removes what was made; what may not have been removed is named.
    async fn remove(self) {
        for made in self.made {
            let force = if made.dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
            let statement = format!("DROP DATABASE IF EXISTS {}{force}", made.name);
            if let Err(error) = direct::run(made.dialect, &made.server, statement).await {
                output::note(format!("the database {} may be left behind: {error:#}", made.name));
            }
        }
    }
}

fn at(file: &Path) -> Access {
    Access { dialect: Dialect::Sqlite, url: format!("sqlite:{}", file.display()) }
}

fn server(url: &Option<String>, option: &str, dialect: Dialect) -> Result<String> {
    url.clone().ok_or_else(|| {
        let product = dialect.as_str();
        Missing(format!("this suite needs {option}, the URL of a {product} server whose user may create databases"))
            .into()
    })
}

/// A name that no other run uses.
fn fresh_name() -> String {
    let random = app::random_secret().to_lowercase();
    let random: String = random.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    format!("askline_eval_{random}")
}
