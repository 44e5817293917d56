use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::certificate::CertificateFacts;
use crate::own_certificate::{self, Purpose};
use crate::pem_files::{PemFiles, certificates, private_key};
use crate::{ClientAuth, Error, TlsSettings};

/// The one protocol spoken inside: HTTP/2, as gRPC needs.
const PROTOCOL: &[u8] = b"h2";

/// What was made of one state of the files.
pub(crate) struct Material {
    pub files: PemFiles,
    /// Of the own certificate or of one of its chain, whichever is first.
    pub expires: Option<SystemTime>,
    pub client: Arc<ClientConfig>,
    /// Only for nodes.
    pub servers: Option<Servers>,
}

/// How connections are accepted.
pub(crate) struct Servers {
    /// As the settings say.
    pub as_set: Arc<ServerConfig>,
    /// Asks for a certificate whatever the settings say.
    pub strict: Arc<ServerConfig>,
}

impl Material {
    pub fn build(settings: &TlsSettings, files: PemFiles, purpose: Purpose) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let roots = roots(settings, &files)?;
        let own = own(settings, &files, &roots, purpose, &provider)?;
        let expires = own.as_ref().and_then(|key| earliest(&key.cert));
        let client = client(&roots, own.clone(), &provider)?;
        let servers = match (purpose, own) {
            (Purpose::Node, Some(own)) => Some(Servers {
                as_set: server(settings, settings.client_auth, &roots, &own, &provider)?,
                strict: server(settings, ClientAuth::Required, &roots, &own, &provider)?,
            }),
            (Purpose::Node, None) => {
                return Err(Error::Settings("a node with TLS needs a certificate and its key".to_owned()));
            }
            (Purpose::Tool, _) => None,
        };
        Ok(Self { files, expires, client, servers })
    }
}

fn roots(settings: &TlsSettings, files: &PemFiles) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.ca, &files.ca)? {
        roots.add(certificate).map_err(|error| Error::Malformed {
            path: settings.ca.clone(),
            problem: format!("holds a certificate that cannot be used as an authority: {error}"),
        })?;
    }
    Ok(Arc::new(roots))
}

/// The own certificate with its key, as peers will accept it.
fn own(
    settings: &TlsSettings,
    files: &PemFiles,
    roots: &Arc<RootCertStore>,
    purpose: Purpose,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<CertifiedKey>>, Error> {
    let (certificate, key) = match (&settings.certificate, &files.certificate, &settings.key, &files.key) {
        (None, _, None, _) => return Ok(None),
        (Some(certificate), Some(chain), Some(key), Some(secret)) => ((certificate, chain), (key, secret)),
        _ => {
            return Err(Error::Settings(
                "a TLS certificate and its key are given together or not at all".to_owned(),
            ));
        }
    };
    let chain = certificates(certificate.0, certificate.1)?;
    own_certificate::check(&chain, roots, purpose, provider)
        .map_err(|problem| Error::Unusable { path: certificate.0.clone(), problem })?;
    let secret = private_key(key.0, key.1)?;
    let certified = CertifiedKey::from_der(chain, secret, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            Error::KeyMismatch { certificate: certificate.0.clone(), key: key.0.clone() }
        }
        other => Error::Malformed { path: key.0.clone(), problem: other.to_string() },
    })?;
    Ok(Some(Arc::new(certified)))
}

fn earliest(chain: &[CertificateDer<'static>]) -> Option<SystemTime> {
    chain.iter().filter_map(|certificate| Some(CertificateFacts::parse(certificate)?.not_after)).min()
}

/// Sessions are never resumed: each connection shows its certificate anew, so that one that has expired is noticed.
fn client(
    roots: &Arc<RootCertStore>,
    own: Option<Arc<CertifiedKey>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(defect)?
        .with_root_certificates(Arc::clone(roots));
    let mut config = match own {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server(
    settings: &TlsSettings,
    client_auth: ClientAuth,
    roots: &Arc<RootCertStore>,
    own: &Arc<CertifiedKey>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<ServerConfig>, Error> {
    let verifier = match client_auth {
        ClientAuth::None => WebPkiClientVerifier::no_client_auth(),
        ClientAuth::Required => {
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
                .build()
                .map_err(|error| Error::Malformed { path: settings.ca.clone(), problem: error.to_string() })?
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(defect)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(own))));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn defect(error: rustls::Error) -> Error {
    Error::Generate(error.to_string())
}
