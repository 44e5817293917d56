use std::path::Path;
use std::process::Command;

use etl_test_services::{Authentication, Certificate, Durability, PostgresServer, ServiceError};

fn message(error: &ServiceError) -> &str {
    match error {
        ServiceError::Failed { stderr, .. } => stderr,
        other => panic!("{other}"),
    }
}

/// Connects as `psql` does with a connection string of its own.
fn connect(string: &str) -> Result<String, String> {
    let mut psql = Command::new(PostgresServer::shared().psql_program());
    let ended = psql.args(["-X", "-A", "-t", "-w", "-c", "SELECT 1", string]).output().unwrap();
    match ended.status.success() {
        true => Ok(String::from_utf8(ended.stdout).unwrap()),
        false => Err(String::from_utf8(ended.stderr).unwrap()),
    }
}

#[test]
fn statements_give_rows_and_errors_give_what_the_server_said() {
    let server = PostgresServer::shared();
    assert_eq!(server.psql("SELECT 1, 'a' UNION ALL SELECT 2, NULL ORDER BY 1").unwrap(), "1|a\n2|");
    assert_eq!(server.psql("SET search_path = public; SELECT 'ü'").unwrap(), "ü");
    let error = server.psql("SELECT 1; SELECT 1/0; SELECT 2").unwrap_err();
    assert!(message(&error).contains("division by zero"), "{error}");
}

#[test]
fn every_fresh_database_is_another_one() {
    let server = PostgresServer::shared();
    let (one, two) = (server.fresh_database().unwrap(), server.fresh_database().unwrap());
    assert_ne!(one.name(), two.name());
    one.psql("CREATE TABLE t (id int); INSERT INTO t VALUES (7)").unwrap();
    assert_eq!(one.psql("SELECT id FROM t").unwrap(), "7");
    assert!(message(&two.psql("SELECT id FROM t").unwrap_err()).contains("\"t\" does not exist"));
    assert_eq!(connect(one.url()).unwrap(), "1\n");
}

#[test]
fn a_database_may_have_any_name() {
    let database = PostgresServer::shared().database("it's \"odd\" \\/ ?é=1 host=x").unwrap();
    assert_eq!(database.psql("SELECT current_database()").unwrap(), database.name());
    assert_eq!(connect(database.url()).unwrap(), "1\n");
    let mut command = database.psql_command();
    let output = command.args(["-A", "-t", "-c", "SELECT current_database()"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), database.name());
}

#[test]
fn passwords_are_checked() {
    let server = PostgresServer::shared();
    let wrong = server.url().replacen(server.password(), "wrong", 1);
    assert!(connect(&wrong).unwrap_err().contains("password authentication failed"));
    assert_eq!(server.psql("SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'").unwrap(), "1");
}

#[test]
fn other_ways_of_authentication() {
    let believing = PostgresServer::builder().authentication(Authentication::Trust).start().unwrap();
    assert_eq!(connect(&believing.url().replacen(believing.password(), "wrong", 1)).unwrap(), "1\n");
    drop(believing);
    for (method, stored) in [(Authentication::Md5, "md5%"), (Authentication::Password, "SCRAM%")] {
        let server = PostgresServer::builder().authentication(method).start().unwrap();
        // The superuser's password was stored before the settings were read.
        server.psql("CREATE ROLE one LOGIN PASSWORD 'known'").unwrap();
        let found = server.psql(&format!(
            "SELECT count(*) FROM pg_authid WHERE rolname = 'one' AND rolpassword LIKE '{stored}'"
        ));
        assert_eq!(found.unwrap(), "1", "{method:?}");
        let url = |password| format!("postgres://one:{password}@{}/postgres", server.address());
        assert_eq!(connect(&url("known")).unwrap(), "1\n", "{method:?}");
        assert!(connect(&url("wrong")).is_err(), "{method:?}");
    }
}

#[test]
fn a_crash_keeps_what_was_committed_and_a_restart_the_port() {
    let server = PostgresServer::start().unwrap();
    let (port, first) = (server.port(), server.process_id().unwrap());
    server.psql("CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)").unwrap();
    server.stop_immediate().unwrap();
    assert_eq!(server.process_id(), None);
    assert!(server.psql("SELECT 1").is_err(), "stopped, and answers");
    assert!(server.stop_fast().is_err(), "stopped twice");
    server.start_again().unwrap();
    assert!(server.start_again().is_err(), "started twice");
    assert_eq!(server.psql("SELECT count(*) FROM t").unwrap(), "1000");
    assert!(server.log().unwrap().contains("not properly shut down"), "it was no crash");
    server.restart().unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM t").unwrap(), "1000");
    assert_eq!(server.port(), port);
    assert_ne!(server.process_id(), Some(first));
}

#[test]
fn settings_are_those_that_were_asked_for() {
    let server = PostgresServer::builder().setting("work_mem = '7MB'").setting("fsync = on").start().unwrap();
    let show = |name: &str| server.psql(&format!("SHOW {name}")).unwrap();
    assert_eq!(
        (show("work_mem"), show("fsync"), show("wal_level")),
        ("7MB".into(), "on".into(), "logical".into())
    );
    assert_eq!((show("ssl"), show("timezone")), ("off".into(), "UTC".into()));
    assert!(server.ca_file().is_none());
}

#[test]
fn a_durable_server_has_the_defaults_that_matter() {
    let parent = tempfile::Builder::new().permissions(open()).tempdir().unwrap();
    let builder = PostgresServer::builder().durability(Durability::On).data_in(parent.path());
    let server = builder.start().unwrap();
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(server.psql(&format!("SHOW {name}")).unwrap(), "on", "{name}");
    }
    assert_eq!(server.psql("SHOW shared_buffers").unwrap(), "1GB");
    assert_eq!(server.psql("SHOW max_wal_size").unwrap(), "4GB");
    let data = server.psql("SHOW data_directory").unwrap();
    assert!(Path::new(&data).starts_with(parent.path()), "{data}");
    drop(server);
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0, "data is left behind");
}

fn open() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

#[test]
fn a_setting_that_does_not_exist_is_told_with_the_log() {
    let error = PostgresServer::builder().setting("no_such_setting = 1").start().unwrap_err();
    assert!(matches!(error, ServiceError::Ended { .. }), "{error}");
    assert!(
        error.to_string().contains("unrecognized configuration parameter \"no_such_setting\""),
        "{error}"
    );
}

#[test]
fn tls_can_be_verified() {
    let server = PostgresServer::builder().tls(Certificate::OfThisHost).only_tls().start().unwrap();
    let authority = server.ca_file().unwrap().display().to_string();
    let url = |options: &str| format!("{}?{options}", server.url());
    assert_eq!(connect(&url(&format!("sslmode=verify-full&sslrootcert={authority}"))).unwrap(), "1\n");
    let by_name =
        url(&format!("sslmode=verify-full&sslrootcert={authority}")).replacen("127.0.0.1", "localhost", 1);
    assert_eq!(connect(&by_name).unwrap(), "1\n");
    assert!(connect(&url("sslmode=disable")).unwrap_err().contains("no encryption"));
    assert_eq!(server.psql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").unwrap(), "t");
}

#[test]
fn a_certificate_of_another_host_is_seen() {
    let server = PostgresServer::builder().tls(Certificate::OfAnotherHost).start().unwrap();
    let authority = server.ca_file().unwrap().display().to_string();
    let url = |mode: &str| format!("{}?sslmode={mode}&sslrootcert={authority}", server.url());
    assert_eq!(connect(&url("verify-ca")).unwrap(), "1\n");
    assert!(connect(&url("verify-full")).unwrap_err().contains("does not match host name"));
    assert_eq!(connect(&url("disable")).unwrap(), "1\n");
}
