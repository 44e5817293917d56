use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etl_cluster::{Health, Probe};
use etl_raft::store::{DataDir, SharedState};
use etl_security::Credentials;

/// Time before the end of its certificate at which a node tells the others.
const CERTIFICATE_LOW: Duration = Duration::from_secs(30 * 86_400);

/// Looks at the data directory and the certificate.
pub(super) struct NodeProbe {
    pub dir: Arc<DataDir>,
    pub state: SharedState,
    pub credentials: Option<Credentials>,
}

impl Probe for NodeProbe {
    fn look(&self) -> Health {
        let sizes = self.state.sizes();
        let mut health =
            Health { log_bytes: sizes.log_bytes, state_bytes: sizes.state_bytes, ..Health::default() };
        match self.dir.space() {
            Ok(space) => {
                health.disk_free_bytes = space.free;
                health.disk_total_bytes = space.total;
            }
            Err(error) => health.problems.push(format!("the disk cannot be looked at: {error}")),
        }
        let expires = self.credentials.as_ref().and_then(Credentials::expires);
        health.problems.extend(expires.and_then(|expires| expires_soon(expires, SystemTime::now())));
        health
    }
}

/// What to say of a certificate that ends then.
fn expires_soon(expires: SystemTime, now: SystemTime) -> Option<String> {
    match expires.duration_since(now) {
        Ok(left) if left > CERTIFICATE_LOW => None,
        Ok(left) => {
            let days = left.as_secs() / 86_400;
            Some(format!(
                "the certificate expires in {days} days; replace its files, they are taken up by themselves"
            ))
        }
        Err(_) => {
            Some("the certificate has expired; replace its files, they are taken up by themselves".to_owned())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_spoken_of_when_it_ends_soon() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let day = Duration::from_secs(86_400);
        assert_eq!(expires_soon(now + day * 31, now), None);
        assert!(expires_soon(now + day * 29 + day / 2, now).unwrap().contains("in 29 days"));
        assert!(expires_soon(now - day, now).unwrap().contains("has expired"));
    }
}
