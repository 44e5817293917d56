use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use etl_engine::{
    DestinationStep, EngineError, EngineOptions, Pipeline, ProcessorStep, Progress, RunReport, RunRequest,
    SourceStep, StopMode,
};
use etl_model::{ByteSize, OnError, RunId, Span, StepName, WorkflowName};
use etl_sdk::{Destination, Processor, RetryPolicy, RunContext, Source};
use tokio::sync::watch;

use super::MemoryState;

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

/// A pipeline under construction, its state, and how to run it.
pub struct Bed {
    pub pipeline: Pipeline,
    pub state: MemoryState,
    pub run: RunContext,
    pub options: EngineOptions,
    pub stop: (watch::Sender<StopMode>, watch::Receiver<StopMode>),
}

impl Bed {
    pub fn new() -> Self {
        Self {
            pipeline: Pipeline::default(),
            state: MemoryState::default(),
            run: RunContext { workflow: WorkflowName::new("test").unwrap(), run: RunId::generate() },
            options: EngineOptions {
                parallelism: NonZeroUsize::new(2).unwrap(),
                workers: NonZeroUsize::new(2).unwrap(),
                memory: ByteSize(16 << 20),
                commit_interval: Duration::from_millis(20),
                stall_timeout: Duration::from_secs(60),
                retry: RetryPolicy {
                    max_attempts: 3,
                    initial_backoff: Span(Duration::from_millis(1)),
                    max_backoff: Span(Duration::from_millis(5)),
                    backoff_multiplier: 1.0,
                    ..RetryPolicy::default()
                },
            },
            stop: watch::channel(StopMode::default()),
        }
    }

    pub fn source(self, source: impl Source + 'static) -> Self {
        self.source_with("source", OnError::Fail, source)
    }

    pub fn source_with(mut self, name: &str, on_error: OnError, source: impl Source + 'static) -> Self {
        self.pipeline.sources.push(SourceStep {
            name: step(name),
            on_error,
            conceals: false,
            source: Arc::new(source),
        });
        self
    }

    pub fn processor(mut self, name: &str, inputs: &[&str], processor: impl Processor + 'static) -> Self {
        self.pipeline.processors.push(ProcessorStep {
            name: step(name),
            inputs: inputs.iter().map(|name| step(name)).collect(),
            on_error: OnError::Fail,
            processor: Arc::new(processor),
        });
        self
    }

    /// Changes the `on_error` of the processor or destination added last.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        match (self.pipeline.destinations.last_mut(), self.pipeline.processors.last_mut()) {
            (Some(destination), _) => destination.on_error = on_error,
            (None, Some(processor)) => processor.on_error = on_error,
            (None, None) => panic!("no step yet"),
        }
        self
    }

    pub fn destination(
        mut self,
        name: &str,
        inputs: &[&str],
        destination: &(impl Destination + Clone + 'static),
    ) -> Self {
        self.pipeline.destinations.push(DestinationStep {
            name: step(name),
            inputs: inputs.iter().map(|name| step(name)).collect(),
            on_error: OnError::Fail,
            destination: Arc::new(destination.clone()),
        });
        self
    }

    /// Runs it in an actix system of its own; may be called again to continue the same run.
    pub fn run(&self) -> Result<RunReport, EngineError> {
        self.run_while(|_| std::future::ready(()))
    }

    /// Runs it with something else going on beside it.
    pub fn run_while<F: Future<Output = ()> + 'static>(
        &self,
        beside: impl FnOnce(watch::Sender<StopMode>) -> F,
    ) -> Result<RunReport, EngineError> {
        let request = RunRequest {
            run: self.run.clone(),
            pipeline: self.pipeline.clone(),
            starts: HashMap::new(),
            replaces: Vec::new(),
            options: self.options.clone(),
            state: Arc::new(self.state.clone()),
            numbers: Arc::new(self.state.clone()),
            dead_letters: Arc::new(self.state.clone()),
            progress: Arc::new(Progress::default()),
            stop: self.stop.1.clone(),
        };
        let beside = beside(self.stop.0.clone());
        actix_rt::System::new().block_on(async move {
            let (report, ()) = futures::join!(etl_engine::run(request), beside);
            report
        })
    }
}
