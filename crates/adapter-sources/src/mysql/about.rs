use super::session::Session;
use crate::cell::as_text;
use ports::source::{About, Error};

/// Rights that change rows or tables.
const WRITES: [&str; 9] =
    ["ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "TRIGGER", "EVENT"];
/// Rights over the server.
const POWERS: [&str; 4] = ["ALL PRIVILEGES", "SUPER", "FILE", "SHUTDOWN"];
const ADVICE: &str = "give it a user that may only SELECT";

const TABLES: &str = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()";

/// Other databases that the user sees.
const DATABASES: &str = "SELECT CAST(SCHEMA_NAME AS CHAR) FROM information_schema.SCHEMATA \
    WHERE SCHEMA_NAME <> DATABASE() AND SCHEMA_NAME NOT IN ('information_schema', 'performance_schema', 'sys') ORDER BY 1";

/// Views here whose making the user may not see: what a question on them costs is not known before it runs.
const HIDDEN_VIEWS: &str = "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.VIEWS \
    WHERE TABLE_SCHEMA = DATABASE() AND VIEW_DEFINITION = '' ORDER BY 1";

const NAMED: usize = 10;

pub(super) async fn about(session: &mut Session) -> Result<About, Error> {
    let tables = session.rows(TABLES).await?;
    let grants: Vec<String> =
        session.rows("SHOW GRANTS").await?.iter().filter_map(|row| as_text(row.first()?)).collect();
    let mut warnings = warnings(&grants);
    let others = names(session, DATABASES).await?;
    if !others.is_empty() {
        warnings.push(format!(
            "the user sees other databases ({}); if one of them belongs to somebody else, give it a user without them",
            named(&others)
        ));
    }
    let hidden = names(session, HIDDEN_VIEWS).await?;
    if !hidden.is_empty() {
        warnings.push(format!(
            "what a question on a view costs cannot be known before it runs ({}); grant SHOW VIEW on them",
            named(&hidden)
        ));
    }
    if tables.first().and_then(|row| row.first()).and_then(|count| count.as_u64()) == Some(0) {
        warnings.push("the database has no tables that the user may read: there is nothing to ask yet".to_owned());
    }
    Ok(About { version: product(&session.version), warnings })
}

async fn names(session: &mut Session, sql: &str) -> Result<Vec<String>, Error> {
    Ok(session.rows(sql).await?.iter().filter_map(|row| as_text(row.first()?)).collect())
}

fn named(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}

fn product(version: &str) -> String {
    match version.split_once("-MariaDB") {
        Some((number, _)) => format!("MariaDB {number}"),
        None => format!("MySQL {version}"),
    }
}

/// From lines such as `GRANT SELECT, FILE ON *.* TO …`.
fn warnings(grants: &[String]) -> Vec<String> {
    let rights: Vec<(&str, bool)> = grants.iter().flat_map(|grant| rights(grant)).collect();
    let mut warnings = Vec::new();
    if rights.iter().any(|(right, everywhere)| *everywhere && POWERS.contains(right)) {
        warnings.push(format!("the user may read and write files of the server or administer it; {ADVICE}"));
    }
    if rights.iter().any(|(right, _)| WRITES.contains(right)) {
        warnings.push(format!("the user may change rows or tables; {ADVICE}"));
    }
    warnings
}

/// The rights of one line, and whether they hold for the whole server.
fn rights(grant: &str) -> Vec<(&str, bool)> {
    let Some((rights, object)) = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else {
        return Vec::new();
    };
    let everywhere = object.starts_with("*.*");
    // A right on single columns is followed by them in brackets.
    let name = |right: &'_ str| right.split('(').next().unwrap_or_default().trim().len();
    rights.split(", ").map(|right| (&right.trim()[..name(right.trim())], everywhere)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(grant: &str) -> usize {
        warnings(&[grant.to_owned()]).len()
    }

    #[test]
    fn a_user_that_may_write_or_read_files_is_warned_of() {
        assert_eq!(warned("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"), 2);
        assert_eq!(warned("GRANT FILE ON *.* TO `a`@`%`"), 1);
        assert_eq!(warned("GRANT SELECT, INSERT (`b`) ON `shop`.`orders` TO `a`@`%`"), 1);
    }

    #[test]
    fn a_reader_is_not() {
        assert_eq!(warned("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*1'"), 0);
        assert_eq!(warned("GRANT SELECT, SHOW VIEW ON `shop`.* TO `a`@`%`"), 0);
        assert_eq!(warned("GRANT `INSERT`@`%` TO `a`@`%`"), 0);
    }

    #[test]
    fn the_product_is_named() {
        assert_eq!(product("10.11.19-MariaDB-0+deb12u1"), "MariaDB 10.11.19");
        assert_eq!(product("8.0.36"), "MySQL 8.0.36");
    }
}
