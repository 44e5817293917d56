use std::time::Duration;

use etl_proto::admin::admin_client::AdminClient;
use etl_proto::admin::{
    ApplyWorkflowRequest, Consistency, GetClusterStatusRequest, GetClusterStatusResponse, GetWorkflowRequest,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::error::Error;

/// A client of one member that holds its documents in `workflow apply` and reads them with `workflow get`.
#[derive(Debug, Clone)]
pub struct Client {
    admin: AdminClient<Channel>,
    patience: Duration,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Another version was there than the one expected.
    Conflict,
    /// Certainly nothing was done.
    Refused(String),
    /// It may have been done, may still be, or never.
    Unknown(String),
}

/// A workflow that is as small as one can be, with a text of the caller's in it.
pub fn document(name: &str, text: &str) -> String {
    format!(
        "# {text}\nworkflow:\n  name: {name}\n  source: {{ type: generate, config: {{ rows: 1 }} }}\n  destination: {{ type: stdout }}\n"
    )
}

fn failure(status: &Status) -> Failure {
    let message = format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        Code::Aborted => Failure::Conflict,
        Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented | Code::PermissionDenied => {
            Failure::Refused(message)
        }
        _ => Failure::Unknown(message),
    }
}

impl Client {
    /// A client of the member with this admin address; connects when it is first used.
    pub fn new(address: &str, patience: Duration) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| Error::Unexpected(error.to_string()))?
            .connect_timeout(Duration::from_millis(500))
            .timeout(patience);
        Ok(Self { admin: AdminClient::new(endpoint.connect_lazy()), patience })
    }

    /// Writes a document; returns the version it has.
    pub async fn put(&mut self, name: &str, text: &str, expected: Option<u64>) -> Result<u64, Failure> {
        let request = ApplyWorkflowRequest {
            document: document(name, text),
            expected_version: expected,
            ..ApplyWorkflowRequest::default()
        };
        let answer = tokio::time::timeout(self.patience, self.admin.apply_workflow(request)).await;
        match answer {
            Ok(Ok(response)) => Ok(response.into_inner().version),
            Ok(Err(status)) => Err(failure(&status)),
            Err(_) => Err(Failure::Unknown("no answer in time".to_owned())),
        }
    }

    /// Reads a document's version and the text in it.
    pub async fn get(
        &mut self,
        name: &str,
        consistency: Consistency,
    ) -> Result<Option<(u64, String)>, Failure> {
        let request =
            GetWorkflowRequest { name: name.to_owned(), version: 0, consistency: consistency.into() };
        let answer = tokio::time::timeout(self.patience, self.admin.get_workflow(request)).await;
        match answer {
            Ok(Ok(response)) => {
                let found = response.into_inner();
                let text = found.document.lines().next().unwrap_or_default().trim_start_matches("# ");
                Ok(Some((found.summary.unwrap_or_default().version, text.to_owned())))
            }
            Ok(Err(status)) if status.code() == Code::NotFound => Ok(None),
            Ok(Err(status)) => Err(failure(&status)),
            Err(_) => Err(Failure::Unknown("no answer in time".to_owned())),
        }
    }

    /// What this member says of the cluster.
    pub async fn status(&mut self, consistency: Consistency) -> Result<GetClusterStatusResponse, Failure> {
        let request = GetClusterStatusRequest { consistency: consistency.into() };
        match tokio::time::timeout(self.patience, self.admin.get_cluster_status(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(failure(&status)),
            Err(_) => Err(Failure::Unknown("no answer in time".to_owned())),
        }
    }

    pub fn admin(&mut self) -> &mut AdminClient<Channel> {
        &mut self.admin
    }
}
