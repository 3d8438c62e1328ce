//! The suite of [`AppStore`](crate::AppStore) beside turns: identity, connections, records, and who may read what.

use super::audit::intent;
use super::bench::{BUSINESS, Bench, ManualClock, USER, business, completed, hop, outcome, question, rows, user};
use crate::PortError;
use crate::audit::AuditFilter;
use crate::ledger::{Commit, Committed};
use crate::store::{Business, Connection, ConnectionStatus, EndState, FileKind, NewTurn, Seen, StoredFile, User};
use contracts::{BusinessId, ColumnSchema, ConnectionId, Dialect, Role, Schema, TableSchema};
use serde_json::json;

/// Runs the suite: `ports::store_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! store_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            store,
            [
                a_store_that_is_there_answers,
                a_business_is_created_once,
                an_email_address_belongs_to_one_user,
                a_membership_is_one_role_that_can_change,
                a_membership_that_is_taken_away_is_gone_in_that_business_alone,
                nobody_is_a_member_of_nothing,
                the_name_of_a_connection_is_unique_in_its_business,
                a_connection_changes_only_its_status,
                the_bound_of_a_connection_is_set_in_its_business_alone,
                credentials_are_sealed_anew_only_over_what_was_read,
                the_url_for_changes_is_set_and_taken_away_in_its_business_alone,
                a_file_is_kept_in_its_business_and_read_back_whole,
                a_schema_is_replaced_as_a_whole,
                a_schema_that_is_shared_is_never_older_than_its_connection,
                a_connection_is_seen_with_the_role_and_the_policy_of_whoever_asks,
                a_policy_is_replaced_as_a_whole_and_stays_in_its_business,
                an_unknown_connection_has_no_status_and_no_schema,
                no_read_crosses_tenants,
                old_outcomes_and_rows_of_ended_turns_are_forgotten_in_batches,
            ]
        );
    };
}

async fn two_businesses(bench: &Bench) {
    for (id, name) in [(BUSINESS, "Acme"), ("biz_2", "Zenith")] {
        let business = Business { id: id.into(), name: name.to_owned(), created_ms: 1 };
        assert!(bench.store.create_business(&business).await.unwrap());
    }
}

fn person(id: &str, email: &str) -> User {
    User { id: id.into(), email: email.to_owned(), password_hash: "$argon2id$x".to_owned(), created_ms: 2 }
}

fn database(business: &str, id: &str, name: &str) -> Connection {
    Connection {
        id: id.into(),
        business: business.into(),
        name: name.to_owned(),
        dialect: Dialect::Postgres,
        sealed_url: "v1.a.b".to_owned(),
        sealed_write_url: None,
        status: ConnectionStatus::New,
        schema_ms: None,
        status_message: String::new(),
        max_scanned_rows: None,
        created_ms: 3,
    }
}

fn schema(table: &str) -> Schema {
    let column = ColumnSchema {
        name: "id".to_owned(),
        data_type: "bigint".to_owned(),
        nullable: false,
        comment: Some("Schl\u{fc}ssel".to_owned()),
        samples: vec!["1".to_owned()],
    };
    let table = TableSchema {
        namespace: Some("public".to_owned()),
        name: table.to_owned(),
        comment: None,
        columns: vec![column],
        primary_key: vec!["id".to_owned()],
        foreign_keys: Vec::new(),
        row_estimate: Some(7),
        is_view: false,
    };
    Schema { tables: vec![table] }
}

pub async fn a_store_that_is_there_answers(bench: Bench) {
    bench.store.ping().await.unwrap();
}

pub async fn a_business_is_created_once(bench: Bench) {
    let first = Business { id: BUSINESS.into(), name: "Acme".to_owned(), created_ms: 1 };
    let second = Business { name: "Other".to_owned(), ..first.clone() };
    assert!(bench.store.create_business(&first).await.unwrap());
    assert!(!bench.store.create_business(&second).await.unwrap());
    assert_eq!(bench.store.business(&business()).await.unwrap(), Some(first));
    assert_eq!(bench.store.business(&"biz_2".into()).await.unwrap(), None);
}

pub async fn an_email_address_belongs_to_one_user(bench: Bench) {
    let first = person(USER, "ada@example.org");
    assert!(bench.store.create_user(&first).await.unwrap());
    assert!(!bench.store.create_user(&person("usr_2", "ada@example.org")).await.unwrap());
    assert_eq!(bench.store.user_by_email("ada@example.org").await.unwrap(), Some(first));
    assert_eq!(bench.store.user_by_email("eve@example.org").await.unwrap(), None);
}

pub async fn a_membership_is_one_role_that_can_change(bench: Bench) {
    two_businesses(&bench).await;
    bench.store.create_user(&person(USER, "ada@example.org")).await.unwrap();
    for (business, role) in [("biz_2", Role::Viewer), (BUSINESS, Role::Member), (BUSINESS, Role::Admin)] {
        bench.store.set_membership(&user(), &business.into(), role).await.unwrap();
    }
    let memberships = bench.store.memberships(&user()).await.unwrap();
    let roles: Vec<_> = memberships.iter().map(|member| (member.business_name.as_str(), member.role)).collect();
    assert_eq!(roles, [("Acme", Role::Admin), ("Zenith", Role::Viewer)]);
    assert_eq!(bench.store.role_in(&user(), &business()).await.unwrap(), Some(Role::Admin));
}

pub async fn a_membership_that_is_taken_away_is_gone_in_that_business_alone(bench: Bench) {
    two_businesses(&bench).await;
    bench.store.create_user(&person(USER, "ada@example.org")).await.unwrap();
    for business in ["biz_2", BUSINESS] {
        bench.store.set_membership(&user(), &business.into(), Role::Member).await.unwrap();
    }
    assert!(bench.store.remove_membership(&user(), &business()).await.unwrap());
    assert!(!bench.store.remove_membership(&user(), &business()).await.unwrap());
    assert_eq!(bench.store.role_in(&user(), &business()).await.unwrap(), None);
    assert_eq!(bench.store.role_in(&user(), &"biz_2".into()).await.unwrap(), Some(Role::Member));
}

pub async fn nobody_is_a_member_of_nothing(bench: Bench) {
    two_businesses(&bench).await;
    assert_eq!(bench.store.role_in(&user(), &business()).await.unwrap(), None);
    assert_eq!(bench.store.memberships(&user()).await.unwrap(), []);
    let unknown = bench.store.set_membership(&user(), &business(), Role::Member).await;
    assert!(matches!(unknown, Err(PortError::Refused { .. })), "{unknown:?}");
}

pub async fn the_name_of_a_connection_is_unique_in_its_business(bench: Bench) {
    two_businesses(&bench).await;
    let first = database(BUSINESS, "con_1", "shop");
    let later = Connection { created_ms: 4, ..database(BUSINESS, "con_0", "crm") };
    assert!(bench.store.create_connection(&later).await.unwrap());
    assert!(bench.store.create_connection(&first).await.unwrap());
    assert!(!bench.store.create_connection(&database(BUSINESS, "con_2", "shop")).await.unwrap());
    assert!(bench.store.create_connection(&database("biz_2", "con_3", "shop")).await.unwrap());
    assert_eq!(bench.store.connections(&business()).await.unwrap(), [first, later]);
}

pub async fn a_connection_changes_only_its_status(bench: Bench) {
    two_businesses(&bench).await;
    let new = database(BUSINESS, "con_1", "shop");
    bench.store.create_connection(&new).await.unwrap();
    let (status, status_message) = (ConnectionStatus::Failed, "the database cannot be reached".to_owned());
    bench.store.set_connection_status(&business(), &new.id, status, &status_message).await.unwrap();
    let failed = Connection { status, status_message, ..new.clone() };
    assert_eq!(bench.store.connection(&business(), &new.id).await.unwrap(), Some(failed));
}

pub async fn the_bound_of_a_connection_is_set_in_its_business_alone(bench: Bench) {
    two_businesses(&bench).await;
    let new = database(BUSINESS, "con_1", "shop");
    bench.store.create_connection(&new).await.unwrap();
    assert!(!bench.store.set_max_scanned_rows(&"biz_2".into(), &new.id, Some(7)).await.unwrap());
    assert!(bench.store.set_max_scanned_rows(&business(), &new.id, Some(u64::from(u32::MAX) + 1)).await.unwrap());
    let bounded = Connection { max_scanned_rows: Some(u64::from(u32::MAX) + 1), ..new.clone() };
    assert_eq!(bench.store.connection(&business(), &new.id).await.unwrap(), Some(bounded));
    assert!(bench.store.set_max_scanned_rows(&business(), &new.id, None).await.unwrap());
    assert_eq!(bench.store.connection(&business(), &new.id).await.unwrap(), Some(new));
}

pub async fn credentials_are_sealed_anew_only_over_what_was_read(bench: Bench) {
    two_businesses(&bench).await;
    let (ours, theirs) = (database(BUSINESS, "con_1", "shop"), database("biz_2", "con_2", "shop"));
    bench.store.create_connection(&ours).await.unwrap();
    bench.store.create_connection(&theirs).await.unwrap();
    assert_eq!(bench.store.every_connection().await.unwrap(), [ours.clone(), theirs.clone()]);
    assert!(!bench.store.reseal(&business(), &ours.id, "another", "new").await.unwrap());
    assert!(bench.store.reseal(&business(), &ours.id, &ours.sealed_url, "new").await.unwrap());
    let resealed = Connection { sealed_url: "new".into(), ..ours };
    assert_eq!(bench.store.every_connection().await.unwrap(), [resealed, theirs]);
}

pub async fn the_url_for_changes_is_set_and_taken_away_in_its_business_alone(bench: Bench) {
    two_businesses(&bench).await;
    let new = Connection { sealed_write_url: Some("w1".into()), ..database(BUSINESS, "con_1", "shop") };
    bench.store.create_connection(&new).await.unwrap();
    assert_eq!(bench.store.connection(&business(), &new.id).await.unwrap(), Some(new.clone()));
    assert!(!bench.store.set_write_url(&"biz_2".into(), &new.id, Some("theirs")).await.unwrap());
    assert!(!bench.store.reseal_write_url(&business(), &new.id, "another", "w2").await.unwrap());
    assert!(!bench.store.reseal_write_url(&"biz_2".into(), &new.id, "w1", "w2").await.unwrap());
    assert!(bench.store.reseal_write_url(&business(), &new.id, "w1", "w2").await.unwrap());
    let resealed = Connection { sealed_write_url: Some("w2".into()), ..new.clone() };
    assert_eq!(bench.store.connections(&business()).await.unwrap(), [resealed]);
    assert!(bench.store.set_write_url(&business(), &new.id, None).await.unwrap());
    assert!(!bench.store.reseal_write_url(&business(), &new.id, "w2", "w3").await.unwrap());
    let without = Connection { sealed_write_url: None, ..new };
    assert_eq!(bench.store.every_connection().await.unwrap(), [without]);
}

pub async fn a_file_is_kept_in_its_business_and_read_back_whole(bench: Bench) {
    two_businesses(&bench).await;
    let body: Vec<u8> = (0..2_000_000_u32).map(|number| number.wrapping_mul(31) as u8).collect();
    let file = StoredFile {
        id: "file_1".into(),
        business: business(),
        connection: "con_1".into(),
        kind: FileKind::Upload,
        name: "sales.csv".into(),
        bytes: body.len() as u64,
        sha256: String::new(),
        created_ms: 1,
    };
    bench.store.save_file(&file, &body).await.unwrap();
    bench.store.save_file(&file, &body).await.unwrap();
    let found = bench.store.file_of(&business(), &file.connection, FileKind::Upload).await.unwrap();
    assert_eq!(found.as_ref(), Some(&file));
    assert!(bench.store.file_body(&file).await.unwrap() == Some(body));
    assert_eq!(bench.store.file_of(&business(), &file.connection, FileKind::Database).await.unwrap(), None);
    assert_eq!(bench.store.file_of(&"biz_2".into(), &file.connection, FileKind::Upload).await.unwrap(), None);
    let stolen = StoredFile { business: "biz_2".into(), ..file.clone() };
    assert_eq!(bench.store.file_body(&stolen).await.unwrap(), None);
    bench.store.remove_file(&"biz_2".into(), &file.id).await.unwrap();
    assert!(bench.store.file_body(&file).await.unwrap().is_some());
    bench.store.remove_file(&business(), &file.id).await.unwrap();
    assert_eq!(bench.store.file_of(&business(), &file.connection, FileKind::Upload).await.unwrap(), None);
    assert_eq!(bench.store.file_body(&file).await.unwrap(), None);
}

pub async fn a_schema_is_replaced_as_a_whole(bench: Bench) {
    two_businesses(&bench).await;
    let id = ConnectionId::from("con_1");
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    assert_eq!(bench.store.schema(&business(), &id).await.unwrap(), None);
    for table in ["orders", "customers"] {
        bench.store.save_schema(&business(), &id, &schema(table)).await.unwrap();
        assert_eq!(bench.store.schema(&business(), &id).await.unwrap(), Some(schema(table)));
    }
}

pub async fn a_schema_that_is_shared_is_never_older_than_its_connection(bench: Bench) {
    two_businesses(&bench).await;
    let id = ConnectionId::from("con_1");
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    let read = async || bench.store.connection(&business(), &id).await.unwrap().unwrap();
    assert_eq!(bench.store.schema_of(&read().await).await.unwrap(), None);
    let mut earlier = read().await;
    // The second save may come within the same millisecond.
    for table in ["orders", "customers"] {
        bench.store.save_schema(&business(), &id, &schema(table)).await.unwrap();
        let connection = read().await;
        assert!(connection.schema_ms > earlier.schema_ms);
        for connection in [&connection, &connection, &earlier] {
            let found = bench.store.schema_of(connection).await.unwrap().expect("it was saved");
            assert_eq!(*found, schema(table));
        }
        earlier = connection;
    }
    let elsewhere = Connection { business: "biz_2".into(), ..read().await };
    assert_eq!(bench.store.schema_of(&elsewhere).await.unwrap(), None);
}

pub async fn a_connection_is_seen_with_the_role_and_the_policy_of_whoever_asks(bench: Bench) {
    two_businesses(&bench).await;
    let id = ConnectionId::from("con_1");
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    bench.store.create_user(&person("usr_1", "ann@example.com")).await.unwrap();
    bench.store.create_user(&person("usr_2", "bob@example.com")).await.unwrap();
    let seen = async |business: &str, user: &str| bench.store.seen(&business.into(), &id, &user.into()).await.unwrap();
    let connection = bench.store.connection(&business(), &id).await.unwrap().unwrap();
    let nobody = Seen { connection: connection.clone(), role: None, policy: None };
    assert_eq!(seen(BUSINESS, "usr_1").await, Some(nobody.clone()));
    let policy = json!({"roles": {"member": []}});
    bench.store.set_membership(&"usr_1".into(), &business(), Role::Member).await.unwrap();
    bench.store.set_membership(&"usr_2".into(), &"biz_2".into(), Role::Manager).await.unwrap();
    bench.store.save_connection_policy(&business(), &id, &policy).await.unwrap();
    let member = Seen { connection, role: Some(Role::Member), policy: Some(policy) };
    assert_eq!(seen(BUSINESS, "usr_1").await, Some(member.clone()));
    assert_eq!(seen(BUSINESS, "usr_2").await, Some(Seen { role: None, ..member }));
    assert_eq!(seen("biz_2", "usr_2").await, None);
}

pub async fn a_policy_is_replaced_as_a_whole_and_stays_in_its_business(bench: Bench) {
    two_businesses(&bench).await;
    let id = ConnectionId::from("con_1");
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    assert_eq!(bench.store.connection_policy(&business(), &id).await.unwrap(), None);
    for policy in [json!({"tables": []}), json!({"roles": {"member": [{"name": "o", "filter": "a = 'ü'"}]}})] {
        bench.store.save_connection_policy(&business(), &id, &policy).await.unwrap();
        assert_eq!(bench.store.connection_policy(&business(), &id).await.unwrap(), Some(policy));
    }
    let other = BusinessId::from("biz_2");
    assert_eq!(bench.store.connection_policy(&other, &id).await.unwrap(), None);
    let saved = bench.store.save_connection_policy(&other, &id, &json!({})).await;
    assert!(matches!(saved, Err(PortError::Refused { .. })), "{saved:?}");
}

pub async fn an_unknown_connection_has_no_status_and_no_schema(bench: Bench) {
    two_businesses(&bench).await;
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    for (business, id) in [(BUSINESS, "con_2"), ("biz_2", "con_1")] {
        let (business, id) = (BusinessId::from(business), ConnectionId::from(id));
        let status = bench.store.set_connection_status(&business, &id, ConnectionStatus::Ready, "").await;
        let saved = bench.store.save_schema(&business, &id, &schema("orders")).await;
        assert!(matches!(status, Err(PortError::Refused { .. })), "{status:?}");
        assert!(matches!(saved, Err(PortError::Refused { .. })), "{saved:?}");
    }
    let connection = bench.store.connection(&business(), &"con_1".into()).await.unwrap().unwrap();
    assert_eq!(connection.status, ConnectionStatus::New);
}

pub async fn no_read_crosses_tenants(bench: Bench) {
    two_businesses(&bench).await;
    bench.store.create_connection(&database(BUSINESS, "con_1", "shop")).await.unwrap();
    bench.store.save_schema(&business(), &"con_1".into(), &schema("orders")).await.unwrap();
    let turn = bench.accept(NewTurn { conversation: Some("conv_1".into()), ..question("resp_1") }).await;
    let result = rows("resp_1", "res_1");
    let end = EndState { result: Some(result.id.clone()), ..completed("canary") };
    let outcome = outcome("resp_1", &hop("resp_1"), bench.granted("resp_1", &hop("resp_1")).await.fence);
    let commit = Commit { result: Some(result.clone()), end: Some(end), ..Commit::of(outcome) };
    assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Stored);
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();

    for (tenant, sees) in [(business(), true), (BusinessId::from("biz_2"), false)] {
        let store = &bench.store;
        let found = [
            store.connection(&tenant, &"con_1".into()).await.unwrap().is_some(),
            !store.connections(&tenant).await.unwrap().is_empty(),
            store.schema(&tenant, &"con_1".into()).await.unwrap().is_some(),
            store.turn(&tenant, &turn).await.unwrap().is_some(),
            !store.history(&tenant, &"conv_1".into(), 10).await.unwrap().is_empty(),
            !store.turns(&tenant, &"conv_1".into(), 10).await.unwrap().is_empty(),
            !store.conversations(&tenant, &user(), 10).await.unwrap().is_empty(),
            store.result(&tenant, &result.id).await.unwrap().is_some(),
            !store.audit_of(&tenant, &turn).await.unwrap().is_empty(),
            !store.audit_list(&tenant, &AuditFilter::default(), 10).await.unwrap().is_empty(),
        ];
        assert_eq!(found, [sees; 10], "{tenant}");
    }

    let running = bench.accept(NewTurn { created_ms: ManualClock::START_MS, ..question("resp_2") }).await;
    assert!(!bench.store.request_cancel(&"biz_2".into(), &running).await.unwrap());
    assert!(!bench.store.turn(&business(), &running).await.unwrap().unwrap().cancel_requested);
}

pub async fn old_outcomes_and_rows_of_ended_turns_are_forgotten_in_batches(bench: Bench) {
    for id in ["resp_1", "resp_2", "resp_3"] {
        bench.accepted(id).await;
        let hop = hop(id);
        let fence = bench.granted(id, &hop).await.fence;
        let outcome = outcome(id, &hop, fence);
        let end = (id != "resp_3").then(|| completed("42"));
        let result = Some(rows(id, &format!("res_{id}")));
        let commit = Commit { result, end, ..Commit::of(outcome) };
        assert_eq!(bench.ledger.commit(commit).await.unwrap(), Committed::Stored);
        bench.ledger.mark_published(&hop, fence).await.unwrap();
    }
    let later = ManualClock::START_MS + 10_000;
    assert_eq!(bench.store.forget_results(ManualClock::START_MS - 1, 10).await.unwrap(), 0);
    assert_eq!(bench.store.forget_results(later, 1).await.unwrap(), 2, "one outcome and one set of rows");
    assert_eq!(bench.store.forget_results(later, 10).await.unwrap(), 2);
    assert_eq!(bench.store.forget_results(later, 10).await.unwrap(), 0);
    for (id, kept) in [("res_resp_1", false), ("res_resp_2", false), ("res_resp_3", true)] {
        assert_eq!(bench.store.result(&business(), &id.into()).await.unwrap().is_some(), kept, "{id}");
    }
    let turn = bench.store.turn(&business(), &"resp_1".into()).await.unwrap().unwrap();
    assert_eq!(turn.end.unwrap().answer, "42", "what was said stays");
}
