use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use etl_model::Batch;
use etl_sdk::{Brake, ConnectorError, Processed};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::plan::Node;
use super::turn::Turn;
use crate::EngineError;
use crate::guard::Guard;
use crate::limits::{Held, StepGate, admit};

/// What a chain needs while one of its transformations waits for a system outside.
pub(crate) struct Outside<'a> {
    /// The right to compute, which others have meanwhile.
    pub turn: &'a mut Turn,
    /// Where it shows that the chain waits for a breaker.
    pub held: &'a Held,
    /// Cancelled when the chain is to end.
    pub ending: &'a CancellationToken,
}

struct AtGate<'a> {
    gate: Option<&'a StepGate>,
    ending: &'a CancellationToken,
    is_cut: AtomicBool,
}

#[async_trait]
impl Brake for AtGate<'_> {
    async fn pass(&self, calls: u64, bytes: u64) -> Result<(), ConnectorError> {
        let passed = async {
            match self.gate {
                Some(gate) => gate.pass(calls, bytes).await,
                None => Ok(()),
            }
        };
        let passed = tokio::select! {
            biased;
            () = self.ending.cancelled() => {
                self.is_cut.store(true, Ordering::Relaxed);
                Err(EngineError::Ending)
            }
            passed = passed => passed,
        };
        passed.map_err(|error| match error {
            EngineError::Step { error, .. } => error,
            other => ConnectorError::internal(other.to_string()),
        })
    }
}

impl Outside<'_> {
    /// Has a transformation work on a batch when its circuit breaker lets it, held back by its rate limit. To be called on a
    /// thread that may block.
    ///
    /// # Errors
    /// The step has failed, or the chain is to end.
    pub fn process(&mut self, node: &Node, batch: Batch) -> Result<Processed, EngineError> {
        let (gate, held, ending) = (node.gate.as_ref(), self.held, self.ending);
        self.turn.yielded(|| {
            let admitted = Handle::current().block_on(admit(gate, held, ending))?;
            let admitted = admitted.ok_or(EngineError::Ending)?;
            let brake = AtGate { gate, ending, is_cut: AtomicBool::new(false) };
            let processor = &node.step.processor;
            let guard = Guard::new(node.step.name.clone());
            let processed = guard.compute(|| processor.process_braked(batch, &brake));
            let processed = match brake.is_cut.into_inner() {
                true => Err(EngineError::Ending),
                false => processed,
            };
            admitted.conclude(&processed);
            processed
        })
    }
}
