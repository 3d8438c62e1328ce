//! Who calls, and on whose behalf.

use crate::error::ApiError;
use crate::state::ApiState;
use crate::tokens::{Claims, MembershipClaim, TokenError};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use contracts::{BusinessId, Role, TurnId, UserId};
use ports::store::Turn;

/// Code of the error that names a business which the token does not cover.
pub const FORBIDDEN_BUSINESS_CODE: &str = "forbidden_business";
const BUSINESS_HEADER: &str = "x-askline-business";

/// Somebody with a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    pub claims: Claims,
    business: Option<String>,
}

/// A caller in one business.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: UserId,
    pub business: BusinessId,
    pub role: Role,
}

impl Caller {
    /// `business` is what the request's header names.
    pub fn new(claims: Claims, business: Option<String>) -> Self {
        Self { claims, business }
    }

    /// Acts in the business that the request names, else in the one of the header, else in the caller's first.
    pub fn act_in(&self, wanted: Option<&str>) -> Result<Actor, ApiError> {
        let membership = match wanted.or(self.business.as_deref()) {
            Some(id) => self.claims.businesses.iter().find(|one| one.id.as_str() == id).ok_or_else(forbidden_business),
            None => self.claims.businesses.first().ok_or_else(no_business),
        }?;
        Ok(self.actor(membership))
    }

    /// As above; the role must allow at least what `role` allows.
    pub fn act_as(&self, role: Role, wanted: Option<&str>) -> Result<Actor, ApiError> {
        let actor = self.act_in(wanted)?;
        if actor.role < role {
            return Err(forbidden_role(role));
        }
        Ok(actor)
    }

    /// A turn of any business that the caller belongs to. A turn of another business is as unknown as none.
    pub async fn find_turn(&self, state: &ApiState, id: &TurnId) -> Result<Turn, ApiError> {
        for membership in &self.claims.businesses {
            if let Some(turn) = state.ports.store.turn(&membership.id, id).await? {
                return Ok(turn);
            }
        }
        Err(ApiError::not_found("response"))
    }

    /// The caller in the business of something that was found.
    pub fn act_for(&self, business: &BusinessId, role: Role) -> Result<Actor, ApiError> {
        self.act_as(role, Some(business.as_str()))
    }

    fn actor(&self, membership: &MembershipClaim) -> Actor {
        Actor { user: self.claims.sub.clone(), business: membership.id.clone(), role: membership.role }
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(no_token)?;
        let claims = state.jwt.verify(token, state.now_ms()).map_err(token_error)?;
        Ok(Self::new(claims, business_of(&parts.headers)))
    }
}

/// The token of the `Authorization` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

pub fn token_error(error: TokenError) -> ApiError {
    let (code, message) = match error {
        TokenError::Expired => ("token_expired", "Your login has expired. Log in again."),
        _ => ("invalid_token", "The token is not valid here. Log in again at POST /v1/auth/login."),
    };
    ApiError::new(StatusCode::UNAUTHORIZED, code, message)
}

pub fn no_token() -> ApiError {
    let message =
        "Log in first: POST /v1/auth/login gives a token; send it as the header Authorization: Bearer <token>.";
    ApiError::new(StatusCode::UNAUTHORIZED, "no_token", message)
}

/// The business that a request's header names.
pub fn business_of(headers: &HeaderMap) -> Option<String> {
    headers.get(BUSINESS_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn no_business() -> ApiError {
    let message = "Your account belongs to no business yet. Ask an administrator to add you, then log in again.";
    ApiError::forbidden("no_business", message)
}

fn forbidden_business() -> ApiError {
    let message = "Your login does not cover this business. Check its id, or ask its manager to add you.";
    ApiError::forbidden(FORBIDDEN_BUSINESS_CODE, message).about("business_id")
}

fn forbidden_role(needed: Role) -> ApiError {
    let message = format!("Your role in this business does not allow this; it takes the role {}.", needed.as_str());
    ApiError::forbidden("forbidden_role", message)
}
