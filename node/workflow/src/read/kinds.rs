use etl_sdk::Registry;

use crate::check::{did_you_mean, one_of, shorten};
use crate::codes;
use crate::read::{Draft, Role};
use crate::sink::Sink;
use crate::source::Mark;

/// Connectors that the language knows and a coming version will have.
const RESERVED_CONNECTORS: &[&str] = &[
    "azure",
    "elasticsearch",
    "gcs",
    "graphql",
    "http",
    "kafka",
    "mysql",
    "opensearch",
    "oracle",
    "postgres",
    "rabbitmq",
    "redis",
    "rest",
    "s3",
    "snowflake",
    "soap",
    "sqlserver",
];

/// Transformations that the language knows and a coming version will have.
const RESERVED_TRANSFORMATIONS: &[&str] = &["aggregate", "join", "window"];

/// Transformations that only the full build has, for their libraries are heavy.
const FULL_BUILD: &[&str] = &["sql"];

/// The types of a role that this program has.
pub(crate) fn known(registry: &Registry, role: Role) -> Vec<&'static str> {
    match role {
        Role::Source => registry.sources().map(|connector| connector.descriptor().name).collect(),
        Role::Transformation => registry.processors().map(|connector| connector.descriptor().name).collect(),
        Role::Destination => registry.destinations().map(|connector| connector.descriptor().name).collect(),
    }
}

/// Reports a type that this role does not have; true if it has it.
pub(super) fn check(draft: &Draft<'_>, kind: &str, mark: Mark, registry: &Registry, sink: &mut Sink) -> bool {
    let role = draft.role;
    let names = known(registry, role);
    if names.contains(&kind) {
        return true;
    }
    let elsewhere: Vec<&str> = [Role::Source, Role::Transformation, Role::Destination]
        .into_iter()
        .filter(|other| *other != role && known(registry, *other).contains(&kind))
        .map(Role::word)
        .collect();
    let reserved = RESERVED_CONNECTORS.contains(&kind) || RESERVED_TRANSFORMATIONS.contains(&kind);
    let word = role.word();
    if !elsewhere.is_empty() {
        let message = format!("`{kind}` is a {}, not a {word}", elsewhere.join(" and a "));
        let help = (!names.is_empty()).then(|| format!("a {word} has {}", one_of(&names)));
        sink.error(mark, codes::WRONG_ROLE, message, help);
    } else if role == Role::Transformation && FULL_BUILD.contains(&kind) {
        let message = format!("the type `{kind}` is not in this build of the program");
        let help = format!("`{kind}` is in the full build: cargo build --features full");
        sink.error(mark, codes::NOT_BUILT, message, Some(help));
    } else if reserved {
        let message = format!("the type `{kind}` is part of the language but not built yet");
        let help = (!names.is_empty()).then(|| format!("a {word} has {}", one_of(&names)));
        sink.error(mark, codes::NOT_BUILT, message, help);
    } else {
        let message = format!("`{}` is not a type of {word}", shorten(kind));
        sink.error(mark, codes::UNKNOWN_TYPE, message, did_you_mean(kind, &names));
    }
    false
}
