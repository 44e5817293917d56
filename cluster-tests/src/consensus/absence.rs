use std::time::{Duration, Instant};

use super::group::Group;
use crate::group::Error;

/// How long a client waits for an answer while nobody may lead.
const PATIENCE: Duration = Duration::from_millis(500);
/// The longest that nobody may lead.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);
/// A key that nothing else uses.
const KEY: u64 = 999_999;

/// Kills the leader of so many members again and again; each time how long until another member acknowledges a write.
pub async fn without_leader(group: &mut dyn Group, members: u8, kills: u32) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    for kill in 0..kills {
        let leader = group.leader().await?;
        let others = (1..=members).filter(|&member| member != leader);
        let mut clients = others.map(|member| group.client(member)).collect::<Result<Vec<_>, _>>()?;
        group.kill(leader)?;
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            let count = clients.len();
            let value = format!("kill {kill} attempt {attempt}");
            let written = clients[attempt % count].write(KEY, value.as_bytes());
            if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, written).await {
                break;
            }
            if began.elapsed() > LIMIT {
                return Err(Error::Unexpected(format!("nobody leads {LIMIT:?} after the leader was killed")));
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
        times.push(began.elapsed());
        group.restart(leader).await?;
        group.settled(members).await?;
    }
    Ok(times)
}
