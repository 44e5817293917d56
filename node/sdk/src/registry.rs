use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::{Destination, FieldError, Processor, Source};

/// What a connector or transformation says of itself; help, documentation and validation come from here.
#[derive(Debug, Clone)]
pub struct Descriptor {
    /// The `type` in a workflow.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Markdown: behaviour, types, guarantees, limits.
    pub documentation: &'static str,
    /// JSON Schema of `config`, generated from the type it is read into.
    pub schema: schemars::Schema,
    /// A complete step in YAML, executed or linted by a test.
    pub example: &'static str,
}

/// A type of source.
pub trait SourceConnector: Send + Sync {
    /// What it is.
    fn descriptor(&self) -> Descriptor;
    /// Validates a `config` without IO; all faults at once.
    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>>;
}

/// A type of destination.
pub trait DestinationConnector: Send + Sync {
    /// What it is.
    fn descriptor(&self) -> Descriptor;
    /// Validates a `config` without IO; all faults at once.
    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Destination>, Vec<FieldError>>;
}

/// A type of transformation.
pub trait ProcessorConnector: Send + Sync {
    /// What it is.
    fn descriptor(&self) -> Descriptor;
    /// Whether what it configures divides records among shards.
    fn is_repartition(&self) -> bool {
        false
    }
    /// Validates a `config` without IO; all faults at once.
    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>>;
}

/// A connector or transformation with what it says of itself, which is made once: a schema takes longer than the reading of
/// a whole workflow.
pub struct Registered<T: ?Sized> {
    descriptor: Descriptor,
    connector: Box<T>,
}

impl<T: ?Sized> Registered<T> {
    /// What it is.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl<T: ?Sized> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.connector
    }
}

/// All types that a binary knows, by name.
#[derive(Default)]
pub struct Registry {
    sources: BTreeMap<&'static str, Registered<dyn SourceConnector>>,
    destinations: BTreeMap<&'static str, Registered<dyn DestinationConnector>>,
    processors: BTreeMap<&'static str, Registered<dyn ProcessorConnector>>,
}

impl Registry {
    /// Adds a type of source.
    pub fn source(mut self, connector: impl SourceConnector + 'static) -> Self {
        let descriptor = connector.descriptor();
        self.sources.insert(descriptor.name, Registered { descriptor, connector: Box::new(connector) });
        self
    }

    /// Adds a type of destination.
    pub fn destination(mut self, connector: impl DestinationConnector + 'static) -> Self {
        let descriptor = connector.descriptor();
        self.destinations.insert(descriptor.name, Registered { descriptor, connector: Box::new(connector) });
        self
    }

    /// Adds a type of transformation.
    pub fn processor(mut self, connector: impl ProcessorConnector + 'static) -> Self {
        let descriptor = connector.descriptor();
        self.processors.insert(descriptor.name, Registered { descriptor, connector: Box::new(connector) });
        self
    }

    /// The source type of that name.
    pub fn find_source(&self, name: &str) -> Option<&Registered<dyn SourceConnector>> {
        self.sources.get(name)
    }

    /// The destination type of that name.
    pub fn find_destination(&self, name: &str) -> Option<&Registered<dyn DestinationConnector>> {
        self.destinations.get(name)
    }

    /// The transformation type of that name.
    pub fn find_processor(&self, name: &str) -> Option<&Registered<dyn ProcessorConnector>> {
        self.processors.get(name)
    }

    /// All source types, by name.
    pub fn sources(&self) -> impl Iterator<Item = &Registered<dyn SourceConnector>> {
        self.sources.values()
    }

    /// All destination types, by name.
    pub fn destinations(&self) -> impl Iterator<Item = &Registered<dyn DestinationConnector>> {
        self.destinations.values()
    }

    /// All transformation types, by name.
    pub fn processors(&self) -> impl Iterator<Item = &Registered<dyn ProcessorConnector>> {
        self.processors.values()
    }
}
