use std::io::ErrorKind;

use etl_security::{ClientAuth, Connector, Peers, TlsSettings};

use crate::pki::{Pki, localhost, node, tool, valid};
use crate::served::{Served, dial, refusal};

#[tokio::test]
async fn nodes_and_tools_of_one_authority_speak_and_know_each_other() {
    let pki = Pki::new();
    let mut served = Served::start(Some(node(&pki.node("n1"))), Peers::Anyone);
    let connection = dial(Some(node(&pki.node("n2"))), &served.at("127.0.0.1")).await.unwrap();
    assert_eq!(connection.peer().certificate.as_ref().unwrap().common_name, "n1");
    let peer = served.peer().await;
    assert_eq!(peer.certificate.as_ref().unwrap().common_name, "n2");
    assert!(peer.address.unwrap().ip().is_loopback());
    dial(Some(tool(&pki.tool("client"))), &served.at("localhost")).await.unwrap();
    assert_eq!(served.peer().await.certificate.unwrap().common_name, "client");
}

#[tokio::test]
async fn without_tls_everybody_gets_in() {
    let mut served = Served::start(None, Peers::Nodes);
    dial(None, &served.at("127.0.0.1")).await.unwrap();
    assert!(served.peer().await.certificate.is_none());
}

#[tokio::test]
async fn a_listener_of_another_authority_is_refused() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let served = Served::start(Some(node(&theirs.node("n1"))), Peers::Anyone);
    let message = refusal(dial(Some(node(&ours.node("n2"))), &served.at("127.0.0.1")).await);
    assert!(message.contains("not trusted") && message.contains(&served.at("127.0.0.1")), "{message}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let mut served = Served::start(Some(node(&ours.node("n1"))), Peers::Anyone);
    // It trusts us, but shows a certificate of its own authority.
    std::fs::write(
        theirs.path("both.crt"),
        [ours.authority.certificate(), theirs.authority.certificate()].concat(),
    )
    .unwrap();
    let settings = TlsSettings { ca: theirs.path("both.crt"), ..theirs.node("n2") };
    refusal(dial(Some(node(&settings)), &served.at("127.0.0.1")).await);
    assert!(served.peers.try_recv().is_err());
}

#[tokio::test]
async fn a_client_without_certificate_is_refused_where_one_is_asked_for() {
    let pki = Pki::new();
    let mut strict = Served::start(Some(node(&pki.node("n1"))), Peers::Anyone);
    refusal(dial(Some(tool(&pki.anonymous())), &strict.at("127.0.0.1")).await);
    assert!(strict.peers.try_recv().is_err());
    let open = TlsSettings { client_auth: ClientAuth::None, ..pki.settings("n1") };
    let mut lenient = Served::start(Some(node(&open)), Peers::Anyone);
    dial(Some(tool(&pki.anonymous())), &lenient.at("127.0.0.1")).await.unwrap();
    assert!(lenient.peer().await.certificate.is_none());
    let mut nodes = Served::start(Some(node(&open)), Peers::Nodes);
    refusal(dial(Some(tool(&pki.anonymous())), &nodes.at("127.0.0.1")).await);
    assert!(nodes.peers.try_recv().is_err());
}

#[tokio::test]
async fn a_tool_is_no_node() {
    let pki = Pki::new();
    let mut served = Served::start(Some(node(&pki.node("n1"))), Peers::Nodes);
    refusal(dial(Some(tool(&pki.tool("client"))), &served.at("127.0.0.1")).await);
    assert!(served.peers.try_recv().is_err());
    dial(Some(node(&pki.node("n2"))), &served.at("127.0.0.1")).await.unwrap();
    // Nor may a tool's certificate be shown by a listener: it is refused before anything is bound.
    let error = etl_security::Credentials::of_node(&pki.settings("client")).unwrap_err();
    assert!(error.to_string().contains("purpose"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let pki = Pki::new();
    pki.write("n1", &pki.authority.issue_node("n1", &["node-1.example".to_owned()], valid()).unwrap());
    let served = Served::start(Some(node(&pki.settings("n1"))), Peers::Anyone);
    for host in ["127.0.0.1", "localhost"] {
        let message = refusal(dial(Some(node(&pki.node("n2"))), &served.at(host)).await);
        assert!(message.contains("for another name"), "{message}");
    }
}

#[tokio::test]
async fn a_plain_listener_and_a_plain_client_are_told_from_tls() {
    let pki = Pki::new();
    let served = Served::start(None, Peers::Anyone);
    // The echo of the client's own hello is no answer of a server.
    refusal(dial(Some(node(&pki.node("n1"))), &served.at("127.0.0.1")).await);
    let served = Served::start(Some(node(&pki.node("n2"))), Peers::Anyone);
    refusal(dial(None, &served.at("127.0.0.1")).await);
}

#[tokio::test]
async fn addresses_that_cannot_be_dialled_say_why() {
    let pki = Pki::new();
    let closed = Served::start(None, Peers::Anyone);
    let address = closed.at("127.0.0.1");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = socket.local_addr().unwrap().to_string();
    drop(socket);
    let error = Connector::new(None).connect(&refused).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&refused), "{error}");
    let tls = Connector::new(Some(tool(&pki.anonymous())));
    for wrong in ["localhost", "local host:1", ":1"] {
        assert_eq!(tls.connect(wrong).await.err().unwrap().kind(), ErrorKind::InvalidInput, "{wrong}");
    }
    drop(closed);
    // Dropping the stream of connections closes the port.
    let wait = async {
        while Connector::new(None).connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::served::PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let served = Served::start(None, Peers::Anyone);
    let error = etl_security::Listener::bind(served.address, None, Peers::Anyone).err().unwrap();
    assert!(error.to_string().contains(&served.address.to_string()), "{error}");
    assert!(error.is_retryable() && error.help().unwrap().contains("another process"));
}

#[tokio::test]
async fn an_intermediate_certificate_is_sent_along() {
    let pki = Pki::new();
    let issued = pki.authority.issue_node("n1", &localhost(), valid()).unwrap();
    // Further certificates behind the own one do no harm.
    let chain = [issued.certificate.as_str(), pki.authority.certificate()].concat();
    std::fs::write(pki.path("chain.crt"), chain).unwrap();
    std::fs::write(pki.path("chain.key"), issued.key).unwrap();
    let served = Served::start(Some(node(&pki.settings("chain"))), Peers::Anyone);
    dial(Some(node(&pki.node("n2"))), &served.at("localhost")).await.unwrap();
}
