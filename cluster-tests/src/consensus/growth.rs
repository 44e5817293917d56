use std::time::{Duration, Instant};

use super::group::Group;
use crate::group::Error;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// Bytes of each value that a state is filled with.
const FILLING: usize = 24 << 10;
/// Clients that fill it, and keys that are written again and again where only the number of writes matters.
const WRITERS: u64 = 64;
/// The first key of the filling.
const FIRST: u64 = 1_000_000;

/// Fills the state with so many MiB; returns the last key written.
pub async fn fill(group: &dyn Group, mebibytes: u64) -> Result<u64, Error> {
    let keys = (mebibytes << 20) / FILLING as u64;
    write(group, keys, FILLING, |number| FIRST + number).await?;
    Ok(FIRST + keys - 1)
}

/// Writes so many entries of `bytes`; one key is never written by two clients.
pub async fn write(
    group: &dyn Group,
    entries: u64,
    bytes: usize,
    key: impl Fn(u64) -> u64 + Copy + Send + 'static,
) -> Result<(), Error> {
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let mut client = group.client(1)?;
        tasks.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(writer);
            let value: Vec<u8> = std::iter::repeat_with(|| random.alphanumeric() as u8).take(bytes).collect();
            for number in (writer..entries).step_by(WRITERS as usize) {
                client.write(key(number), &value).await?;
            }
            Ok::<_, String>(())
        }));
    }
    for task in tasks {
        let written = task.await.map_err(|error| Error::Unexpected(error.to_string()))?;
        written.map_err(Error::Unexpected)?;
    }
    Ok(())
}

/// Lets a member without data join; how long from its start until it has a key itself.
pub async fn join(group: &mut dyn Group, member: u8, key: u64) -> Result<Duration, Error> {
    let began = group.join(member).await?;
    until(group, member, began, key).await
}

/// Kills a member and starts it again; how long from its start until it has a key itself and answers what is asked of all.
pub async fn restart(group: &mut dyn Group, member: u8, key: u64) -> Result<Duration, Error> {
    group.kill(member)?;
    let began = Instant::now();
    group.restart(member).await?;
    until(group, member, began, key).await?;
    let mut client = group.client(member)?;
    while client.read(key).await.is_err() {
        in_time(began, member)?;
        tokio::time::sleep(GLANCE).await;
    }
    Ok(began.elapsed())
}

async fn until(group: &dyn Group, member: u8, began: Instant, key: u64) -> Result<Duration, Error> {
    loop {
        // A client that could not connect waits longer each time before it tries again.
        let mut client = group.client(member)?;
        if let Ok(Ok(true)) = tokio::time::timeout(Duration::from_secs(1), client.has(key)).await {
            return Ok(began.elapsed());
        }
        in_time(began, member)?;
        tokio::time::sleep(GLANCE).await;
    }
}

fn in_time(began: Instant, member: u8) -> Result<(), Error> {
    if began.elapsed() > PATIENCE {
        return Err(Error::Unexpected(format!(
            "member {member} does not answer {PATIENCE:?} after its start"
        )));
    }
    Ok(())
}
