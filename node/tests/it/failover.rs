use etl_test_services::PostgresServer;

use crate::site::Site;

const ROWS: u64 = 4000;

fn committed(server: &PostgresServer) -> u64 {
    server.psql("SELECT count(*) FROM numbers").ok().and_then(|rows| rows.parse().ok()).unwrap_or(0)
}

#[test]
fn a_run_goes_on_at_the_standby_that_takes_the_place_of_its_primary() {
    let primary = PostgresServer::start().unwrap();
    let standby = PostgresServer::builder().start_standby_of(&primary).unwrap();
    primary.follow_synchronously().unwrap();
    primary.psql("CREATE TABLE numbers (id bigint)").unwrap();
    let mut site = Site::new();
    let (user, password) = (primary.username(), primary.password());
    site.set(
        "PG_URL",
        &format!("postgres://{user}:{password}@{},{}/postgres", primary.address(), standby.address()),
    );
    site.write(
        "numbers.yaml",
        format!(
            "workflow:\n  name: numbers\n  delivery: {{ guarantee: exactly_once }}\n  commit_interval: 20ms\n  source: \
             {{ type: generate, config: {{ rows: {ROWS}, rate: 1000 }} }}\n  transformations: [{{ type: mapping, config: {{ \
             keep: [id] }} }}]\n  destination: {{ type: postgres, config: {{ url: \"${{PG_URL}}\", table: numbers }} }}\n"
        ),
    );
    let mut running = site.start(&["run", "numbers.yaml", "--progress", "none", "-o", "json"]);
    running.until("the first commits", || committed(&primary) > 0);
    primary.stop_immediate().unwrap();
    let before = committed(&standby);
    assert!(before > 0 && before < ROWS, "{before} of {ROWS}: taken down half-way");
    standby.promote().unwrap();
    let ended = running.end();
    ended.code(0);
    let found =
        standby.psql("SELECT count(*), count(DISTINCT id), max(id) - min(id) + 1 FROM numbers").unwrap();
    assert_eq!(found, format!("{ROWS}|{ROWS}|{ROWS}"));
}
