use serde::{Deserialize, Serialize};

/// What a user may do in a business. Ordered: a later role may do all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads answers and history; asks nothing.
    Viewer,
    /// Asks questions.
    Member,
    /// Manages connections and members of the business.
    Manager,
    /// Manages every business.
    Admin,
}

impl Role {
    /// The stored and transmitted name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Reads a stored name; `None` for a name that is no role.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Member, Self::Manager, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}
