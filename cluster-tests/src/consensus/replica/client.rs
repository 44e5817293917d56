use async_trait::async_trait;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::wire::{Enter, Entered, Get, Got, Nothing, Put, Vote};
use crate::consensus::register::Register;
use crate::group::Error;

/// A client of one replica, which writes to a route of its own.
pub struct ReplicaClient {
    grpc: Grpc<Channel>,
    route: u64,
    seq: u64,
}

impl ReplicaClient {
    /// Connects to HOST:PORT when it is first used.
    pub fn new(address: &str, route: u64) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(Self { grpc: Grpc::new(endpoint.tcp_nodelay(true).connect_lazy()), route, seq: 0 })
    }

    pub async fn enter(&mut self, who: Enter) -> Result<Entered, String> {
        self.call("/replica.Store/Enter", who).await
    }

    pub async fn vote(&mut self, vote: Vote) -> Result<(), String> {
        self.call::<_, Nothing>("/replica.Store/Vote", vote).await.map(drop)
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

    async fn get(&mut self) -> Result<Vec<u8>, String> {
        let got: Got = self.call("/replica.Store/Get", Get { route: self.route }).await?;
        Ok(got.value)
    }
}

#[async_trait]
impl Register for ReplicaClient {
    async fn write(&mut self, _key: u64, value: &[u8]) -> Result<(), String> {
        self.seq += 1;
        let put = Put { route: self.route, seq: self.seq, value: value.to_vec() };
        self.call::<_, Nothing>("/replica.Store/Put", put).await.map(drop)
    }

    async fn read(&mut self, _key: u64) -> Result<(), String> {
        self.get().await.map(drop)
    }

    async fn has(&mut self, _key: u64) -> Result<bool, String> {
        self.get().await.map(|value| !value.is_empty())
    }
}
