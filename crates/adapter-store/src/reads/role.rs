use crate::batch::{HotRead, hot_read};
use crate::db::Row;
use contracts::Role;
use sqlx::Error;

macro_rules! role {
    ($business:literal, $id:literal, $most:literal) => {
        concat!(
            "SELECT role FROM memberships WHERE business_id = ",
            $business,
            " AND user_id = ",
            $id,
            " LIMIT ",
            $most
        )
    };
}

/// What a user may do in a business. Its key is the user.
pub(crate) struct FindRole;

impl HotRead for FindRole {
    type Item = Role;
    const NAME: &'static str = "role_in";
    const TOGETHER: &'static str = hot_read!(together: role);
    const ALONE: &'static str = hot_read!(alone: role);

    fn item(row: &Row) -> Result<Role, Error> {
        row.named("role", Role::parse)
    }
}
