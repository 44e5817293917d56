#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use etl_connectors::registry;
use etl_sdk::conformance;

/// Where each registered type runs the rules for its kind, relative to this crate.
const SOURCES: &[(&str, &str)] = &[
    ("file", "file/tests/conformance.rs"),
    ("generate", "basic/tests/generate.rs"),
    ("postgres", "postgres/tests/it/conformance.rs"),
    ("sqlite", "sqlite/tests/source.rs"),
];
const DESTINATIONS: &[(&str, &str)] = &[
    ("file", "file/tests/conformance.rs"),
    ("postgres", "postgres/tests/it/conformance.rs"),
    ("sqlite", "sqlite/tests/conformance.rs"),
    ("stdout", "basic/src/stdout/destination.rs"),
];

fn check(kind: &str, call: &str, registered: Vec<&'static str>, listed: &[(&str, &str)]) {
    let listed: BTreeMap<_, _> = listed.iter().copied().collect();
    assert_eq!(
        registered,
        listed.keys().copied().collect::<Vec<_>>(),
        "every registered {kind} lists the test that runs `{call}` on it, and no other is listed"
    );
    for (name, file) in listed {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(call), "{kind} `{name}`: {file} does not run `{call}`");
    }
}

#[test]
fn every_registered_connector_runs_the_conformance_suite() {
    let registry = registry();
    let sources = registry.sources().map(|connector| connector.descriptor().name).collect();
    check("source", "conformance::source(", sources, SOURCES);
    let destinations = registry.destinations().map(|connector| connector.descriptor().name).collect();
    check("destination", "conformance::destination(", destinations, DESTINATIONS);
}

#[test]
fn every_registered_type_describes_itself() {
    let registry = registry();
    let descriptors = registry
        .sources()
        .map(|connector| connector.descriptor())
        .chain(registry.destinations().map(|connector| connector.descriptor()))
        .chain(registry.processors().map(|connector| connector.descriptor()));
    for descriptor in descriptors {
        conformance::descriptor(descriptor).unwrap();
    }
}
