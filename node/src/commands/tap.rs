use std::io;

use etl_api::model::{RunTarget, TapOptions, TapSampling};
use tokio::signal::ctrl_c;

use crate::arguments::{Output, TapArguments};
use crate::cluster_client::{PATIENCE, block_on};
use crate::view::TapView;
use crate::{Error, Exit};

/// Records a second when nothing else is asked for.
const PER_SECOND: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(99);

pub(super) fn tap(arguments: &TapArguments, output: Output) -> Result<Exit, Error> {
    let TapArguments { server, what, step, partition, sample, rate, limit } = arguments;
    let sampling = match sample {
        Some(n) => TapSampling::OneIn(*n),
        None => TapSampling::PerSecond(rate.unwrap_or(PER_SECOND)),
    };
    let options = TapOptions { step: step.clone(), partition: partition.clone(), sampling, limit: *limit };
    let target = RunTarget::from(what.as_str());
    block_on(async {
        let mut tap = server.client(PATIENCE)?.tap(&target, options);
        let mut view = TapView::new(output);
        let mut interrupted = std::pin::pin!(ctrl_c());
        let shown = loop {
            let told = tokio::select! {
                told = tap.next() => told?,
                signal = &mut interrupted => {
                    signal?;
                    break Ok(());
                }
            };
            let Some(told) = told else { break Ok(()) };
            if let Err(error) = view.show(told) {
                break Err(error);
            }
        };
        let (seen, shown_records) = (tap.seen(), tap.shown());
        let shown = shown.and_then(|()| view.finish(seen, shown_records));
        match shown {
            // Whoever read it has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
            shown => Ok(shown.map(|()| Exit::Success)?),
        }
    })
}
