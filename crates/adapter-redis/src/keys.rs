//! The names of keys and channels. A change of what they hold needs a new version.

use contracts::TurnId;

const VERSION: &str = "v1";

/// Names under one prefix, for one process.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
    /// This process.
    pub node: String,
}

impl Keys {
    /// Names for a new process.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}:{VERSION}"), node: format!("{:016x}", rand::random::<u64>()) }
    }

    /// Stream: the events of a turn. Event n has the id `(n+1)-0`, since `0-0` is no id.
    pub(crate) fn log(&self, turn: &TurnId) -> String {
        format!("{}:log:{turn}", self.prefix)
    }

    /// Hash: newest fence, its newest batch, next number, whether closed.
    pub(crate) fn meta(&self, turn: &TurnId) -> String {
        format!("{}:meta:{turn}", self.prefix)
    }

    /// Set: the nodes where somebody listens to a turn.
    pub(crate) fn nodes(&self, turn: &TurnId) -> String {
        format!("{}:nodes:{turn}", self.prefix)
    }

    /// String: gone when everything is gone.
    pub(crate) fn epoch(&self) -> String {
        format!("{}:epoch", self.prefix)
    }

    /// Pattern: every key.
    pub(crate) fn all(&self) -> String {
        let literal = |letter: char| match letter {
            '*' | '?' | '[' | ']' | '^' | '-' | '\\' => format!("\\{letter}"),
            _ => letter.to_string(),
        };
        self.prefix.chars().map(literal).collect::<String>() + ":*"
    }

    /// The beginning of every node's channel.
    pub(crate) fn node_channels(&self) -> String {
        format!("{}:node:", self.prefix)
    }

    /// Channel: frames of the turns that somebody listens to in this process.
    pub(crate) fn node_channel(&self) -> String {
        self.node_channels() + &self.node
    }

    /// Sorted set: who holds a slot of what is counted under this key.
    pub(crate) fn slots(&self, key: &str) -> String {
        format!("{}:slots:{key}", self.prefix)
    }

    /// String: the turn that runs the question of this key.
    pub(crate) fn flight(&self, key: &str) -> String {
        format!("{}:flight:{key}", self.prefix)
    }

    /// Channel: cancels.
    pub(crate) fn cancels(&self) -> String {
        format!("{}:cancels", self.prefix)
    }
}
