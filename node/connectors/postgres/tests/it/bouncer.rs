use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etl_test_services::PostgresServer;
use serde_json::json;
use tempfile::TempDir;

use crate::reading::{self, counts, database};
use crate::writing::{Owner, batch, context, destination, integers, route};

/// A PgBouncer in session mode before the shared server.
struct Bouncer {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Bouncer {
    fn start() -> Self {
        let server = PostgresServer::shared();
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (users, config) = (dir.path().join("users"), dir.path().join("config"));
        std::fs::write(&users, format!("\"{}\" \"{}\"\n", server.username(), server.password())).unwrap();
        let settings = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = session\ndefault_pool_size = 20\n",
            server.host(),
            server.port(),
            users.display()
        );
        std::fs::write(&config, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        // It refuses to be root.
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout == b"0\n" {
            command.args(["-u", "postgres"]);
        }
        let process = command.arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.expect("pgbouncer cannot be started: install the package pgbouncer");
        let began = Instant::now();
        let mut bouncer = Self { process, port, _dir: dir };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = bouncer.process.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < Duration::from_secs(20),
                "pgbouncer ended with {ended:?}"
            );
            std::thread::yield_now();
        }
        bouncer
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_through_pgbouncer_in_session_mode() {
    let bouncer = Bouncer::start();
    let database =
        database("CREATE TABLE s (id bigint PRIMARY KEY); INSERT INTO s SELECT generate_series(1, 1000)");
    let direct = format!(":{}/", PostgresServer::shared().port());
    let url = database.url().replace(&direct, &format!(":{}/", bouncer.port));
    assert_ne!(url, database.url());
    let config = json!({ "url": url, "table": "s", "partitions": 4 });
    let source =
        etl_sdk::SourceConnector::configure(&etl_connector_postgres::PostgresSource, &config).unwrap();
    let counts = counts(&source, "id").await;
    assert!(counts.len() == 1000 && counts.values().all(|&times| times == 1));

    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"]), ("replace", vec![])] {
        let target = destination(&database, json!({ "url": url, "table": mode, "mode": mode, "key": key }));
        let run = context();
        let mut old = Owner::of(&target, &run, mode, 1, vec![]).await.unwrap();
        old.deliver(vec![batch([("id", integers([1, 2]))])], false).await.unwrap();
        old.write(batch([("id", integers([3]))])).await.unwrap();
        let mut new = Owner::of(&target, &run, mode, 2, vec![]).await.unwrap();
        let error = old.stage(false).await.unwrap_err();
        assert!(matches!(error, etl_sdk::ConnectorError::Fenced { .. }), "{mode}: {error}");
        drop(old);
        new.deliver(vec![batch([("id", integers([3]))])], true).await.unwrap();
        drop(new);
        target.complete(&run, &[route(&run, mode)]).await.unwrap();
        let rows =
            database.psql(&format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM {mode}")).unwrap();
        assert_eq!(rows, "1 2 3", "{mode}");
    }
    // The connections went through it.
    let read = reading::whole(
        &database,
        json!({ "query": "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()" }),
    );
    assert!(read.await.unwrap().numbers("n")[0] > 1);
}
