use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use etl_model::{Claim, Counters, Marker, PartitionId, Position, Route, StepName, Unit};
use etl_relay::{Relay, RelaySettings, RelayedDestination};
use etl_sdk::{ConnectorError, Destination};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::bare;
use super::host::{Connection, OneStep, connection, host};
use super::load::{Load, unexpected};
use crate::group::Error;

/// The node that hosts the step.
const HOST: u64 = 2;
/// Batches that are encoded at the same time, as the processors of a chain do.
const ENCODING: usize = 2;

/// How much to send, and how often.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows of each measurement.
    #[arg(long, value_name = "N", default_value_t = 4_000_000)]
    rows: usize,
    /// Measurements of each kind, in turn; the median is told.
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeat: usize,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// The medians, in seconds.
#[derive(Debug, serde::Serialize)]
struct Figures {
    rows: usize,
    bytes: usize,
    tcp_s: f64,
    stream_s: f64,
    relay_s: f64,
}

/// Measures and prints.
pub fn run(args: &Args) -> ExitCode {
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(measure(args)));
    match measured {
        Ok(figures) => {
            if args.json {
                println!("{}", serde_json::json!(figures));
            } else {
                figures.show();
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn measure(args: &Args) -> Result<Figures, Error> {
    let batch = Load::batch()?;
    // What a batch takes on the wire is asked of the relay itself.
    let nowhere = Connection(connection(([127, 0, 0, 1], 0).into())?);
    let (_, encoding) = stand_in(&Arc::new(OneStep::new()?), nowhere)?;
    let wire_bytes = encoding.encoder().encode(batch.clone()).map_err(unexpected)?.bytes;
    let load = Load::new(batch, wire_bytes, args.rows);
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..args.repeat.max(1) {
        times[0].push(bare::tcp(&load).await?);
        times[1].push(bare::stream(&load).await?);
        times[2].push(relayed(&load).await?);
    }
    let [tcp_s, stream_s, relay_s] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    Ok(Figures { rows: load.rows(), bytes: load.bytes(), tcp_s, stream_s, relay_s })
}

/// What relays to the step, and the route of the rows.
fn stand_in(step: &Arc<OneStep>, connection: Connection) -> Result<(Route, RelayedDestination), Error> {
    let relay = Relay::new(Arc::new(connection), RelaySettings::default(), Handle::current());
    let name = StepName::new("sink").map_err(unexpected)?;
    let route = Route {
        workflow: step.context.workflow.clone(),
        source: StepName::new("source").map_err(unexpected)?,
        partition: PartitionId("all".to_owned()),
        destination: name.clone(),
        shard: None,
    };
    let (run, real) = (step.context.run.into(), Arc::new(step.sink.clone()));
    Ok((route, RelayedDestination::new(relay, HOST, run, 1, name, real)))
}

/// How long the rows take through the writer of a relayed destination, as a chain drives it, until they are committed.
async fn relayed(load: &Load) -> Result<Duration, Error> {
    let failed = |error: ConnectorError| unexpected(error);
    let step = Arc::new(OneStep::new()?);
    let (service, address) = host(Arc::clone(&step), RelaySettings::default()).await?;
    let (route, destination) = stand_in(&step, Connection(connection(address)?))?;
    let mut writer = destination.open(&step.context, &route, 0).await.map_err(failed)?;
    let claim = Claim { run: step.context.run, epoch: 1, start: None, replaces: Vec::new() };
    let marker = writer.fence(&claim).await.map_err(failed)?;
    let encoder = destination.encoder();
    let encode = |_| {
        let (encoder, batch) = (Arc::clone(&encoder), load.batch.clone());
        tokio::task::spawn_blocking(move || encoder.encode(batch))
    };
    let began = Instant::now();
    let mut encoded = futures::stream::iter(0..load.batches).map(encode).buffered(ENCODING);
    while let Some(rows) = encoded.next().await {
        writer.write(rows.map_err(unexpected)?.map_err(failed)?).await.map_err(failed)?;
    }
    let rows = load.rows() as u64;
    let unit = Unit {
        marker: Marker {
            seq: marker.seq + 1,
            position: Some(Position { next: rows, cursor: serde_json::Value::Null }),
            counters: Counters { read: rows, delivered: rows, ..Counters::default() },
            ..marker
        },
    };
    writer.stage(&unit).await.map_err(failed)?;
    writer.commit(&unit).await.map_err(failed)?;
    let took = began.elapsed();
    drop(writer);
    service.shutdown().await;
    match step.sink.rows.load(Ordering::Relaxed) {
        arrived if arrived == rows => Ok(took),
        arrived => Err(unexpected(format!("{arrived} of {rows} rows arrived"))),
    }
}

impl Figures {
    fn show(&self) {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header(["", "s", "MB/s", "rows/s", "of the stream"]);
        for (name, seconds) in
            [("TCP socket", self.tcp_s), ("gRPC stream", self.stream_s), ("relay", self.relay_s)]
        {
            table.add_row([
                name.to_owned(),
                format!("{seconds:.3}"),
                format!("{:.0}", self.bytes as f64 / 1e6 / seconds),
                format!("{:.0}", self.rows as f64 / seconds),
                format!("{:.2}", self.stream_s / seconds),
            ]);
        }
        println!("{table}");
        println!("{} rows, {} bytes", self.rows, self.bytes);
    }
}
