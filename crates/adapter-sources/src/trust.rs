//! TLS to customers' databases.
//!
//! Architecture invariant: a URL reaches no file of this machine. Certificates and keys stand in it as texts.

use ports::source::Error;
use sqlx::error::BoxDynError;
use std::sync::Arc;
use tls::Advice;
use url::Url;

/// Authorities that every source may be signed by, as PEM, beside those that are well known.
pub(crate) type Authorities = Option<Arc<[u8]>>;

const AUTHORITIES: [&str; 4] = ["sslrootcert", "ssl-root-cert", "sslca", "ssl-ca"];
const CERTIFICATES: [&str; 2] = ["sslcert", "ssl-cert"];
const KEYS: [&str; 2] = ["sslkey", "ssl-key"];

const ADVICE: Advice = Advice {
    trust: "put the certificate of its authority into the URL (sslrootcert for PostgreSQL, sslca for MySQL, as PEM \
            with %XX for special characters), or ask who runs Askline to add it to sources.ca_file",
    client: "put one that it takes into the URL, as PEM: sslcert and sslkey",
    plain: "turn TLS on in the database, or ask for less with sslmode (PostgreSQL) or ssl-mode (MySQL) in the URL",
};

/// PEM texts that stood in a URL.
#[derive(Default)]
pub(crate) struct Certificates {
    /// Who may have signed the server's certificate, beside those that are well known.
    pub(crate) authorities: Option<Vec<u8>>,
    /// What to show to the server.
    pub(crate) client: Option<Vec<u8>>,
    /// Its key.
    pub(crate) key: Option<Vec<u8>>,
}

/// Takes them out of a URL: the driver takes each of these parameters for the name of a file, and opens it.
pub(crate) fn take(url: &str, trusted: &Authorities) -> Result<(String, Certificates), Error> {
    let mut url = Url::parse(url).map_err(|_| Error::Settings("the URL cannot be read: it is no URL".to_owned()))?;
    let mut certificates = Certificates::default();
    let mut others = Vec::new();
    for (name, value) in url.query_pairs() {
        match certificates.place(&name) {
            Some((place, holds)) => *place = Some(text(&name, &value, holds)?),
            None => others.push((name.into_owned(), value.into_owned())),
        }
    }
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    if certificates.authorities.is_none() {
        certificates.authorities = trusted.as_ref().map(|pem| pem.to_vec());
    }
    Ok((url.into(), certificates))
}

/// Where a text goes, and whether it is one.
type Place<'a> = (&'a mut Option<Vec<u8>>, fn(&[u8]) -> bool);

impl Certificates {
    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        let is_certificate = |pem: &[u8]| tls::authorities(pem).is_some();
        Some(match name {
            _ if AUTHORITIES.contains(&name) => (&mut self.authorities, is_certificate),
            _ if CERTIFICATES.contains(&name) => (&mut self.client, is_certificate),
            _ if KEYS.contains(&name) => (&mut self.key, |pem| tls::key(pem).is_some()),
            _ => return None,
        })
    }
}

fn text(name: &str, value: &str, holds: fn(&[u8]) -> bool) -> Result<Vec<u8>, Error> {
    let is_text = value.trim_start().starts_with("-----BEGIN");
    match is_text && holds(value.as_bytes()) {
        true => Ok(value.as_bytes().to_vec()),
        false if is_text => Err(Error::Settings(format!(
            "the URL's parameter `{name}` cannot be read as PEM; line ends are written %0A, and + as %2B"
        ))),
        false => Err(Error::Settings(format!(
            "the URL's parameter `{name}` names a file, and files of this machine are not read for a URL; put the text \
             of the file there (-----BEGIN…, with %XX for special characters and %0A for line ends)"
        ))),
    }
}

/// What is wrong and what to do, when it is the certificate or TLS.
pub(crate) fn explain(error: &sqlx::Error) -> Option<String> {
    tls::explain(error, &ADVICE).or_else(|| match error {
        sqlx::Error::Tls(said) if is_plain(said) => Some(format!("the server does not speak TLS; {}", ADVICE.plain)),
        sqlx::Error::Tls(said) => Some(format!("TLS failed: {said}")),
        _ => None,
    })
}

fn is_plain(said: &BoxDynError) -> bool {
    said.to_string().contains("does not support TLS")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----";

    fn refusal(url: &str) -> String {
        take(url, &None).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn no_parameter_reaches_a_file() {
        for name in AUTHORITIES.iter().chain(&CERTIFICATES).chain(&KEYS) {
            for value in ["/etc/passwd", "/dev/zero", "%2Fproc%2Fself%2Fenviron", "", "etc\t/passwd", "/x%0A-----BEGIN"]
            {
                let refused = refusal(&format!("postgres://u:hidden@h/d?{name}={value}"));
                assert!(refused.contains(name) && refused.contains("names a file"), "{name}={value}: {refused}");
                assert!(!refused.contains("hidden") && !refused.contains("passwd"), "{refused}");
            }
        }
    }

    #[test]
    fn each_of_several_values_is_looked_at() {
        let refused = refusal(&format!("postgres://u@h/d?sslrootcert=/etc/passwd&sslrootcert={PEM}"));
        assert!(refused.contains("names a file"), "{refused}");
    }

    #[test]
    fn a_text_that_is_no_certificate_is_refused_and_not_shown() {
        for value in [PEM, "-----BEGIN", "-----BEGIN/../../etc/passwd", "-----BEGIN/x#-----"] {
            let refused = refusal(&format!("mysql://u@h/d?sslca={value}"));
            assert!(refused.contains("cannot be read as PEM"), "{refused}");
            assert!(!refused.contains("AAAA") && !refused.contains("passwd"), "{refused}");
        }
    }

    #[test]
    fn the_driver_gets_what_is_left() {
        let left = |url: &str| take(url, &None).unwrap().0;
        assert_eq!(left("postgres://u:p%40@h/d"), "postgres://u:p%40@h/d");
        let mode = "postgres://u:p%40@h:1/d?sslmode=verify-full";
        assert_eq!(left(mode), mode);
    }

    #[test]
    fn what_the_operator_trusts_stands_where_the_url_names_nobody() {
        let trusted = Some(Arc::from(b"PEM".as_slice()));
        assert_eq!(take("postgres://u@h/d", &trusted).unwrap().1.authorities.as_deref(), Some(b"PEM".as_slice()));
        assert!(take("postgres://u@h/d", &None).unwrap().1.authorities.is_none());
    }
}
