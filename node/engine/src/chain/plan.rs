use std::collections::HashMap;

use etl_model::{OnError, Shard, StepName};
use etl_sdk::ReadOptions;

use crate::EngineError;
use crate::limits::StepGate;
use crate::pipeline::{DestinationStep, Pipeline, ProcessorStep, SourceStep};
use crate::veil::Veil;
use crate::watch::Watch;

/// Where a step takes its rows from, inside one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The chain's source.
    Source,
    /// A node, by index.
    Node(usize),
}

/// A step at which something happens to records, and the shard that it does it for; none in front of a repartition, and
/// at the repartition itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub at: Input,
    pub shard: Option<usize>,
}

/// A transformation as the chain sees it.
#[derive(Clone)]
pub(crate) struct Node {
    pub step: ProcessorStep,
    /// What is awaited before it calls a system outside.
    pub gate: Option<StepGate>,
    pub inputs: Vec<Input>,
    /// The repartition that divides what leaves it, by index; its own index where it is one itself.
    pub divided_by: Option<usize>,
    /// Whose errors it takes, if it does. Its inputs are those of that step: what passes there is left out here.
    pub errors_of: Option<Input>,
}

/// A destination as the chain sees it; behind a repartition one of its shards.
#[derive(Clone)]
pub(crate) struct Output {
    pub step: DestinationStep,
    /// What is awaited before it is called.
    pub gate: Option<StepGate>,
    pub inputs: Vec<Input>,
    pub shard: Option<Shard>,
    /// The repartition that divides what reaches it, by index.
    pub divided_by: Option<usize>,
    /// Paths from the source to this destination: how often it meets each record.
    pub paths: u64,
    /// Per node: paths from its output to this destination.
    pub weights: Vec<u64>,
}

/// The part of a pipeline that one source reaches, in topological order.
#[derive(Clone)]
pub(crate) struct ChainPlan {
    pub source: SourceStep,
    /// What is awaited before the source is called.
    pub gate: Option<StepGate>,
    pub nodes: Vec<Node>,
    /// All shards of a destination one after the other.
    pub outputs: Vec<Output>,
    /// Who counts and traces what is done.
    pub watch: Watch,
    /// What is hidden from those who tap it.
    pub veil: Veil,
}

fn resolve(inputs: &[StepName], source: &StepName, nodes: &HashMap<&StepName, usize>) -> Vec<Input> {
    inputs
        .iter()
        .filter_map(|name| match name == source {
            true => Some(Input::Source),
            false => nodes.get(name).map(|&index| Input::Node(index)),
        })
        .collect()
}

/// The repartition that divides what a step reads, which must be the same for all of its inputs.
fn divided_by(step: &StepName, inputs: &[Input], nodes: &[Node]) -> Result<Option<usize>, EngineError> {
    let of = |input: &Input| match input {
        Input::Source => None,
        Input::Node(index) => nodes.get(*index).and_then(|node| node.divided_by),
    };
    let first = inputs.first().and_then(of);
    match inputs.iter().all(|input| of(input) == first) {
        true => Ok(first),
        false => Err(defect(step, "reads rows that are divided in different ways")),
    }
}

/// What the validation of a workflow has to keep away from the engine.
fn defect(step: &StepName, what: &str) -> EngineError {
    EngineError::Internal(format!("step `{step}` {what}"))
}

impl ChainPlan {
    /// Cuts the chain of `source` out of the pipeline. Steps of other sources are left out.
    ///
    /// # Errors
    /// Rows are divided twice, a step reads rows that are divided in different ways, or one that remembers a partition rows
    /// that are divided.
    pub fn new(pipeline: &Pipeline, source: &SourceStep) -> Result<Self, EngineError> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut index = HashMap::new();
        for step in &pipeline.processors {
            let mut inputs = resolve(&step.inputs, &source.name, &index);
            let errors_of = inputs.first().copied().filter(|_| step.processor.takes_errors());
            if let Some(Input::Node(index)) = errors_of {
                inputs.clone_from(&nodes[index].inputs);
            }
            if inputs.is_empty() {
                continue;
            }
            let mut divided_by = divided_by(&step.name, &inputs, &nodes)?;
            if step.processor.repartition().is_some() {
                if divided_by.is_some() {
                    return Err(defect(&step.name, "divides rows that are divided already"));
                }
                divided_by = Some(nodes.len());
            }
            if divided_by.is_some() && !step.processor.capabilities().stateless {
                return Err(defect(&step.name, "remembers a partition of which it sees only a part"));
            }
            index.insert(&step.name, nodes.len());
            let gate = pipeline.gates.get(&step.name).cloned();
            nodes.push(Node { step: step.clone(), gate, inputs, divided_by, errors_of });
        }
        let mut outputs = Vec::new();
        for step in &pipeline.destinations {
            let inputs = resolve(&step.inputs, &source.name, &index);
            if inputs.is_empty() {
                continue;
            }
            let (paths, weights) = paths(&nodes, &inputs);
            let gate = pipeline.gates.get(&step.name).cloned();
            let divided_by = divided_by(&step.name, &inputs, &nodes)?;
            let whole = Output { step: step.clone(), gate, inputs, shard: None, divided_by, paths, weights };
            match divided_by {
                None => outputs.push(whole),
                Some(repartition) => {
                    let of_shard = |shard| Output { shard: Some(shard), ..whole.clone() };
                    outputs.extend(Shard::all(nodes[repartition].shards()).map(of_shard));
                }
            }
        }
        let gate = pipeline.gates.get(&source.name).cloned();
        let (watch, veil) = (pipeline.watch.clone(), pipeline.veil.clone());
        Ok(Self { source: source.clone(), gate, nodes, outputs, watch, veil })
    }

    /// Whether a transformation remembers what it has seen of the partition.
    pub fn is_sequential(&self) -> bool {
        self.nodes.iter().any(|node| !node.step.processor.capabilities().stateless)
    }

    /// What is awaited before a step is called.
    pub fn gate(&self, step: &StepName) -> Option<&StepGate> {
        if *step == self.source.name {
            return self.gate.as_ref();
        }
        let node = self.nodes.iter().find(|node| node.step.name == *step);
        let gate = node.map(|node| &node.gate);
        let of_output =
            || self.outputs.iter().find(|output| output.step.name == *step).map(|output| &output.gate);
        gate.or_else(of_output)?.as_ref()
    }

    /// How chunks are cut: small where they would wait for long at a limit.
    pub fn read_options(&self, asked: ReadOptions) -> ReadOptions {
        let of_nodes = self.nodes.iter().filter_map(|node| node.gate.as_ref());
        let of_outputs = self.outputs.iter().filter_map(|output| output.gate.as_ref());
        let gates = self.gate.iter().chain(of_nodes).chain(of_outputs);
        let chunk_bytes = gates.fold(asked.chunk_bytes, |bytes, gate| gate.chunk_bytes(bytes));
        ReadOptions { chunk_bytes, ..asked }
    }

    /// The node that takes the errors of a source or node.
    pub fn errors_to(&self, at: Input) -> Option<usize> {
        self.nodes.iter().position(|node| node.errors_of == Some(at))
    }

    /// What the source or node does with records it cannot process that nobody takes.
    pub fn on_error(&self, at: Input) -> OnError {
        match at {
            Input::Source => self.source.on_error,
            Input::Node(index) => self.nodes[index].step.on_error,
        }
    }

    /// The name of the source or node.
    pub fn name(&self, at: Input) -> &StepName {
        match at {
            Input::Source => &self.source.name,
            Input::Node(index) => &self.nodes[index].step.name,
        }
    }

    /// How often a record lost at this place is missed by the output; 0 when the output does not depend on it. What is
    /// lost before it is known to which shard it belongs is missed by the first.
    pub fn weight(&self, place: Place, output: usize) -> u64 {
        let output = &self.outputs[output];
        if output.shard.is_some_and(|shard| shard.number() != place.shard.unwrap_or(0)) {
            return 0;
        }
        match place.at {
            // What leads on over its errors is not missed there.
            Input::Source => {
                let over_errors = self.errors_to(place.at).map_or(0, |node| output.weights[node]);
                output.paths.saturating_sub(over_errors)
            }
            Input::Node(index) => output.weights[index],
        }
    }

    /// The output whose units carry the dead letters of this place: the first one that depends on it.
    pub fn keeper(&self, place: Place) -> Option<usize> {
        (0..self.outputs.len()).find(|&output| self.weight(place, output) > 0)
    }

    /// The transformations between a repartition and an output behind it.
    pub fn steps_behind(&self, output: &Output) -> impl Iterator<Item = &ProcessorStep> {
        let is_behind = move |(index, node): &(usize, &Node)| {
            output.divided_by.is_some_and(|by| node.divided_by == Some(by) && *index != by)
                && output.weights[*index] > 0
        };
        self.nodes.iter().enumerate().filter(is_behind).map(|(_, node)| &node.step)
    }

    /// How many shards the rows have that leave a node; `None` where they are not divided.
    pub fn shards(&self, node: usize) -> Option<usize> {
        let repartition = self.nodes.get(self.nodes.get(node)?.divided_by?)?;
        Some(usize::from(repartition.shards()))
    }

    /// The number of a route among all into its destination, given the partition's.
    pub fn route_index(&self, partition: usize, output: usize) -> usize {
        match self.outputs[output].shard {
            Some(shard) => partition * shard.of() + shard.number(),
            None => partition,
        }
    }
}

impl Node {
    /// Shards of a repartition.
    fn shards(&self) -> u16 {
        self.step.processor.repartition().map_or(1, |repartition| repartition.shards().get())
    }
}

fn paths(nodes: &[Node], inputs: &[Input]) -> (u64, Vec<u64>) {
    let mut source = 0;
    let mut weights = vec![0; nodes.len()];
    let mut give = |input: &Input, count: u64, weights: &mut Vec<u64>| match input {
        Input::Source => source += count,
        Input::Node(index) => weights[*index] += count,
    };
    for input in inputs {
        give(input, 1, &mut weights);
    }
    for index in (0..nodes.len()).rev() {
        for input in &nodes[index].inputs {
            let count = weights[index];
            give(input, count, &mut weights);
        }
    }
    (source, weights)
}
