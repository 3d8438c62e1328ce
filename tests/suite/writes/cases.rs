use super::shop::{CHANGE, Person, Shop, model};
use crate::mode::Mode;
use contracts::{Role, TurnId};
use serde_json::{Value, json};
use testkit::World;

in_both_modes!(
    a_parked_change_survives_a_restart_and_is_made_once,
    a_member_asks_and_cannot_approve_and_a_stranger_sees_nothing,
    a_declined_change_is_not_made,
    a_change_whose_time_is_up_cannot_be_approved,
    a_change_that_meets_other_rows_is_undone,
    a_change_that_the_database_refuses_is_undone_and_says_why,
    a_connection_without_a_url_for_changes_refuses_them_and_says_so,
    a_role_that_may_not_ask_is_refused,
    rights_and_rules_are_looked_at_once_more_before_the_change,
    nothing_to_change_and_too_much_are_said,
    two_who_ask_the_same_each_ask_for_their_own,
);

fn manager(world: &World) -> Person {
    Person::new(&world.demo.url, &world.demo.token)
}

async fn member(world: &World) -> Person {
    let (email, password) = ("member@example.org", "a password of theirs");
    testkit::add_member_as(&world.ports, email, password, "Demo", Role::Member).await;
    Person::login(&world.demo.url, email, password).await
}

/// The verdicts of the audit rows of a response, sorted.
async fn audited(world: &World, response: &str) -> Vec<String> {
    let rows = world.ports.store.audit_of(&"biz_demo".into(), &TurnId::from(response)).await.unwrap();
    let mut verdicts: Vec<String> = rows.into_iter().map(|row| row.verdict).collect();
    verdicts.sort();
    verdicts
}

async fn a_parked_change_survives_a_restart_and_is_made_once(mode: Mode) {
    let (shop, (llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager_before = manager(&world);
    let connection = manager_before.connect(&shop, Some(shop.url())).await;
    let asked = manager_before.request(&connection).await;
    let required = asked.of("response.askline.approval.required").next().unwrap().clone();
    assert_eq!((required["sql"].as_str(), required["kind"].as_str()), (Some(CHANGE), Some("update")));
    assert_eq!((required["affected_rows"].as_u64(), required["table"].as_str()), (Some(2), Some("orders")));
    let preview = json!([[2, 20, "bob@example.org"], [3, 30, "eve@example.org"]]);
    assert_eq!(required["preview"]["rows"], preview, "a manager sees personal data, and so do those who approve");
    assert!(asked.text().contains("change 2 rows of orders"), "{}", asked.text());
    assert!(asked.text().contains(&format!("askline approval approve {}", asked.id())), "{}", asked.text());
    let prompts = llm.server.received().iter().map(|request| request.body.to_string()).collect::<String>();
    assert!(prompts.contains("one UPDATE or one DELETE"), "the prompt says that changes are possible");
    assert_eq!(audited(&world, asked.id()).await, ["ask", "done", "done", "execute", "execute"]);
    assert_eq!(shop.totals(), [10, 20, 30]);

    let world = world.restart().await;
    let manager = manager_before.at(&world.demo.url);
    let (_, waiting) = manager.get("/v1/approvals?state=pending").await;
    assert_eq!(waiting["data"][0]["response_id"].as_str(), Some(asked.id()), "{waiting}");
    let made = manager.decide("approve", asked.id()).await;
    assert_eq!(made.check().status(), "completed", "{:#?}", made.terminal());
    assert_eq!(made.text(), "Done: 2 rows of orders were changed.");
    let response = &made.terminal()["response"];
    assert_eq!(response["metadata"]["replay_of"].as_str(), Some(asked.id()));
    assert_eq!(response["conversation"]["id"], asked.terminal()["response"]["conversation"]["id"]);
    assert_eq!(shop.totals(), [10, 21, 31]);
    assert_eq!(manager.say("approve", asked.id()).await, (202, made.id().to_owned()), "again is the same");
    assert_eq!(manager.say("decline", asked.id()).await, (409, "approved".to_owned()));
    assert_eq!(shop.totals(), [10, 21, 31], "it is made once");
    assert_eq!(audited(&world, made.id()).await, ["change", "done"]);
    let approval = manager.approval(asked.id()).await;
    assert_eq!((approval["state"].as_str(), approval["changed_rows"].as_u64()), (Some("done"), Some(2)));
    assert_eq!(approval["decided_by"], "usr_demo");
    world.stop().await;
}

async fn a_member_asks_and_cannot_approve_and_a_stranger_sees_nothing(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let connection = manager(&world).connect(&shop, Some(shop.url())).await;
    let member = member(&world).await;
    let asked = member.request(&connection).await;
    let required = asked.of("response.askline.approval.required").next().unwrap();
    assert!(!required.to_string().contains("bob@example.org"), "personal data is masked for a member: {required}");
    for word in ["approve", "decline"] {
        assert_eq!(member.say(word, asked.id()).await, (403, "forbidden_role".to_owned()));
    }
    let (email, password) = ("stranger@example.org", "a password of theirs");
    testkit::add_member(&world.ports, email, password, "Another business").await;
    let stranger = Person::login(&world.demo.url, email, password).await;
    for word in ["approve", "decline"] {
        assert_eq!(stranger.say(word, asked.id()).await, (404, "not_found".to_owned()));
    }
    assert_eq!(stranger.get(&format!("/v1/responses/{}/approval", asked.id())).await.0, 404);
    let (_, theirs) = stranger.get("/v1/approvals").await;
    assert_eq!(theirs["data"], json!([]));
    assert_eq!(shop.totals(), [10, 20, 30]);
    let made = manager(&world).decide("approve", asked.id()).await;
    assert_eq!(made.check().status(), "completed", "{:#?}", made.terminal());
    assert_eq!(shop.totals(), [10, 21, 31]);
    world.stop().await;
}

async fn a_declined_change_is_not_made(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let asked = manager.request(&connection).await;
    let declined = manager.decide("decline", asked.id()).await;
    assert_eq!(declined.check().status(), "completed", "{:#?}", declined.terminal());
    assert_eq!(declined.text(), "The change was declined. Nothing was changed.");
    assert_eq!(declined.terminal()["response"]["metadata"]["replay_of"].as_str(), Some(asked.id()));
    assert_eq!(manager.say("decline", asked.id()).await, (202, declined.id().to_owned()));
    assert_eq!(manager.say("approve", asked.id()).await, (409, "declined".to_owned()));
    assert_eq!(manager.approval(asked.id()).await["state"], "declined");
    assert_eq!(audited(&world, declined.id()).await, ["decline"]);
    assert_eq!(shop.totals(), [10, 20, 30]);
    world.stop().await;
}

async fn a_change_whose_time_is_up_cannot_be_approved(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider, ("ASKLINE_WRITES__EXPIRE_S", "0".to_owned())]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let asked = manager.request(&connection).await;
    for word in ["approve", "decline"] {
        assert_eq!(manager.say(word, asked.id()).await, (409, "approval_expired".to_owned()));
    }
    // The sweeper says so in the store, too.
    let id = contracts::ApprovalId::of(&asked.id().into());
    let stored = || async { world.ports.store.approval(&"biz_demo".into(), &id).await.unwrap().unwrap().state };
    let started = std::time::Instant::now();
    while stored().await != ports::approvals::ApprovalState::Expired {
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "it does not expire");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(manager.say("approve", asked.id()).await, (409, "approval_expired".to_owned()));
    assert_eq!(shop.totals(), [10, 20, 30]);
    world.stop().await;
}

async fn a_change_that_meets_other_rows_is_undone(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let asked = manager.request(&connection).await;
    shop.run("INSERT INTO orders VALUES (4, 40, NULL)");
    let undone = manager.decide("approve", asked.id()).await;
    assert_eq!(undone.check().error().0, "rows_changed", "{:#?}", undone.terminal());
    assert!(undone.error().1.contains("3 rows would have changed, and 2 were approved"), "{}", undone.error().1);
    assert_eq!(shop.totals(), [10, 20, 30, 40]);
    assert_eq!(audited(&world, undone.id()).await, ["change", "other_rows"]);
    assert_eq!(manager.approval(asked.id()).await["state"], "failed");
    assert_eq!(manager.say("approve", asked.id()).await, (202, undone.id().to_owned()), "it is not tried again");
    world.stop().await;
}

async fn a_change_that_the_database_refuses_is_undone_and_says_why(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    shop.run(
        "CREATE TRIGGER strict BEFORE UPDATE ON orders WHEN NEW.id = 3 BEGIN SELECT RAISE(ABORT, 'order 3 is closed'); END",
    );
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let asked = manager.request(&connection).await;
    let undone = manager.decide("approve", asked.id()).await;
    let (code, message) = undone.check().error();
    assert_eq!(code, "database_error");
    assert!(message.contains("order 3 is closed") || message.contains("Order 3 is closed"), "{message}");
    assert!(message.contains("nothing was changed"), "{message}");
    assert_eq!(shop.totals(), [10, 20, 30], "the first row is undone too");
    world.stop().await;
}

async fn a_connection_without_a_url_for_changes_refuses_them_and_says_so(mode: Mode) {
    let (shop, (llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, None).await;
    let refused = manager.ask(&connection).await;
    assert_eq!(refused.check().error().0, "statement_refused", "{:#?}", refused.terminal());
    assert!(refused.error().1.contains("this connection allows no changes"), "{}", refused.error().1);
    let rule = refused.of("response.askline.sql.rejected").next().unwrap()["rule"].clone();
    assert_eq!(rule, "changes_not_allowed");
    let prompts = llm.server.received().iter().map(|request| request.body.to_string()).collect::<String>();
    assert!(prompts.contains("never change data"), "the prompt says that only reading is possible");
    assert_eq!(manager.get(&format!("/v1/responses/{}/approval", refused.id())).await.0, 404);
    assert_eq!(shop.totals(), [10, 20, 30]);
    world.stop().await;
}

async fn a_role_that_may_not_ask_is_refused(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider, ("ASKLINE_WRITES__ASKERS", "['admin']".to_owned())]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let refused = manager.ask(&connection).await;
    assert_eq!(refused.check().error().0, "statement_refused", "{:#?}", refused.terminal());
    assert!(refused.error().1.contains("your role may not ask for changes"), "{}", refused.error().1);
    world.stop().await;
}

async fn rights_and_rules_are_looked_at_once_more_before_the_change(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let member = member(&world).await;

    let asked = member.request(&connection).await;
    let rules = json!({"tables": [{"name": "orders", "filter": "id < 3"}], "roles": {"manager": []}});
    let (business, id) = ("biz_demo".into(), connection.as_str().into());
    world.ports.store.save_connection_policy(&business, &id, &rules).await.unwrap();
    let refused = manager.decide("approve", asked.id()).await;
    assert_eq!(refused.check().error().0, "policy_changed", "{:#?}", refused.terminal());

    let asked = member.request(&connection).await;
    let required = asked.of("response.askline.approval.required").next().unwrap();
    assert_eq!(required["affected_rows"], 1, "the rule of the member is part of the change");
    assert_eq!(required["sql"], "UPDATE orders SET total = total + 1 WHERE (id > 1) AND (id < 3)");
    let user = world.ports.store.user_by_email("member@example.org").await.unwrap().unwrap();
    world.ports.store.set_membership(&user.id, &business, Role::Viewer).await.unwrap();
    let refused = manager.decide("approve", asked.id()).await;
    assert_eq!(refused.check().error().0, "role_gone", "{:#?}", refused.terminal());

    world.ports.store.set_membership(&user.id, &business, Role::Member).await.unwrap();
    let asked = member.request(&connection).await;
    world.ports.store.set_write_url(&business, &id, None).await.unwrap();
    let refused = manager.decide("approve", asked.id()).await;
    assert_eq!(refused.check().error().0, "changes_not_allowed", "{:#?}", refused.terminal());
    assert_eq!(audited(&world, refused.id()).await, ["refuse"]);
    assert_eq!(shop.totals(), [10, 20, 30]);
    world.stop().await;
}

async fn nothing_to_change_and_too_much_are_said(mode: Mode) {
    let shop = Shop::new();
    for (sql, code) in [
        ("DELETE FROM orders WHERE id > 99", "nothing_to_change"),
        ("DELETE FROM orders WHERE id > 0", "change_too_large"),
    ] {
        let (_llm, provider) = model(sql).await;
        let world = mode.world(&[provider, ("ASKLINE_WRITES__MAX_ROWS", "2".to_owned())]).await;
        let manager = manager(&world);
        let connection = manager.connect(&shop, Some(shop.url())).await;
        let refused = manager.ask(&connection).await;
        assert_eq!(refused.check().error().0, code, "{:#?}", refused.terminal());
        world.stop().await;
    }
    assert_eq!(shop.totals(), [10, 20, 30]);
}

async fn two_who_ask_the_same_each_ask_for_their_own(mode: Mode) {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = mode.world(&[provider]).await;
    let manager = manager(&world);
    let connection = manager.connect(&shop, Some(shop.url())).await;
    let (first, second) = tokio::join!(manager.request(&connection), manager.request(&connection));
    assert_ne!(first.id(), second.id());
    let approvals: Vec<Value> = vec![manager.approval(first.id()).await, manager.approval(second.id()).await];
    assert_ne!(approvals[0]["id"], approvals[1]["id"]);
    let made = manager.decide("approve", second.id()).await;
    assert_eq!(made.check().status(), "completed", "{:#?}", made.terminal());
    assert_eq!(manager.approval(first.id()).await["state"], "pending", "one approval is one change");
    assert_eq!(shop.totals(), [10, 21, 31]);
    world.stop().await;
}
