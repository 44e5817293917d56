use std::time::Instant;

use etl_security::Peers;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::pki::{Pki, node};
use crate::served::{PATIENCE, Served, dial, speak};

/// Waits until the other side has closed the connection, and says how long that took.
async fn closed(mut stream: TcpStream) -> std::time::Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // A reset is as good an end as any.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed");
    started.elapsed()
}

#[tokio::test]
async fn garbage_is_answered_by_the_end_of_its_connection_alone() {
    let pki = Pki::new();
    let served = Served::start(Some(node(&pki.node("n1"))), Peers::Anyone);
    let dialling = node(&pki.node("n2"));
    let mut friend = dial(Some(dialling.clone()), &served.at("127.0.0.1")).await.unwrap();
    let seeds: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0; 4096],
        &[0xff; 4096],
        // A TLS record that announces more than a record may have.
        &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01],
        // The beginning of a hello, cut off.
        &[0x16, 0x03, 0x01, 0x00, 0x20, 0x01, 0x00, 0x00],
    ];
    for garbage in seeds {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.ok();
        closed(stream).await;
    }
    // Gone before a word was said, and reset.
    for _ in 0..50 {
        let stream = TcpStream::connect(served.address).await.unwrap();
        rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
        drop(stream);
    }
    speak(&mut friend).await.unwrap();
    dial(Some(dialling), &served.at("127.0.0.1")).await.unwrap();
}

#[tokio::test]
async fn slow_handshakes_stand_in_nobodys_way_and_end() {
    let pki = Pki::new();
    let served = Served::start(Some(node(&pki.node("n1"))), Peers::Anyone);
    let dialling = node(&pki.node("n2"));
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let started = Instant::now();
    for _ in 0..20 {
        dial(Some(dialling.clone()), &served.at("127.0.0.1")).await.unwrap();
    }
    let served_in = started.elapsed();
    let ended = closed(silent.pop().unwrap()).await;
    assert!(
        served_in < std::time::Duration::from_secs(4),
        "20 handshakes took {served_in:?} beside slow ones"
    );
    assert!(ended < std::time::Duration::from_secs(20), "a silent client was kept for {ended:?}");
    for stream in silent {
        closed(stream).await;
    }
}
