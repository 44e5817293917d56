//! The wire contract between nodes and with clients: generated messages and services, no logic.
//!
//! The definitions are in `definitions/`. A released message changes only compatibly: fields are added, never renumbered;
//! the number and the name of a removed one are reserved. A test compares with what was released.

#![allow(clippy::doc_overindented_list_items, clippy::large_enum_variant, missing_docs)]

/// What members of a Raft group say to each other.
pub mod raft {
    tonic::include_proto!("actix_etl.raft.v1");
}

/// What nodes of a cluster say to each other beside Raft.
pub mod cluster {
    tonic::include_proto!("actix_etl.cluster.v1");
}

/// What operators and their tools ask of a cluster.
pub mod admin {
    tonic::include_proto!("actix_etl.admin.v1");
}

/// How a node carries out a step of a chain for another.
pub mod relay {
    tonic::include_proto!("actix_etl.relay.v1");
}

/// All definitions as an encoded `google.protobuf.FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// Encodes and decodes messages that travel inside others.
pub use prost::Message;
