use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use etl_test_services::{Database, Direction, Moment, PostgresServer, Proxy, Trigger};

const PATIENCE: Duration = Duration::from_secs(20);

/// A client and a server, connected through a proxy.
struct Line {
    proxy: Proxy,
    listener: TcpListener,
}

impl Line {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).unwrap();
        Self { proxy, listener }
    }

    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.address()).unwrap();
        let (server, _) = self.listener.accept().unwrap();
        for side in [&client, &server] {
            side.set_read_timeout(Some(PATIENCE)).unwrap();
            side.set_nodelay(true).unwrap();
        }
        (client, server)
    }
}

fn receive(side: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    side.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, expected);
}

/// Reads until the reset; what came before it.
fn until_reset(side: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let error = side.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    bytes
}

#[test]
fn bytes_pass_in_both_directions_and_an_end_in_each() {
    let line = Line::new();
    let (mut client, mut server) = line.connect();
    client.write_all(b"question").unwrap();
    receive(&mut server, b"question");
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    server.write_all(b"answer").unwrap();
    drop(server);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"answer");
    assert_eq!((line.proxy.connections(), line.proxy.cuts()), (1, 0));
}

#[test]
fn much_passes_while_the_other_side_does_not_read() {
    let line = Line::new();
    let (mut client, mut server) = line.connect();
    let flood = vec![7u8; 32 << 20];
    let size = flood.len();
    std::thread::scope(|scope| {
        let mut half = client.try_clone().unwrap();
        scope.spawn(move || half.write_all(&flood).unwrap());
        // While that direction is full.
        server.write_all(b"answer").unwrap();
        receive(&mut client, b"answer");
        let mut received = vec![0; size];
        server.read_exact(&mut received).unwrap();
        assert!(received.iter().all(|&byte| byte == 7));
    });
}

#[test]
fn all_connections_are_reset_and_new_ones_are_not() {
    let line = Line::new();
    let mut pairs = [line.connect(), line.connect()];
    line.proxy.cut_all();
    assert_eq!(line.proxy.cuts(), 2);
    for (client, server) in &mut pairs {
        assert!(until_reset(client).is_empty() && until_reset(server).is_empty());
    }
    let (mut client, mut server) = line.connect();
    client.write_all(b"again").unwrap();
    receive(&mut server, b"again");
}

#[test]
fn before_means_that_the_pattern_never_arrives_whole() {
    let line = Line::new();
    line.proxy.cut_when(Trigger::new(*b"COMMIT", Direction::ToServer, Moment::Before));
    let (mut client, mut server) = line.connect();
    client.write_all(b"INSERT;COM").unwrap();
    receive(&mut server, b"INSERT;COM");
    client.write_all(b"MIT;").unwrap();
    assert!(until_reset(&mut server).is_empty() && until_reset(&mut client).is_empty());
    assert_eq!(line.proxy.cuts(), 1);
    let (mut client, mut server) = line.connect();
    client.write_all(b"COMMIT;").unwrap();
    receive(&mut server, b"COMMIT;");
}

#[test]
fn an_answer_is_lost_only_after_the_pattern() {
    let line = Line::new();
    line.proxy.cut_when(Trigger::new(*b"COMMIT", Direction::ToServer, Moment::AnswerLost));
    let (mut client, mut server) = line.connect();
    client.write_all(b"INSERT;").unwrap();
    receive(&mut server, b"INSERT;");
    server.write_all(b"inserted").unwrap();
    receive(&mut client, b"inserted");
    client.write_all(b"COM").unwrap();
    receive(&mut server, b"COM");
    client.write_all(b"MIT").unwrap();
    client.write_all(b"; and more").unwrap();
    receive(&mut server, b"MIT; and more");
    assert_eq!(line.proxy.cuts(), 0);
    server.write_all(b"committed").unwrap();
    assert!(until_reset(&mut client).is_empty());
    line.proxy.wait_for_cuts(1, PATIENCE).unwrap();
    until_reset(&mut server);
}

#[test]
fn forwarded_means_that_the_pattern_is_sent_and_nothing_comes_back() {
    let line = Line::new();
    line.proxy.cut_when(Trigger::new(*b"COMMIT", Direction::ToServer, Moment::Forwarded).after(1));
    let (mut client, mut server) = line.connect();
    client.write_all(b"COMMIT 1").unwrap();
    receive(&mut server, b"COMMIT 1");
    client.write_all(b"COMMIT 2").unwrap();
    assert!(until_reset(&mut client).is_empty());
    line.proxy.wait_for_cuts(1, PATIENCE).unwrap();
}

#[test]
fn a_pattern_of_the_server_cuts_too_until_disarmed() {
    let line = Line::new();
    line.proxy.cut_when(Trigger::new(*b"no", Direction::ToClient, Moment::Before).times(2));
    let (mut client, mut server) = line.connect();
    client.write_all(b"no").unwrap();
    receive(&mut server, b"no");
    server.write_all(b"yes no").unwrap();
    // A reset may overtake bytes that were sent before it.
    assert!(b"yes ".starts_with(&until_reset(&mut client)));
    line.proxy.disarm();
    let (mut client, mut server) = line.connect();
    server.write_all(b"no").unwrap();
    receive(&mut client, b"no");
}

#[test]
fn a_pause_holds_bytes_and_a_resumption_lets_them_go() {
    let line = Line::new();
    let (mut client, mut server) = line.connect();
    client.write_all(b"1").unwrap();
    receive(&mut server, b"1");
    line.proxy.pause();
    client.write_all(b"2").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = server.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    line.proxy.resume();
    receive(&mut server, b"2");
    line.proxy.pause();
    line.proxy.cut_all();
    assert!(until_reset(&mut client).is_empty(), "a paused connection can be cut");
}

#[test]
fn without_a_server_a_client_is_reset() {
    let line = Line::new();
    let Line { proxy, listener } = line;
    drop(listener);
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(until_reset(&mut client).is_empty());
    assert_eq!(proxy.cuts(), 0, "it was not cut");
    assert!(proxy.wait_for_cuts(1, Duration::from_millis(1)).is_err());
}

#[test]
fn a_dropped_proxy_ends_its_connections() {
    let Line { proxy, listener } = Line::new();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"x").unwrap();
    receive(&mut client, b"x");
    drop(proxy);
    assert!(!matches!(client.read(&mut [0]), Ok(1)));
    assert!(!matches!(server.read(&mut [0]), Ok(1)));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn insert_through(proxy: &Proxy, database: &Database) -> bool {
    let sql = "BEGIN; INSERT INTO t VALUES (1); COMMIT;";
    let mut psql = std::process::Command::new(PostgresServer::shared().psql_program());
    let url = database.url_via(proxy.address());
    psql.args(["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", &url]);
    for statement in sql.split_inclusive(';') {
        psql.args(["-c", statement]);
    }
    psql.output().unwrap().status.success()
}

#[test]
fn a_commit_happens_or_not_as_the_moment_says() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    database.psql("CREATE TABLE t (id int)").unwrap();
    let proxy = Proxy::start(PostgresServer::shared().address()).unwrap();
    let committed: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
    let cases = [
        (Trigger::new(*b"COMMIT", Direction::ToServer, Moment::Before), 0),
        (Trigger::new(*b"COMMIT", Direction::ToServer, Moment::AnswerLost), 1),
        (Trigger::new(committed, Direction::ToClient, Moment::Before), 2),
    ];
    for (trigger, rows) in cases {
        proxy.cut_when(trigger.clone());
        assert!(!insert_through(&proxy, &database), "{trigger:?} did not strike");
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), rows.to_string(), "{trigger:?}");
    }
    assert_eq!(proxy.cuts(), 3);
    assert!(insert_through(&proxy, &database));
    assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "3");
}
