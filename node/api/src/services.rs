use std::sync::Arc;

use etl_cluster::Duties;
use etl_proto::DESCRIPTORS;
use etl_proto::admin::admin_server::AdminServer;
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::error::Error;
use crate::health;
use crate::insight::Insight;
use crate::service::{AdminService, HealthSight, Lint, Locality, Shared};

/// Largest request, in bytes: a document of 192 KiB with room to spare.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// What reflection tells about; the Raft service is not served at the admin address.
const REFLECTED: [&str; 3] =
    ["actix_etl.admin.v1.Admin", "actix_etl.cluster.v1.Cluster", "grpc.health.v1.Health"];

/// What the services work with.
pub struct AdminParts {
    /// This node's part in consensus.
    pub consensus: Consensus,
    /// What this node does in the cluster, and knows about the others.
    pub duties: Duties,
    /// Reaches the admin addresses of other nodes.
    pub dialer: Arc<dyn Dialer>,
    /// Checks documents with the connectors and variables of this node.
    pub lint: Arc<Lint>,
    /// Tells what of a workflow only one machine can carry out.
    pub locality: Arc<Locality>,
    /// Tells what the node knows of itself.
    pub insight: Arc<dyn Insight>,
}

/// What a node serves at its admin address beside the Cluster service. When it is dropped, health is not told any more.
pub struct AdminServices {
    /// Admin, health and reflection (v1 and v1alpha), to be mounted on a tonic server.
    pub routes: Routes,
    /// Tells how the node is, and what it knows of the cluster.
    pub sight: HealthSight,
    health: JoinHandle<()>,
}

/// Makes the services. Needs a tokio runtime.
///
/// # Errors
/// [`Error::Reflection`]: a defect of this program.
pub fn admin_services(parts: AdminParts) -> Result<AdminServices, Error> {
    let AdminParts { consensus, duties, dialer, lint, locality, insight } = parts;
    let (reporter, health) = tonic_health::server::health_reporter();
    let parts = Arc::clone(&insight);
    let shared = Arc::new(Shared::new(consensus.clone(), duties, dialer, lint, locality, insight));
    let admin = AdminServer::new(AdminService::new(Arc::clone(&shared)))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_ANSWER_BYTES);
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        REFLECTED.into_iter().fold(builder, |builder, name| builder.with_service_name(name))
    };
    let broken = |error: tonic_reflection::server::Error| Error::Reflection(error.to_string());
    let routes = Routes::new(admin)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(broken)?)
        .add_service(reflection().build_v1alpha().map_err(broken)?);
    let told = tokio::spawn(health::report(consensus, parts, reporter));
    Ok(AdminServices { routes, sight: HealthSight::new(shared), health: told })
}

impl Drop for AdminServices {
    fn drop(&mut self) {
        self.health.abort();
    }
}
