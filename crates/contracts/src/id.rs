//! Identifiers. Opaque strings with a readable prefix; never parsed for meaning.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// Wraps an identifier as it is.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

id!(/** A tenant (`biz_…`). Everything that is stored belongs to one. */ BusinessId);
id!(/** A person (`usr_…`). */ UserId);
id!(/** A database that questions are asked of (`con_…`). */ ConnectionId);
id!(/** A sequence of turns that share their history (`conv_…`). */ ConversationId);
id!(/** One question and its answer, and the response that clients follow (`resp_…`). */ TurnId);
id!(/** A stored result of a statement (`res_…`). */ ResultId);
id!(/** A change of data that waits for a person's word (`apr_…`). */ ApprovalId);
id!(/** A job that was given up and is kept for a person to look at (`dead_…`). */ DeadId);
id!(
    /** One piece of work of a turn, derived from its parent: `resp_1/classify.0/generate_sql.0`. The same work has
    the same id however often it is delivered. */
    HopId
);

impl ApprovalId {
    /// The approval that a turn asked for. A turn asks for one at most.
    pub fn of(turn: &TurnId) -> Self {
        Self(format!("apr_{}", turn.bare()))
    }
}

impl ConversationId {
    /// The conversation that begins with a turn: nothing was said in it before.
    pub fn begun_by(turn: &TurnId) -> Self {
        Self(format!("conv_{}", turn.bare()))
    }
}

impl TurnId {
    /// The id without `resp_`: what else there is one of in a turn is named after it.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix("resp_").unwrap_or(&self.0)
    }
}

impl HopId {
    /// The first hop of a turn.
    pub fn first(turn: &TurnId, kind: &str) -> Self {
        Self(format!("{turn}/{kind}.0"))
    }

    /// The `index`-th job that this hop returned.
    pub fn child(&self, kind: &str, index: usize) -> Self {
        Self(format!("{self}/{kind}.{index}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_turn_is_named_after_it() {
        let turn = TurnId::from("resp_1");
        assert_eq!(ApprovalId::of(&turn).as_str(), "apr_1");
        assert_eq!(ConversationId::begun_by(&turn).as_str(), "conv_1");
    }
}
