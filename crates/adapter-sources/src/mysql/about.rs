use super::session::Session;
use crate::cell::as_text;
use ports::source::{About, Error};

/// Rights that a reader should not have, and what they allow.
const POWERS: [(&[&str], &str); 7] = [
    (&["ALL PRIVILEGES"], "may do everything there"),
    (&["FILE"], "may read and write files of the server (FILE)"),
    (&["PROCESS"], "sees the statements of others (PROCESS)"),
    (
        &[
            "SUPER",
            "SHUTDOWN",
            "RELOAD",
            "CREATE USER",
            "CREATE ROLE",
            "SET USER",
            "BINLOG ",
            "CONNECTION ",
            "REPLICATION ",
        ],
        "may administer the server",
    ),
    (&["INSERT", "UPDATE", "DELETE"], "may change rows"),
    (&["CREATE", "ALTER", "DROP", "INDEX", "TRIGGER", "EVENT"], "may create or change tables, views or routines"),
    (&[GRANT_OPTION], "may give its rights to others (GRANT OPTION)"),
];
const GRANT_OPTION: &str = "GRANT OPTION";
const ADVICE: &str = "give it a user that may only SELECT";

/// Roles that are looked at.
const MAX_ROLES: usize = 20;

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
    let mut warnings = warnings(&grants(session).await?);
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

/// The user's own, and those of roles that it may take.
async fn grants(session: &mut Session) -> Result<Vec<String>, Error> {
    let own = names(session, "SHOW GRANTS").await?;
    let roles: Vec<String> = own.iter().flat_map(|grant| roles(grant)).take(MAX_ROLES).collect();
    let mut all = own;
    for role in roles {
        match of_role(session, &role).await {
            Ok(grants) => all.extend(grants),
            Err(reason) => tracing::debug!(%reason, "the rights of a role cannot be read"),
        }
    }
    Ok(all)
}

/// MariaDB shows them to whom the role is set.
async fn of_role(session: &mut Session, role: &str) -> Result<Vec<String>, Error> {
    if session.version.contains("MariaDB") {
        session.execute(format!("SET ROLE {role}")).await?;
        return names(session, "SHOW GRANTS").await;
    }
    names(session, &format!("SHOW GRANTS FOR CURRENT_USER() USING {role}")).await
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
    let rights: Vec<&str> = grants.iter().flat_map(|grant| rights(grant)).collect();
    let has =
        |power: &str| rights.iter().any(|right| *right == power || (is_family(power) && right.starts_with(power)));
    let held = POWERS.iter().filter(|(powers, _)| powers.iter().any(|power| has(power)));
    held.map(|(_, allowed)| format!("the user {allowed}; {ADVICE}")).collect()
}

/// `CREATE` stands for `CREATE VIEW` and `CREATE ROUTINE` too, but not for rights over users.
fn is_family(power: &str) -> bool {
    power.ends_with(' ') || ["CREATE", "ALTER", "DELETE"].contains(&power)
}

/// The rights of one line.
fn rights(grant: &str) -> Vec<&str> {
    let Some((rights, object)) = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else {
        return Vec::new();
    };
    // A right on single columns is followed by them in brackets.
    let named = rights.split(", ").map(|right| right.split('(').next().unwrap_or_default().trim());
    let others = object.contains(&format!(" WITH {GRANT_OPTION}")).then_some(GRANT_OPTION);
    named.filter(|right| !right.starts_with("CREATE TEMPORARY")).chain(others).collect()
}

/// The roles of a line such as ``GRANT `a`@`%`, `b`@`%` TO …``, as they were written.
fn roles(grant: &str) -> Vec<String> {
    let Some((roles, _)) = grant.strip_prefix("GRANT `").and_then(|rest| rest.split_once(" TO ")) else {
        return Vec::new();
    };
    roles.split(',').map(|role| format!("`{}", role.trim().trim_start_matches('`'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(grant: &str) -> Vec<String> {
        warnings(&[grant.to_owned()])
    }

    #[test]
    fn each_right_that_a_reader_should_not_have_is_warned_of() {
        for (grant, expected) in [
            ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`", "everything"),
            ("GRANT FILE ON *.* TO `a`@`%`", "files"),
            ("GRANT PROCESS ON *.* TO `a`@`%`", "statements of others"),
            ("GRANT SUPER ON *.* TO `a`@`%`", "administer"),
            ("GRANT BINLOG ADMIN ON *.* TO `a`@`%`", "administer"),
            ("GRANT SELECT, INSERT (`b`) ON `shop`.`orders` TO `a`@`%`", "change rows"),
            ("GRANT DELETE HISTORY ON `shop`.* TO `a`@`%`", "change rows"),
            ("GRANT CREATE VIEW ON `shop`.* TO `a`@`%`", "create or change"),
            ("GRANT ALTER ROUTINE ON `shop`.* TO `a`@`%`", "create or change"),
            ("GRANT SELECT ON `shop`.* TO `a`@`%` WITH GRANT OPTION", "to others"),
        ] {
            let warnings = warned(grant);
            assert!(matches!(warnings.as_slice(), [one] if one.contains(expected)), "{grant}: {warnings:?}");
        }
    }

    #[test]
    fn a_reader_is_not_warned_of() {
        for grant in [
            "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*1'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `a`@`%`",
            "GRANT SELECT, CREATE TEMPORARY TABLES ON `shop`.* TO `a`@`%`",
            "GRANT `INSERT`@`%` TO `a`@`%`",
        ] {
            assert_eq!(warned(grant), Vec::<String>::new(), "{grant}");
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        assert_eq!(roles("GRANT `tellers` TO `a`@`%`"), ["`tellers`"]);
        assert_eq!(roles("GRANT `tellers`@`%`,`clerks`@`%` TO `a`@`%`"), ["`tellers`@`%`", "`clerks`@`%`"]);
        assert!(roles("GRANT SELECT ON `shop`.* TO `a`@`%`").is_empty());
    }

    #[test]
    fn the_product_is_named() {
        assert_eq!(product("10.11.19-MariaDB-0+deb12u1"), "MariaDB 10.11.19");
        assert_eq!(product("8.0.36"), "MySQL 8.0.36");
    }
}
