use lapin::BasicProperties;
use lapin::options::BasicGetOptions;
use lapin::types::{AMQPValue, FieldTable};

/// Copies of what is published.
pub struct Tap {
    channel: lapin::Channel,
    queue: String,
}

/// A message as it was published.
#[derive(Clone, Debug)]
pub struct Copied {
    pub queue: String,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
}

impl Tap {
    pub(super) fn on(channel: lapin::Channel, queue: String) -> Self {
        Self { channel, queue }
    }

    /// What was published since the last call.
    pub async fn drain(&self) -> Vec<Copied> {
        let mut copies = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(got) = self.channel.basic_get(self.queue.as_str().into(), options).await.expect("a copy") {
            let headers = got.delivery.properties.headers().clone().unwrap_or_default();
            copies.extend(copied(&headers, got.delivery.data.clone()));
        }
        copies
    }
}

/// The broker tells where a copied message went, and with which headers, in headers of the copy.
fn copied(headers: &FieldTable, body: Vec<u8>) -> Option<Copied> {
    let AMQPValue::FieldArray(keys) = headers.inner().get("routing_keys")? else { return None };
    let Some(AMQPValue::LongString(queue)) = keys.as_slice().first() else { return None };
    let mut properties = BasicProperties::default().with_delivery_mode(2);
    if let Some(AMQPValue::FieldTable(of)) = headers.inner().get("properties") {
        let text = |name: &str| match of.inner().get(name) {
            Some(AMQPValue::LongString(text)) => Some(text.to_string()),
            _ => None,
        };
        if let Some(AMQPValue::FieldTable(headers)) = of.inner().get("headers") {
            properties = properties.with_headers(headers.clone());
        }
        if let Some(id) = text("message_id") {
            properties = properties.with_message_id(id.into());
        }
        if let Some(kind) = text("content_type") {
            properties = properties.with_content_type(kind.into());
        }
    }
    Some(Copied { queue: queue.to_string(), properties, body })
}
