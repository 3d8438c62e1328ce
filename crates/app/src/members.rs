use crate::SystemClock;
use crate::clock::UuidIds;
use crate::compose::Reach;
use anyhow::{Result, bail};
use contracts::{BusinessId, Role, UserId};
use ports::store::{Business, Identity, User};
use ports::{AppStore, Clock, Ids};
use settings::Settings;
use std::sync::Arc;

/// Somebody who shall be able to log in.
pub struct NewMember {
    /// E-mail address.
    pub email: String,
    /// Password, as typed.
    pub password: String,
    /// Name of the business; made where it does not exist.
    pub business: String,
    /// What the user may do there.
    pub role: Role,
}

/// Adds a user to a business of the store that the settings name. Says what was done.
pub async fn add_member(settings: &Settings, member: NewMember) -> Result<String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let store = Reach { settings, clock: clock.clone() }.any_store().await?;
    add_member_to(&store, &*clock, member).await
}

/// Adds a user to a business. Says what was done.
pub async fn add_member_to(store: &dyn AppStore, clock: &dyn Clock, member: NewMember) -> Result<String> {
    let email = member.email.trim().to_lowercase();
    if !email.contains('@') {
        bail!("{:?} is no e-mail address", member.email);
    }
    let business = business(store, &member.business, clock.now_ms()).await?;
    let (user, made) = match store.user_by_email(&email).await? {
        Some(user) => (user.id, "already known, password unchanged"),
        None => (create(store, &email, &member.password, clock.now_ms()).await?, "added"),
    };
    store.set_membership(&user, &business, member.role).await?;
    Ok(format!("{email} ({made}) is {} of {} ({business}).", member.role.as_str(), member.business))
}

/// Takes a user's access to a business away. Says what was done, and what it does not do.
pub async fn remove_member(settings: &Settings, email: &str, business: &str) -> Result<String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let store = Reach { settings, clock }.any_store().await?;
    let (email, id) = (email.trim().to_lowercase(), id_of(business)?);
    let Some(user) = store.user_by_email(&email).await? else { bail!("nobody has the e-mail address {email}") };
    if !store.remove_membership(&user.id, &id).await? {
        bail!("{email} belongs to no business {business} ({id})");
    }
    let minutes = settings.server.token_ttl_s.div_ceil(60);
    Ok(format!(
        "{email} may not ask the databases of {business} any more, from the next step of every question on. A login          that stands still reads what was answered before, for at most {minutes} minutes."
    ))
}

async fn create(store: &dyn AppStore, email: &str, password: &str, now_ms: i64) -> Result<UserId> {
    let id = UserId(UuidIds.next("usr"));
    let password_hash = api::passwords::hash(password).await?;
    let user = User { id: id.clone(), email: email.to_owned(), password_hash, created_ms: now_ms };
    if !store.create_user(&user).await? {
        bail!("{email} was added by somebody else just now: run the command again");
    }
    Ok(id)
}

/// The id of a business follows from its name, so that the same name is the same business.
async fn business(store: &dyn AppStore, name: &str, now_ms: i64) -> Result<BusinessId> {
    let id = id_of(name)?;
    store.create_business(&Business { id: id.clone(), name: name.to_owned(), created_ms: now_ms }).await?;
    Ok(id)
}

fn id_of(name: &str) -> Result<BusinessId> {
    let slug: String =
        name.trim().to_lowercase().chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
    if slug.trim_matches('_').is_empty() {
        bail!("{name:?} is no name for a business: use letters or digits");
    }
    Ok(BusinessId(format!("biz_{slug}")))
}
