use std::path::Path;

use serde_json::{Value, json};

use super::data::COUNTRIES;
use crate::bench::BenchError;

/// The table that `enrich` looks up in, in the directory of the bench.
const REGIONS: &str = "regions.csv";

/// A transformation with a config, and the columns of its input.
#[derive(Debug, Clone)]
pub struct Case {
    /// The `type` in a workflow.
    pub transformation: &'static str,
    /// Its name, which DuckDB and Polars know it by.
    pub name: &'static str,
    pub config: Value,
    pub columns: Vec<&'static str>,
    /// The columns of the result that are compared.
    pub checked: Vec<&'static str>,
    /// The name of the case whose result is the input.
    pub behind: Option<&'static str>,
    /// The most that the better one of the others may be faster.
    pub goal: Option<f64>,
}

/// All of them; `directory` holds the table that `enrich` reads.
pub fn all(rows: u64, directory: &Path) -> Result<Vec<Case>, BenchError> {
    let regions = directory.join(REGIONS);
    write_regions(&regions)?;
    let wide = ["id", "amount", "quantity", "country", "customer", "email", "created"];
    let cases = vec![
        case("filter", "filter", &wide, &["id", "email"])
            .with(json!({ "condition": "amount > 500.0 || country in ['DE', 'FR']" })),
        case("filter", "filter-text", &wide, &["id", "email"])
            .with(json!({ "condition": "email.contains('7@') && country != 'DE'" })),
        case("filter", "filter-null", &["id", "amount", "discount"], &["id", "discount"])
            .with(json!({ "condition": "discount != null && discount * amount < 100.0" })),
        case(
            "mapping",
            "mapping",
            &["id", "country", "first_name", "last_name", "email", "amount", "quantity"],
            &["full_name", "cents", "total"],
        )
        .with(json!({ "keep": ["id", "country"], "mappings": [
            { "source": "email", "destination": "contact.email" },
            { "expression": "first_name + ' ' + last_name", "destination": "full_name" },
            { "expression": "int(math.round(amount * 100.0))", "destination": "cents" },
            { "expression": "amount * double(quantity)", "destination": "total" },
        ] })),
        case("mapping", "mapping-text", &["id", "email", "country", "quantity"], &["email", "label", "size"])
            .with(json!({ "keep": ["id"], "mappings": [
                { "expression": "email.lowerAscii()", "destination": "email" },
                { "expression": "country + '-' + string(quantity)", "destination": "label" },
                { "expression": "quantity > 50 ? 'large' : 'small'", "destination": "size" },
            ] })),
        case("cast", "cast-number", &["id", "price", "units", "ratio"], &["price", "units", "ratio"])
            .with(json!({ "fields": { "price": "decimal(10,2)", "units": "int", "ratio": "float" } })),
        case("cast", "cast-time", &["id", "created"], &["created"])
            .with(json!({ "fields": { "created": "timestamp" } })),
        case("cast", "cast-text", &["id", "quantity"], &["id", "quantity"])
            .with(json!({ "fields": { "id": "string", "quantity": "string" } })),
        case("mask", "mask", &["id", "email", "phone"], &["email", "phone"]).with(json!({ "masking_rules": [
            { "field": "email", "method": "partial", "show_chars": 3, "from": "start" },
            { "field": "phone", "method": "full" },
        ] })),
        case("mask", "mask-redact", &["id", "comment"], &["comment"]).with(json!({ "masking_rules": [
            { "field": "comment", "method": "redact", "patterns": [r"\d{3}-\d{4}"] },
        ] })),
        case("mask", "mask-hash", &["id", "email"], &["email"]).with(json!({ "masking_rules": [
            { "field": "email", "method": "hash", "key": "a key for the bench" },
        ] })),
        tokenise(),
        case("parse", "parse-regex", &["id", "line"], &["client", "status"]).with(json!({
            "field": "line", "format": "regex", "fields": { "status": "int" },
            "pattern": r"^(?<client>\S+) \[(?<day>[^\]]+)\] (?<status>\d+)$",
        })),
        case("parse", "parse-json", &["id", "document"], &["page", "clicks"]).with(json!({
            "field": "document", "format": "json", "fields": { "page": "string", "clicks": "int" },
        })),
        case("flatten", "flatten", &["id", "address"], &["address_city", "address_zip"]).with(json!({})),
        case("explode", "explode", &["id", "country", "tags"], &["id", "tags"])
            .with(json!({ "field": "tags" })),
        case("sample", "sample", &wide, &["id"]).with(json!({ "rate": 0.1, "by": ["customer"] })),
        case("limit", "limit", &wide, &["id", "email"]).with(json!({ "records": rows / 2 })),
        case("dedupe", "dedupe", &wide, &["customer"]).with(json!({ "by": ["customer"] })),
        case("route", "route", &wide, &["id"]).with(json!({
            "outputs": { "high": "amount > 500.0", "eu": "country in ['DE', 'FR']" },
            "port": { "output": "eu", "order": ["high", "eu"], "reports": true },
        })),
        case("validate", "validate", &wide, &["id"]).with(json!({ "rules": [
            { "field": "id", "required": true, "type": "int", "min": 1 },
            { "field": "email", "max_length": 254, "pattern": "^[^@ ]+@[^@ ]+$" },
            { "field": "country", "one_of": COUNTRIES },
            { "expression": "amount >= 0.0 && quantity <= 100" },
        ] })),
        case("script", "script", &["id", "amount", "quantity"], &["id", "total"]).with(json!({
            "script": "fn process(record) {\n    if record.quantity <= 50 { return (); }\n    \
                       #{ id: record.id, total: record.amount * record.quantity }\n}",
            "output": [{ "name": "id", "type": "int" }, { "name": "total", "type": "double" }],
        })),
        case("enrich", "enrich", &["id", "country", "amount"], &["id", "region", "tax"]).with(json!({
            "type": "lookup", "key": ["country"],
            "source": { "type": "file", "config": { "path": regions } },
            "result_mapping": [
                { "source": "region", "destination": "region" },
                { "source": "tax", "destination": "tax" },
            ],
        })),
        case("repartition", "repartition", &wide, &["id"]).with(json!({ "by": ["customer"], "shards": 8 })),
        case("sql", "sql", &["id", "country", "amount", "quantity"], &["id", "total"]).with(json!({
            "query": "SELECT id, lower(country) AS country, amount * quantity AS total FROM batch WHERE amount > 500",
        })),
        Case { behind: Some("mask-tokenise"), ..case("detokenise", "detokenise", &["id", "email"], &["email"]) }
            .with(json!({ "fields": ["email"], "key": "a key for the bench" })),
    ];
    Ok(cases)
}

fn tokenise() -> Case {
    case("mask", "mask-tokenise", &["id", "email"], &["email"]).with(json!({ "masking_rules": [
        { "field": "email", "method": "tokenise", "key": "a key for the bench" },
    ] }))
}

fn case(
    transformation: &'static str,
    name: &'static str,
    columns: &[&'static str],
    checked: &[&'static str],
) -> Case {
    let goal = matches!(transformation, "filter" | "mapping" | "cast").then_some(1.5);
    let (columns, checked) = (columns.to_vec(), checked.to_vec());
    Case { transformation, name, config: Value::Null, columns, checked, behind: None, goal }
}

impl Case {
    fn with(self, config: Value) -> Self {
        Self { config, ..self }
    }
}

fn write_regions(path: &Path) -> Result<(), BenchError> {
    let row = |(place, country): (usize, &&str)| format!("{country},region {},{}\n", place % 4, place + 5);
    let rows: String = COUNTRIES.iter().enumerate().map(row).collect();
    std::fs::write(path, format!("country,region,tax\n{rows}")).map_err(BenchError::at(path))
}
