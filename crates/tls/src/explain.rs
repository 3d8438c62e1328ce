use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// What to do about it, in the words of the settings that the connection has.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// Where the authority of the server's certificate is named.
    pub trust: &'static str,
    /// Where a certificate of this client is named.
    pub client: &'static str,
    /// What to look at when the other end does not speak TLS.
    pub plain: &'static str,
}

/// Names that a certificate is for, as many as an error shows.
const SHOWN: usize = 5;

/// What is wrong and what to do, when it is the certificate or TLS at all; else `None`. Says nothing of the URL.
pub fn explain(error: &(dyn Error + 'static), advice: &Advice) -> Option<String> {
    Some(match find(error)? {
        TlsError::InvalidCertificate(problem) => certificate(problem, advice),
        TlsError::InvalidMessage(_) => format!("what answers there does not speak TLS; {}", advice.plain),
        TlsError::AlertReceived(alert) if wants_client(*alert) => {
            format!("the server does not take this client's certificate, or misses one ({alert:?}); {}", advice.client)
        }
        TlsError::AlertReceived(alert) => format!("the server ended the TLS handshake ({alert:?}); see its log"),
        TlsError::PeerIncompatible(_) => "the server speaks no TLS 1.2 or 1.3; turn one of them on there".to_owned(),
        other => format!("TLS failed: {other}"),
    })
}

fn certificate(problem: &CertificateError, advice: &Advice) -> String {
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("its certificate is signed by nobody that is trusted here; {}", advice.trust)
        }
        CertificateError::Expired => "its certificate has expired; renew it on the server".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("its certificate expired {} ago; renew it on the server", span(*not_after, *time))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the clock of this machine and of who made it".to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another host name; \
             use the name that it is for in the URL, or give the server a certificate for this one"
            .to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let shown: Vec<String> = presented.iter().take(SHOWN).map(|name| plain_name(name)).collect();
            format!(
                "its certificate is for {}, not for {}; use a name that it is for in the URL, or give the server a \
                 certificate for this one",
                if shown.is_empty() { "no host name".to_owned() } else { shown.join(", ") },
                expected.to_str()
            )
        }
        CertificateError::Revoked => "its certificate was revoked; give the server a new one".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers; give the server one with the purpose serverAuth".to_owned()
        }
        other => format!("its certificate cannot be used ({other}); {}", advice.trust),
    }
}

/// rustls shows `DnsName("db.example.com")`.
fn plain_name(shown: &str) -> String {
    let inner = shown.split_once('(').map_or(shown, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"').chars().filter(|c| c.is_ascii_graphic()).take(80).collect()
}

fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds / 86_400 {
        0 => format!("{} h", seconds / 3_600),
        days => format!("{days} d"),
    }
}

fn wants_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

/// An I/O error does not give what it was made of as its source, and neither does an `Arc`.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    if let Some(found) = error.downcast_ref::<TlsError>() {
        return Some(found);
    }
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return find(&**shared);
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.and_then(|inner| find(inner)).or_else(|| find(error.source()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADVICE: Advice = Advice { trust: "TRUST", client: "CLIENT", plain: "PLAIN" };

    fn said(error: TlsError) -> String {
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, error);
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(wrapped);
        explain(&io::Error::other(shared), &ADVICE).unwrap()
    }

    #[test]
    fn an_error_that_is_not_of_tls_is_not_explained() {
        assert!(explain(&io::Error::other("broken"), &ADVICE).is_none());
        assert!(explain(&io::Error::from(io::ErrorKind::ConnectionRefused), &ADVICE).is_none());
    }

    #[test]
    fn each_fault_says_what_to_do() {
        let unknown = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(said(unknown).ends_with("nobody that is trusted here; TRUST"));
        assert!(said(TlsError::AlertReceived(AlertDescription::CertificateRequired)).ends_with("CLIENT"));
        let plain = TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert!(said(plain).ends_with("does not speak TLS; PLAIN"));
    }

    #[test]
    fn an_expired_certificate_says_since_when() {
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let expired = |now| CertificateError::ExpiredContext { time: at(now), not_after: at(0) };
        assert!(said(TlsError::InvalidCertificate(expired(3 * 86_400 + 5))).contains("expired 3 d ago"));
        assert!(said(TlsError::InvalidCertificate(expired(7_200))).contains("expired 2 h ago"));
    }

    #[test]
    fn another_name_is_shown_beside_the_one_that_was_wanted() {
        let presented = vec!["DnsName(\"db.example.com\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()];
        let expected = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let other = CertificateError::NotValidForNameContext { expected, presented };
        let said = said(TlsError::InvalidCertificate(other));
        assert!(said.contains("is for db.example.com, 10.0.0.1, not for localhost;"), "{said}");
    }
}
