use datafusion::sql::sqlparser::ast::Statement;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;

use super::functions::Functions;
use super::query;
use super::session::Session;

/// Makes new records with a SELECT.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlConfig {
    /// One `SELECT ... FROM batch WHERE ...`; the table `batch` holds the records.
    query: String,
}

/// A query over single records, with what it is run with.
pub(super) struct SqlRules {
    pub query: Statement,
    pub session: Session,
}

impl SqlConfig {
    /// Parses the query and reports all faults.
    pub fn validate(self) -> Result<SqlRules, Vec<FieldError>> {
        let functions = Functions::new();
        let query = query::read(&self.query, &functions)?;
        let session = Session::new(&functions)
            .map_err(|error| vec![FieldError::new("internal", error.to_string()).at("query")])?;
        Ok(SqlRules { query, session })
    }
}
