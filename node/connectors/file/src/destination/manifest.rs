use etl_model::{Marker, Route};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the staging folder's files.
pub const VERSION: u32 = 1;

/// One link of a route's chain. Number `n + 1` is created only by somebody who knows number `n`; the highest one
/// holds the marker in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of this format.
    pub version: u32,
    /// Its place in the chain, from 1.
    pub number: u64,
    /// What it records.
    pub kind: Kind,
    /// Number of the fence under which it was written (its own number for a fence).
    pub fence: u64,
    /// Tells this attempt from every other one.
    pub attempt: Uuid,
    /// The route, against mistaken folders.
    pub route: Route,
    /// The route's number among all of the destination when the run first fenced it.
    pub index: usize,
    /// The marker after it.
    pub marker: Marker,
    /// Rows of the unit, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// What a manifest records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A new owner.
    Fence,
    /// A committed unit.
    Unit,
}

/// The bytes of a unit: a range of a segment file in the same folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Name of the segment file.
    pub segment: String,
    /// Where the segment's rows begin, behind what precedes the first row.
    pub start: u64,
    /// First byte of the unit.
    pub from: u64,
    /// The byte behind its last.
    pub to: u64,
    /// What precedes the first row of a file, uncompressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Name under which the segment becomes visible in the target directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<String>,
}
