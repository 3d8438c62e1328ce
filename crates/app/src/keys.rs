use adapter_store::HpkeVault;
use anyhow::{Context, Result, bail};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use settings::{Secret, Secrets};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The keys of an embedded installation, made once and kept in its data folder, readable by its owner only.
#[derive(Serialize, Deserialize)]
pub struct DataKeys {
    jwt_secret: String,
    vault_public_key: String,
    vault_private_key: String,
    /// While credentials may still be sealed for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    vault_previous_private_key: String,
}

impl DataKeys {
    /// Reads the keys of a data folder, or makes them.
    pub fn load_or_make(folder: &Path) -> Result<Self> {
        let file = folder.join("keys.json");
        match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(&file),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Fills in the secrets that the environment did not set.
    pub fn fill(self, secrets: &mut Secrets) {
        fill(&mut secrets.jwt_secret, self.jwt_secret);
        if secrets.vault_public_key.is_empty() && secrets.vault_private_key.is_empty() {
            secrets.vault_public_key = Secret::new(self.vault_public_key);
            secrets.vault_private_key = Secret::new(self.vault_private_key);
            secrets.vault_previous_private_key = Secret::new(self.vault_previous_private_key);
        }
    }

    fn make(file: &Path) -> Result<Self> {
        let (vault_public_key, vault_private_key) = generate_vault_keys()?;
        let vault_previous_private_key = String::new();
        let keys =
            Self { jwt_secret: random_secret(), vault_public_key, vault_private_key, vault_previous_private_key };
        keys.write(file)?;
        Ok(keys)
    }

    /// Puts a new pair in place of the pair of a data folder, and keeps the old private key beside it.
    pub fn rotate(folder: &Path) -> Result<Self> {
        let mut keys = Self::load_or_make(folder)?;
        if !keys.vault_previous_private_key.is_empty() {
            bail!("the last change of keys has not ended: start the server once, then change them again");
        }
        let (public, private) = generate_vault_keys()?;
        keys.vault_public_key = public;
        keys.vault_previous_private_key = std::mem::replace(&mut keys.vault_private_key, private);
        keys.replace(folder)?;
        Ok(keys)
    }

    /// Forgets the old private key, for which nothing is sealed any more.
    pub fn forget_previous(folder: &Path) -> Result<()> {
        let mut keys = Self::load_or_make(folder)?;
        keys.vault_previous_private_key.clear();
        keys.replace(folder)
    }

    /// At once as a whole: after a crash the folder holds the old keys or the new ones.
    fn replace(&self, folder: &Path) -> Result<()> {
        let draft = folder.join("keys.json.new");
        if let Err(error) = std::fs::remove_file(&draft)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("{} cannot be removed", draft.display()));
        }
        self.write(&draft)?;
        std::fs::rename(&draft, folder.join("keys.json")).context("keys.json cannot be replaced")?;
        std::fs::File::open(folder)?.sync_all().context("the data folder cannot be synced")
    }

    fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let mut options = OpenOptions::new();
        let mut opened = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        opened.write_all(text.as_bytes())?;
        Ok(opened.sync_all()?)
    }
}

/// A key pair for `secrets.vault_public_key` and `secrets.vault_private_key`.
pub fn generate_vault_keys() -> Result<(String, String)> {
    HpkeVault::generate().context("no key pair could be made")
}

/// 256 random bits as text.
pub fn random_secret() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fill(secret: &mut Secret, value: String) {
    if secret.is_empty() {
        *secret = Secret::new(value);
    }
}
