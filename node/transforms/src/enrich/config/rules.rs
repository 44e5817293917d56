use etl_expr::Expression;
use etl_http::HttpConfig;
use etl_model::{ByteSize, Span};
use serde_json::Value;

use super::raw::{Duplicates, RawTable, ResponseAs, ResultType, Unavailable};
use crate::enrich::template::Template;

/// One field to take over, checked.
#[derive(Debug, Clone)]
pub(in crate::enrich) struct Taken {
    /// As it was written.
    pub source: String,
    pub destination: Vec<String>,
    pub default: Option<Value>,
    pub kind: ResultType,
}

/// Without contradictions.
#[derive(Debug)]
pub(in crate::enrich) struct HttpRules {
    pub method: String,
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub body: Option<Template>,
    pub results: Vec<(Taken, Expression)>,
    pub response: ResponseAs,
    pub content_types: Vec<String>,
    pub not_found: Vec<u16>,
    pub unavailable: Unavailable,
    pub concurrency: usize,
    pub batch: Option<BatchRules>,
    pub cache: Option<(Span, ByteSize)>,
    pub http: HttpConfig,
}

#[derive(Debug)]
pub(in crate::enrich) struct BatchRules {
    pub size: usize,
    /// Names on the way to the list.
    pub results: Vec<String>,
}

#[derive(Debug, Clone)]
pub(in crate::enrich) struct LookupRules {
    pub key: Vec<Expression>,
    pub lookup_key: Vec<Expression>,
    pub results: Vec<Taken>,
    pub refresh: Option<Span>,
    pub duplicates: Duplicates,
    pub max_size: ByteSize,
}

#[derive(Debug)]
pub(in crate::enrich) enum Rules {
    Http(Box<HttpRules>),
    Lookup(RawTable, LookupRules),
}
