use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::{Column, Result, plan_err};
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, Projection, SubqueryAlias, TableScanBuilder, TableSource, Unnest,
};
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Statement;
use futures::executor::block_on;

use super::session::Session;
use super::tables::{Names, source};

/// The hidden field with the row of each record in its batch. No name that a person would write.
pub(super) const ROW: &str = "\u{0}row";

/// A query planned for a schema.
pub(super) struct Plan {
    exec: Arc<dyn ExecutionPlan>,
    /// The fields of the records, and the row.
    given: SchemaRef,
}

impl Plan {
    /// Plans a query; fails where no record of the schema could have a result.
    pub fn new(session: &Session, query: &Statement, schema: &SchemaRef) -> Result<Self> {
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(ROW, DataType::UInt64, false)));
        let given = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let names = Names { state: &session.state, table: source(schema.clone())? };
        let options = &session.state.config_options().sql_parser;
        let options = ParserOptions::new()
            .with_enable_ident_normalization(options.enable_ident_normalization)
            .with_map_string_types_to_utf8view(options.map_string_types_to_utf8view);
        let planned = SqlToRel::new_with_options(&names, options).sql_statement_to_plan(query.clone())?;
        let carried = carry(&planned, &source(given.clone())?)?;
        // Nothing is waited for: there are no tables elsewhere.
        let exec = block_on(session.state.create_physical_plan(&carried))?;
        Ok(Self { exec, given })
    }

    /// The fields of the results, and the row.
    pub fn schema(&self) -> SchemaRef {
        self.exec.schema()
    }

    /// The records with their rows.
    pub fn numbered(&self, records: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
        let rows: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..records.num_rows() as u64));
        let mut columns = records.columns().to_vec();
        columns.push(rows);
        RecordBatch::try_new(self.given.clone(), columns)
    }

    /// What becomes of numbered records, on this thread; fails if one of them does.
    pub fn run(&self, session: &Session, records: RecordBatch) -> Result<Vec<RecordBatch>> {
        // An operator adds to its metrics with every run.
        let fresh = reset_plan_states(self.exec.clone())?;
        block_on(collect(fresh, session.task(records)))
    }
}

/// The plan with the rows carried through. Other operators than these would lose or mix them.
fn carry(plan: &LogicalPlan, table: &Arc<dyn TableSource>) -> Result<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            let input = carry(&projection.input, table)?;
            let row = Column::from(input.schema().qualified_field_with_unqualified_name(ROW)?);
            let mut exprs = projection.expr.clone();
            exprs.push(Expr::Column(row));
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?)
        }
        LogicalPlan::Filter(filter) => {
            let input = Arc::new(carry(&filter.input, table)?);
            LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), input)?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = Arc::new(carry(&alias.input, table)?);
            LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input, alias.alias.clone())?)
        }
        LogicalPlan::Unnest(unnest) => {
            let input = Arc::new(carry(&unnest.input, table)?);
            let columns = unnest.exec_columns.clone();
            LogicalPlan::Unnest(Unnest::try_new(input, columns, unnest.options.clone())?)
        }
        LogicalPlan::TableScan(scan) => {
            LogicalPlan::TableScan(TableScanBuilder::new(scan.table_name.clone(), table.clone()).build()?)
        }
        other => return plan_err!("`{}` is not possible over single records", other.display()),
    })
}
