//! On whose behalf a step reads a connection.

use crate::{Ctx, JobError, OrFail, OrRetry};
use contracts::{Role, UserId};
use ports::store::{Connection, Seen};
use serde_json::Value;
use std::collections::BTreeMap;

const FORBIDDEN: &str = "You may not ask this database any more. Ask a manager for access.";

/// Who asks, and the policy of the connection.
#[derive(Clone, Debug)]
pub struct Reader {
    /// What the user may do in the business now.
    pub role: Role,
    /// `id`, `email` and `role`, which the rules of a policy may name.
    pub attributes: BTreeMap<String, Value>,
    /// The policy as it is stored.
    pub policy: Value,
}

impl Ctx {
    /// Who asks and under which policy; `None` when the connection has none.
    pub async fn reader(&self, connection: &Connection) -> Result<Option<Reader>, JobError> {
        self.reader_as(connection, &self.meta.user).await
    }

    /// As above, on behalf of somebody else; `None` when the connection has none.
    pub async fn reader_as(&self, connection: &Connection, user: &UserId) -> Result<Option<Reader>, JobError> {
        let store = &self.ports.store;
        let stored = store.connection_policy(&self.meta.business, &connection.id).await;
        let Some(policy) = stored.or_retry("read the policy of the connection")? else { return Ok(None) };
        let role = store.role_in(user, &self.meta.business).await.or_retry("read the role of the user")?;
        self.reader_with(policy, role, user).await.map(Some)
    }

    /// As `reader`, of what was read with the connection.
    pub async fn reader_of(&self, seen: &Seen) -> Result<Option<Reader>, JobError> {
        let Some(policy) = &seen.policy else { return Ok(None) };
        self.reader_with(policy.clone(), seen.role, &self.meta.user).await.map(Some)
    }

    async fn reader_with(&self, policy: Value, role: Option<Role>, user: &UserId) -> Result<Reader, JobError> {
        let role = role.or_fail("forbidden", FORBIDDEN)?;
        let user = self.ports.store.user(user).await.or_retry("read the user")?;
        let user = user.or_fail("forbidden", FORBIDDEN)?;
        let text = |value: &str| Value::String(value.to_owned());
        let attributes = [("id", user.id.as_str()), ("email", &user.email), ("role", role.as_str())];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), text(value))).into();
        Ok(Reader { role, attributes, policy })
    }
}
