use crate::args::{RoleArg, User as UserArgs, UserCommand};
use crate::{output, process};
use anyhow::{Context, Result, bail};
use app::NewMember;
use contracts::Role;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

const SHORTEST_PASSWORD: usize = 10;

/// Who may log in.
pub async fn run(config: Option<PathBuf>, args: UserArgs) -> Result<ExitCode> {
    let settings = process::settings(config)?;
    let done = match args.command {
        UserCommand::Add { email, business, role } => {
            let member = NewMember { email, password: read_password()?, business, role: role.into() };
            app::add_member(&settings, member).await?
        }
        UserCommand::Remove { email, business } => app::remove_member(&settings, &email, &business).await?,
    };
    output::line(done);
    Ok(ExitCode::SUCCESS)
}

fn read_password() -> Result<String> {
    if std::io::stdin().is_terminal() {
        output::note("Type the password and end with Ctrl-D (it is shown), or pipe it in:");
    }
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("the password cannot be read from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    if password.chars().count() < SHORTEST_PASSWORD {
        bail!("the password has fewer than {SHORTEST_PASSWORD} characters: pipe a longer one into this command");
    }
    Ok(password)
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Member => Self::Member,
            RoleArg::Manager => Self::Manager,
            RoleArg::Admin => Self::Admin,
        }
    }
}
