use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where certificates lie, as PEM. An empty path names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Authorities, one of which must have signed the server's certificate.
    pub authorities: PathBuf,
    /// The certificate that this client shows, and those between it and its authority.
    pub client_certificate: PathBuf,
    /// Its private key.
    pub client_key: PathBuf,
}

/// What lay in the files.
#[derive(Clone, Default)]
pub struct Material {
    /// PEM of at least one certificate; `None` means those that are trusted anyhow.
    pub authorities: Option<Vec<u8>>,
    /// What this client shows.
    pub client: Option<Client>,
}

/// What a client shows to a server that asks for it.
#[derive(Clone)]
pub struct Client {
    /// PEM of its certificate, and of those between it and its authority.
    pub certificate: Vec<u8>,
    /// PEM of its private key.
    pub key: Vec<u8>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, client } = self;
        f.debug_struct("Material")
            .field("authorities", &authorities.is_some())
            .field("client", &client.is_some())
            .finish()
    }
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{path} cannot be read ({source}): check the path, and who may read it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path} holds no {what} as PEM (a block that begins with -----BEGIN)")]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A certificate without its key, or the other way round.
    #[error("a client's certificate and its key belong together: name both files, or none")]
    Half,
}

impl Files {
    /// True when no file is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads what is named.
    pub fn read(&self) -> Result<Material, FileError> {
        Ok(Material { authorities: named(&self.authorities, CERTIFICATE)?, client: self.read_client()? })
    }

    fn read_client(&self) -> Result<Option<Client>, FileError> {
        match (named(&self.client_certificate, CERTIFICATE)?, named(&self.client_key, KEY)?) {
            (Some(certificate), Some(key)) => Ok(Some(Client { certificate, key })),
            (None, None) => Ok(None),
            _ => Err(FileError::Half),
        }
    }
}

/// What a file holds: its name in errors, and whether a text holds it.
type Content = (&'static str, fn(&[u8]) -> bool);

const CERTIFICATE: Content = ("certificate", |pem| authorities(pem).is_some());
const KEY: Content = ("private key", |pem| key(pem).is_some());

fn named(path: &Path, (what, holds): Content) -> Result<Option<Vec<u8>>, FileError> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let pem = std::fs::read(path).map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
    match holds(&pem) {
        true => Ok(Some(pem)),
        false => Err(FileError::Nothing { path: path.to_owned(), what }),
    }
}

/// The certificates in a PEM text; `None` when there are none, or one cannot be read.
pub fn authorities(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let are_usable = certificates.iter().all(|one| rustls::RootCertStore::empty().add(one.clone()).is_ok());
    (are_usable && !certificates.is_empty()).then_some(certificates)
}

/// The private key in a PEM text.
pub fn key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(files: &Files) -> String {
        files.read().unwrap_err().to_string()
    }

    #[test]
    fn no_file_is_no_material() {
        let material = Files::default().read().unwrap();
        assert!(material.authorities.is_none() && material.client.is_none());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let files = Files { authorities: "/no/such/ca.pem".into(), ..Files::default() };
        assert!(error(&files).starts_with("/no/such/ca.pem cannot be read"), "{}", error(&files));
    }

    #[test]
    fn a_file_with_something_else_is_named_and_not_shown() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let files = Files { authorities: file.into(), ..Files::default() };
        assert!(error(&files).contains("Cargo.toml holds no certificate as PEM"), "{}", error(&files));
        let files = Files { client_key: file.into(), ..Files::default() };
        assert!(error(&files).contains("holds no private key"), "{}", error(&files));
        assert!(!error(&files).contains("workspace"));
    }
}
