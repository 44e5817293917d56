use std::fs;
use std::time::Duration;

use etl_security::{Error, Peers, Reload, TlsSettings};

use crate::pki::{Pki, localhost, node, valid};
use crate::served::{PATIENCE, Served, dial, refusal, speak};

#[tokio::test]
async fn new_connections_see_new_certificates_and_old_ones_live_on() {
    let pki = Pki::new();
    let listening = node(&pki.node("n1"));
    let served = Served::start(Some(listening.clone()), Peers::Anyone);
    let dialling = node(&pki.node("n2"));
    let mut old = dial(Some(dialling.clone()), &served.at("127.0.0.1")).await.unwrap();
    assert_eq!(listening.reload().unwrap(), Reload::Unchanged);

    pki.write("n1", &pki.authority.issue_node("renewed", &localhost(), valid()).unwrap());
    assert_eq!(listening.reload().unwrap(), Reload::Replaced);
    assert_eq!(listening.reload().unwrap(), Reload::Unchanged);
    let new = dial(Some(dialling), &served.at("127.0.0.1")).await.unwrap();
    assert_eq!(new.peer().certificate.as_ref().unwrap().common_name, "renewed");
    assert_eq!(old.peer().certificate.as_ref().unwrap().common_name, "n1");
    speak(&mut old).await.unwrap();
}

#[tokio::test]
async fn a_new_authority_locks_out_who_has_only_the_old_one() {
    let (pki, next) = (Pki::new(), Pki::new());
    let served_by = node(&pki.node("n1"));
    let served = Served::start(Some(served_by.clone()), Peers::Anyone);
    let outdated = node(&pki.node("n2"));
    let mut old = dial(Some(outdated.clone()), &served.at("127.0.0.1")).await.unwrap();
    fs::copy(next.path("ca.crt"), pki.path("ca.crt")).unwrap();
    pki.write("n1", &next.authority.issue_node("n1", &localhost(), valid()).unwrap());
    assert_eq!(served_by.reload().unwrap(), Reload::Replaced);
    refusal(dial(Some(outdated), &served.at("127.0.0.1")).await);
    speak(&mut old).await.unwrap();
    dial(Some(node(&next.node("n2"))), &served.at("127.0.0.1")).await.unwrap();
}

#[tokio::test]
async fn broken_new_files_keep_the_old_certificates() {
    let pki = Pki::new();
    let settings = pki.node("n1");
    let credentials = node(&settings);
    let served = Served::start(Some(credentials.clone()), Peers::Anyone);
    let dialling = node(&pki.node("n2"));
    let certificate = fs::read(pki.path("n1.crt")).unwrap();
    let renewed = pki.authority.issue_node("renewed", &localhost(), valid()).unwrap();

    // Half a file, an empty one, none, and a certificate whose key has not come yet.
    fs::write(pki.path("n1.crt"), &certificate[..certificate.len() / 2]).unwrap();
    assert!(matches!(credentials.reload(), Err(Error::Malformed { .. })));
    fs::write(pki.path("n1.crt"), "").unwrap();
    assert!(matches!(credentials.reload(), Err(Error::Malformed { .. })));
    fs::remove_file(pki.path("n1.crt")).unwrap();
    assert!(matches!(credentials.reload(), Err(Error::Io { .. })));
    fs::write(pki.path("n1.crt"), &renewed.certificate).unwrap();
    assert!(matches!(credentials.reload(), Err(Error::KeyMismatch { .. })));
    let connection = dial(Some(dialling.clone()), &served.at("127.0.0.1")).await.unwrap();
    assert_eq!(connection.peer().certificate.as_ref().unwrap().common_name, "n1");

    fs::write(pki.path("n1.key"), &renewed.key).unwrap();
    assert_eq!(credentials.reload().unwrap(), Reload::Replaced);
    let connection = dial(Some(dialling), &served.at("127.0.0.1")).await.unwrap();
    assert_eq!(connection.peer().certificate.as_ref().unwrap().common_name, "renewed");
}

#[tokio::test]
async fn files_are_looked_at_again_by_themselves() {
    let pki = Pki::new();
    let credentials = node(&pki.node("n1"));
    let served = Served::start(Some(credentials.clone()), Peers::Anyone);
    let dialling = node(&TlsSettings { ..pki.node("n2") });
    let fresh = tokio::spawn(credentials.keep_fresh(Duration::from_millis(1)));
    fs::write(pki.path("n1.key"), "half").unwrap();
    pki.write("n1", &pki.authority.issue_node("renewed", &localhost(), valid()).unwrap());
    let wait = async {
        loop {
            let connection = dial(Some(dialling.clone()), &served.at("127.0.0.1")).await.unwrap();
            if connection.peer().certificate.as_ref().unwrap().common_name == "renewed" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    fresh.abort();
    assert!(fresh.await.unwrap_err().is_cancelled(), "it runs until it is ended");
}
