use std::sync::{Arc, Mutex, PoisonError, mpsc};

use bytes::Bytes;
use etl_model::{Batch, StepName};
use etl_proto::relay::Kind;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities, Repartition};
use uuid::Uuid;

use super::caller::Caller;
use super::destination::Target;
use super::encoder::defect;
use super::relay::Relay;
use crate::channel::Role;
use crate::codec::{Answer, rows_from_bytes, whole};

/// A transformation that is computed on another node. All chains of this node share its channel; calls are answered in any
/// order.
pub struct RelayedProcessor {
    target: Target,
    real: Arc<dyn Processor>,
    /// The channel, opened by the first call, and again after it was lost.
    caller: Mutex<Option<Arc<Caller>>>,
}

impl RelayedProcessor {
    /// `host` carries out the step of that version of the run's workflow. `real` is the same step as it is configured here; it
    /// is asked for what it promises and never computes.
    pub fn new(
        relay: Relay,
        host: u64,
        run: Uuid,
        version: u64,
        step: StepName,
        real: Arc<dyn Processor>,
    ) -> Self {
        Self { target: Target { relay, host, run, version, step }, real, caller: Mutex::new(None) }
    }

    fn caller(&self) -> Arc<Caller> {
        let mut caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner);
        match caller.as_ref().filter(|caller| !caller.is_over()) {
            Some(caller) => Arc::clone(caller),
            None => {
                let opened = Arc::new(self.target.open(String::new(), None, 0, Role::Processor));
                *caller = Some(Arc::clone(&opened));
                opened
            }
        }
    }
}

impl Processor for RelayedProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        self.real.capabilities()
    }

    /// The step divides here: where the rows go is for this node to know.
    fn repartition(&self) -> Option<&dyn Repartition> {
        self.real.repartition()
    }

    /// Blocks the thread until the host has answered or is given up.
    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let body = Bytes::from(whole(&batch).map_err(|error| defect(&error))?);
        drop(batch);
        let caller = self.caller();
        let (sender, answer) = mpsc::sync_channel(1);
        let cause = etl_sdk::current_trace();
        self.target.relay.runtime.spawn(async move {
            let call = caller.call(Kind::Process, body);
            let answer = match cause {
                Some(cause) => etl_sdk::within(cause, call).await,
                None => call.await,
            };
            let answer = answer.and_then(|answer| match answer {
                Answer::Processed { rows, filtered, errors } => Ok((rows, filtered, errors)),
                other => Err(caller.unexpected(&other)),
            });
            // The thread waits for it as long as it lives.
            let _ = sender.send(answer);
        });
        let gone = |_| ConnectorError::internal("the runtime is shutting down");
        let (rows, filtered, errors) = answer.recv().map_err(gone)??;
        let batch = rows_from_bytes(rows).map_err(|error| {
            let host = self.target.host;
            ConnectorError::transient("relay_protocol", format!("node {host}: processed rows: {error}"))
        })?;
        Ok(Processed { batch, filtered, errors })
    }
}
