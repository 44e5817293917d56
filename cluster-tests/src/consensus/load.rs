use std::time::{Duration, Instant};

use super::figures::Figure;
use super::register::Register;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    Read,
}

/// Keys in use.
const KEYS: u64 = 100;
/// Bytes of a value.
pub const VALUE: usize = 256;

/// Lets each client do one call after another for a while, after a warm-up that does not count.
pub async fn measure(
    kind: Kind,
    clients: Vec<Box<dyn Register>>,
    warm_up: Duration,
    time: Duration,
) -> Result<Figure, String> {
    let count = clients.len();
    let begin = Instant::now() + warm_up;
    let end = begin + time;
    let mut tasks = Vec::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(number as u64);
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let key = random.u64(0..KEYS);
                let called = Instant::now();
                match kind {
                    Kind::Read => client.read(key).await?,
                    Kind::Write => {
                        let value: Vec<u8> =
                            std::iter::repeat_with(|| random.alphanumeric() as u8).take(VALUE).collect();
                        client.write(key, &value).await?;
                    }
                }
                if called >= begin {
                    latencies.push(called.elapsed());
                }
            }
            Ok::<_, String>(latencies)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(|error| error.to_string())??);
    }
    Ok(Figure::of(count, &mut all, time))
}
