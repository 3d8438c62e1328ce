//! Credentials, sealed with HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM). The public key seals and may lie
//! anywhere; only roles that talk to sources get the private key.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use contracts::{BusinessId, ConnectionId};
use domain::recent::Recent;
use ports::{PortError, Vault};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

const SYSTEM: &str = "vault";
const KEYS: &str = "keys";
const SEAL: &str = "seal";
const OPEN: &str = "open";

/// Stands before every sealed text; another suite gets another version.
const VERSION: &str = "v1";
/// Binds the key schedule to this use.
const INFO: &[u8] = b"askline vault v1";
const KEY_LENGTH: usize = 32;

/// Seals with a public key, opens with a private one.
pub struct HpkeVault {
    public: Option<HpkePublicKey>,
    private: Option<HpkePrivateKey>,
    /// Opens what was sealed before the keys were changed.
    previous: Option<HpkePrivateKey>,
    /// What was opened a moment ago, by its owner and its sealed text.
    opened: Recent<(Vec<u8>, String), String>,
}

impl HpkeVault {
    /// A new pair of keys, base64: public, private.
    pub fn generate() -> Result<(String, String), PortError> {
        let (public, private) =
            SUITE.generate_key_pair().map_err(|_| refused(KEYS, "no pair of keys could be generated"))?;
        Ok((STANDARD.encode(&public.0), STANDARD.encode(private.secret_bytes())))
    }

    /// A vault with these keys, base64. An empty public key seals nothing, no private key opens nothing. Fails when a
    /// key cannot be read or the two do not belong together.
    pub fn new(public: &str, private: Option<&str>) -> Result<Self, PortError> {
        let public = key("vault_public_key", public)?.map(HpkePublicKey);
        let private = key("vault_private_key", private.unwrap_or_default())?.map(HpkePrivateKey::from);
        if let (Some(public), Some(private)) = (&public, &private) {
            require_pair(public, private)?;
        }
        Ok(Self { public, private, previous: None, opened: Recent::new(0) })
    }

    /// The same vault, which keeps so many opened texts in memory: where a source stays open its credentials do too, and
    /// to open a text costs more than a short statement does.
    pub fn keeping(self, most: usize) -> Self {
        Self { opened: Recent::new(most), ..self }
    }

    /// The same vault, which also opens what an earlier private key opened. An empty one changes nothing.
    pub fn with_previous(mut self, private: &str) -> Result<Self, PortError> {
        self.previous = key("vault_previous_private_key", private)?.map(HpkePrivateKey::from);
        Ok(self)
    }
}

#[async_trait]
impl Vault for HpkeVault {
    async fn seal(&self, business: &BusinessId, connection: &ConnectionId, secret: &str) -> Result<String, PortError> {
        let Some(public) = &self.public else {
            return Err(refused(SEAL, "credentials cannot be sealed here: vault_public_key is not set"));
        };
        let (encapsulated, sealed) = SUITE
            .seal(INFO, &owner(business, connection), secret.as_bytes(), public)
            .map_err(|_| refused(SEAL, "the credentials could not be sealed with vault_public_key"))?;
        Ok(format!("{VERSION}.{}.{}", URL_SAFE_NO_PAD.encode(encapsulated.0), URL_SAFE_NO_PAD.encode(sealed)))
    }

    async fn open(&self, business: &BusinessId, connection: &ConnectionId, sealed: &str) -> Result<String, PortError> {
        let Some(private) = &self.private else {
            return Err(refused(OPEN, "this role may not open credentials: it has no vault_private_key"));
        };
        let key = (owner(business, connection), sealed.to_owned());
        if let Some(secret) = self.opened.get(&key) {
            return Ok(secret);
        }
        let secret = self.unseal(private, &key.0, sealed)?;
        self.opened.put(key, secret.clone());
        Ok(secret)
    }
}

impl HpkeVault {
    fn unseal(&self, private: &HpkePrivateKey, owner: &[u8], sealed: &str) -> Result<String, PortError> {
        let (encapsulated, sealed) =
            parts(sealed).ok_or_else(|| refused(OPEN, "this is no sealed text of version 1"))?;
        let mut keys = [Some(private), self.previous.as_ref()].into_iter().flatten();
        let secret = keys
            .find_map(|key| SUITE.open(&encapsulated, INFO, owner, &sealed, key).ok())
            .ok_or_else(|| refused(OPEN, "sealed for another key, business or connection, or changed since"))?;
        String::from_utf8(secret).map_err(|_| refused(OPEN, "the credentials are not text"))
    }
}

fn refused(step: &'static str, message: &str) -> PortError {
    PortError::refused(SYSTEM, step, message)
}

fn key(name: &str, encoded: &str) -> Result<Option<Vec<u8>>, PortError> {
    let encoded = encoded.trim();
    if encoded.is_empty() {
        return Ok(None);
    }
    match STANDARD.decode(encoded) {
        Ok(key) if key.len() == KEY_LENGTH => Ok(Some(key)),
        _ => Err(refused(KEYS, &format!("{name} must be the base64 of {KEY_LENGTH} bytes"))),
    }
}

fn require_pair(public: &HpkePublicKey, private: &HpkePrivateKey) -> Result<(), PortError> {
    let opened = SUITE
        .seal(INFO, &[], &[], public)
        .and_then(|(encapsulated, sealed)| SUITE.open(&encapsulated, INFO, &[], &sealed, private));
    match opened {
        Ok(_) => Ok(()),
        Err(_) => Err(refused(KEYS, "vault_public_key and vault_private_key do not belong together")),
    }
}

/// What a sealed text is bound to. The length keeps two pairs of ids from giving the same bytes.
fn owner(business: &BusinessId, connection: &ConnectionId) -> Vec<u8> {
    format!("{}|{business}|{connection}", business.as_str().len()).into_bytes()
}

fn parts(text: &str) -> Option<(EncapsulatedSecret, Vec<u8>)> {
    let (encapsulated, sealed) = text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
    Some((EncapsulatedSecret(URL_SAFE_NO_PAD.decode(encapsulated).ok()?), URL_SAFE_NO_PAD.decode(sealed).ok()?))
}
