use crate::auth::Caller;
use crate::relay::{News, Relay};
use crate::responses;
use crate::state::ApiState;
use async_trait::async_trait;
use contracts::{BusinessId, Event, TurnId};
use mcp::{Answer, Problem};

/// A turn that is followed.
pub struct Followed {
    state: ApiState,
    caller: Caller,
    relay: Relay,
}

impl Followed {
    pub fn new(state: ApiState, caller: Caller, business: BusinessId, turn: TurnId) -> Self {
        Self { relay: Relay::new(&state, &caller, business, turn, None), state, caller }
    }
}

#[async_trait]
impl Answer for Followed {
    fn id(&self) -> &TurnId {
        self.relay.turn()
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let json = match self.relay.next().await? {
                News::Event(event) => event.json,
                News::Aside(json) => json,
            };
            match serde_json::from_str(&json) {
                Ok(event) => return Some(event),
                // A later release knows more events than this one.
                Err(error) => tracing::debug!(%error, turn = %self.relay.turn(), "an event is passed over"),
            }
        }
    }

    async fn cancel(&mut self) -> Result<(), Problem> {
        responses::cancel(&self.state, &self.caller, self.relay.turn()).await?;
        Ok(())
    }
}
