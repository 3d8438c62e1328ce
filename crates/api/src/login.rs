//! Login, and who is logged in.

use crate::auth::Caller;
use crate::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::passwords;
use crate::state::ApiState;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use contracts::Role;
use ports::store::{Membership, User};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::net::SocketAddr;
use utoipa::ToSchema;

const LONGEST_PASSWORD: usize = 1024;

#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    email: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    token: String,
    /// Unix milliseconds.
    expires_at_ms: i64,
    user: Person,
    businesses: Vec<MembershipBody>,
}

#[derive(Serialize, ToSchema)]
pub struct Me {
    user: Person,
    businesses: Vec<MembershipBody>,
    /// When the token expires, Unix milliseconds.
    expires_at_ms: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Person {
    id: String,
    email: String,
}

#[derive(Serialize, ToSchema)]
pub struct MembershipBody {
    business: String,
    business_name: String,
    /// `viewer`, `member`, `manager` or `admin`.
    #[schema(value_type = String)]
    role: Role,
}

impl From<Membership> for MembershipBody {
    fn from(membership: Membership) -> Self {
        Self { business: membership.business.0, business_name: membership.business_name, role: membership.role }
    }
}

/// The address of the other end, where the server was told it.
pub struct Address(String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(info.map_or_else(|| "unknown".to_owned(), |info| info.0.ip().to_string())))
    }
}

/// A token for an e-mail address and a password.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "identity", request_body = Credentials, security(()),
    responses(
        (status = 200, description = "Logged in", body = LoggedIn),
        (status = 401, description = "Wrong address or password", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
pub async fn login(
    State(state): State<ApiState>,
    Address(address): Address,
    Body(credentials): Body<Credentials>,
) -> Result<Json<LoggedIn>, ApiError> {
    let email = credentials.email.trim().to_lowercase();
    state.logins.begin(&address, &email, state.now_ms()).map_err(too_many)?;
    let user = authenticate(&state, &email, &credentials.password).await?.ok_or_else(wrong)?;
    state.logins.succeeded(&address, &email);
    let memberships = state.ports.store.memberships(&user.id).await?;
    let issued =
        state.jwt.issue(&user.id, &user.email, &memberships, state.now_ms()).map_err(|_| ApiError::internal())?;
    Ok(Json(LoggedIn {
        token: issued.token,
        expires_at_ms: issued.expires_at_ms,
        user: Person { id: user.id.0, email: user.email },
        businesses: memberships.into_iter().map(MembershipBody::from).collect(),
    }))
}

/// Who the token speaks for, with the memberships of now.
#[utoipa::path(
    get, path = "/v1/me", tag = "identity",
    responses((status = 200, description = "The user", body = Me), (status = 401, body = ErrorBody, description = "No login"))
)]
pub async fn me(State(state): State<ApiState>, caller: Caller) -> Result<Json<Me>, ApiError> {
    let memberships = state.ports.store.memberships(&caller.claims.sub).await?;
    Ok(Json(Me {
        expires_at_ms: caller.claims.exp.saturating_mul(1000),
        user: Person { id: caller.claims.sub.0, email: caller.claims.email },
        businesses: memberships.into_iter().map(MembershipBody::from).collect(),
    }))
}

/// The user, when the password is right. An unknown user takes as long as a wrong password.
async fn authenticate(state: &ApiState, email: &str, password: &str) -> Result<Option<User>, ApiError> {
    if password.len() > LONGEST_PASSWORD || email.contains('\0') {
        return Ok(None);
    }
    let user = state.ports.store.user_by_email(email).await?;
    let hash = user.as_ref().map_or(passwords::NOBODYS, |user| user.password_hash.as_str());
    let _slot = state.password_checks.acquire().await.map_err(|_| ApiError::internal())?;
    let right = passwords::verify(password, hash).await.map_err(|error| {
        tracing::error!(%error, "a password could not be checked");
        ApiError::internal()
    })?;
    Ok(user.filter(|_| right))
}

fn wrong() -> ApiError {
    let message = "The e-mail address or the password is wrong. Check both and try again.";
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong_credentials", message)
}

fn too_many(wait_s: u64) -> ApiError {
    let message = format!("Too many wrong passwords for this account. Try again in {wait_s} s.");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).retry_after(wait_s)
}
