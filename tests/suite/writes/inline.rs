//! The two workers of a change by themselves: a failure at each of their calls, and every run twice.

use super::shop::{CHANGE, Shop};
use contracts::job::{ExecuteChange, ExecuteSql};
use contracts::{ApprovalId, ChangeKind, ConnectionId, Dialect, ResultSet, Role, TurnId};
use domain::personal::{Masking, Sight};
use execute_sql::{ChangeExecutor, ChangeRules, SqlExecutor};
use ports::Ports;
use ports::approvals::{Approval, ApprovalState, Verdict};
use ports::dead::Decision;
use ports::source::{Access, DiscoveryLimits, GoOn};
use ports::store::{Connection, ConnectionStatus};
use ports::vault::write_slot;
use std::sync::Arc;
use std::time::Duration;
use testkit::inline::{ByPurpose, Inline, Order, Ran};
use worker_kit::{Handler, handler};

const NOW_MS: i64 = 1_760_000_000_000;

fn rules() -> ChangeRules {
    let managers = vec![Role::Manager];
    ChangeRules { askers: managers.clone(), approvers: managers, expire: Duration::from_secs(60), max_rows: 100 }
}

fn changer() -> Arc<dyn Handler> {
    handler(ChangeExecutor { timeout: Duration::from_secs(5), rules: rules(), sight: Sight::default() })
}

fn executor() -> Arc<dyn Handler> {
    handler(sql_executor())
}

fn sql_executor() -> SqlExecutor {
    SqlExecutor {
        timeout: Duration::from_secs(5),
        max_rows: 100,
        max_bytes: 1_000_000,
        max_scanned_rows: 1_000_000,
        sight: Sight { clear_roles: vec![Role::Manager], ..Sight::default() },
        shown_rows: 10,
        correction_rounds: 2,
        changes: rules(),
    }
}

/// A shop of its own, known under this id.
async fn connected(ports: &Ports, id: &str) -> (Shop, ConnectionId) {
    let (shop, id) = (Shop::new(), ConnectionId::from(id));
    let business = "biz_demo".into();
    let connection = Connection {
        sealed_url: ports.vault.seal(&business, &id, &shop.url()).await.unwrap(),
        sealed_write_url: Some(ports.vault.seal(&business, &write_slot(&id), &shop.url()).await.unwrap()),
        name: id.0.clone(),
        id: id.clone(),
        business: business.clone(),
        dialect: Dialect::Sqlite,
        status: ConnectionStatus::Ready,
        status_message: String::new(),
        max_scanned_rows: None,
        schema_ms: None,
        created_ms: NOW_MS,
    };
    assert!(ports.store.create_connection(&connection).await.unwrap());
    let source = ports.sources.open(&Access { dialect: Dialect::Sqlite, url: shop.url() }).await.unwrap();
    let limits = DiscoveryLimits { max_tables: 10, samples: 0, sampled_rows: 0, timeout: Duration::from_secs(5) };
    ports.store.save_schema(&business, &id, &source.discover(limits, GoOn::always()).await.unwrap()).await.unwrap();
    (shop, id)
}

/// A change that was approved and is to be made by this turn.
async fn approved(ports: &Ports, connection: &ConnectionId, turn: &TurnId) -> ExecuteChange {
    let asking = TurnId(format!("{turn}asking"));
    let approval = Approval {
        id: ApprovalId::of(&asking),
        business: "biz_demo".into(),
        connection: connection.clone(),
        turn: asking,
        user: "usr_demo".into(),
        question: "Raise them.".to_owned(),
        statement: CHANGE.to_owned(),
        sql: CHANGE.to_owned(),
        preview_sql: "SELECT `id`, `total`, `email` FROM orders WHERE id > 1".to_owned(),
        kind: ChangeKind::Update,
        table: "orders".to_owned(),
        affected: 2,
        preview: ResultSet::default(),
        state: ApprovalState::Pending,
        decided: None,
        executed_as: None,
        changed: None,
        error: None,
        created_ms: NOW_MS,
        expires_ms: NOW_MS + 60_000,
    };
    ports.store.ask_approval(&approval).await.unwrap();
    let decision = Decision { by: "usr_demo".to_owned(), at_ms: NOW_MS };
    let business = "biz_demo".into();
    assert!(ports.store.decide(&business, &approval.id, Verdict::Approve, turn, &decision).await.unwrap());
    ExecuteChange { approval: approval.id }
}

async fn order(inline: &Inline, connection: &ConnectionId) -> Order {
    inline.order_for(async |turn: &TurnId| approved(&inline.ports, connection, turn).await).await
}

/// The code of the error that ended the turn, or `done`.
fn ended(ran: &Ran) -> Option<String> {
    let end = ran.done.as_ref()?.end.clone().unwrap();
    Some(end.error.map_or_else(|| "done".to_owned(), |error| error.code))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_fails_the_change_is_made_at_most_once_and_its_end_is_clear() {
    let inline = Inline::new(changer(), ByPurpose::new(&[])).await;
    let (shop, connection) = connected(&inline.ports, "con_first").await;
    let undisturbed = inline.run(&order(&inline, &connection).await).await;
    assert_eq!(ended(&undisturbed).as_deref(), Some("done"), "{undisturbed:#?}");
    assert_eq!(shop.totals(), [10, 21, 31]);
    for call in ["open_writer", "audit", "begin_change", "change", "end_change", "commit"] {
        assert!(undisturbed.calls.contains(&call), "{:?}", undisturbed.calls);
    }
    for (number, call) in undisturbed.calls.iter().enumerate() {
        let (shop, connection) = connected(&inline.ports, &format!("con_{number}")).await;
        let order = order(&inline, &connection).await;
        let mut ran = inline.run_failing(&order, number).await;
        if ran.done.is_none() {
            ran = inline.run(&order).await;
        }
        let code = ended(&ran).unwrap_or_else(|| panic!("{call} ({number}) failed, and nothing came of it: {ran:#?}"));
        let times = shop.totals()[1] - 20;
        let fits = match code.as_str() {
            "done" => times == 1,
            // Nobody can know, and it is said.
            "change_unknown" => times <= 1,
            // A source that cannot be reached ends the turn, and nothing was changed.
            "database_unavailable" => times == 0,
            _ => false,
        };
        assert!(fits, "{call} ({number}) failed: {code}, and the change was made {times} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_the_same_job_says_what_the_first_one_did() {
    let inline = Inline::new(changer(), ByPurpose::new(&[])).await;
    let (shop, connection) = connected(&inline.ports, "con_shop").await;
    let order = order(&inline, &connection).await;
    let lost = inline.run_without(&order, "commit").await;
    assert!(lost.done.is_none());
    let again = inline.run(&order).await;
    assert_eq!(ended(&again).as_deref(), Some("done"), "{again:#?}");
    assert!(!again.calls.contains(&"change") && !again.calls.contains(&"open_writer"), "{:?}", again.calls);
    assert_eq!(shop.totals(), [10, 21, 31]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_begins_without_its_audit_row_and_without_its_mark() {
    let inline = Inline::new(changer(), ByPurpose::new(&[])).await;
    for call in ["audit", "begin_change"] {
        let (shop, connection) = connected(&inline.ports, &format!("con_{call}")).await;
        let ran = inline.run_without(&order(&inline, &connection).await, call).await;
        assert!(ran.done.is_none() && !ran.calls.contains(&"change"), "{call}: {:?}", ran.calls);
        assert_eq!(shop.totals(), [10, 20, 30]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_turn_cannot_make_the_change() {
    let inline = Inline::new(changer(), ByPurpose::new(&[])).await;
    let (shop, connection) = connected(&inline.ports, "con_shop").await;
    let job = approved(&inline.ports, &connection, &"resp_planned".into()).await;
    let ran = inline.run(&inline.order(&job).await).await;
    assert_eq!(ended(&ran).as_deref(), Some("approval_unusable"));
    assert_eq!(shop.totals(), [10, 20, 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_fails_safely_at_every_call_and_never_opens_the_credential_for_changes() {
    let inline = Inline::new(executor(), ByPurpose::new(&[])).await;
    let (business, id) = ("biz_demo".into(), ConnectionId::from("con_sample_shop"));
    let sealed = inline.ports.vault.seal(&business, &write_slot(&id), "sqlite:/nowhere.db").await.unwrap();
    assert!(inline.ports.store.set_write_url(&business, &id, Some(&sealed)).await.unwrap());
    let sql = "DELETE FROM customers WHERE customer_id = 1".to_owned();
    let job = ExecuteSql { question: "Remove it.".to_owned(), sql, dialect: Dialect::Sqlite, round: 0, direct: None };
    let calls = inline.fails_safely_at_every_call(&job).await;
    for call in ["audit", "query", "ask_approval"] {
        assert!(calls.contains(&call), "{calls:?}");
    }
    assert!(!calls.contains(&"open_writer") && !calls.contains(&"change"), "{calls:?}");
    inline.comes_to_the_same_twice(&job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_the_settings_hide_is_closed_to_a_change_and_hidden_in_its_preview() {
    let hiding = Sight { masking: Masking::new(&["orders.email".into()], &[]), clear_roles: Vec::new() };
    let asking = handler(SqlExecutor { sight: hiding.clone(), ..sql_executor() });
    let inline = Inline::new(asking, ByPurpose::new(&[])).await;
    let (_shop, connection) = connected(&inline.ports, "con_hiding").await;
    let ask = async |sql: &str| {
        let job = ExecuteSql {
            question: "Change it.".to_owned(),
            sql: sql.to_owned(),
            dialect: Dialect::Sqlite,
            round: 0,
            direct: None,
        };
        inline.run(&inline.order_on(&connection, &job).await).await
    };
    let ran = ask(CHANGE).await;
    let asked = ran.events.iter().find(|event| event["type"] == "response.askline.approval.required");
    let preview = asked.unwrap_or_else(|| panic!("{:#?}", ran.events));
    let rows = preview["preview"]["rows"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row[2] == "***"), "{preview:#}");
    for sql in
        ["UPDATE orders SET total = 1 WHERE email = 'bob@example.org'", "UPDATE orders SET email = 'x' WHERE id = 1"]
    {
        let ran = ask(sql).await;
        assert!(ran.heard().contains(&"response.askline.sql.rejected"), "{sql}: {:?}", ran.heard());
    }
    // What was asked so is made so.
    let changer = handler(ChangeExecutor { timeout: Duration::from_secs(5), rules: rules(), sight: hiding });
    let inline = Inline::new(changer, ByPurpose::new(&[])).await;
    let (shop, connection) = connected(&inline.ports, "con_hiding").await;
    let ran = inline.run(&order(&inline, &connection).await).await;
    assert_eq!(ended(&ran).as_deref(), Some("done"), "{ran:#?}");
    assert_eq!(shop.totals(), [10, 21, 31]);
}
