use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::Error;
use crate::certificate::CertificateFacts;
use crate::names::{check_file_name, check_host};

/// How far clocks may differ between the machine that issues and those that check.
const SKEW: Duration = Duration::from_secs(3600);

/// When a certificate is valid, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: SystemTime,
    pub until: SystemTime,
}

impl Validity {
    /// From now (an hour ago, for clocks that are behind) for a number of days.
    pub fn days_from_now(days: u32) -> Self {
        let now = SystemTime::now();
        let from = now.checked_sub(SKEW).unwrap_or(UNIX_EPOCH);
        let until = now.checked_add(Duration::from_secs(u64::from(days) * 86_400)).unwrap_or(now);
        Self { from, until }
    }
}

/// A private certificate authority: signs the certificates of one cluster's nodes and tools.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    not_after: SystemTime,
}

/// A certificate and its private key, both in PEM form.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// Makes a new one, with a new key (ECDSA over P-256).
    pub fn create(validity: Validity) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(generate)?;
        let mut parameters = parameters(validity)?;
        let id: String =
            parameters.key_identifier(&key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        parameters.distinguished_name = name(&format!("actix-etl authority {id}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).map_err(generate)?.pem();
        Ok(Self { issuer: Issuer::new(parameters, key), certificate, not_after: validity.until })
    }

    /// Takes up an existing one from its certificate and key in PEM form.
    ///
    /// # Errors
    /// A sentence that says which of the two cannot be used, without anything of the key.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, String> {
        let key =
            KeyPair::from_pem(key).map_err(|_| "the key is not a private key in PEM form".to_owned())?;
        let unreadable = || "the certificate is not one in PEM form".to_owned();
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| unreadable())?;
        let not_after = CertificateFacts::parse(&der).ok_or_else(unreadable)?.not_after;
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|_| unreadable())?;
        Ok(Self { issuer, certificate: certificate.to_owned(), not_after })
    }

    /// The authority's certificate in PEM form, which everybody trusts.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its private key in PEM form. Whoever has it can make certificates that everybody trusts.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A certificate for a node: it may accept connections as any of `hosts` (DNS names and IP addresses), and dial.
    pub fn issue_node(&self, name: &str, hosts: &[String], validity: Validity) -> Result<Issued, Error> {
        if hosts.is_empty() {
            let problem = "needs a DNS name or an IP address at which it is reached".to_owned();
            return Err(Error::Name { name: name.to_owned(), problem });
        }
        hosts.iter().try_for_each(|host| check_host(host))?;
        let purposes = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, hosts, purposes, validity)
    }

    /// A certificate for a tool: it may dial.
    pub fn issue_client(&self, name: &str, validity: Validity) -> Result<Issued, Error> {
        self.issue(name, &[], vec![ExtendedKeyUsagePurpose::ClientAuth], validity)
    }

    fn issue(
        &self,
        common_name: &str,
        hosts: &[String],
        purposes: Vec<ExtendedKeyUsagePurpose>,
        validity: Validity,
    ) -> Result<Issued, Error> {
        check_file_name(common_name)?;
        let until = validity.until.min(self.not_after);
        let mut parameters = parameters(Validity { until, ..validity })?;
        let names = CertificateParams::new(hosts).map_err(generate)?.subject_alt_names;
        parameters.subject_alt_names = names;
        parameters.distinguished_name = name(common_name);
        parameters.use_authority_key_identifier_extension = true;
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = purposes;
        let key = KeyPair::generate().map_err(generate)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(generate)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn parameters(validity: Validity) -> Result<CertificateParams, Error> {
    let time = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Years from 2050 on need the other form of time, and from 10000 on there is none.
        rcgen::date_time_ymd(1970, 1, 1)
            .checked_add(since.try_into().ok()?)
            .filter(|time| time.year() < 10_000)
    };
    let wrong = || Error::Settings("a certificate cannot be valid for so long".to_owned());
    let mut parameters = CertificateParams::default();
    parameters.not_before = time(validity.from).ok_or_else(wrong)?;
    parameters.not_after = time(validity.until).ok_or_else(wrong)?;
    Ok(parameters)
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn generate(error: rcgen::Error) -> Error {
    Error::Generate(error.to_string())
}
