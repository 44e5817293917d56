use etl_test_services::{PostgresServer, again_on_postgres_18};

#[test]
fn newest_release_passes_every_test() {
    // The programs of 18 come without the one that makes a standby.
    again_on_postgres_18(&["newest::", "failover::"]).unwrap();
}

/// That the run above is about another server than the one before.
#[test]
fn the_release_is_the_one_that_was_asked_for() {
    let named = std::env::var_os("ACTIX_ETL_TEST_POSTGRES_BIN");
    let version: u32 = PostgresServer::shared().psql("SHOW server_version_num").unwrap().parse().unwrap();
    if named.is_some_and(|directory| directory.to_string_lossy().contains("postgresql-18")) {
        assert_eq!(version / 10_000, 18);
    }
}
