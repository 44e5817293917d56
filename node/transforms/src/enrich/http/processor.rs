use std::sync::OnceLock;

use etl_expr::Compiled;
use etl_http::HttpError;
use etl_model::Batch;
use etl_sdk::{Brake, ConnectorError, FieldError, Processed, Processor, ProcessorCapabilities, Unbraked};
use futures::{StreamExt, stream};
use tokio::runtime::Handle;

use super::answer::{Answer, Refusal};
use super::asker::Asker;
use super::requests::{Ask, Compilation, requests};
use super::results;
use crate::enrich::attach::{attach, check};
use crate::enrich::config::{HttpRules, Unavailable};
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// Asks a server for each record, or for several at once.
pub(in crate::enrich) struct HttpEnrich {
    rules: HttpRules,
    results: Vec<Compiled>,
    /// Made with the first batch: a workflow is checked without its certificates.
    asker: OnceLock<Result<Asker, HttpError>>,
    compiled: SchemaCache<Result<Compilation, Unfit>>,
}

impl HttpEnrich {
    /// All that is wrong with what is to be taken from the answers.
    pub fn new(rules: HttpRules) -> Result<Self, Vec<FieldError>> {
        let (mut compiled, mut faults) = (Vec::new(), Vec::new());
        for (i, (taken, expression)) in rules.results.iter().enumerate() {
            let at = |message, field: &str| {
                FieldError::new("result_mapping", message).at("result_mapping").at(i).at(field)
            };
            match results::compile(expression) {
                Ok(made) => compiled.push(made),
                Err(message) => {
                    faults.push(at(message, "source").with_help("an answer is called `response`"))
                }
            }
            if let Some(Err(message)) =
                taken.default.as_ref().map(|default| results::fits(taken.kind, default))
            {
                faults.push(at(message, "default"));
            }
        }
        match faults.is_empty() {
            true => {
                Ok(Self { rules, results: compiled, asker: OnceLock::new(), compiled: SchemaCache::new() })
            }
            false => Err(faults),
        }
    }

    fn asker(&self) -> Result<&Asker, ConnectorError> {
        self.asker
            .get_or_init(|| Asker::new(&self.rules))
            .as_ref()
            .map_err(|error| ConnectorError::user(error.code(), error.to_string(), "mend `tls`"))
    }

    fn compile(&self, batch: &Batch) -> Result<Compilation, Unfit> {
        let schema = batch.schema();
        for (taken, _) in &self.rules.results {
            check(&schema, &taken.destination)?;
        }
        let unfit = |(fault, field): (_, &str)| Unfit { fault, field: field.to_owned() };
        Compilation::new(&self.rules, &schema).map_err(unfit)
    }

    /// The answers by row. Rows about which there is none are put into `errors`.
    async fn answers(
        &self,
        asks: Vec<Ask>,
        brake: &dyn Brake,
        rows: usize,
        errors: &mut RecordErrors,
    ) -> Result<Vec<Option<Answer>>, ConnectorError> {
        let asker = self.asker()?;
        let mut answers: Vec<Option<Answer>> = vec![None; rows];
        let called = asks.iter().map(|ask| async move { (ask, asker.ask(&self.rules, ask, brake).await) });
        let called: Vec<_> = called.collect();
        let mut called = stream::iter(called).buffer_unordered(self.rules.concurrency);
        while let Some((ask, made)) = called.next().await {
            match made {
                Ok(made) => {
                    for (row, answer) in ask.rows.iter().zip(made) {
                        answers[*row] = Some(answer);
                    }
                }
                Err(Refusal::Unavailable { code, message })
                    if self.rules.unavailable == Unavailable::Retry =>
                {
                    return Err(ConnectorError::transient(code, message));
                }
                Err(Refusal::Record { code, message } | Refusal::Unavailable { code, message }) => {
                    for row in &ask.rows {
                        errors.put(*row, code, message.clone(), None);
                    }
                }
                Err(Refusal::Ended) => return Err(ConnectorError::internal("asked to end")),
            }
        }
        Ok(answers)
    }
}

impl Processor for HttpEnrich {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: true }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        self.process_braked(batch, &Unbraked)
    }

    fn process_braked(&self, batch: Batch, brake: &dyn Brake) -> Result<Processed, ConnectorError> {
        let compiled = self.compiled.get(&batch.schema(), || self.compile(&batch));
        let compilation = match compiled.as_ref() {
            Ok(compilation) => compilation,
            Err(unfit) => return Ok(unfit.refuse(&batch)),
        };
        let mut errors = RecordErrors::default();
        let asks = requests(&self.rules, compilation, &batch, &mut errors)?;
        let answering = self.answers(asks, brake, batch.len(), &mut errors);
        let answers = Handle::current().block_on(answering)?;
        let mut records = batch.records().clone();
        let internal = |error: String| ConnectorError::internal(format!("enrich: {error}"));
        for ((taken, _), compiled) in self.rules.results.iter().zip(&self.results) {
            let made = results::column(taken, compiled, &answers, &mut errors);
            let (field, values) = made.map_err(|error| internal(error.to_string()))?;
            records = attach(&records, &taken.destination, &field, values)
                .map_err(|error| internal(error.to_string()))?;
        }
        let made = batch.clone().with_records(records).map_err(|error| internal(error.to_string()))?;
        errors.take_out(&batch, made).map_err(|error| internal(error.to_string()))
    }
}
