use std::path::Path;
use std::time::Duration;

use etl_proto::admin::Consistency;

use super::crowd::Crowd;
use super::report::Idle;
use crate::consensus::usage;
use crate::group::Error;

/// Nodes that share the partitions.
const NODES: u8 = 3;
/// Sources, of which each has at most so many partitions as `generate` makes.
const SOURCES: u64 = 3;
/// After the last partition was claimed, until nothing more follows from that.
const SETTLED: Duration = Duration::from_secs(3);

/// Partitions that never have a record.
fn workflow(each: u64) -> String {
    let names: Vec<String> = (1..=SOURCES).map(|number| format!("s{number}")).collect();
    let source = |name: &String| {
        format!("    {name}: {{ type: generate, config: {{ partitions: {each}, rate: 0.000001 }} }}\n")
    };
    format!(
        "workflow:\n  name: crowd\n  parallelism: {}\n  sources:\n{}  destinations:\n    out: {{ type: stdout, inputs: [{}] }}\n",
        each * SOURCES,
        names.iter().map(source).collect::<String>(),
        names.join(", ")
    )
}

/// Places so many partitions on three nodes and looks for a while at what they cost.
pub async fn measure(scratch: &Path, partitions: u64, time: Duration) -> Result<Idle, Error> {
    let each = partitions.div_ceil(SOURCES);
    let partitions = each * SOURCES;
    let mut crowd = Crowd::found(&scratch.join("idle"), NODES).await?;
    let running: Vec<u8> = crowd.members.running().collect();
    let mut processes = Vec::new();
    for member in running {
        processes.push(crowd.members.process(member)?.id());
    }
    let before = usage::over(SETTLED, &processes).await;
    let began = crowd.start("crowd", workflow(each)).await?;
    let count = usize::try_from(partitions).map_err(|error| Error::Unexpected(error.to_string()))?;
    let placed = crowd.until_claimed("crowd", count, began).await?;
    tokio::time::sleep(SETTLED).await;
    let leader = crowd.members.leader().await?;
    let (entries, bytes) = log(&mut crowd).await?;
    let after = usage::over(time, &processes).await;
    let (entries_after, bytes_after) = log(&mut crowd).await?;
    let seconds = time.as_secs_f64();
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let grown = (sum(&after.own_mib) - sum(&before.own_mib)).max(0.0);
    let of_leader = after.cores.get(usize::from(leader) - 1).copied();
    crowd.run("crowd").await?;
    Ok(Idle {
        partitions,
        placed_seconds: placed.as_secs_f64(),
        bytes_each: grown * f64::from(1 << 20) / partitions as f64,
        nodes_mib: after.own_mib,
        raft_entries_per_second: entries_after.saturating_sub(entries) as f64 / seconds,
        raft_bytes_per_second: bytes_after.saturating_sub(bytes) as f64 / seconds,
        leader_cores: of_leader.unwrap_or_default(),
        all_cores: sum(&after.cores),
    })
}

/// The last entry of the log, and the bytes that the logs of all nodes take.
async fn log(crowd: &mut Crowd) -> Result<(u64, u64), Error> {
    let status = crowd.client().status(Consistency::Linearizable).await;
    let status = status.map_err(|failure| Error::Unexpected(format!("{failure:?}")))?;
    Ok((status.last_index, status.nodes.iter().map(|node| node.log_bytes).sum()))
}
