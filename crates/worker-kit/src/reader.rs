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
    /// Who asks and under which policy; `None` when the connection has none. Fails when the user may do nothing in the
    /// business any more, policy or not: access may be taken away while a question is on its way.
    pub async fn reader(&self, connection: &Connection) -> Result<Option<Reader>, JobError> {
        self.reader_as(connection, &self.meta.user).await
    }

    /// As above, on behalf of somebody else.
    pub async fn reader_as(&self, connection: &Connection, user: &UserId) -> Result<Option<Reader>, JobError> {
        let (store, business) = (&self.ports.store, &self.meta.business);
        let (policy, role) =
            tokio::join!(store.connection_policy(business, &connection.id), store.role_in(user, business));
        let policy = policy.or_retry("read the policy of the connection")?;
        self.reader_with(policy, role.or_retry("read the role of the user")?, user).await
    }

    /// As `reader`, of what was read with the connection.
    pub async fn reader_of(&self, seen: &Seen) -> Result<Option<Reader>, JobError> {
        self.reader_with(seen.policy.clone(), seen.role, &self.meta.user).await
    }

    async fn reader_with(
        &self,
        policy: Option<Value>,
        role: Option<Role>,
        user: &UserId,
    ) -> Result<Option<Reader>, JobError> {
        let role = role.or_fail("forbidden", FORBIDDEN)?;
        let Some(policy) = policy else { return Ok(None) };
        let user = self.ports.store.user(user).await.or_retry("read the user")?;
        let user = user.or_fail("forbidden", FORBIDDEN)?;
        let text = |value: &str| Value::String(value.to_owned());
        let attributes = [("id", user.id.as_str()), ("email", &user.email), ("role", role.as_str())];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), text(value))).into();
        Ok(Some(Reader { role, attributes, policy }))
    }
}
