use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use etl_security::{ClientAuth, Credentials, Listener, Peers, TlsSettings};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// What a collector does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    Refuses,
    /// It never answers.
    Sleeps,
}

/// A collector of this process that takes spans by OTLP over gRPC.
pub struct Collector {
    pub address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    resources: Vec<BTreeMap<String, String>>,
    headers: Vec<BTreeMap<String, String>>,
}

struct Service {
    mood: Mood,
    taken: Arc<Mutex<Taken>>,
}

/// Attributes as text.
pub fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    };
    all.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        match self.mood {
            Mood::Takes => {}
            Mood::Refuses => return Err(Status::permission_denied("not today")),
            Mood::Sleeps => std::future::pending().await,
        }
        let text =
            |value: &tonic::metadata::AsciiMetadataValue| value.to_str().unwrap_or_default().to_owned();
        let headers = request.metadata().iter().filter_map(|pair| match pair {
            tonic::metadata::KeyAndValueRef::Ascii(name, value) => Some((name.to_string(), text(value))),
            tonic::metadata::KeyAndValueRef::Binary(..) => None,
        });
        let headers = headers.collect();
        let mut taken = self.taken.lock().unwrap();
        taken.headers.push(headers);
        for resource in request.into_inner().resource_spans {
            taken.resources.extend(resource.resource.iter().map(|of| attributes(&of.attributes)));
            taken.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub fn start(mood: Mood) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(Service { mood, taken: Arc::clone(&taken) });
        let server = tonic::transport::Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, taken, _runtime: runtime }
    }

    /// The same with TLS, for everybody who trusts the authority.
    pub fn start_tls(ca: &Path, certificate: &Path, key: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let credentials = Credentials::of_node(&TlsSettings {
            ca: ca.to_owned(),
            certificate: Some(certificate.to_owned()),
            key: Some(key.to_owned()),
            client_auth: ClientAuth::None,
        });
        let listener = {
            let _entered = runtime.enter();
            Listener::bind(([127, 0, 0, 1], 0).into(), Some(credentials.unwrap()), Peers::Anyone).unwrap()
        };
        let address = listener.address();
        let service = TraceServiceServer::new(Service { mood: Mood::Takes, taken: Arc::clone(&taken) });
        runtime.spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(listener.connections()).await
        });
        Self { address, taken, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().spans.clone()
    }

    pub fn resources(&self) -> Vec<BTreeMap<String, String>> {
        self.taken.lock().unwrap().resources.clone()
    }

    pub fn headers(&self) -> Vec<BTreeMap<String, String>> {
        self.taken.lock().unwrap().headers.clone()
    }
}
