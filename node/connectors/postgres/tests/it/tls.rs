use std::path::Path;

use etl_connector_postgres::PostgresSource;
use etl_sdk::{ConnectorError, SourceConnector};
use etl_test_services::{Authentication, Certificate, PostgresServer};
use serde_json::{Value, json};

use crate::reading::{LARGE, read};

const ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Whether a connection is encrypted, or why there is none.
async fn encrypted(
    server: &PostgresServer,
    mode: &str,
    root: Option<&PostgresServer>,
) -> Result<bool, ConnectorError> {
    let mut config = json!({
        "host": server.host(), "port": server.port(), "username": server.username(), "password": server.password(),
        "sslmode": mode, "query": ENCRYPTED
    });
    if let Some(root) = root {
        config["sslrootcert"] = json!(root.ca_file().unwrap());
    }
    let source = PostgresSource.configure(&config).unwrap();
    let rows = read(&source, None, LARGE, usize::MAX).await?.rows();
    Ok(rows[0]["ssl"].as_bool().unwrap())
}

fn is_tls(result: &Result<bool, ConnectorError>, words: &[&str]) -> bool {
    let Err(error) = result else { return false };
    error.code() == "tls"
        && error.help().is_some()
        && words.iter().any(|word| error.to_string().contains(word))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_checks_what_it_says() {
    let right = PostgresServer::builder().tls(Certificate::OfThisHost).start().unwrap();
    let other = PostgresServer::builder().tls(Certificate::OfAnotherHost).only_tls().start().unwrap();
    for (mode, expected) in [("disable", false), ("allow", false), ("prefer", true), ("require", true)] {
        assert_eq!(encrypted(&right, mode, None).await, Ok(expected), "{mode}");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(encrypted(&right, mode, Some(&right)).await, Ok(true), "{mode}");
        let unknown = encrypted(&right, mode, Some(&other)).await;
        assert!(is_tls(&unknown, &["UnknownIssuer", "certificate"]), "{mode}: {unknown:?}");
    }
    for mode in ["verify-ca", "verify-full"] {
        let public = encrypted(&right, mode, None).await;
        assert!(is_tls(&public, &["UnknownIssuer"]), "{mode}: {public:?}");
    }
    // A server that takes only encrypted connections, with the name of another host.
    for (mode, root) in [
        ("allow", None),
        ("prefer", None),
        ("require", None),
        ("require", Some(&other)),
        ("verify-ca", Some(&other)),
    ] {
        assert_eq!(encrypted(&other, mode, root).await, Ok(true), "{mode}");
    }
    let wrong_name = encrypted(&other, "verify-full", Some(&other)).await;
    assert!(is_tls(&wrong_name, &["name", "Name"]), "{wrong_name:?}");
    assert_eq!(encrypted(&other, "disable", None).await.unwrap_err().code(), "postgres_login");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_encryption_is_demanded() {
    let server = PostgresServer::shared();
    for mode in ["disable", "allow", "prefer"] {
        assert_eq!(encrypted(server, mode, None).await, Ok(false), "{mode}");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = encrypted(server, mode, None).await;
        assert!(is_tls(&refused, &["TLS"]), "{mode}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_known_by_its_certificate() {
    let server =
        PostgresServer::builder().tls(Certificate::OfThisHost).authentication(Authentication::Certificate);
    let server = server.start().unwrap();
    let stranger = PostgresServer::builder().tls(Certificate::OfThisHost).start().unwrap();
    let check = async |certificate: Option<(&Path, &Path)>, username: &str| {
        let mut config = json!({
            "host": server.host(), "port": server.port(), "database": "postgres", "username": username,
            "sslmode": "verify-full", "sslrootcert": server.ca_file().unwrap(), "query": ENCRYPTED
        });
        if let Some((certificate, key)) = certificate {
            config["sslcert"] = json!(certificate);
            config["sslkey"] = json!(key);
        }
        PostgresSource.configure(&config).unwrap().check().await
    };
    check(server.client_certificate(), server.username()).await.unwrap();
    let without = check(None, server.username()).await.unwrap_err();
    assert_eq!((without.code(), without.help().is_some()), ("postgres_login", true), "{without}");
    let of_another = check(server.client_certificate(), "somebody").await.unwrap_err();
    assert_eq!(of_another.code(), "postgres_login", "{of_another}");
    // An authority that the server does not know: refused inside the handshake.
    let unknown = check(stranger.client_certificate(), server.username()).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.help().is_some()), ("tls", true), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, missing) = (dir.path().join("empty.pem"), dir.path().join("missing.pem"));
    std::fs::write(&empty, "nothing").unwrap();
    let url = PostgresServer::shared().url();
    let fails = async |fields: Value, file: &str| {
        let mut config = json!({ "url": url, "query": ENCRYPTED, "sslmode": "verify-full" });
        config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let error = PostgresSource.configure(&config).unwrap().check().await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("tls", true), "{error}");
        assert!(error.to_string().contains(file), "{error}");
    };
    fails(json!({ "sslrootcert": empty }), "empty.pem").await;
    fails(json!({ "sslrootcert": missing }), "missing.pem").await;
    fails(json!({ "sslmode": "require", "sslcert": empty, "sslkey": missing }), ".pem").await;
}
