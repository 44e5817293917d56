use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::{ConnectionConfig, SslMode};
use crate::PostgresError;

/// How much of the server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scrutiny {
    /// Nothing: the connection is encrypted, with whomever.
    None,
    /// That it descends from a trusted one.
    Chain,
    /// That it also carries the host's name.
    ChainAndName,
}

/// The TLS side of a connection. Reads the files that the configuration names; blocks.
pub(super) fn connector(config: &ConnectionConfig) -> Result<MakeRustlsConnect, PostgresError> {
    let scrutiny = match config.sslmode {
        SslMode::VerifyFull => Scrutiny::ChainAndName,
        SslMode::VerifyCa => Scrutiny::Chain,
        // As libpq: whoever names trusted certificates wants them to count.
        SslMode::Require if config.root_certificates.is_some() => Scrutiny::Chain,
        SslMode::Require | SslMode::Prefer | SslMode::Allow | SslMode::Disable => Scrutiny::None,
    };
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        scrutiny,
        chain: match scrutiny {
            Scrutiny::None => None,
            Scrutiny::Chain | Scrutiny::ChainAndName => Some(chain(config, &provider)?),
        },
        provider: provider.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(&config.place(), &error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let client = match &config.client_certificate {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|error| file_fault(&own.key, &error))?;
            builder
                .with_client_auth_cert(certificates(&own.certificate)?, key)
                .map_err(|error| fault(&own.certificate.display().to_string(), &error))?
        }
    };
    Ok(MakeRustlsConnect::new(client))
}

fn chain(
    config: &ConnectionConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, PostgresError> {
    let mut roots = RootCertStore::empty();
    let place = match &config.root_certificates {
        Some(path) => {
            let place = path.display().to_string();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| fault(&place, &error))?;
            }
            place
        }
        None => {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            config.place()
        }
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| fault(&place, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PostgresError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| file_fault(path, &error))?;
    if found.is_empty() {
        return Err(file_fault(path, &"there is no certificate in it"));
    }
    Ok(found)
}

fn file_fault(path: &Path, error: &dyn std::fmt::Display) -> PostgresError {
    fault(&path.display().to_string(), error)
}

fn fault(place: &str, error: &dyn std::fmt::Display) -> PostgresError {
    PostgresError::Tls { place: place.to_owned(), message: error.to_string() }
}

/// Verifies as much as the mode asks for. Signatures of the handshake are always verified.
#[derive(Debug)]
struct Verifier {
    scrutiny: Scrutiny,
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is checked only after the chain has been found good.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.scrutiny == Scrutiny::Chain => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
