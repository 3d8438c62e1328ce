use crate::Store;
use crate::db::{Row, values};
use crate::reads::FindRole;
use async_trait::async_trait;
use contracts::{BusinessId, Role, UserId};
use ports::PortError;
use ports::store::{Business, Identity, Membership, User};
use sqlx::Error;

const CREATE_BUSINESS: &str =
    "INSERT INTO businesses (id, name, created_ms) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const BUSINESS: &str = "SELECT id, name, created_ms FROM businesses WHERE id = $1";
const CREATE_USER: &str = "INSERT INTO users (id, email, password_hash, created_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (email) DO NOTHING";
const USER_BY_EMAIL: &str = "SELECT id, email, password_hash, created_ms FROM users WHERE email = $1";
const USER: &str = "SELECT id, email, password_hash, created_ms FROM users WHERE id = $1";
const SET_MEMBERSHIP: &str = "INSERT INTO memberships (user_id, business_id, role) VALUES ($1, $2, $3) \
     ON CONFLICT (user_id, business_id) DO UPDATE SET role = excluded.role";
const REMOVE_MEMBERSHIP: &str = "DELETE FROM memberships WHERE user_id = $1 AND business_id = $2";
const MEMBERSHIPS: &str = "SELECT m.business_id, b.name, m.role FROM memberships AS m \
     JOIN businesses AS b ON b.id = m.business_id WHERE m.user_id = $1 ORDER BY b.name, b.id";

#[async_trait]
impl Identity for Store {
    async fn create_business(&self, business: &Business) -> Result<bool, PortError> {
        let values = values![business.id.as_str(), &business.name, business.created_ms];
        Ok(self.db.execute("create_business", CREATE_BUSINESS, values).await? > 0)
    }

    async fn business(&self, id: &BusinessId) -> Result<Option<Business>, PortError> {
        self.db.find("business", BUSINESS, values![id.as_str()], business).await
    }

    async fn create_user(&self, user: &User) -> Result<bool, PortError> {
        let values = values![user.id.as_str(), &user.email, &user.password_hash, user.created_ms];
        Ok(self.db.execute("create_user", CREATE_USER, values).await? > 0)
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>, PortError> {
        self.db.find("user_by_email", USER_BY_EMAIL, values![email], user).await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>, PortError> {
        self.db.find("user", USER, values![id.as_str()], user).await
    }

    async fn set_membership(&self, user: &UserId, business: &BusinessId, role: Role) -> Result<(), PortError> {
        let values = values![user.as_str(), business.as_str(), role.as_str()];
        self.db.execute("set_membership", SET_MEMBERSHIP, values).await?;
        Ok(())
    }

    async fn remove_membership(&self, user: &UserId, business: &BusinessId) -> Result<bool, PortError> {
        let values = values![user.as_str(), business.as_str()];
        Ok(self.db.execute("remove_membership", REMOVE_MEMBERSHIP, values).await? > 0)
    }

    async fn memberships(&self, user: &UserId) -> Result<Vec<Membership>, PortError> {
        self.db.list("memberships", MEMBERSHIPS, values![user.as_str()], membership).await
    }

    async fn role_in(&self, user: &UserId, business: &BusinessId) -> Result<Option<Role>, PortError> {
        self.reader.find::<FindRole>(business.as_str(), user.as_str()).await
    }
}

fn business(row: &Row) -> Result<Business, Error> {
    Ok(Business { id: BusinessId(row.text("id")?), name: row.text("name")?, created_ms: row.int("created_ms")? })
}

fn user(row: &Row) -> Result<User, Error> {
    Ok(User {
        id: UserId(row.text("id")?),
        email: row.text("email")?,
        password_hash: row.text("password_hash")?,
        created_ms: row.int("created_ms")?,
    })
}

fn membership(row: &Row) -> Result<Membership, Error> {
    Ok(Membership {
        business: BusinessId(row.text("business_id")?),
        business_name: row.text("name")?,
        role: row.named("role", Role::parse)?,
    })
}
