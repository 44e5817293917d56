//! Measurements; run by hand, in release, on a quiet machine:
//! `cargo test --release -p etl-raft --test consensus -- --ignored --nocapture figures`

use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::cluster::{Cluster, note, quick_settings};

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn time_without_a_leader() {
    const KILLS: usize = 30;
    let mut cluster = Cluster::of(3, quick_settings()).await;
    let mut times = Vec::new();
    for number in 0..KILLS {
        let leader = cluster.leader_id().await;
        let survivor = cluster.follower().await.consensus.clone();
        let begun = Instant::now();
        let stopped = cluster.stop(leader).await;
        survivor.write(note(format!("{number}"))).await.unwrap();
        times.push(begun.elapsed());
        cluster.restart(stopped).await;
        cluster.until_all_agree().await;
    }
    times.sort();
    println!(
        "from stop to the next write, {KILLS} times: p50 {:?}, p99 {:?}",
        percentile(&times, 50),
        percentile(&times, 99)
    );
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn throughput_and_latency() {
    let cluster = Cluster::of(3, quick_settings()).await;
    for (whom, node) in [("leader", cluster.leader().await), ("follower", cluster.follower().await)] {
        for clients in [1_usize, 16, 64] {
            let until = Instant::now() + Duration::from_secs(5);
            let work = |write: bool| {
                let consensus = node.consensus.clone();
                async move {
                    let mut times = Vec::new();
                    while Instant::now() < until + if write { Duration::ZERO } else { Duration::from_secs(5) }
                    {
                        let begun = Instant::now();
                        if write {
                            consensus.write(note("x".repeat(256))).await.unwrap();
                        } else {
                            consensus.read(|state| state.meta().time_ms()).await.unwrap();
                        }
                        times.push(begun.elapsed());
                    }
                    times
                }
            };
            for (what, write) in [("writes", true), ("reads", false)] {
                let begun = Instant::now();
                let tasks = (0..clients).map(|_| tokio::spawn(work(write)));
                let mut times: Vec<Duration> =
                    join_all(tasks).await.into_iter().flat_map(|times| times.unwrap()).collect();
                let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
                times.sort();
                println!(
                    "{what} on the {whom}, {clients:2} clients: {rate:8.0}/s, p50 {:?}, p99 {:?}",
                    percentile(&times, 50),
                    percentile(&times, 99)
                );
            }
        }
    }
    cluster.stop_all().await;
}
