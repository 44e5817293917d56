use std::time::Duration;

use etl_cluster::{Error, Settings, join, who_are_you};
use etl_raft_state::NodeState;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::node::{Place, free_address, quick};
use crate::tcp::dialer;

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn each_address_that_did_not_help_is_named_with_its_reason() {
    let nobody = free_address().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stranger = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n").await;
        }
    });
    let place = Place::new(quick()).await;
    let candidate = place.candidate(Uuid::new_v4());
    let addresses = [nobody.clone(), stranger.clone()];
    let error = join(&dialer(), &addresses, &candidate, SOON).await.unwrap_err();
    let Error::NotJoined { failures, .. } = &error else { panic!("{error}") };
    assert_eq!(failures.iter().map(|failure| &failure.address).collect::<Vec<_>>(), [&nobody, &stranger]);
    assert!(failures[0].reason.to_lowercase().contains("refused"), "{}", failures[0].reason);
    assert!(error.is_retryable());
    serving.abort();

    let nowhere = join(&dialer(), &[], &candidate, SOON).await.unwrap_err();
    assert!(matches!(nowhere, Error::NoAddress));
    assert!(!nowhere.is_retryable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_among_addresses_that_do_not_help_is_enough() {
    let first = Place::new(quick()).await.found().await;
    let store = Uuid::new_v4();
    let place = Place::new(quick()).await;
    let addresses = [free_address().await, first.place.admin_address.clone()];
    let candidate = place.candidate(store);
    let admitted = join(&dialer(), &addresses, &candidate, Duration::from_secs(60)).await.unwrap();
    assert_eq!(admitted.cluster, first.consensus.member().cluster);
    let again = join(&dialer(), &addresses, &candidate, Duration::from_secs(60)).await.unwrap();
    assert_eq!(again, admitted, "the same store is the same node");

    let who = who_are_you(&dialer(), &first.place.admin_address, Duration::from_secs(60)).await.unwrap();
    assert_eq!((who.node, who.store), (1, first.consensus.member().store));
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_a_live_member_uses_is_refused_with_the_reason() {
    let first = Place::new(quick()).await.found().await;
    first.until_state(1, NodeState::Up).await;
    for taken in ["raft", "admin"] {
        let mut place = Place::new(quick()).await;
        match taken {
            "raft" => place.raft_address = first.place.raft_address.clone(),
            _ => place.admin_address = first.place.admin_address.clone(),
        }
        let error = place.try_to_join(&[&first], SOON).await.unwrap_err();
        assert!(error.to_string().contains(&format!("node 1 is up at the {taken} address")), "{error}");
    }
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_dialled_and_software_that_is_too_old_are_refused_at_once() {
    let first = Place::new(quick()).await.found().await;
    let place = Place::new(quick()).await;
    let addresses = [first.place.admin_address.clone()];
    let mut everywhere = place.candidate(Uuid::new_v4());
    everywhere.raft_address = "0.0.0.0:7001".to_owned();
    let mut old = place.candidate(Uuid::new_v4());
    old.software.feature_level = 0;
    for (candidate, reason) in [(everywhere, "every interface"), (old, "feature level")] {
        let error = join(&dialer(), &addresses, &candidate, Duration::from_secs(60)).await.unwrap_err();
        let Error::Refused { reason: said, .. } = &error else { panic!("{error}") };
        assert!(said.contains(reason), "{said}");
        assert!(!error.is_retryable());
    }
    first.stop().await;
}

/// A node that needs longer to start than it is given is taken to be down before it is a member. It knows nobody then whom it
/// could tell that it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_taken_to_be_down_while_it_joined_comes_up_all_the_same() {
    let settings = Settings { joining_patience: Duration::from_millis(150), ..quick() };
    let first = Place::new(settings.clone()).await.found().await;
    let place = Place::new(settings).await;
    let registered = place.try_to_join(&[&first], SOON).await.unwrap();
    first.until_state(registered, NodeState::Down).await;
    first.until("it is a member", || first.consensus.status().learners.contains(&registered)).await;
    let second = place.start(&[&first]).await;
    first.until_state(second.id(), NodeState::Up).await;
    for node in [first, second] {
        node.stop().await;
    }
}
