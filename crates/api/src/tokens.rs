//! Tokens: JWT, HS256.

use contracts::{BusinessId, Role, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ports::store::Membership;
use serde::{Deserialize, Serialize};
use settings::Secret;

/// Clocks of two nodes may differ by this much: a token counts for so many seconds beyond its expiry.
pub const LEEWAY_S: i64 = 60;
const SHORTEST_SECRET: usize = 32;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// The user's e-mail address.
    pub email: String,
    /// Where the user may do what, as of `iat`.
    pub businesses: Vec<MembershipClaim>,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
}

/// A business and a role in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipClaim {
    /// The business.
    pub id: BusinessId,
    /// The role.
    pub role: Role,
}

/// A new token.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
}

/// What is wrong with a token or with the secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// The secret is too short to sign with.
    #[error(
        "secrets.jwt_secret has {0} bytes and needs at least {SHORTEST_SECRET}: set ASKLINE_SECRETS__JWT_SECRET, for \
         instance to the output of `openssl rand -hex 32`"
    )]
    ShortSecret(usize),
    /// The token was good once.
    #[error("the token has expired")]
    Expired,
    /// The token is not ours or was changed.
    #[error("the token is not valid")]
    Invalid,
    /// A token could not be made.
    #[error("the token could not be signed")]
    Sign,
}

/// Signs and checks tokens.
pub struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
    ttl_s: i64,
}

impl Tokens {
    /// Tokens that live for `ttl_s`.
    pub fn new(secret: &Secret, ttl_s: u64) -> Result<Self, TokenError> {
        let key = secret.reveal().as_bytes();
        if key.len() < SHORTEST_SECRET {
            return Err(TokenError::ShortSecret(key.len()));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked in `verify`, against the clock that is a parameter.
        validation.validate_exp = false;
        let (sign, check) = (EncodingKey::from_secret(key), DecodingKey::from_secret(key));
        Ok(Self { sign, check, validation, ttl_s: i64::try_from(ttl_s).unwrap_or(i64::MAX / 1000) })
    }

    /// A token for a user.
    pub fn issue(
        &self,
        user: &UserId,
        email: &str,
        memberships: &[Membership],
        now_ms: i64,
    ) -> Result<Issued, TokenError> {
        let iat = now_ms.div_euclid(1000);
        let exp = iat.saturating_add(self.ttl_s);
        let businesses = memberships
            .iter()
            .map(|membership| MembershipClaim { id: membership.business.clone(), role: membership.role })
            .collect();
        let claims = Claims { sub: user.clone(), email: email.to_owned(), businesses, iat, exp };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.sign).map_err(|_| TokenError::Sign)?;
        Ok(Issued { token, expires_at_ms: exp.saturating_mul(1000) })
    }

    /// What a token says, when it is ours and has not expired.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, TokenError> {
        let claims = decode::<Claims>(token, &self.check, &self.validation).map_err(|_| TokenError::Invalid)?.claims;
        if now_ms.div_euclid(1000) >= claims.exp.saturating_add(LEEWAY_S) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

impl Claims {
    /// Milliseconds for which a socket may go on with this token: until it expires, or, when it has, until the leeway
    /// ends.
    pub fn time_left_ms(&self, now_ms: i64) -> u64 {
        let left = |end_s: i64| end_s.saturating_mul(1000).saturating_sub(now_ms);
        let end = if left(self.exp) > 0 { left(self.exp) } else { left(self.exp.saturating_add(LEEWAY_S)) };
        u64::try_from(end).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&Secret::new(secret), 7200).unwrap()
    }

    fn issue(tokens: &Tokens) -> Issued {
        let membership = Membership { business: "biz_a".into(), business_name: "A".into(), role: Role::Manager };
        tokens.issue(&"usr_1".into(), "a@example.org", &[membership], NOW).unwrap()
    }

    #[test]
    fn a_token_says_who_may_do_what_until_when() {
        let tokens = tokens(&"k".repeat(32));
        let issued = issue(&tokens);
        let claims = tokens.verify(&issued.token, NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.businesses[0].role), ("usr_1", Role::Manager));
        assert_eq!((issued.expires_at_ms, claims.exp), (NOW + 7_200_000, NOW / 1000 + 7200));
    }

    #[test]
    fn a_token_ends_a_minute_after_its_expiry() {
        let tokens = tokens(&"k".repeat(32));
        let token = issue(&tokens).token;
        assert!(tokens.verify(&token, NOW + 7_259_999).is_ok());
        assert_eq!(tokens.verify(&token, NOW + 7_260_000), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_of_another_key_and_a_changed_one_are_refused() {
        let ours = tokens(&"k".repeat(32));
        let theirs = issue(&tokens(&"x".repeat(32))).token;
        assert_eq!(ours.verify(&theirs, NOW), Err(TokenError::Invalid));
        let mut changed = issue(&ours).token.into_bytes();
        changed[60] ^= 1;
        assert_eq!(ours.verify(&String::from_utf8_lossy(&changed), NOW), Err(TokenError::Invalid));
        assert_eq!(ours.verify("eyJhbGciOiJub25lIn0.e30.", NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn a_secret_under_32_bytes_is_refused_and_not_shown() {
        let error = Tokens::new(&Secret::new("hush"), 1).err().unwrap();
        assert_eq!(error, TokenError::ShortSecret(4));
        assert!(!error.to_string().contains("hush"));
    }
}
