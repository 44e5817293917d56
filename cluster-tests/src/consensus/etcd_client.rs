use async_trait::async_trait;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::register::Register;
use crate::group::Error;

/// The part of etcd's `etcdserverpb.PutRequest` that is used here.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The same of `RangeRequest`; linearizable unless `serializable`.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bool, tag = "7")]
    serializable: bool,
}

/// The same of `RangeResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(int64, tag = "4")]
    count: i64,
}

/// The same of `MemberAddRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct MemberAddRequest {
    #[prost(string, repeated, tag = "1")]
    peer_urls: Vec<String>,
}

/// The same of `ResponseHeader`.
#[derive(Clone, PartialEq, prost::Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

/// The same of `StatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// Nothing, or an answer of which only matters that it came.
#[derive(Clone, PartialEq, prost::Message)]
struct Nothing {}

/// A client of one member.
pub struct EtcdClient {
    grpc: Grpc<Channel>,
}

fn name(key: u64) -> Vec<u8> {
    format!("k{key}").into_bytes()
}

impl EtcdClient {
    /// A client of the member at this address; connects when it is first used.
    pub fn new(address: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(Self { grpc: Grpc::new(endpoint.tcp_nodelay(true).connect_lazy()) })
    }

    async fn call<T: prost::Message + 'static, U: prost::Message + Default + 'static>(
        &mut self,
        path: &'static str,
        request: T,
    ) -> Result<U, String> {
        self.grpc.ready().await.map_err(|error| error.to_string())?;
        let codec: ProstCodec<T, U> = ProstCodec::default();
        let path = PathAndQuery::from_static(path);
        let answer = self.grpc.unary(tonic::Request::new(request), path, codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| status.to_string())
    }

    /// Adds a voter that is to be started then.
    pub async fn add_member(&mut self, peer_url: String) -> Result<(), String> {
        let request = MemberAddRequest { peer_urls: vec![peer_url] };
        self.call::<_, Nothing>("/etcdserverpb.Cluster/MemberAdd", request).await.map(drop)
    }

    /// Whether the member leads.
    pub async fn leads(&mut self) -> Result<bool, String> {
        let status: StatusResponse = self.call("/etcdserverpb.Maintenance/Status", Nothing {}).await?;
        Ok(status.header.is_some_and(|header| header.member_id == status.leader))
    }
}

#[async_trait]
impl Register for EtcdClient {
    async fn write(&mut self, key: u64, value: &[u8]) -> Result<(), String> {
        let request = PutRequest { key: name(key), value: value.to_vec() };
        self.call::<_, Nothing>("/etcdserverpb.KV/Put", request).await.map(drop)
    }

    async fn read(&mut self, key: u64) -> Result<(), String> {
        let request = RangeRequest { key: name(key), serializable: false };
        self.call::<_, RangeResponse>("/etcdserverpb.KV/Range", request).await.map(drop)
    }

    async fn has(&mut self, key: u64) -> Result<bool, String> {
        let request = RangeRequest { key: name(key), serializable: true };
        let found: RangeResponse = self.call("/etcdserverpb.KV/Range", request).await?;
        Ok(found.count > 0)
    }
}
