use std::sync::Arc;

use etl_model::{Batch, PartitionId, Position, RunId, Shard, StepName};
use etl_sdk::{Account, CarriedOut, ConnectorError, StepError, Steps};

use super::flow::{Flow, gather};
use super::plan::ChainPlan;
use super::process::Part;
use super::walk::Walk;
use crate::EngineError;
use crate::pipeline::Pipeline;
use crate::ports::DeadLetter;
use crate::taps::{ChainTaps, Taps};

/// The steps between a repartition and one of the destinations behind it, for a shard of a partition: what the node carries
/// out that writes the shard, while the rest of the chain runs elsewhere.
pub struct ShardSteps {
    plan: ChainPlan,
    /// The shard of the destination.
    output: usize,
    repartition: usize,
    starts: Vec<Position>,
    /// All outputs but this one.
    elsewhere: Vec<bool>,
    taps: ChainTaps,
}

/// For which rows steps are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardOf {
    /// The run.
    pub run: RunId,
    /// The source that the rows come from.
    pub source: StepName,
    /// Its partition.
    pub partition: PartitionId,
    /// The destination that they lead to.
    pub destination: StepName,
    /// Which of its shards.
    pub shard: Shard,
}

impl ShardSteps {
    /// The steps of a pipeline that lead to a shard. What passes them is shown by `taps`.
    ///
    /// # Errors
    /// The source does not reach the destination, or not divided in this way.
    pub fn new(pipeline: &Pipeline, of: &ShardOf, taps: Arc<Taps>) -> Result<Self, EngineError> {
        let ShardOf { run, source, partition, destination, shard } = of;
        let missing = || {
            let message = format!("rows of `{source}` do not reach shard {shard} of `{destination}`");
            EngineError::Internal(message)
        };
        let step = pipeline.sources.iter().find(|step| step.name == *source).ok_or_else(missing)?;
        let plan = ChainPlan::new(pipeline, step)?;
        let found = plan.outputs.iter().enumerate().find_map(|(index, output)| {
            let is_it = output.step.name == *destination && output.shard == Some(*shard);
            Some((index, output.divided_by?)).filter(|_| is_it)
        });
        let (output, repartition) = found.ok_or_else(missing)?;
        let outputs = plan.outputs.len();
        let taps = ChainTaps::new(taps, plan.veil.clone(), *run, source.clone(), partition.clone());
        Ok(Self {
            output,
            repartition,
            starts: vec![Position::start(); outputs],
            elsewhere: (0..outputs).map(|index| index != output).collect(),
            taps,
            plan,
        })
    }

    fn walk(&self, rows: Batch) -> Result<(Vec<Batch>, Part), EngineError> {
        let output = &self.plan.outputs[self.output];
        let shard = output.shard.map(Shard::number);
        let mut walk = Walk::new(&self.plan, &self.starts, &self.elsewhere, &self.taps);
        (walk.only, walk.trace) = (shard, etl_sdk::current_trace());
        let mut results: Vec<Flow> = Vec::with_capacity(self.plan.nodes.len());
        for (index, node) in self.plan.nodes.iter().enumerate() {
            let flow = match node.divided_by {
                Some(by) if by == self.repartition && index != by => {
                    walk.visit(index, node, &[], &results)?
                }
                _ => {
                    let mut flow = Flow::new(self.plan.shards(index));
                    if index == self.repartition {
                        flow.push(shard, rows.clone());
                    }
                    flow
                }
            };
            results.push(flow);
        }
        let rows = gather(&output.inputs, &[], &results, shard);
        self.taps.pass(&output.step.name, &rows);
        Ok((rows, walk.parts.swap_remove(self.output)))
    }
}

impl Steps for ShardSteps {
    fn carry_out(&self, rows: Batch) -> Result<CarriedOut, ConnectorError> {
        match self.walk(rows) {
            Ok((rows, Part { counters, letters, .. })) => {
                let letter = |DeadLetter { step, error, .. }| StepError { step, error };
                let account = Account {
                    filtered: counters.filtered,
                    dead_lettered: counters.dead_lettered,
                    failed: counters.failed,
                    created: counters.created,
                    letters: letters.into_iter().map(letter).collect(),
                    ..Account::default()
                };
                Ok(CarriedOut { rows, account })
            }
            Err(EngineError::Record { step, error }) => {
                let fatal = Some(StepError { step, error: *error });
                Ok(CarriedOut { rows: Vec::new(), account: Account { fatal, ..Account::default() } })
            }
            Err(EngineError::Step { step, error }) => Err(at(&step, error)),
            Err(unsettled @ EngineError::Unsettled { .. }) => {
                Err(ConnectorError::transient("record_failed", unsettled.to_string()))
            }
            Err(other) => Err(ConnectorError::internal(other.to_string())),
        }
    }
}

/// The same error, saying at which step it happened: who is told knows of the destination only.
fn at(step: &StepName, error: ConnectorError) -> ConnectorError {
    let at = |text: String| format!("step `{step}`: {text}");
    match error {
        ConnectorError::User { code, message, help } => {
            ConnectorError::User { code, message: at(message), help }
        }
        ConnectorError::External { code, message, retry } => {
            ConnectorError::External { code, message: at(message), retry }
        }
        ConnectorError::Internal { message } => ConnectorError::Internal { message: at(message) },
        fenced @ ConnectorError::Fenced { .. } => fenced,
    }
}
