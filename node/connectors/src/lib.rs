//! The registry of built-in connectors and transformations.
