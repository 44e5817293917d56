use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Result, TableReference, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;

use super::query::TABLE;

/// The records that a plan is run over.
pub(super) struct Given(pub RecordBatch);

/// The table of a plan: it holds the records that the plan is run over, so that one plan serves all batches.
#[derive(Debug)]
struct Records(SchemaRef);

impl PartitionStream for Records {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let given = context.session_config().get_extension::<Given>();
        let records = given.into_iter().map(|given| Ok(given.0.clone()));
        Box::pin(RecordBatchStreamAdapter::new(self.0.clone(), futures::stream::iter(records)))
    }
}

/// The table of records with these fields.
pub(super) fn source(schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
    let table = StreamingTable::try_new(schema.clone(), vec![Arc::new(Records(schema))])?;
    Ok(provider_as_source(Arc::new(table)))
}

/// All that a query can refer to: one table, and functions.
pub(super) struct Names<'a> {
    pub state: &'a SessionState,
    pub table: Arc<dyn TableSource>,
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match name {
            TableReference::Bare { table } if table.as_ref() == TABLE => Ok(self.table.clone()),
            other => plan_err!("there is no table `{other}`"),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
