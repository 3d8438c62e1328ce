//! Looking into a dead queue. Nobody consumes one: its messages are fetched one by one.

use crate::consumer::RabbitReceipt;
use crate::error::call;
use crate::message::received;
use crate::settle;
use crate::unacked::Unacked;
use lapin::Channel;
use lapin::options::BasicGetOptions;
use lapin::types::ShortString;
use ports::PortError;
use ports::broker::Delivery;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) const STEP: &str = "take dead messages";

/// Up to `limit` messages. The channel closes when every receipt is gone; what was not acked goes back then.
pub(crate) async fn take(channel: Channel, name: ShortString, limit: usize) -> Result<Vec<Delivery>, PortError> {
    let (settler, inbox) = mpsc::unbounded_channel();
    tokio::spawn(settle::run(channel.clone(), inbox, CancellationToken::new()));
    let mut taken = Vec::new();
    while taken.len() < limit {
        let got = channel.basic_get(name.clone(), BasicGetOptions::default());
        let Some(got) = call(STEP, got).await? else { break };
        let (tag, redelivered) = (got.delivery.delivery_tag, got.delivery.redelivered);
        let message = received(&got.delivery.properties, got.delivery.data);
        let receipt = Box::new(RabbitReceipt::new(tag, settler.clone(), &Unacked::default()));
        taken.push(Delivery { message, redelivered, receipt });
    }
    Ok(taken)
}
