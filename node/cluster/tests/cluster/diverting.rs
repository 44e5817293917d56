//! The errors of a step behind a repartition: they go on where the shard is written.

use std::sync::Arc;

use etl_cluster::decode_marker;
use etl_engine::{ErrorRecords, ProcessorStep};
use etl_model::{Counters, OnError};
use etl_sdk::Processor;

use crate::processors::{FailMultiples, KeepMultiples};
use crate::repartitioning::{Behind, Site, step};
use crate::working::{PARTITIONS, RECORDS, open};

/// Multiples of 7 fail and come back to the others, of which all that are odd are left out.
fn behind() -> Behind {
    let of = |name: &str, inputs: &[&str], processor: Arc<dyn Processor>| ProcessorStep {
        name: step(name),
        inputs: inputs.iter().map(|input| step(input)).collect(),
        on_error: OnError::Fail,
        processor,
    };
    Arc::new(move |_| {
        vec![
            of("picky", &["divide"], Arc::new(FailMultiples(7))),
            of("picky-errors", &["picky"], Arc::new(ErrorRecords)),
            of("even", &["picky", "picky-errors"], Arc::new(KeepMultiples(2))),
        ]
    })
}

async fn assert_exact(site: &Site) {
    site.completed(|number| number % 2 == 0).await;
    assert!(site.letters.letters.lock().unwrap().values().all(Vec::is_empty));
    let mut sum = Counters::default();
    site.nodes[0].consensus.peek(|state| {
        for (_, checkpoint) in state.checkpoints().of_run(site.run) {
            let counters = decode_marker(&checkpoint.position).unwrap().counters;
            assert!(counters.balanced());
            sum += counters;
        }
    });
    let all = PARTITIONS as u64 * RECORDS;
    // Every record comes on two ways.
    assert_eq!((sum.read, sum.delivered, sum.filtered), (2 * all, all / 2, 2 * all - all / 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_go_on_where_their_shard_is_written_also_when_its_node_is_lost() {
    let mut site = Site::with(None, behind()).await;
    site.until_rows(400).await;
    let lost = site.nodes[2].id();
    assert!(site.hosts().values().any(|host| *host == lost), "{:?}", site.hosts());
    let node = site.nodes.remove(2);
    node.place.network.cut(&node.place.addresses());
    site.nodes[0].until("its shards are elsewhere", || site.hosts().values().all(|host| *host != lost)).await;
    assert_exact(&site).await;
    node.place.network.heal();
    node.stop().await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_a_step_that_has_a_node_of_its_own_come_back_from_there() {
    let site = Site::placed(&[("picky", 1)], behind()).await;
    open(&site.gate);
    assert_exact(&site).await;
    site.stop().await;
}
