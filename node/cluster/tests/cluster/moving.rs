use etl_raft_state::NodeState;

use crate::node::{quick, three};

/// A node starts again at other addresses and with other software. The leader cannot find it, and it hears of
/// no leader; it says where it is itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_moved_says_so_and_goes_on() {
    let [first, second, third] = three(&quick()).await;
    let id = third.id();
    let mut place = third.stop().await;
    first.until_state(id, NodeState::Down).await;
    place.relocate().await;
    place.version = "1.1.0".to_owned();
    let third = place.start(&[]).await;
    first
        .until("its new address", || {
            first.row(id).is_some_and(|row| {
                row.raft_address == third.place.raft_address
                    && row.admin_address == third.place.admin_address
                    && row.software_version == "1.1.0"
            })
        })
        .await;
    first.until_state(id, NodeState::Up).await;
    third.until("it follows again", || third.state(id) == Some(NodeState::Up)).await;
    first
        .until("mixed software is told", || {
            first.duties.problems().iter().any(|problem| problem.code == "mixed_versions")
        })
        .await;
    for node in [first, second, third] {
        node.stop().await;
    }
}
