//! Who belongs where.

use crate::PortError;
use async_trait::async_trait;
use contracts::{BusinessId, Role, UserId};
use serde::{Deserialize, Serialize};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Its id.
    pub id: BusinessId,
    /// Its name.
    pub name: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A person who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Lower case, unique.
    pub email: String,
    /// Argon2id, PHC string.
    pub password_hash: String,
    /// Unix milliseconds.
    pub created_ms: i64,
}

/// A user in a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The business.
    pub business: BusinessId,
    /// Its name.
    pub business_name: String,
    /// What the user may do there.
    pub role: Role,
}

/// Businesses, users and memberships.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Stores a business; false when the id exists.
    async fn create_business(&self, business: &Business) -> Result<bool, PortError>;
    /// A business.
    async fn business(&self, id: &BusinessId) -> Result<Option<Business>, PortError>;
    /// Stores a user; false when the e-mail address is taken.
    async fn create_user(&self, user: &User) -> Result<bool, PortError>;
    /// A user by (lower-case) e-mail address.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>, PortError>;
    /// A user by id.
    async fn user(&self, id: &UserId) -> Result<Option<User>, PortError>;
    /// Makes the user a member, or changes the role.
    async fn set_membership(&self, user: &UserId, business: &BusinessId, role: Role) -> Result<(), PortError>;
    /// The user may do nothing there any more; false when that was so before.
    async fn remove_membership(&self, user: &UserId, business: &BusinessId) -> Result<bool, PortError>;
    /// Where the user may do what, by name of the business.
    async fn memberships(&self, user: &UserId) -> Result<Vec<Membership>, PortError>;
    /// What the user may do in one business now; `None` when nothing.
    async fn role_in(&self, user: &UserId, business: &BusinessId) -> Result<Option<Role>, PortError>;
}
