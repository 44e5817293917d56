use chrono::{DateTime, Utc};
use etl_expr::{Compiled, ExprError};
use etl_http::Request;
use etl_model::Batch;
use etl_sdk::ConnectorError;

use crate::enrich::config::HttpRules;
use crate::enrich::template::{Rendering, Template};
use crate::record_errors::RecordErrors;

/// The expressions of the templates, typed against a schema.
#[derive(Debug)]
pub(super) struct Compilation {
    url: Vec<Compiled>,
    headers: Vec<Vec<Compiled>>,
    body: Vec<Compiled>,
}

/// What is asked for some rows.
#[derive(Debug)]
pub(super) struct Ask {
    pub rows: Vec<usize>,
    pub request: Request,
}

impl Compilation {
    pub fn new(
        rules: &HttpRules,
        schema: &arrow::datatypes::Schema,
    ) -> Result<Self, (ExprError, &'static str)> {
        let of = |template: &Template, field| template.compile(schema).map_err(|fault| (fault, field));
        Ok(Self {
            url: of(&rules.url, "url")?,
            headers: rules.headers.iter().map(|(_, made)| of(made, "headers")).collect::<Result<_, _>>()?,
            body: rules.body.as_ref().map_or(Ok(Vec::new()), |body| of(body, "body_template"))?,
        })
    }
}

struct Renderings<'a> {
    url: Rendering<'a>,
    headers: Vec<(&'a str, Rendering<'a>)>,
    body: Option<Rendering<'a>>,
}

/// The requests for the rows of a batch; rows for which none can be made are put into `errors`.
pub(super) fn requests(
    rules: &HttpRules,
    compilation: &Compilation,
    batch: &Batch,
    errors: &mut RecordErrors,
) -> Result<Vec<Ask>, ConnectorError> {
    let now = etl_expr::now();
    let url = rendering(&rules.url, &compilation.url, batch, now, "url", errors)?;
    let mut headers = Vec::new();
    for ((name, template), compiled) in rules.headers.iter().zip(&compilation.headers) {
        headers.push((name.as_str(), rendering(template, compiled, batch, now, "headers", errors)?));
    }
    let body = match &rules.body {
        Some(template) => Some(rendering(template, &compilation.body, batch, now, "body_template", errors)?),
        None => None,
    };
    let renderings = Renderings { url, headers, body };
    let sound = errors.sound(batch.len());
    let rows: Vec<usize> = (0..batch.len()).filter(|row| sound.value(*row)).collect();
    Ok(match &rules.batch {
        None => single(rules, &renderings, &rows, errors),
        Some(of) => {
            rows.chunks(of.size).filter_map(|rows| together(rules, &renderings, rows, errors)).collect()
        }
    })
}

fn rendering<'a>(
    template: &'a Template,
    compiled: &[Compiled],
    batch: &Batch,
    now: DateTime<Utc>,
    field: &str,
    errors: &mut RecordErrors,
) -> Result<Rendering<'a>, ConnectorError> {
    let evaluated = template.evaluate(compiled, batch.records(), now, field, errors);
    evaluated.map_err(|error| ConnectorError::internal(format!("enrich: {error}")))
}

fn single(
    rules: &HttpRules,
    renderings: &Renderings<'_>,
    rows: &[usize],
    errors: &mut RecordErrors,
) -> Vec<Ask> {
    let mut asks = Vec::with_capacity(rows.len());
    for &row in rows {
        let body = renderings.body.as_ref().map(|body| body.row(row));
        let made = match body.transpose() {
            Ok(body) => head(rules, renderings, row).map(|request| with(request, body)),
            Err(message) => Err((message, "body_template")),
        };
        match made {
            Ok(request) => asks.push(Ask { rows: vec![row], request }),
            Err((message, field)) => errors.put(row, "enrich_template", message, Some(field)),
        }
    }
    asks
}

/// One request for several rows, without those whose part of it cannot be made.
fn together(
    rules: &HttpRules,
    renderings: &Renderings<'_>,
    rows: &[usize],
    errors: &mut RecordErrors,
) -> Option<Ask> {
    let (mut parts, mut of) = (Vec::new(), Vec::new());
    for &row in rows {
        match renderings.body.as_ref().map(|body| body.row(row)) {
            Some(Ok(part)) => {
                parts.push(part);
                of.push(row);
            }
            Some(Err(message)) => errors.put(row, "enrich_template", message, Some("body_template")),
            None => {}
        }
    }
    let first = *of.first()?;
    match head(rules, renderings, first) {
        Ok(request) => {
            let request = with(request, Some(format!("[{}]", parts.join(","))));
            Some(Ask { rows: of, request })
        }
        Err((message, field)) => {
            for row in of {
                errors.put(row, "enrich_template", message.clone(), Some(field));
            }
            None
        }
    }
}

fn with(request: Request, body: Option<String>) -> Request {
    match body {
        Some(body) => request.body(body),
        None => request,
    }
}

/// A request without its body.
fn head(
    rules: &HttpRules,
    renderings: &Renderings<'_>,
    row: usize,
) -> Result<Request, (String, &'static str)> {
    let url = renderings.url.row(row).map_err(|message| (message, "url"))?;
    let mut request = Request::new(&rules.method, &url).map_err(|error| (error.to_string(), "url"))?;
    let is_typed = rules.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if rules.body.is_some() && !is_typed {
        request = request
            .header("content-type", "application/json")
            .map_err(|error| (error.to_string(), "headers"))?;
    }
    for (name, rendering) in &renderings.headers {
        let value = rendering.row(row).map_err(|message| (message, "headers"))?;
        request = request.header(name, &value).map_err(|error| (error.to_string(), "headers"))?;
    }
    Ok(request)
}
