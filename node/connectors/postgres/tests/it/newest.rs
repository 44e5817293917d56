use etl_test_services::{PostgresServer, again_on_postgres_18, expected_postgres};

#[test]
fn the_newest_release_passes_every_test() {
    // The programs of 18 come without the one that makes a standby.
    again_on_postgres_18(&["the_newest_release_passes_every_test", "failover::"]).unwrap();
}

/// Says something in the run above: that it is about the release it names.
#[test]
fn the_servers_are_of_the_release_that_is_expected() {
    let version = PostgresServer::shared().psql("SHOW server_version_num").unwrap();
    let major = version[..version.len() - 4].to_owned();
    assert_eq!(expected_postgres().unwrap_or(major.clone()), major);
}
