use async_trait::async_trait;
use contracts::TurnId;
use ports::{Clock, Flights, PortError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Beyond so many, those whose time is over are forgotten; and beyond that, all of them.
const CAPACITY: usize = 10_000;

/// Questions in flight in this process.
pub struct LocalFlights {
    leaders: Mutex<HashMap<String, (TurnId, u64)>>,
    clock: Arc<dyn Clock>,
}

impl LocalFlights {
    /// Told the time by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { leaders: Mutex::default(), clock }
    }
}

#[async_trait]
impl Flights for LocalFlights {
    async fn lead(
        &self,
        key: &str,
        turn: &TurnId,
        instead_of: Option<&TurnId>,
        lifetime: Duration,
    ) -> Result<TurnId, PortError> {
        let now_ms = self.clock.monotonic_ms();
        let mut leaders = self.leaders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((leader, until_ms)) = leaders.get(key)
            && *until_ms > now_ms
            && Some(leader) != instead_of
        {
            return Ok(leader.clone());
        }
        make_room(&mut leaders, now_ms);
        let until_ms = now_ms.saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX));
        leaders.insert(key.to_owned(), (turn.clone(), until_ms));
        Ok(turn.clone())
    }
}

fn make_room(leaders: &mut HashMap<String, (TurnId, u64)>, now_ms: u64) {
    if leaders.len() < CAPACITY {
        return;
    }
    leaders.retain(|_, (_, until_ms)| *until_ms > now_ms);
    if leaders.len() >= CAPACITY {
        leaders.clear();
    }
}
