use app::NewMember;
use contracts::Role;
use ports::Ports;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};
use std::path::Path;

/// The attempts of the statements that a turn ran, in order, from the store of an embedded installation.
pub async fn audit_attempts(store: &Path, turn: &str) -> Vec<u32> {
    let mut connection = SqliteConnectOptions::new().filename(store).connect().await.expect("the store opens");
    let rows = sqlx::query("SELECT attempt FROM audit WHERE turn_id = $1 AND verdict = 'execute' ORDER BY attempt")
        .bind(turn)
        .fetch_all(&mut connection)
        .await
        .expect("the audit is there");
    rows.iter().map(|row| u32::try_from(row.get::<i64, _>(0)).expect("a small number")).collect()
}

/// Adds a manager to a business of their own.
pub async fn add_member(ports: &Ports, email: &str, password: &str, business: &str) {
    add_member_as(ports, email, password, business, Role::Manager).await;
}

/// Adds somebody to a business.
pub async fn add_member_as(ports: &Ports, email: &str, password: &str, business: &str, role: Role) {
    let member =
        NewMember { email: email.to_owned(), password: password.to_owned(), business: business.to_owned(), role };
    app::add_member_to(&*ports.store, &*ports.clock, member).await.expect("the member is added");
}
