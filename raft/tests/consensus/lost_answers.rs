use std::time::Duration;

use etl_raft::Error;
use etl_raft::consensus::Settings;
use etl_raft_state::{Response, Session};
use uuid::Uuid;

use crate::cluster::{Cluster, note, notes};

/// The answers of the leader are held back until it has acted, and then the connection is cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_repeated_and_acts_once() {
    let cluster = Cluster::three().await;
    let leader = cluster.leader().await;
    let follower = cluster.follower().await;
    // So that there is a connection to hold.
    follower.note("first").await.unwrap();
    for round in 0..5 {
        let before = leader.consensus.status().last_index.unwrap();
        cluster.network.hold_answers(follower.address(), leader.address());
        let consensus = follower.consensus.clone();
        let detail = format!("round {round}");
        let write = tokio::spawn(async move { consensus.write(note(detail)).await });
        leader.until_applied(before + 1).await;
        assert!(!write.is_finished());
        cluster.network.cut(follower.address(), leader.address());
        assert_eq!(write.await.unwrap().unwrap(), Response::Done);
        let after = leader.consensus.status().last_index.unwrap();
        assert!(after >= before + 2, "it was proposed again: {before} {after}");
    }
    let seen = cluster.notes_everywhere().await;
    assert_eq!(seen, ["first", "round 0", "round 1", "round 2", "round 3", "round 4"]);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_repeats_in_a_session_of_his_own_after_an_unknown_outcome() {
    let settings = Settings { write_deadline: Duration::from_secs(2), ..Settings::default() };
    let cluster = Cluster::of(3, settings).await;
    let leader = cluster.leader().await;
    let follower = cluster.follower().await;
    follower.note("first").await.unwrap();
    let before = leader.consensus.status().last_index.unwrap();
    let session = Session { client: Uuid::new_v4(), seq: 1, acknowledged_below: 1 };
    cluster.network.hold_answers(follower.address(), leader.address());
    let unknown = follower.consensus.write_once(session, note("once")).await.unwrap_err();
    assert!(matches!(unknown, Error::Unknown(_)), "{unknown}");
    leader.until_applied(before + 1).await;
    cluster.network.cut(follower.address(), leader.address());
    for node in cluster.nodes.values() {
        assert_eq!(node.consensus.write_once(session, note("once")).await.unwrap(), Response::Done);
    }
    assert_eq!(cluster.leader().await.consensus.read(notes).await.unwrap(), ["first", "once"]);
    cluster.stop_all().await;
}
