//! Password hashing: Argon2id. It takes a core and 19 MiB for some tens of milliseconds, so it runs on a thread that
//! may block.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// The hash of a password that nobody has, with the parameters of `hash`: checking against it takes as long as
/// checking against a user's.
pub(crate) const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBmb3Igbm9ib2R5IQ$F5yUz2hYIUFpFN8Cf7XcWkzV8m1sy7qJdtVjJnPNwGg";

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hash function failed, for want of memory or randomness.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// What is stored is no hash.
    #[error("the stored password hash cannot be read: {0}")]
    Stored(String),
    /// The thread was stopped.
    #[error("the password check was interrupted")]
    Interrupted,
}

/// The hash to store, as a PHC string.
pub async fn hash(password: &str) -> Result<String, Error> {
    let password = password.to_owned();
    let hashing = move || {
        let hash: PasswordHash =
            Argon2::default().hash_password(password.as_bytes()).map_err(|error| Error::Hash(error.to_string()))?;
        Ok(hash.to_string())
    };
    tokio::task::spawn_blocking(hashing).await.map_err(|_| Error::Interrupted)?
}

/// True when the hash is that of the password.
pub async fn verify(password: &str, hash: &str) -> Result<bool, Error> {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    let checking = move || {
        let hash = PasswordHash::new(&hash).map_err(|error| Error::Stored(error.to_string()))?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    tokio::task::spawn_blocking(checking).await.map_err(|_| Error::Interrupted)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_passes() {
        let stored = hash("correct horse").await.unwrap();
        assert!(verify("correct horse", &stored).await.unwrap());
        assert!(!verify("Correct horse", &stored).await.unwrap());
        assert!(!verify("", &stored).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_hash_costs_what_a_users_costs() {
        let stored = hash("anything").await.unwrap();
        let parameters = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(NOBODYS), parameters(&stored));
        assert!(!verify("anything", NOBODYS).await.unwrap());
    }
}
