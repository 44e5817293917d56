use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::config::SessionConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults, TaskContext};

use super::arithmetic::CheckedArithmetic;
use super::functions::Functions;
use super::tables::Given;

/// What the operators of a step may reserve together. Those that are let through work on a batch at a time and reserve nothing.
const MEMORY: usize = 64 * 1024 * 1024;

/// What the queries of a step are planned and run with: functions of values, and nothing to read or write.
pub(super) struct Session {
    pub state: SessionState,
}

impl Session {
    pub fn new(functions: &Functions) -> Result<Self, DataFusionError> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        let parser = &mut config.options_mut().sql_parser;
        // Names of fields are spelt as everywhere else in a workflow.
        parser.enable_ident_normalization = false;
        parser.map_string_types_to_utf8view = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(MEMORY)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_scalar_functions(functions.scalars.clone())
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_analyzer_rule(Arc::new(CheckedArithmetic))
            .build();
        Ok(Self { state })
    }

    /// What a plan is run with over these records.
    pub fn task(&self, records: RecordBatch) -> Arc<TaskContext> {
        let config = self.state.config().clone().with_extension(Arc::new(Given(records)));
        Arc::new(TaskContext::new(
            None,
            self.state.session_id().to_owned(),
            config,
            Default::default(),
            Default::default(),
            Default::default(),
            Default::default(),
            self.state.runtime_env().clone(),
        ))
    }
}
