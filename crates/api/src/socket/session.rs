//! One socket, from login to close.

use super::alarms::{Alarm, Alarms};
use super::close::{self, Close};
use super::followers::{Followers, MAX_RESPONSES};
use super::frames::{self, About, ClientFrame, Misread, Update};
use super::outbound::Outbound;
use super::writer;
use crate::auth::{Caller, no_token, token_error};
use crate::error::ApiError;
use crate::state::ApiState;
use crate::tokens::{Claims, TokenError};
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use telemetry::names;
use tokio::sync::OwnedSemaphorePermit;

/// After a close frame, for the other end to read it.
const LINGER: Duration = Duration::from_secs(1);

/// What is known when a socket opens.
pub struct Arrival {
    pub token: Option<String>,
    /// The business that the request's header named.
    pub business: Option<String>,
    /// `None` when too many sockets are open.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// Why a session is over: with a close to send, or with nobody there.
type Over = Option<Close>;

struct Session {
    state: ApiState,
    id: String,
    business: Option<String>,
    caller: Option<Caller>,
    outbound: Arc<Outbound>,
    followers: Followers,
    alarms: Alarms,
}

/// Serves a socket until it closes.
pub async fn run(state: ApiState, socket: WebSocket, arrival: Arrival) {
    let _open = Open::new();
    let settings = &state.settings;
    let patience = Duration::from_secs(settings.pong_timeout_s);
    let outbound = Arc::new(Outbound::new(settings.outbound_soft_bytes, settings.outbound_hard_bytes));
    let (sink, mut stream) = socket.split();
    let writing = tokio::spawn(writer::run(sink, outbound.clone(), patience));
    let _permit = arrival.permit;
    let over = match _permit {
        Some(_) => Session::new(state, outbound.clone(), arrival.business).serve(&mut stream, arrival.token).await,
        None => Some(close::TOO_MANY),
    };
    finish(stream, &outbound, over).await;
    if writing.await.is_err() {
        tracing::error!("the writer of a websocket panicked");
    }
}

/// Tells the other end, and leaves it time to read that.
async fn finish(mut stream: SplitStream<WebSocket>, outbound: &Outbound, over: Over) {
    let Some(close) = over else {
        // Reading once more sends the answer to the other end's close frame.
        drop(tokio::time::timeout(LINGER, stream.next()).await);
        return outbound.close(close::RESTARTING);
    };
    outbound.close(close);
    outbound.is_written_off().await;
    let goodbye = async { while let Some(Ok(_)) = stream.next().await {} };
    if tokio::time::timeout(LINGER, goodbye).await.is_ok() && matches!(close, close::TOO_BIG | close::NOT_UTF8) {
        // After such an error nothing can be read, and closing at once could cut off what was sent.
        tokio::time::sleep(LINGER).await;
    }
}

impl Session {
    fn new(state: ApiState, outbound: Arc<Outbound>, business: Option<String>) -> Self {
        let seconds = Duration::from_secs;
        let server = &state.settings;
        let alarms = Alarms::new(
            seconds(server.auth_timeout_s),
            seconds(server.ping_interval_s),
            seconds(server.pong_timeout_s),
        );
        let followers = Followers::new(state.clone(), outbound.clone());
        let id = state.ports.ids.next("sess");
        Self { state, id, business, caller: None, outbound, followers, alarms }
    }

    async fn serve(mut self, stream: &mut SplitStream<WebSocket>, token: Option<String>) -> Over {
        if let Some(token) = token
            && let ControlFlow::Break(over) = self.log_in(&token)
        {
            return over;
        }
        let shutdown = self.state.shutdown.clone();
        let outbound = self.outbound.clone();
        loop {
            let step = tokio::select! {
                message = stream.next() => self.hear(message),
                alarm = self.alarms.next() => self.ring(alarm),
                () = shutdown.cancelled() => ControlFlow::Break(Some(close::RESTARTING)),
                () = outbound.is_written_off() => ControlFlow::Break(None),
            };
            if let ControlFlow::Break(over) = step {
                return over;
            }
        }
    }

    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> ControlFlow<Over> {
        self.alarms.heard();
        match message {
            Some(Ok(Message::Text(text))) => self.frame(text.as_str()),
            Some(Ok(Message::Binary(_))) => {
                self.fail(&not_text(), &About::default());
                ControlFlow::Continue(())
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(()),
            Some(Ok(Message::Close(_))) | None => ControlFlow::Break(None),
            Some(Err(error)) => ControlFlow::Break(Close::for_error(&error)),
        }
    }

    fn ring(&mut self, alarm: Alarm) -> ControlFlow<Over> {
        match alarm {
            Alarm::NoLogin => {
                self.fail(&no_token(), &About::default());
                return ControlFlow::Break(Some(close::NO_LOGIN));
            }
            Alarm::Expired => return ControlFlow::Break(Some(close::EXPIRED)),
            Alarm::Silent => return ControlFlow::Break(Some(close::SILENT)),
            Alarm::Expiring(left_s) => self.outbound.push(frames::expiring(left_s)),
            Alarm::Ping => self.outbound.ping(),
        }
        ControlFlow::Continue(())
    }

    fn frame(&mut self, text: &str) -> ControlFlow<Over> {
        let misread = match frames::read(text) {
            Ok(frame) => return self.obey(frame),
            Err(misread) => *misread,
        };
        match misread {
            Misread::Unknown(error, about) => {
                self.fail(&error, &about);
                ControlFlow::Continue(())
            }
            Misread::NotJson(error) => {
                self.fail(&error, &About::default());
                ControlFlow::Break(Some(close::NOT_JSON))
            }
        }
    }

    fn obey(&mut self, frame: ClientFrame) -> ControlFlow<Over> {
        match (frame, self.caller.clone()) {
            (ClientFrame::Update(Update { token }), _) => return self.log_in(&token),
            (ClientFrame::Ping(t), _) => self.outbound.push(frames::pong(&t)),
            (_, None) => self.fail(&no_token(), &About::default()),
            (ClientFrame::Create(request), Some(caller)) => self.followers.create(caller, *request),
            (ClientFrame::Subscribe(wanted), Some(caller)) => self.followers.subscribe(caller, wanted),
            (ClientFrame::Cancel(named), Some(caller)) => self.followers.cancel(caller, named.response_id),
        }
        ControlFlow::Continue(())
    }

    /// The first token opens the session; a later one of the same user renews it.
    fn log_in(&mut self, token: &str) -> ControlFlow<Over> {
        let now_ms = self.state.now_ms();
        match self.state.jwt.verify(token, now_ms) {
            Ok(claims) => self.welcome(claims, now_ms),
            Err(error) => self.turn_away(error),
        }
    }

    fn welcome(&mut self, claims: Claims, now_ms: i64) -> ControlFlow<Over> {
        let ttl = Duration::from_millis(claims.time_left_ms(now_ms));
        let greeting = match &self.caller {
            Some(earlier) if earlier.claims.sub != claims.sub => return ControlFlow::Break(Some(close::OTHER_USER)),
            Some(_) => frames::updated(ttl.as_secs()),
            None => frames::created(&self.id, ttl.as_secs(), &self.state.settings, MAX_RESPONSES),
        };
        self.alarms.logged_in(ttl);
        self.caller = Some(Caller::new(claims, self.business.clone()));
        self.outbound.push(greeting);
        ControlFlow::Continue(())
    }

    /// Who is logged in stays so until the earlier token expires.
    fn turn_away(&mut self, error: TokenError) -> ControlFlow<Over> {
        let close = if error == TokenError::Expired { close::EXPIRED } else { close::NO_LOGIN };
        self.fail(&token_error(error), &About::default());
        if self.caller.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(Some(close)) }
    }

    fn fail(&self, error: &ApiError, about: &About) {
        self.outbound.push(frames::error(error, about));
    }
}

fn not_text() -> ApiError {
    ApiError::bad_request("not_text", "A frame is JSON in a text frame, not in a binary one.")
}

/// Counts a socket while it is open.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::gauge!(names::SOCKETS).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(names::SOCKETS).decrement(1.0);
    }
}
