use super::shop::{CHANGE, QUESTION, Shop, model};
use crate::browser::drive;
use testkit::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_declined_and_approved_in_the_browser() {
    let (shop, (_llm, provider)) = (Shop::new(), model(CHANGE).await);
    let world = World::embedded(&[provider]).await;
    drive("changes.mjs", &world.demo, &[("QUESTION", QUESTION), ("DATABASE", &shop.url())]).await;
    assert_eq!(shop.totals(), [10, 21, 31], "declined once and approved once: it is made once");
    world.stop().await;
}
