use std::collections::HashSet;
use std::sync::LazyLock;

use etl_model::OnError;
use serde_json::Value as Json;

use crate::check::{At, check, suggest};
use crate::codes;
use crate::raw::{self, RawLinearStep, RawSource, RawStep};
use crate::read::fallback::{self, Fallback};
use crate::read::{Draft, Input, Role, limits};
use crate::sink::Sink;
use crate::source::Mark;
use crate::yaml::{Entry, Map, Node, Typed, Value};

static LINEAR_STEP: LazyLock<Json> = LazyLock::new(raw::schema::<RawLinearStep>);
static SOURCE: LazyLock<Json> = LazyLock::new(raw::schema::<RawSource>);
static STEP: LazyLock<Json> = LazyLock::new(raw::schema::<RawStep>);

/// The steps of a workflow, whichever form it has.
pub(super) struct Steps<'t> {
    pub drafts: Vec<Draft<'t>>,
    /// Whether the form is clear, so that it makes sense to check how the steps hang together.
    pub connected: bool,
    /// Whether each step takes the one before.
    pub linear: bool,
}

/// Reads the steps of both forms and makes graph steps of linear ones.
pub(super) fn steps<'t>(map: &'t Map, at: &At<'_>, sink: &mut Sink) -> Steps<'t> {
    let given = |key: &str| map.entry(key).filter(|entry| !entry.value.is_null());
    let linear = [given("source"), given("destination")];
    let graph = [given("sources"), given("destinations")];
    let transformations = given("transformations");
    let mut connected = one_form(linear, graph, transformations, sink);
    if graph.iter().all(Option::is_none) {
        connected &= require(map, ["source", "destination"], at, sink);
    } else if linear.iter().all(Option::is_none) {
        connected &= require(map, ["sources", "destinations"], at, sink);
    }
    let mut reader = Reader { sink, at, drafts: Vec::new(), fallbacks: Vec::new() };
    if let Some(entry) = linear[0] {
        reader.linear(Role::Source, entry);
    }
    if let Some(entry) = graph[0] {
        reader.named(Role::Source, entry, &SOURCE);
    }
    match transformations.map(|entry| (entry, &entry.value.value)) {
        Some((entry, Value::List(items))) => reader.list(entry, items),
        Some((entry, _)) => reader.named(Role::Transformation, entry, &STEP),
        None => {}
    }
    if let Some(entry) = linear[1] {
        reader.linear(Role::Destination, entry);
    }
    if let Some(entry) = graph[1] {
        reader.named(Role::Destination, entry, &STEP);
    }
    let Reader { mut drafts, fallbacks, sink, .. } = reader;
    let linear = graph.iter().all(Option::is_none);
    if linear {
        make_names(&mut drafts);
        chain(&mut drafts);
    }
    fallback::expand(&mut drafts, fallbacks, sink);
    Steps { drafts, connected, linear }
}

/// Refuses a mixture of the forms.
fn one_form(
    linear: [Option<&Entry>; 2],
    graph: [Option<&Entry>; 2],
    transformations: Option<&Entry>,
    sink: &mut Sink,
) -> bool {
    let first = |entries: [Option<&Entry>; 2]| {
        entries.into_iter().flatten().min_by_key(|entry| entry.key.mark).map(|entry| entry.key.clone())
    };
    let (linear, graph) = (first(linear), first(graph));
    if let (Some(linear), Some(graph)) = (&linear, &graph) {
        let (late, early) = if linear.mark > graph.mark { (linear, graph) } else { (graph, linear) };
        let message = format!("`{}` and `{}` belong to different forms", early.text, late.text);
        let help = "use `source`, a list of `transformations` and `destination`, or `sources`, `transformations` \
                    and `destinations` as mappings from names to steps";
        sink.error(late.mark, codes::MIXED_FORMS, message, Some(help.to_owned()));
        return false;
    }
    let Some(entry) = transformations else { return true };
    let (message, help) = match (&entry.value.value, graph, linear) {
        (Value::List(_), Some(graph), _) => (
            format!("beside `{}`, `transformations` must be a mapping from names to steps", graph.text),
            "give each transformation a name and `inputs`",
        ),
        (Value::Map(_), _, Some(linear)) => (
            format!("beside `{}`, `transformations` must be a list", linear.text),
            "begin each transformation with `- ` and remove the names and `inputs`",
        ),
        _ => return true,
    };
    sink.error(entry.key.mark, codes::MIXED_FORMS, message, Some(help.to_owned()));
    false
}

fn require(map: &Map, keys: [&str; 2], at: &At<'_>, sink: &mut Sink) -> bool {
    let mut complete = true;
    for key in keys {
        let entry = map.entry(key);
        if entry.is_some_and(|entry| !entry.value.is_null()) {
            continue;
        }
        complete = false;
        // What was misspelt has been reported as an unknown field.
        let misspelt = map.entries.iter().any(|entry| suggest(&entry.key.text, keys) == Some(key));
        if misspelt && entry.is_none() {
            continue;
        }
        let mark = entry.map_or(at.mark, |entry| entry.key.mark);
        let other = if key.ends_with('s') { None } else { Some(format!("or `{key}s` for a graph of steps")) };
        sink.error(mark, codes::MISSING_FIELD, format!("`{at}` has no `{key}`"), other);
    }
    complete
}

struct Reader<'t, 's> {
    sink: &'s mut Sink,
    at: &'s At<'s>,
    drafts: Vec<Draft<'t>>,
    /// By the index of the step.
    fallbacks: Vec<Fallback<'t>>,
}

impl<'t> Reader<'t, '_> {
    fn linear(&mut self, role: Role, entry: &'t Entry) {
        let at = self.at.key(&entry.key.text, entry.key.mark);
        self.step(role, &entry.value, &at, None, &LINEAR_STEP);
    }

    fn list(&mut self, entry: &'t Entry, items: &'t [Node]) {
        let list = self.at.key(&entry.key.text, entry.key.mark);
        for (index, item) in items.iter().enumerate() {
            self.step(Role::Transformation, item, &list.index(index, item.mark), None, &LINEAR_STEP);
        }
    }

    fn named(&mut self, role: Role, entry: &'t Entry, schema: &Json) {
        let section = self.at.key(&entry.key.text, entry.key.mark);
        for step in entry.value.map().into_iter().flat_map(|map| &map.entries) {
            let at = section.key(&step.key.text, step.key.mark);
            self.step(role, &step.value, &at, Some(step.key.text.clone()), schema);
        }
    }

    fn step(&mut self, role: Role, node: &'t Node, at: &At<'_>, name: Option<String>, schema: &Json) {
        let verdict = check(node, schema, at, &[]);
        let map = node.map();
        let field = |key: &str| map.and_then(|map| map.get(key));
        let faulty = !verdict.issues.is_empty();
        verdict.issues.into_iter().for_each(|issue| self.sink.push(issue));
        let limits = limits::read(map, faulty, &verdict.as_text, self.sink);
        let text = |key: &str| field(key).and_then(|node| Some((node.scalar()?.text()?, node.mark)));
        let given = text("name").filter(|_| name.is_none());
        let mark = given.map_or(at.mark, |(_, mark)| mark);
        let at_draft = self.drafts.len();
        self.fallbacks.extend(
            map.and_then(|map| map.entry("fallback"))
                .map(|entry| (at_draft, at.key("fallback", entry.key.mark).to_string(), entry)),
        );
        self.drafts.push(Draft {
            role,
            config_path: format!("{at}.config"),
            named: name.is_some() || given.is_some(),
            name: name.or(given.map(|(name, _)| name.to_owned())).unwrap_or_default(),
            mark,
            kind: text("type"),
            inputs: field("inputs")
                .map(|node| node.list().unwrap_or(std::slice::from_ref(node)))
                .unwrap_or_default()
                .iter()
                .filter_map(|item| Some(Input::new(item.scalar()?.text()?, item.mark)))
                .collect(),
            config: map.and_then(|map| map.entry("config")).map(|entry| (entry.key.mark, &entry.value)),
            on_error: match text("on_error") {
                Some(("dead_letter", mark)) => (OnError::DeadLetter, Some(mark)),
                Some(("skip", mark)) => (OnError::Skip, Some(mark)),
                Some(("retry", mark)) => (OnError::Retry, Some(mark)),
                other => (OnError::Fail, other.map(|(_, mark)| mark)),
            },
            takes_errors: false,
            limits,
            node: field("placement")
                .and_then(|node| node.map()?.get("node"))
                .and_then(|node| Some((number(node)?, node.mark))),
        });
    }
}

fn number(node: &Node) -> Option<u64> {
    match node.scalar()?.natural() {
        Typed::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// Names the steps of a linear workflow that were not given one.
fn make_names(drafts: &mut [Draft<'_>]) {
    let mut taken: HashSet<String> =
        drafts.iter().filter(|draft| draft.named).map(|draft| draft.name.clone()).collect();
    for draft in drafts.iter_mut().filter(|draft| !draft.named) {
        let base = match (draft.role, draft.kind) {
            (Role::Transformation, Some((kind, _))) => kind.to_owned(),
            (role, _) => role.word().to_owned(),
        };
        let mut name = base.clone();
        let mut number = 1;
        while taken.contains(&name) {
            number += 1;
            name = format!("{base}-{number}");
        }
        taken.insert(name.clone());
        draft.name = name;
    }
}

/// Each step of a linear workflow takes the one before.
fn chain(drafts: &mut [Draft<'_>]) {
    let mut previous: Option<(String, Mark)> = None;
    for draft in drafts {
        if let (Some((step, mark)), true) = (previous, draft.role != Role::Source) {
            draft.inputs = vec![Input { text: step.clone(), step, port: None, mark }];
        }
        previous = Some((draft.name.clone(), draft.mark));
    }
}
