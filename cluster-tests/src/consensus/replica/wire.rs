//! Messages of the service.

/// Asks for an id.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Enter {
    /// A UUID.
    #[prost(bytes = "vec", tag = "1")]
    pub store: Vec<u8>,
    /// HOST:PORT.
    #[prost(string, tag = "2")]
    pub address: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Entered {
    /// A UUID.
    #[prost(bytes = "vec", tag = "1")]
    pub cluster: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub node: u64,
}

/// Asks for a vote, by one who runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Vote {
    #[prost(uint64, tag = "1")]
    pub node: u64,
    #[prost(message, optional, tag = "2")]
    pub who: Option<Enter>,
}

/// Stores a value as the checkpoint of a route.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Put {
    #[prost(uint64, tag = "1")]
    pub route: u64,
    /// Above that of the value before.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub value: Vec<u8>,
}

/// Reads it, linearizably.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Get {
    #[prost(uint64, tag = "1")]
    pub route: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Got {
    #[prost(bytes = "vec", tag = "1")]
    pub value: Vec<u8>,
}

/// An answer of which only matters that it came.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Nothing {}
