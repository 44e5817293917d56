use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use etl_api::model::{Consistency, Outcome};
use etl_api::{AdminClient, Error};
use etl_raft::network::{Connection, Dialer};
use futures::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};

use crate::site::{Node, PlainDialer, client, stop_all, three, workflow};

const FRESH: Consistency = Consistency::Linearizable;

/// An address at which nobody listens.
async fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Accepts connections and closes them after the first bytes.
async fn breaking() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.readable().await;
        }
    });
    (address, task)
}

/// Accepts connections and never says a word.
async fn mute() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (address, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_that_cannot_be_reached_is_named() {
    let (one, two) = (closed().await, closed().await);
    let client = client(&[one.clone(), two.clone()]);
    let started = Instant::now();
    let error = client.list_workflows(FRESH).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "there is no use in trying for long");
    let Error::Unreachable { attempts } = &error else { panic!("{error:?}") };
    let named: Vec<_> = attempts.iter().map(|attempt| attempt.server.clone()).collect();
    assert_eq!(named, [one, two]);
    assert!(attempts.iter().all(|attempt| attempt.failure.contains("refused")), "{error}");
    assert!(error.is_retryable() && error.help().is_some_and(|help| help.contains("--server")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_is_asked_and_remembered() {
    let node = Node::found().await;
    let dials = Arc::new(AtomicUsize::new(0));
    struct Counting(Arc<AtomicUsize>);
    impl Dialer for Counting {
        fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            PlainDialer.dial(address)
        }
    }
    let dialer: Arc<dyn Dialer> = Arc::new(Counting(Arc::clone(&dials)));
    let servers = [closed().await, node.admin.to_string()];
    let client = AdminClient::new(&servers, &dialer, Duration::from_secs(20)).unwrap();
    for _ in 0..5 {
        client.list_workflows(FRESH).await.unwrap();
    }
    assert_eq!(dials.load(Ordering::SeqCst), 2, "the closed one once, the other one once");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_breaks_or_is_mute_does_not_stop_a_safe_call() {
    let node = Node::found().await;
    let ((broken, breaker), (silent, holder)) = (breaking().await, mute().await);
    let servers = [broken, silent, node.admin.to_string()];
    let client = client(&servers).with_timeout(Duration::from_secs(6));
    let applied = client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    assert_eq!((applied.outcome, applied.version), (Outcome::Created, 1), "it has acted once");
    client.list_workflows(FRESH).await.unwrap();
    breaker.abort();
    holder.abort();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_act_twice_is_not_repeated_when_the_answer_is_lost() {
    let (broken, breaker) = breaking().await;
    let node = Node::found().await;
    let client = client(&[broken.clone(), node.admin.to_string()]);
    let error = client.transfer_leader(None).await.unwrap_err();
    let Error::Unanswered { attempts, .. } = &error else { panic!("{error:?}") };
    assert_eq!(attempts.len(), 1, "the second was not asked");
    assert_eq!(attempts[0].server, broken);
    assert!(!error.is_retryable());
    // With the node named it may be repeated: the second time it changes nothing.
    assert_eq!(client.transfer_leader(Some(1)).await.unwrap().leader, 1);
    breaker.abort();
    node.stop().await;
}

/// Dials the node, but cuts the first connection once the request has had time to act.
struct LosesFirstAnswer {
    node: String,
    cut: Arc<AtomicUsize>,
}

impl Dialer for LosesFirstAnswer {
    fn dial(&self, _address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let (node, first) = (self.node.clone(), self.cut.fetch_add(1, Ordering::SeqCst) == 0);
        Box::pin(async move {
            let mut server = TcpStream::connect(node).await?;
            if !first {
                return Ok(Box::new(server) as Connection);
            }
            let (client, mut middle) = tokio::io::duplex(1 << 20);
            tokio::spawn(async move {
                let (mut from_server, mut to_server) = server.split();
                let (mut from_client, mut to_client) = tokio::io::split(&mut middle);
                let up = tokio::io::copy(&mut from_client, &mut to_server);
                let down = async {
                    // The settings and the acknowledgement of the connection pass; data frames (type 0) do not.
                    let mut header = [0; 9];
                    loop {
                        tokio::io::AsyncReadExt::read_exact(&mut from_server, &mut header).await?;
                        let length = u64::from(u32::from_be_bytes([0, header[0], header[1], header[2]]));
                        let mut frame = Vec::new();
                        let mut body = tokio::io::AsyncReadExt::take(&mut from_server, length);
                        tokio::io::AsyncReadExt::read_to_end(&mut body, &mut frame).await?;
                        if header[3] == 0 {
                            return io::Result::Ok(());
                        }
                        tokio::io::AsyncWriteExt::write_all(&mut to_client, &header).await?;
                        tokio::io::AsyncWriteExt::write_all(&mut to_client, &frame).await?;
                    }
                };
                tokio::select! {
                    _ = up => {}
                    _ = down => {}
                }
            });
            Ok(Box::new(client) as Connection)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_acts_once() {
    let node = Node::found().await;
    node.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let cut = Arc::new(AtomicUsize::new(0));
    let dialer: Arc<dyn Dialer> =
        Arc::new(LosesFirstAnswer { node: node.admin.to_string(), cut: Arc::clone(&cut) });
    let client = AdminClient::new(&[node.admin.to_string()], &dialer, Duration::from_secs(20)).unwrap();
    let updated = client.apply_workflow(&workflow("orders", 2), Some(1)).await.unwrap();
    assert_eq!((updated.outcome, updated.version), (Outcome::Updated, 2), "no conflict with itself");
    assert_eq!(cut.load(Ordering::SeqCst), 2, "the fault has bitten");
    let history = node.client().workflow_history("orders", FRESH).await.unwrap();
    assert_eq!(history.len(), 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_all_nodes_survives_the_leader() {
    let [first, second, third] = three().await;
    let all: Vec<_> = [&first, &second, &third].iter().map(|node| node.admin.to_string()).collect();
    let client = client(&all);
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    first.stop().await;
    for rows in 2..6 {
        let applied = client.apply_workflow(&workflow("orders", rows), None).await.unwrap();
        assert_eq!(applied.version, rows);
    }
    let status = client.cluster_status(FRESH).await.unwrap();
    assert!(status.leader.is_some_and(|leader| leader != 1));
    assert_eq!(client.workflow("orders", None, FRESH).await.unwrap().summary.version, 5);
    stop_all([second, third]).await;
}

#[tokio::test]
async fn a_client_needs_servers_with_ports_and_time() {
    let dialer: Arc<dyn Dialer> = Arc::new(PlainDialer);
    for servers in [&[][..], &["localhost".to_owned()], &["http://localhost:7002".to_owned()]] {
        let made = AdminClient::new(servers, &dialer, Duration::from_secs(1));
        assert!(matches!(made, Err(Error::Usage(_))));
    }
    let made = AdminClient::new(&["localhost:7002".to_owned()], &dialer, Duration::ZERO);
    assert!(matches!(made, Err(Error::Usage(_))));
}
