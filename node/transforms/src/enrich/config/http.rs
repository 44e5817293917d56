use std::num::NonZeroUsize;

use etl_expr::Expression;
use etl_http::{HttpConfig, method};
use etl_model::ByteSize;
use etl_sdk::FieldError;

use super::raw::{RawEnrich, ResponseAs};
use super::rules::{BatchRules, HttpRules};
use super::taken::taken;
use crate::enrich::template::{Kind, Template};
use crate::expression;

/// Calls at the same time.
const CONCURRENCY: usize = 8;
/// Bytes of remembered answers.
const CACHE: u64 = 16 << 20;

impl RawEnrich {
    /// Checks what is asked of a server.
    pub(super) fn http(self) -> Result<HttpRules, Vec<FieldError>> {
        let Self::Http {
            url,
            method: named,
            headers,
            body_template,
            result_mapping,
            response,
            content_types,
            not_found,
            unavailable,
            concurrency,
            batch,
            cache,
            timeout,
            connect_timeout,
            max_response,
            retry,
            tls,
        } = self
        else {
            return Err(Vec::new());
        };
        let mut faults = Vec::new();
        let defaults = HttpConfig::default();
        let http = HttpConfig {
            timeout: timeout.unwrap_or(defaults.timeout),
            connect_timeout: connect_timeout.unwrap_or(defaults.connect_timeout),
            max_response: max_response.unwrap_or(defaults.max_response),
            retry: retry.unwrap_or(defaults.retry),
            tls,
        };
        faults.extend(http.faults());
        let method_name =
            named.unwrap_or_else(|| if body_template.is_some() { "POST" } else { "GET" }.to_owned());
        if !method(&method_name) {
            let fault =
                FieldError::new("method", format!("`{method_name}` is not a method that is known here"));
            faults.push(fault.at("method").with_help("write GET, POST, PUT, PATCH, DELETE or HEAD"));
        }
        let mut template = |text: &str, kind, place: &dyn Fn(FieldError) -> FieldError| {
            let parsed = Template::parse(text, kind);
            parsed.map_err(|found| faults.extend(found.into_iter().map(place))).ok()
        };
        let url_template = template(&url, Kind::Url, &|fault| fault.at("url"));
        let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let body_kind = body_kind(content_type.map(|(_, value)| value.as_str()));
        let body = body_template
            .as_ref()
            .and_then(|text| template(text, body_kind, &|fault| fault.at("body_template")));
        let header_templates: Vec<(String, Option<Template>)> = headers
            .iter()
            .map(|(name, text)| {
                let made = template(text, Kind::Header, &|fault| fault.at("headers").at(name.as_str()));
                (name.clone(), made)
            })
            .collect();
        let results = taken(result_mapping, true, &mut faults);
        let expressions = results.iter().enumerate().filter_map(|(i, taken)| {
            let parsed =
                expression::parse(&taken.source, |fault| fault.at("result_mapping").at(i).at("source"));
            parsed.map_err(|found| faults.extend(found)).ok()
        });
        let expressions: Vec<Expression> = expressions.collect();
        let varies = url_template.as_ref().is_some_and(|template| !template.is_constant())
            || header_templates.iter().flat_map(|(_, made)| made).any(|template| !template.is_constant());
        let batch = batch.map(|batch| {
            if varies || body_template.is_none() || body_kind != Kind::Json || response != ResponseAs::Json {
                let fault = FieldError::new("batch", "`batch` needs a `body_template` of JSON, and a URL and headers that are the same for all records");
                faults.push(fault.at("batch"));
            }
            let results = batch.results.iter().flat_map(|path| path.split('.').map(str::to_owned)).collect();
            BatchRules { size: batch.size.get(), results }
        });
        if batch.is_some() && cache.is_some() {
            let fault = FieldError::new(
                "batch",
                "`batch` and `cache` exclude each other: the answer is that of a whole batch",
            );
            faults.push(fault.at("cache"));
        }
        match url_template {
            Some(url) if faults.is_empty() => Ok(HttpRules {
                method: method_name,
                url,
                headers: header_templates
                    .into_iter()
                    .filter_map(|(name, made)| Some((name, made?)))
                    .collect(),
                body,
                results: results.into_iter().zip(expressions).collect(),
                response,
                content_types: content_types.iter().map(|name| name.trim().to_ascii_lowercase()).collect(),
                not_found,
                unavailable,
                concurrency: concurrency.map_or(CONCURRENCY, NonZeroUsize::get),
                batch,
                cache: cache.map(|cache| (cache.ttl, cache.max_size.unwrap_or(ByteSize(CACHE)))),
                http,
            }),
            _ => Err(faults),
        }
    }
}

/// What a body is, by the media type that its header names.
fn body_kind(content_type: Option<&str>) -> Kind {
    let Some(content_type) = content_type else { return Kind::Json };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Kind::Form,
        name if name.ends_with("/json") || name.ends_with("+json") => Kind::Json,
        _ => Kind::Text,
    }
}
