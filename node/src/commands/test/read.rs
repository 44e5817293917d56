use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::case::{AtStep, Case, Endpoint, Expected, Failed, Given, Records, Response};
use super::faults::{DUPLICATE_NAME, Faults, MISSING_FIELD, OUT_OF_RANGE, WRONG_TYPE};
use super::fields::{Fields, boolean, list, map, moment, number, text, word, words};
use super::tree::{Entry, Node, Value};

/// Reads the tests of a file; what is wrong is reported, and those it is wrong with may be missing.
pub(super) fn cases(root: &Node, faults: &mut Faults) -> Vec<Case> {
    let known = ["tests", "now", "parameters", "variables", "secrets"];
    let Some(fields) = Fields::of(root, "the file", &known, faults) else { return Vec::new() };
    let shared = given(&fields, faults);
    let shared_now = fields.get("now").and_then(|node| moment(node, "now", faults));
    let Some(tests) = fields.required("tests", faults) else { return Vec::new() };
    let items = list(tests, "tests", faults).unwrap_or_default();
    if items.is_empty() {
        faults.add(tests.place, MISSING_FIELD, "`tests` has no test", None);
    }
    let mut cases: Vec<Case> = Vec::new();
    for item in items {
        let Some(mut case) = case(item, &shared, faults) else { continue };
        case.now = case.now.or(shared_now);
        if cases.iter().any(|other| other.name == case.name) {
            let message = format!("the name `{}` is used by two tests", case.name);
            faults.add(item.place, DUPLICATE_NAME, message, None);
        }
        cases.push(case);
    }
    cases
}

fn given(fields: &Fields<'_>, faults: &mut Faults) -> Given {
    let mut of = |name| fields.get(name).map(|node| words(node, name, faults)).unwrap_or_default();
    Given { parameters: of("parameters"), variables: of("variables"), secrets: of("secrets") }
}

fn case(node: &Node, shared: &Given, faults: &mut Faults) -> Option<Case> {
    let known = [
        "name",
        "now",
        "parameters",
        "variables",
        "secrets",
        "http",
        "inputs",
        "expect",
        "dead_letters",
        "fails",
    ];
    let fields = Fields::of(node, "test", &known, faults)?;
    let mut case = Case { given: given(&fields, faults).over(shared), ..Case::default() };
    case.name =
        fields.required("name", faults).and_then(|name| text(name, "name", faults)).unwrap_or_default();
    case.now = fields.get("now").and_then(|node| moment(node, "now", faults));
    let steps = |name: &str, faults: &mut Faults| {
        fields.get(name).and_then(|node| map(node, name, faults)).unwrap_or_default()
    };
    if fields.required("inputs", faults).is_some() {
        for entry in steps("inputs", faults) {
            case.inputs.extend(at_step(entry, records(&entry.value, faults)));
        }
    }
    for entry in steps("expect", faults) {
        case.expect.extend(at_step(entry, expected(&entry.value, faults)));
    }
    for entry in steps("http", faults) {
        let endpoints = list(&entry.value, &entry.key, faults).unwrap_or_default();
        let endpoints = endpoints.iter().filter_map(|node| endpoint(node, faults)).collect();
        case.http.push((entry.key.clone(), endpoints));
    }
    if let Some(letters) = fields.get("dead_letters") {
        let items = list(letters, "dead_letters", faults).unwrap_or_default();
        case.letters = items.iter().filter_map(|node| failed(node, "dead letter", faults)).collect();
    }
    case.fails = fields.get("fails").and_then(|node| failed(node, "fails", faults));
    Some(case)
}

fn at_step<T>(entry: &Entry, what: Option<T>) -> Option<AtStep<T>> {
    Some(AtStep { step: entry.key.clone(), place: entry.place, what: what? })
}

/// Records, either as a list or below `records` with more about them.
fn rows<'n>(node: &'n Node, known: &[&str], faults: &mut Faults) -> Option<(Vec<Json>, Option<Fields<'n>>)> {
    let (items, fields) = match &node.value {
        Value::Map(_) => {
            let fields = Fields::of(node, "records", known, faults)?;
            (list(fields.required("records", faults)?, "records", faults)?, Some(fields))
        }
        _ => (list(node, "records", faults)?, None),
    };
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        if map(item, "record", faults).is_some() {
            rows.push(item.json());
        }
    }
    Some((rows, fields))
}

fn records(node: &Node, faults: &mut Faults) -> Option<Records> {
    let (rows, fields) = rows(node, &["records", "schema"], faults)?;
    let schema = fields.and_then(|fields| fields.get("schema"));
    let types = schema.map(|node| words(node, "schema", faults)).unwrap_or_default();
    let schema = types.into_iter().map(|(column, kind)| (column, Json::String(kind))).collect();
    Some(Records { rows, schema })
}

fn expected(node: &Node, faults: &mut Faults) -> Option<Expected> {
    let (rows, fields) = rows(node, &["records", "any_order"], faults)?;
    let any_order = fields.and_then(|fields| fields.get("any_order"));
    let any_order = any_order.and_then(|node| boolean(node, "any_order", faults)).unwrap_or_default();
    Some(Expected { rows, any_order })
}

fn failed(node: &Node, what: &str, faults: &mut Faults) -> Option<AtStep<Failed>> {
    let fields = Fields::of(node, what, &["step", "code", "record"], faults)?;
    let step = fields.required("step", faults)?;
    let code = fields.get("code").and_then(|node| text(node, "code", faults));
    let record = match fields.get("record").map(|node| (node, node.json())) {
        None => Map::new(),
        Some((_, Json::Object(record))) => record,
        Some((node, _)) => {
            faults.add(node.place, WRONG_TYPE, "`record` must be a mapping", None);
            Map::new()
        }
    };
    let what = Failed { code, record };
    Some(AtStep { step: text(step, "step", faults)?, place: step.place, what })
}

fn endpoint(node: &Node, faults: &mut Faults) -> Option<Endpoint> {
    let fields = Fields::of(node, "endpoint", &["method", "path", "request", "response", "times"], faults)?;
    let path = fields.required("path", faults).and_then(|node| text(node, "path", faults));
    let method = fields.get("method").and_then(|node| word(node, "method", faults));
    let times = fields.get("times").and_then(|node| number(node, "times", faults));
    let (mut headers, mut body) = (BTreeMap::new(), None);
    let request = fields.get("request");
    if let Some(request) = request.and_then(|node| Fields::of(node, "request", &["headers", "body"], faults))
    {
        headers = request.get("headers").map(|node| words(node, "headers", faults)).unwrap_or_default();
        body = request.get("body").map(Node::json);
    }
    let mut response = Response { status: 200, headers: BTreeMap::new(), body: Json::Null };
    let given = fields.get("response");
    if let Some(given) =
        given.and_then(|node| Fields::of(node, "response", &["status", "headers", "body"], faults))
    {
        if let Some(node) = given.get("status") {
            let status = number(node, "status", faults).and_then(|status| u16::try_from(status).ok());
            match status.filter(|status| (200..=599).contains(status)) {
                Some(status) => response.status = status,
                None => faults.add(node.place, OUT_OF_RANGE, "`status` must be from 200 to 599", None),
            }
        }
        response.headers =
            given.get("headers").map(|node| words(node, "headers", faults)).unwrap_or_default();
        response.body = given.get("body").map(Node::json).unwrap_or_default();
    }
    let method = method.unwrap_or_else(|| "GET".to_owned()).to_uppercase();
    Some(Endpoint { place: node.place, method, path: path?, headers, body, response, times })
}
