use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).exec().unwrap()
});

fn members() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

fn id(name: &str) -> &'static PackageId {
    let package = members().into_iter().find(|package| *package.name == name);
    &package.unwrap_or_else(|| panic!("there is no package {name}")).id
}

/// Packages that a package is built with, directly or not; tests have more.
fn closure(name: &str) -> BTreeSet<String> {
    let resolve = METADATA.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![id(name)];
    while let Some(package) = open.pop() {
        let built = nodes[package].deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        for dependency in built {
            if seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| METADATA[id].name.to_string()).collect()
}

/// The packages of the product that name `library` in their own manifest.
fn users(library: &str) -> BTreeSet<&'static str> {
    members()
        .into_iter()
        .filter(|package| *package.name != "cluster-tests")
        .filter(|package| {
            package.dependencies.iter().any(|d| d.name == library && d.kind != DependencyKind::Development)
        })
        .map(|package| package.name.as_str())
        .collect()
}

fn connectors() -> Vec<&'static str> {
    let names = members().into_iter().map(|package| package.name.as_str());
    names.filter(|name| name.starts_with("etl-connector-")).collect()
}

#[test]
fn the_engine_knows_no_connector_no_network_and_no_store() {
    let closure = closure("etl-engine");
    assert!(closure.contains("actix"), "the walk over the graph works");
    let forbidden = |name: &&String| {
        name.starts_with("etl-connector")
            || matches!(
                name.as_str(),
                "tonic"
                    | "openraft"
                    | "sled"
                    | "etl-state"
                    | "rusqlite"
                    | "datafusion"
                    | "etl-telemetry"
                    | "opentelemetry"
                    | "prometheus-client"
            )
    };
    assert_eq!(closure.iter().find(forbidden), None);
}

#[test]
fn a_connector_knows_neither_actors_nor_another_connector() {
    let connectors = connectors();
    assert!(connectors.len() >= 3, "{connectors:?}");
    for connector in connectors {
        for name in closure(connector) {
            let allowed = !matches!(
                name.as_str(),
                "actix" | "actix-rt" | "etl-engine" | "etl-connectors" | "etl-workflow"
            );
            assert!(allowed, "{connector} -> {name}");
            assert!(!name.starts_with("etl-connector-"), "{connector} -> {name}");
        }
    }
}

#[test]
fn heavy_libraries_have_one_user() {
    let expected: [(&str, &[&str]); 31] = [
        ("actix", &["etl-engine", "etl-relay"]),
        ("actix-rt", &["actix-etl", "etl-engine", "etl-relay"]),
        ("arrow-ipc", &["etl-relay"]),
        ("cel", &["etl-expr"]),
        ("parquet", &["etl-formats"]),
        ("rusqlite", &["etl-connector-sqlite"]),
        ("rustls", &["etl-connector-postgres", "etl-http", "etl-security"]),
        ("reqwest", &["etl-http"]),
        ("rhai", &["etl-transforms"]),
        ("jsonschema", &["etl-transforms"]),
        ("moka", &["etl-transforms"]),
        ("pretty_yaml", &["actix-etl"]),
        ("rcgen", &["etl-security"]),
        ("openraft", &["etl-raft"]),
        ("raft-log", &["etl-raft"]),
        ("rmp-serde", &["etl-raft", "etl-raft-state"]),
        ("prost", &["etl-proto"]),
        ("etl-proto", &["etl-api", "etl-cluster", "etl-raft", "etl-relay"]),
        ("tonic-reflection", &["etl-api"]),
        ("tonic-health", &["etl-api"]),
        ("tokio-postgres", &["etl-connector-postgres"]),
        ("saphyr-parser", &["actix-etl", "etl-workflow"]),
        ("sled", &["etl-raft", "etl-state"]),
        ("indicatif", &["actix-etl"]),
        ("axum", &["actix-etl"]),
        ("crossterm", &["actix-etl"]),
        ("ratatui", &["actix-etl"]),
        ("opentelemetry", &["etl-telemetry"]),
        ("opentelemetry-otlp", &["etl-telemetry"]),
        ("opentelemetry_sdk", &["etl-telemetry"]),
        ("prometheus-client", &["etl-telemetry"]),
    ];
    for (library, allowed) in expected {
        let users = users(library);
        assert!(!users.is_empty(), "nobody uses {library}; remove it from this list");
        let others: Vec<_> = users.iter().filter(|user| !allowed.contains(user)).collect();
        assert!(others.is_empty(), "{library} is used by {others:?}");
    }
}

#[test]
fn the_model_and_the_language_do_no_io() {
    let io = [
        "tokio", "futures", "rusqlite", "sled", "glob", "parquet", "flate2", "zstd", "rustix", "tempfile",
        "backon",
    ];
    for library in io {
        for name in ["etl-model", "etl-workflow", "etl-expr"] {
            assert!(!users(library).contains(name), "{name} -> {library}");
        }
    }
}

#[test]
fn what_the_cluster_agrees_on_has_no_clock_no_chance_and_no_io() {
    let below = closure("etl-raft-state");
    assert!(below.contains("rmp-serde"), "the walk over the graph works");
    for library in ["tokio", "openraft", "sled", "tonic", "rand", "fastrand", "chrono", "rustix", "etl-raft"]
    {
        assert!(!below.contains(library), "etl-raft-state -> {library}");
    }
    for name in ["etl-model", "etl-sdk", "etl-engine", "etl-workflow"] {
        assert!(!closure(name).contains("etl-raft"), "{name} -> etl-raft");
    }
}

#[test]
fn there_is_one_arrow() {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &METADATA.packages {
        let name = package.name.as_str();
        if name == "parquet" || name == "arrow" || name.starts_with("arrow-") {
            versions.entry(name).or_default().insert(package.version.to_string());
        }
    }
    assert!(versions.contains_key("arrow") && versions.contains_key("parquet"));
    for (name, versions) in versions {
        assert_eq!(versions.len(), 1, "{name} {versions:?}");
    }
}
