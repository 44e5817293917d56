use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use etl_proto::cluster as wire;
use etl_raft::NodeId;
use etl_raft::network::Dialer;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;
use uuid::Uuid;

use crate::candidate::{Candidate, Software, uuid};
use crate::clients::client;
use crate::error::{Error, Failure};
use crate::refusal::{Malformed, is_passing};

/// No single address holds the others up for longer.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a node becomes: its identity, to be made durable before it takes part in anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    pub cluster: Uuid,
    pub node: NodeId,
}

/// Who answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoIs {
    pub cluster: Uuid,
    pub node: NodeId,
    pub store: Uuid,
    /// Chosen anew at each start of its process.
    pub incarnation: u64,
    pub software: Software,
}

/// Asks the members at these admin addresses, one after the other and again and again, to take a node in,
/// until one does, one refuses for good, or `patience` is over. To ask again is harmless: the same store gets
/// the same id.
///
/// # Errors
/// [`Error::Refused`] at once when a member says that it will never be; [`Error::NotJoined`] with what each
/// address last said; [`Error::NoAddress`]
pub async fn join(
    dialer: &Arc<dyn Dialer>,
    addresses: &[String],
    candidate: &Candidate,
    patience: Duration,
) -> Result<Admitted, Error> {
    if addresses.is_empty() {
        return Err(Error::NoAddress);
    }
    let until = Instant::now() + patience;
    let mut failures: BTreeMap<&str, String> = BTreeMap::new();
    let mut pause = FIRST_PAUSE;
    loop {
        for address in addresses {
            let reason = match ask(dialer, address, candidate, until).await {
                Ok(admitted) => return Ok(admitted),
                Err(Error::Unreachable { reason, .. }) => reason,
                Err(error) => return Err(error),
            };
            tracing::info!(address, reason, "not joined yet");
            // What an address said before the time was up says more than that it was up.
            let is_late = Instant::now() >= until;
            if !is_late || !failures.contains_key(address.as_str()) {
                failures.insert(address, reason);
            }
            if is_late {
                break;
            }
        }
        if Instant::now() + pause >= until {
            let failures = (addresses.iter())
                .filter_map(|address| {
                    let reason = failures.remove(address.as_str())?;
                    Some(Failure { address: address.clone(), reason })
                })
                .collect();
            return Err(Error::NotJoined { waited_s: patience.as_secs(), failures });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn ask(
    dialer: &Arc<dyn Dialer>,
    address: &str,
    candidate: &Candidate,
    until: Instant,
) -> Result<Admitted, Error> {
    let mut client = client(dialer.clone(), address);
    let asked = client.join(candidate.request(false));
    let answer = answer(address, until.min(Instant::now() + ADDRESS_PATIENCE), asked).await?;
    let cluster = uuid("cluster_id", &answer.cluster_id).map_err(|problem| malformed(address, &problem))?;
    if answer.node == 0 {
        let problem = Malformed { field: "node", problem: "is 0".to_owned() };
        return Err(malformed(address, &problem));
    }
    Ok(Admitted { cluster, node: answer.node })
}

/// Asks who answers at an admin address, whatever cluster it belongs to.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`] when it is no node, [`Error::Malformed`]
pub async fn who_are_you(
    dialer: &Arc<dyn Dialer>,
    address: &str,
    patience: Duration,
) -> Result<WhoIs, Error> {
    let mut client = client(dialer.clone(), address);
    let asked = client.who_are_you(wire::WhoAreYouRequest {});
    let answer = answer(address, Instant::now() + patience, asked).await?;
    let malformed = |problem| malformed(address, &problem);
    Ok(WhoIs {
        cluster: uuid("cluster_id", &answer.cluster_id).map_err(malformed)?,
        node: answer.node,
        store: uuid("store", &answer.store).map_err(malformed)?,
        incarnation: answer.incarnation,
        software: Software { version: answer.software_version, feature_level: answer.feature_level },
    })
}

async fn answer<T>(
    address: &str,
    until: Instant,
    asked: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Error> {
    let address = address.to_owned();
    match timeout_at(until, asked).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) if is_passing(&status) => {
            Err(Error::Unreachable { address, reason: reason(&status) })
        }
        Ok(Err(status)) => Err(Error::Refused { address, reason: reason(&status) }),
        Err(_) => Err(Error::Unreachable { address, reason: "it has not answered in time".to_owned() }),
    }
}

fn malformed(address: &str, problem: &Malformed) -> Error {
    Error::Malformed { address: address.to_owned(), problem: problem.to_string() }
}

/// What a status says with all its causes: a connection that failed says only in the last one why.
pub(crate) fn reason(status: &Status) -> String {
    let mut reason = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !reason.contains(&words) {
            if !reason.is_empty() {
                reason.push_str(": ");
            }
            reason.push_str(&words);
        }
        cause = error.source();
    }
    if reason.is_empty() { status.code().to_string() } else { reason }
}
