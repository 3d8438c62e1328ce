//! Why a socket is closed. 4400 to 4499 may be opened again, 4500 to 4999 must not.

use axum::extract::ws::{CloseFrame, Message};
use std::error::Error as StdError;
use tokio_tungstenite::tungstenite;

/// A close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: &'static str,
    /// Overtakes what waits to be sent.
    pub at_once: bool,
}

const fn after_the_rest(code: u16, reason: &'static str) -> Close {
    Close { code, reason, at_once: false }
}

const fn at_once(code: u16, reason: &'static str) -> Close {
    Close { code, reason, at_once: true }
}

pub const PROTOCOL_ERROR: Close = after_the_rest(1002, "protocol error");
pub const NOT_UTF8: Close = after_the_rest(1007, "text frames are UTF-8");
pub const TOO_BIG: Close = after_the_rest(1009, "the frame is too big");
pub const RESTARTING: Close = at_once(1012, "restarting: connect again and resume");
pub const SLOW: Close = at_once(4408, "slow consumer: connect again and resume");
pub const SILENT: Close = at_once(4408, "no answer to a ping: connect again and resume");
pub const EXPIRED: Close = after_the_rest(4419, "the token has expired: log in again");
pub const NOT_JSON: Close = after_the_rest(4501, "the frame is no JSON");
pub const FORBIDDEN_BUSINESS: Close = after_the_rest(4503, "forbidden business");
pub const OTHER_USER: Close = after_the_rest(4503, "the token is another user's");
pub const TOO_MANY: Close = after_the_rest(4504, "too many connections");
pub const NO_LOGIN: Close = after_the_rest(4505, "no valid token in time");

impl Close {
    pub fn frame(self) -> Message {
        Message::Close(Some(CloseFrame { code: self.code, reason: self.reason.into() }))
    }

    /// The close that answers an error of the socket; `None` when there is nobody to tell.
    pub fn for_error(error: &axum::Error) -> Option<Self> {
        use tungstenite::Error;
        match error.source()?.downcast_ref::<Error>()? {
            Error::Utf8(_) => Some(NOT_UTF8),
            Error::Capacity(_) => Some(TOO_BIG),
            Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) => Some(PROTOCOL_ERROR),
            _ => None,
        }
    }
}
