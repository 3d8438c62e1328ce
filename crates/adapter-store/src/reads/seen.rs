use super::connections::{connection, select};
use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::Role;
use ports::store::Seen;
use sqlx::Error;

macro_rules! one {
    ($business:literal, $id:literal, $most:literal, $user:literal) => {
        select!(
            concat!(
                ", (SELECT m.role FROM memberships AS m WHERE m.business_id = connections.business_id AND m.user_id = ",
                $user,
                ") AS role, (SELECT p.body FROM connection_policies AS p WHERE p.business_id = connections.business_id \
                 AND p.connection_id = connections.id) AS policy"
            ),
            concat!("WHERE business_id = ", $business, " AND id = ", $id, " LIMIT ", $most)
        )
    };
}

/// A connection of a business as a user sees it. Steps read it on behalf of who asks, so that they read once.
pub(crate) struct FindSeen;

impl HotRead for FindSeen {
    type Item = Seen;
    const NAME: &'static str = "seen";
    const TOGETHER: &'static str = hot_read!(together: one, "i.asker");
    const ALONE: &'static str = hot_read!(alone: one, "$4");

    fn item(row: &Row) -> Result<Seen, Error> {
        Ok(Seen {
            connection: connection(row)?,
            role: row.maybe_named("role", Role::parse)?,
            policy: row.maybe_json("policy")?,
        })
    }
}
