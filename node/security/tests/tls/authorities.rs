use std::fs;

use etl_security::{Authority, Credentials, Error, Peers, TlsSettings};

use crate::pki::{Pki, expired, localhost, node, valid};
use crate::served::{Served, dial, refusal};

#[track_caller]
fn refused(settings: &TlsSettings) -> String {
    let error = Credentials::of_node(settings).expect_err("refused");
    assert!(error.is_users_fault(), "{error}");
    error.to_string()
}

#[test]
fn files_that_cannot_work_are_refused_before_anything_is_dialled() {
    let (pki, other) = (Pki::new(), Pki::new());
    let good = pki.node("n1");
    Credentials::of_node(&good).unwrap();

    let missing = TlsSettings { key: Some(pki.path("none.key")), ..good.clone() };
    assert!(refused(&missing).contains("none.key"));
    let half = TlsSettings { key: None, ..good.clone() };
    assert!(refused(&half).contains("together"));
    let none = pki.anonymous();
    assert!(refused(&none).contains("needs a certificate"));

    pki.node("n2");
    let crossed = TlsSettings { key: pki.settings("n2").key, ..good.clone() };
    let error = Credentials::of_node(&crossed).err().unwrap();
    assert!(matches!(error, Error::KeyMismatch { .. }), "{error}");

    let foreign = TlsSettings { ca: other.path("ca.crt"), ..good.clone() };
    assert!(refused(&foreign).contains("not trusted"));

    fs::write(pki.path("broken.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    let broken = TlsSettings { certificate: Some(pki.path("broken.crt")), ..good.clone() };
    assert!(refused(&broken).contains("broken.crt"));
    fs::write(pki.path("empty"), "").unwrap();
    let empty = TlsSettings { ca: pki.path("empty"), ..good.clone() };
    assert!(refused(&empty).contains("no certificate"));
    let not_a_key = TlsSettings { key: good.certificate.clone(), ..good.clone() };
    assert!(refused(&not_a_key).contains("no unencrypted private key"));
    fs::write(pki.path("large"), vec![b'x'; 2 << 20]).unwrap();
    let large = TlsSettings { ca: pki.path("large"), ..good };
    assert!(refused(&large).contains("bytes"));
}

#[test]
fn an_expired_own_certificate_is_refused_at_once() {
    let pki = Pki::new();
    pki.write("old", &pki.authority.issue_node("old", &localhost(), expired()).unwrap());
    assert!(refused(&pki.settings("old")).contains("expired"));
}

#[tokio::test]
async fn an_expired_certificate_of_a_peer_is_refused() {
    let pki = Pki::new();
    // An authority that signs for the same name with a certificate that ends soon: the peer's own check passes, and by the
    // time of the handshake it has expired.
    let short = crate::pki::Pki::new();
    let until = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    let validity = etl_security::Validity { until, ..valid() };
    short.write("n1", &short.authority.issue_node("n1", &localhost(), validity).unwrap());
    fs::write(pki.path("both.crt"), [pki.authority.certificate(), short.authority.certificate()].concat())
        .unwrap();
    let both = TlsSettings { ca: pki.path("both.crt"), ..pki.node("n2") };
    let brief = TlsSettings { ca: pki.path("both.crt"), ..short.settings("n1") };
    let (brief, both) = (node(&brief), node(&both));
    let mut listening = Served::start(Some(brief.clone()), Peers::Anyone);
    let mut strict = Served::start(Some(both.clone()), Peers::Anyone);
    let message = loop {
        match dial(Some(both.clone()), &listening.at("127.0.0.1")).await {
            Ok(_) => assert!(std::time::SystemTime::now() < until + std::time::Duration::from_secs(30)),
            Err(error) => break error.to_string(),
        }
        listening.peers.try_recv().unwrap();
    };
    assert!(message.contains("expired"), "{message}");
    refusal(dial(Some(brief), &strict.at("127.0.0.1")).await);
    assert!(strict.peers.try_recv().is_err());
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let validity = valid();
    let authority = Authority::create(validity).unwrap();
    let longer = etl_security::Validity::days_from_now(10_000);
    let issued = authority.issue_node("n1", &localhost(), longer).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("ca.crt"), authority.certificate()).unwrap();
    fs::write(path("n1.crt"), issued.certificate).unwrap();
    fs::write(path("n1.key"), issued.key).unwrap();
    let settings = TlsSettings {
        ca: path("ca.crt"),
        certificate: Some(path("n1.crt")),
        key: Some(path("n1.key")),
        client_auth: etl_security::ClientAuth::Required,
    };
    let expires = Credentials::of_node(&settings).unwrap().expires().unwrap();
    assert!(expires <= validity.until);
}

#[test]
fn an_authority_that_was_saved_signs_on() {
    let pki = Pki::new();
    let again = Authority::from_pem(pki.authority.certificate(), &pki.authority.key()).unwrap();
    pki.write("n1", &again.issue_node("n1", &localhost(), valid()).unwrap());
    Credentials::of_node(&pki.settings("n1")).unwrap();
    assert!(Authority::from_pem("nothing", &pki.authority.key()).is_err());
    assert!(again.issue_node("n1", &[], valid()).is_err());
    assert!(again.issue_node("n1", &["a b".to_owned()], valid()).is_err());
    assert!(again.issue_node("n 1", &localhost(), valid()).is_err());
}
