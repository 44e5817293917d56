use std::collections::HashMap;

use etl_model::{OnError, StepName};

use crate::pipeline::{DestinationStep, Pipeline, ProcessorStep, SourceStep};

/// Where a step takes its rows from, inside one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The chain's source.
    Source,
    /// A node, by index.
    Node(usize),
}

/// A transformation as the chain sees it.
#[derive(Clone)]
pub(crate) struct Node {
    pub step: ProcessorStep,
    pub inputs: Vec<Input>,
}

/// A destination as the chain sees it.
#[derive(Clone)]
pub(crate) struct Output {
    pub step: DestinationStep,
    pub inputs: Vec<Input>,
    /// Paths from the source to this destination: how often it meets each record.
    pub paths: u64,
    /// Per node: paths from its output to this destination.
    pub weights: Vec<u64>,
}

/// The part of a pipeline that one source reaches, in topological order.
#[derive(Clone)]
pub(crate) struct ChainPlan {
    pub source: SourceStep,
    pub nodes: Vec<Node>,
    pub outputs: Vec<Output>,
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

impl ChainPlan {
    /// Cuts the chain of `source` out of the pipeline. Steps of other sources are left out.
    pub fn new(pipeline: &Pipeline, source: &SourceStep) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut index = HashMap::new();
        for step in &pipeline.processors {
            let inputs = resolve(&step.inputs, &source.name, &index);
            if !inputs.is_empty() {
                index.insert(&step.name, nodes.len());
                nodes.push(Node { step: step.clone(), inputs });
            }
        }
        let outputs = pipeline
            .destinations
            .iter()
            .filter_map(|step| {
                let inputs = resolve(&step.inputs, &source.name, &index);
                (!inputs.is_empty()).then(|| {
                    let (paths, weights) = paths(&nodes, &inputs);
                    Output { step: step.clone(), inputs, paths, weights }
                })
            })
            .collect();
        Self { source: source.clone(), nodes, outputs }
    }

    /// What the source or node does with records it cannot process.
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

    /// How often a record lost at this place is missed by the output; 0 when the output does not depend on it.
    pub fn weight(&self, at: Input, output: usize) -> u64 {
        let output = &self.outputs[output];
        match at {
            Input::Source => output.paths,
            Input::Node(index) => output.weights[index],
        }
    }

    /// The output whose units carry the dead letters of this place: the first one that depends on it.
    pub fn keeper(&self, at: Input) -> Option<usize> {
        (0..self.outputs.len()).find(|&output| self.weight(at, output) > 0)
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
