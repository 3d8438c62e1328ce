use crate::{Ctx, JobError};
use contracts::job::Follow;
use contracts::{Message, TurnId};
use domain::flight::{Policy, key};
use ports::store::Seen;

impl Ctx {
    /// The turn to follow, when another one is in flight that asked the same; `None` when this one leads from now on.
    /// `conversation` is what the prompts show of it.
    pub async fn join_flight(
        &self,
        question: &str,
        schema_ms: i64,
        conversation: &[Message],
    ) -> Result<Option<Follow>, JobError> {
        let seen = self.seen().await?;
        let policy = self.flight_policy(&seen).await?;
        let flight = key(&self.meta.business, &seen.connection.id, schema_ms, &policy, question, conversation)
            .map_err(|error| JobError::internal("tell whether the question is in flight", error))?;
        let leader = self.lead_flight(&flight, None).await;
        if leader == self.meta.turn {
            return Ok(None);
        }
        let leader = if self.is_over(&leader).await { self.lead_flight(&flight, Some(&leader)).await } else { leader };
        let follow = Follow { question: question.to_owned(), leader, flight };
        Ok((follow.leader != self.meta.turn).then_some(follow))
    }

    /// What the asker may see.
    async fn flight_policy(&self, seen: &Seen) -> Result<Policy, JobError> {
        let rules = self.reader_of(seen).await?.map(|reader| (reader.policy, reader.attributes));
        Ok(Policy { role: seen.role, rules })
    }

    /// Who runs the question now. Where that cannot be told this turn runs it, too.
    pub async fn lead_flight(&self, flight: &str, instead_of: Option<&TurnId>) -> TurnId {
        match self.ports.flights.lead(flight, &self.meta.turn, instead_of, self.time_left()).await {
            Ok(leader) => leader,
            Err(error) => {
                tracing::debug!(%error, "whether the question is in flight is not known: it is run");
                self.meta.turn.clone()
            }
        }
    }

    /// A leader that cannot be read is none.
    async fn is_over(&self, leader: &TurnId) -> bool {
        match self.ports.store.turn(&self.meta.business, leader).await {
            Ok(Some(turn)) => turn.end.is_some(),
            Ok(None) | Err(_) => true,
        }
    }
}
