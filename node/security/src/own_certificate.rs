use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};

use crate::connection::in_words;

/// What a certificate is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To accept connections and to dial.
    Node,
    /// To dial.
    Tool,
}

/// Looks at the own certificate as a peer that trusts the same authorities will.
///
/// # Errors
/// Why the peer would refuse it.
pub(crate) fn check(
    chain: &[CertificateDer<'static>],
    roots: &Arc<RootCertStore>,
    purpose: Purpose,
    provider: &Arc<CryptoProvider>,
) -> Result<(), String> {
    let Some((certificate, intermediates)) = chain.split_first() else {
        return Err("holds no certificate".to_owned());
    };
    let now = UnixTime::now();
    let refused = |error: rustls::Error| format!("peers would refuse it: {}", in_words(&error));
    if purpose == Purpose::Node {
        let algorithms = provider.signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(certificate).map_err(refused)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)
            .map_err(refused)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
        .build()
        .map_err(|error| error.to_string())?;
    verifier.verify_client_cert(certificate, intermediates, now).map_err(refused)?;
    Ok(())
}
