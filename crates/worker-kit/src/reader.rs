//! On whose behalf a step reads a connection.

use crate::{Ctx, JobError, OrFail, OrRetry};
use contracts::{Role, UserId};
use ports::store::Connection;
use serde_json::Value;
use std::collections::BTreeMap;

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

    /// As above, on behalf of somebody else.
    pub async fn reader_as(&self, connection: &Connection, user: &UserId) -> Result<Option<Reader>, JobError> {
        let store = &self.ports.store;
        let stored = store.connection_policy(&self.meta.business, &connection.id).await;
        let Some(policy) = stored.or_retry("read the policy of the connection")? else { return Ok(None) };
        let role = store.role_in(user, &self.meta.business).await.or_retry("read the role of the user")?;
        let role = role.or_fail("forbidden", "You may not ask this database any more. Ask a manager for access.")?;
        let user = store.user(user).await.or_retry("read the user")?;
        let user = user.or_fail("forbidden", "You may not ask this database any more. Ask a manager for access.")?;
        let text = |value: &str| Value::String(value.to_owned());
        let attributes = [("id", user.id.as_str()), ("email", &user.email), ("role", role.as_str())];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), text(value))).into();
        Ok(Some(Reader { role, attributes, policy }))
    }
}
