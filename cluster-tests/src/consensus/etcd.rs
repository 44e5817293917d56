use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::register::Register;
use crate::group::{Addresses, Error};

/// The part of etcd's `etcdserverpb.PutRequest` that is used here.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The same of `RangeRequest`; not serializable, so linearizable.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// Of the answers only that they came matters.
#[derive(Clone, PartialEq, prost::Message)]
struct Answer {}

/// Three members of etcd, as the distribution packages it, with its defaults.
pub struct Etcd {
    children: Vec<Child>,
    addresses: Addresses,
}

/// Members of the cluster.
const MEMBERS: u8 = 3;

impl Etcd {
    /// Starts it and waits until it takes writes.
    pub async fn start(root: &Path) -> Result<Self, Error> {
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        let peer = |member| format!("http://{}", addresses.raft(member));
        let all: Vec<_> = (1..=MEMBERS).map(|member| format!("m{member}={}", peer(member))).collect();
        let mut this = Self { children: Vec::new(), addresses };
        for member in 1..=MEMBERS {
            let client = format!("http://{}", addresses.admin(member));
            let log = fs::File::create(root.join(format!("etcd-{member}.log"))).map_err(Error::file(root))?;
            let child = Command::new("etcd")
                .args(["--name", &format!("m{member}"), "--data-dir"])
                .arg(root.join(format!("etcd-{member}")))
                .args(["--listen-peer-urls", &peer(member), "--initial-advertise-peer-urls", &peer(member)])
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .args(["--initial-cluster", &all.join(","), "--initial-cluster-state", "new"])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .map_err(|error| Error::Command { command: "etcd".to_owned(), problem: error.to_string() })?;
            this.children.push(child);
        }
        let began = Instant::now();
        loop {
            let mut client = this.client(1)?;
            match tokio::time::timeout(Duration::from_secs(1), client.write(0, b"x")).await {
                Ok(Ok(())) => return Ok(this),
                _ if began.elapsed() > Duration::from_secs(30) => {
                    return Err(Error::Unexpected("etcd takes no writes".to_owned()));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub fn client(&self, member: u8) -> Result<EtcdClient, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.addresses.admin(member)))
            .map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(EtcdClient { grpc: Grpc::new(endpoint.tcp_nodelay(true).connect_lazy()) })
    }

    pub fn processes(&self) -> impl Iterator<Item = u32> {
        self.children.iter().map(Child::id)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client of one member.
pub struct EtcdClient {
    grpc: Grpc<Channel>,
}

impl EtcdClient {
    async fn call<T: prost::Message + 'static>(
        &mut self,
        path: &'static str,
        request: T,
    ) -> Result<(), String> {
        self.grpc.ready().await.map_err(|error| error.to_string())?;
        let codec: ProstCodec<T, Answer> = ProstCodec::default();
        let path = PathAndQuery::from_static(path);
        let answer = self.grpc.unary(tonic::Request::new(request), path, codec).await;
        answer.map(|_| ()).map_err(|status| status.to_string())
    }
}

#[async_trait]
impl Register for EtcdClient {
    async fn write(&mut self, key: u64, value: &[u8]) -> Result<(), String> {
        let request = PutRequest { key: format!("k{key}").into_bytes(), value: value.to_vec() };
        self.call("/etcdserverpb.KV/Put", request).await
    }

    async fn read(&mut self, key: u64) -> Result<(), String> {
        self.call("/etcdserverpb.KV/Range", RangeRequest { key: format!("k{key}").into_bytes() }).await
    }
}
