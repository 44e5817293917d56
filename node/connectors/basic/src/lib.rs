//! Connectors without a client library: generate and stdout.
