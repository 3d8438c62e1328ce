//! The responses that one socket follows.

use super::close::FORBIDDEN_BUSINESS;
use super::frames::{self, About, Subscription};
use super::outbound::Outbound;
use crate::auth::{Caller, FORBIDDEN_BUSINESS_CODE};
use crate::error::ApiError;
use crate::relay::Relay;
use crate::responses::{self, CreateRequest, cursor};
use crate::state::ApiState;
use axum::http::StatusCode;
use contracts::TurnId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Questions and followed responses of one socket at a time.
pub const MAX_RESPONSES: usize = 32;

/// Tasks of one socket. Dropping it ends them; what was asked goes on without them.
pub struct Followers {
    tasks: JoinSet<()>,
    common: Common,
}

/// What each task needs.
#[derive(Clone)]
struct Common {
    state: ApiState,
    outbound: Arc<Outbound>,
    /// One task follows a response: the one that began last.
    following: Arc<Mutex<HashMap<TurnId, CancellationToken>>>,
}

impl Followers {
    pub fn new(state: ApiState, outbound: Arc<Outbound>) -> Self {
        Self { tasks: JoinSet::new(), common: Common { state, outbound, following: Arc::default() } }
    }

    /// Takes a question, and follows its response.
    pub fn create(&mut self, caller: Caller, request: CreateRequest) {
        let about = About::key(request.idempotency_key.as_deref());
        if self.has_room(&about) {
            self.tasks.spawn(self.common.clone().create(caller, request, about));
        }
    }

    /// Follows a response on from a cursor.
    pub fn subscribe(&mut self, caller: Caller, wanted: Subscription) {
        let about = About::response(&wanted.response_id);
        if self.has_room(&about) {
            self.tasks.spawn(self.common.clone().subscribe(caller, wanted, about));
        }
    }

    /// Stops a response.
    pub fn cancel(&mut self, caller: Caller, response_id: String) {
        let about = About::response(&response_id);
        if self.has_room(&about) {
            self.tasks.spawn(self.common.clone().cancel(caller, TurnId(response_id), about));
        }
    }

    fn has_room(&mut self, about: &About) -> bool {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() < MAX_RESPONSES {
            return true;
        }
        let message = format!("This socket follows {MAX_RESPONSES} responses. Wait until one has ended.");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_responses", message).retry_after(1);
        self.common.fail(&error, about);
        false
    }
}

impl Common {
    async fn create(self, caller: Caller, request: CreateRequest, about: About) {
        match responses::ask(&self.state, &caller, &request).await {
            Ok((business, turn)) => self.follow(Relay::new(&self.state, &caller, business, turn, None)).await,
            Err(error) => self.fail(&error, &about),
        }
    }

    async fn subscribe(self, caller: Caller, wanted: Subscription, about: About) {
        match self.resume(&caller, &wanted).await {
            Ok(relay) => self.follow(relay).await,
            Err(error) => self.fail(&error, &about),
        }
    }

    async fn resume(&self, caller: &Caller, wanted: &Subscription) -> Result<Relay, ApiError> {
        let after = cursor(wanted.starting_after)?;
        let turn = caller.find_turn(&self.state, &TurnId(wanted.response_id.clone())).await?;
        Ok(Relay::new(&self.state, caller, turn.business, turn.id, after))
    }

    async fn cancel(self, caller: Caller, turn: TurnId, about: About) {
        if let Err(error) = responses::cancel(&self.state, &caller, &turn).await {
            self.fail(&error, &about);
        }
    }

    /// Forwards a response up to its end, at the client's pace.
    async fn follow(&self, mut relay: Relay) {
        let replaced = self.begin(relay.turn());
        tokio::select! {
            () = replaced.cancelled() => {}
            () = self.forward(&mut relay) => {
                self.following().remove(relay.turn());
            }
        }
    }

    async fn forward(&self, relay: &mut Relay) {
        loop {
            self.outbound.room().await;
            let Some(news) = relay.next().await else { return };
            self.outbound.push(news.to_client_json(relay.turn()));
        }
    }

    fn begin(&self, turn: &TurnId) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(earlier) = self.following().insert(turn.clone(), token.clone()) {
            earlier.cancel();
        }
        token
    }

    fn following(&self) -> MutexGuard<'_, HashMap<TurnId, CancellationToken>> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: &ApiError, about: &About) {
        self.outbound.push(frames::error(error, about));
        if error.code == FORBIDDEN_BUSINESS_CODE {
            self.outbound.close(FORBIDDEN_BUSINESS);
        }
    }
}
