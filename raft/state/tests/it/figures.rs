use std::time::{Duration, Instant};

use etl_raft_state::command::AdvanceCheckpoints;
use etl_raft_state::{Envelope, State};

use crate::checkpoints::item;
use crate::world::{Row, World, partition, put};

/// `cargo test --release -p etl-raft-state -- --ignored --nocapture figures`
#[test]
#[ignore = "prints figures"]
fn figures() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let keys: Vec<_> =
        (0..100_000).map(|number| partition(run, &format!("data/part-{number:06}.csv"))).collect();
    let epochs: Vec<u64> = keys.iter().map(|key| world.assign_and_claim(key, 1, 7)).collect();
    world.state.take_changes();

    let entries: Vec<Vec<u8>> = (0..100u64)
        .map(|round| {
            let part = keys.iter().zip(&epochs).skip(round as usize * 1000).take(1000);
            let items = part.map(|(key, epoch)| item(key, *epoch, 0, 9)).collect();
            let command = AdvanceCheckpoints { node: 1, incarnation: 7, items }.into();
            Envelope { time_ms: world.time_ms, session: None, command }.encode().unwrap()
        })
        .collect();
    println!("entry of 1,000 checkpoints: {} bytes", entries[0].len());
    timed("100,000 checkpoints, decoded, applied, changes taken", || {
        for bytes in &entries {
            let envelope = Envelope::decode(bytes).unwrap();
            world.state.apply(world.index, &envelope);
            world.index += 1;
            world.state.take_changes();
        }
    });
    let entries: Vec<Vec<u8>> = (0..20_000)
        .map(|number| {
            let command = put(&format!("key-{}", number % 100), &format!("{number:0256}"), None).into();
            Envelope { time_ms: world.time_ms, session: None, command }.encode().unwrap()
        })
        .collect();
    timed("20,000 workflows of 256 bytes, one by one", || {
        for bytes in &entries {
            let envelope = Envelope::decode(bytes).unwrap();
            world.state.apply(world.index, &envelope);
            world.index += 1;
            world.state.take_changes();
        }
    });
    for number in 0..300 {
        world.put(&format!("large-{number}"), &format!("{number:05}").repeat(38_000));
    }
    let copy = timed("clone", || world.state.clone());
    let rows: Vec<Row> = timed("rows", || copy.rows().collect());
    let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    println!("{} rows, {} MiB", rows.len(), bytes >> 20);
    let loaded = timed("load", || State::load(rows).unwrap());
    assert_eq!(timed("digest", || loaded.digest()), copy.digest());
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = work();
    let took: Duration = begin.elapsed();
    println!("{what}: {took:.1?}");
    result
}
