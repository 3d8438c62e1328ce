//! PostgreSQL over TLS.

use super::SYSTEM;
use ports::PortError;
use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::io;
use std::path::Path;
use tls::{Advice, Files};

const STEP: &str = "prepare TLS";

const ADVICE: Advice = Advice {
    trust: "name the certificate of its authority in store.ca_file",
    client: "name one that it takes, and its key, with sslcert and sslkey in store.url",
    plain: "set ssl = on in its postgresql.conf, or leave TLS out where nobody can listen",
};

/// With a file of authorities the server must speak TLS and prove its name.
pub(super) fn verified(target: PgConnectOptions, ca_file: Option<&Path>) -> Result<PgConnectOptions, PortError> {
    let Some(ca_file) = ca_file else { return Ok(target) };
    // `prefer` is also what stands where the URL says nothing.
    if !matches!(target.get_ssl_mode(), PgSslMode::Prefer | PgSslMode::VerifyFull) {
        let sentence = "store.ca_file is set, and store.url asks for less with its sslmode: \
                        write sslmode=verify-full, or leave it out";
        return Err(PortError::refused(SYSTEM, STEP, sentence));
    }
    let files = Files { authorities: ca_file.to_owned(), ..Files::default() };
    let material = files.read().map_err(|error| PortError::refused(SYSTEM, STEP, format!("store.ca_file: {error}")))?;
    let target = target.ssl_mode(PgSslMode::VerifyFull);
    Ok(match material.authorities {
        Some(authorities) => target.ssl_root_cert_from_pem(authorities),
        None => target,
    })
}

/// What is wrong and what to do, when it is the certificate or TLS.
pub(super) fn explain(error: &Error) -> Option<String> {
    tls::explain(error, &ADVICE).or_else(|| match error {
        Error::Tls(said) if said.to_string().contains("does not support TLS") => {
            Some(format!("the server does not speak TLS; {}", ADVICE.plain))
        }
        // Neither a host nor a port is ever not found.
        Error::Io(error) if error.kind() == io::ErrorKind::NotFound => Some(
            "a file that store.url names (sslrootcert, sslcert, sslkey, or a socket) is not there; check its path"
                .to_owned(),
        ),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(url: &str) -> Result<PgConnectOptions, String> {
        verified(url.parse().unwrap(), Some(Path::new("/no/such/ca.pem"))).map_err(|error| error.to_string())
    }

    #[test]
    fn less_than_the_whole_verification_is_refused() {
        for mode in ["disable", "allow", "require", "verify-ca"] {
            let error = outcome(&format!("postgres://u:hidden@h/d?sslmode={mode}")).unwrap_err();
            assert!(error.contains("verify-full") && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        for url in ["postgres://u@h/d", "postgres://u@h/d?sslmode=verify-full"] {
            let error = outcome(url).unwrap_err();
            assert!(error.contains("store.ca_file: /no/such/ca.pem cannot be read"), "{error}");
        }
    }

    #[test]
    fn without_the_setting_the_url_decides() {
        let target = verified("postgres://u@h/d?sslmode=require".parse().unwrap(), None).unwrap();
        assert!(matches!(target.get_ssl_mode(), PgSslMode::Require));
    }
}
