use serde_json::{Map as JsonMap, Value as Json};

use crate::check::At;
use crate::check::checker::{Checker, Verdict, accepts, list, wrong_type};
use crate::check::describe::types;
use crate::check::scalars::not_allowed;
use crate::check::suggest::{did_you_mean, one_of};
use crate::codes;
use crate::yaml::{Map, Node, Typed};

/// Deepest nesting of alternatives inside of alternatives.
const MAX_NESTING: usize = 8;

/// Checks a value against alternatives. Of several that fit the one that takes the value as it is wins; if none
/// fits, the faults of the one that was most likely meant are reported.
pub(super) fn check<'a>(
    checker: &mut Checker<'a>,
    node: &Node,
    alternatives: &'a [Json],
    at: &At<'_>,
    references: usize,
    verdict: &mut Verdict,
) {
    let mut branches = Vec::new();
    flatten(checker, alternatives, &mut branches, 0);
    if let Some(map) = node.map() {
        match tagged(&branches, map, at, verdict) {
            Choice::Branch(branch) => return checker.value(node, branch, at, references + 1, verdict),
            Choice::Reported => return,
            Choice::Open => {}
        }
    }
    let mut best: Option<Verdict> = None;
    for branch in &branches {
        if accepts(node, &types(branch)).is_none() {
            continue;
        }
        let mut attempt = Verdict::default();
        checker.value(node, branch, at, references + 1, &mut attempt);
        let rank = |verdict: &Verdict| (verdict.issues.len(), verdict.as_text.len());
        if best.as_ref().is_none_or(|best| rank(&attempt) < rank(best)) {
            best = Some(attempt);
        }
    }
    let words: Vec<&str> = branches.iter().flat_map(|branch| constants(branch)).collect();
    let text = node.scalar().is_some_and(|s| matches!(s.typed, Typed::Text(_) | Typed::Either(..)));
    match best {
        Some(best) if best.issues.is_empty() => verdict.merge(best),
        _ if text && !words.is_empty() => not_allowed(node, &words, at, verdict),
        Some(best) => verdict.merge(best),
        None => {
            let wanted: Vec<&str> = branches.iter().flat_map(|branch| types(branch)).collect();
            let empty = Json::Null;
            let with_unit = branches.iter().copied().find(|branch| branch.get("format").is_some());
            wrong_type(node, &wanted, with_unit.unwrap_or(&empty), at, verdict);
        }
    }
}

/// Follows references and nested alternatives down to what constrains a value.
fn flatten<'a>(checker: &Checker<'a>, alternatives: &'a [Json], branches: &mut Vec<&'a Json>, depth: usize) {
    for alternative in alternatives {
        let mut branch = alternative;
        let mut followed = 0;
        while let Some(target) = branch.as_object().and_then(|keywords| checker.target(keywords)) {
            branch = target;
            followed += 1;
            if followed > MAX_NESTING {
                break;
            }
        }
        let nested = ["anyOf", "oneOf"].iter().find_map(|name| branch.get(name)).and_then(Json::as_array);
        match nested {
            Some(nested) if depth < MAX_NESTING => flatten(checker, nested, branches, depth + 1),
            _ => branches.push(branch),
        }
    }
}

enum Choice<'a> {
    Branch(&'a Json),
    /// The tag is wrong or missing, which has been said.
    Reported,
    /// No tag tells the alternatives apart.
    Open,
}

/// Chooses by the tag of an enum: a field with a fixed value, or the only key.
fn tagged<'a>(branches: &[&'a Json], map: &Map, at: &At<'_>, verdict: &mut Verdict) -> Choice<'a> {
    let objects: Vec<(&'a Json, &'a JsonMap<String, Json>)> = branches
        .iter()
        .copied()
        .filter_map(|branch| Some((branch, branch.get("properties")?.as_object()?)))
        .collect();
    let Some((first, properties)) = objects.first() else { return Choice::Open };
    if objects.len() == 1 {
        return Choice::Branch(first);
    }
    let is_tag = |name: &&String| {
        objects.iter().all(|(_, known)| known.get(*name).is_some_and(|schema| constants(schema).len() == 1))
    };
    if let Some(tag) = properties.keys().find(is_tag) {
        return by_field(&objects, tag, map, at, verdict);
    }
    if objects.iter().all(|(branch, known)| known.len() == 1 && required(branch).len() == 1) {
        return by_key(&objects, map, at, verdict);
    }
    Choice::Open
}

type Object<'a> = (&'a Json, &'a JsonMap<String, Json>);

fn by_field<'a>(
    objects: &[Object<'a>],
    tag: &str,
    map: &Map,
    at: &At<'_>,
    verdict: &mut Verdict,
) -> Choice<'a> {
    let value = |known: &'a JsonMap<String, Json>| {
        known.get(tag).and_then(|schema| constants(schema).first().copied()).unwrap_or_default()
    };
    let words: Vec<&str> = objects.iter().map(|(_, known)| value(known)).collect();
    let Some(entry) = map.entry(tag) else {
        let help = format!("use {}", one_of(&words));
        verdict.report(at, codes::MISSING_FIELD, format!("`{at}` has no `{tag}`"), Some(help));
        return Choice::Reported;
    };
    if entry.value.is_unknown() {
        return Choice::Reported;
    }
    let given = entry.value.scalar().and_then(|scalar| scalar.text());
    if let Some((branch, _)) = objects.iter().find(|(_, known)| Some(value(known)) == given) {
        return Choice::Branch(branch);
    }
    not_allowed(&entry.value, &words, &at.key(tag, entry.key.mark), verdict);
    Choice::Reported
}

fn by_key<'a>(objects: &[Object<'a>], map: &Map, at: &At<'_>, verdict: &mut Verdict) -> Choice<'a> {
    let words: Vec<&str> = objects.iter().flat_map(|(branch, _)| required(branch)).collect();
    if let [entry] = map.entries.as_slice() {
        let key = entry.key.text.as_str();
        if let Some((branch, _)) = objects.iter().find(|(_, known)| known.contains_key(key)) {
            return Choice::Branch(branch);
        }
        let inside = at.key(key, entry.key.mark);
        let message = format!("unknown field `{key}` in `{at}`");
        verdict.report(&inside, codes::UNKNOWN_FIELD, message, did_you_mean(key, &words));
        return Choice::Reported;
    }
    let message = format!("`{at}` must have exactly one key, {}", one_of(&words));
    verdict.report(at, codes::NOT_ALLOWED, message, None);
    Choice::Reported
}

fn required(schema: &Json) -> Vec<&str> {
    schema.as_object().map_or_else(Vec::new, |keywords| {
        list(keywords, "required").iter().filter_map(Json::as_str).collect()
    })
}

/// The texts a schema allows.
fn constants(schema: &Json) -> Vec<&str> {
    let Some(keywords) = schema.as_object() else { return Vec::new() };
    keywords.get("const").into_iter().chain(list(keywords, "enum")).filter_map(Json::as_str).collect()
}
