use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::client::ReplicaClient;
use crate::consensus::group::Clients;
use crate::consensus::register::Register;
use crate::group::{Addresses, Error};

/// How long replicas may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// Replicas as processes, killed when this is dropped.
pub struct Replicas {
    children: Vec<Child>,
    addresses: Addresses,
    routes: AtomicU64,
}

impl Replicas {
    /// Founds a group of so many below an existing directory and waits until it takes writes.
    pub async fn found(root: &Path, members: u8) -> Result<Self, Error> {
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        let mut this = Self { children: Vec::new(), addresses, routes: AtomicU64::new(0) };
        let program = std::env::current_exe()?;
        for member in 1..=members {
            let dir = root.join(format!("replica-{member}"));
            let mut command = Command::new(&program);
            command.arg("replica").arg("--dir").arg(&dir).args(["--listen", &this.addresses.raft(member)]);
            if member > 1 {
                command.args(["--first", &this.addresses.raft(1)]);
            }
            this.children.push(command.stdin(Stdio::null()).spawn()?);
            // One after the other, so that members are changed once at a time.
            this.until_written(member).await?;
        }
        Ok(this)
    }

    async fn until_written(&self, member: u8) -> Result<(), Error> {
        let began = Instant::now();
        let mut client = self.client(member)?;
        loop {
            match tokio::time::timeout(Duration::from_secs(1), client.read(0)).await {
                Ok(Ok(())) => break,
                _ if began.elapsed() > PATIENCE => {
                    return Err(Error::Unexpected(format!("replica {member} does not answer")));
                }
                _ => tokio::time::sleep(GLANCE).await,
            }
        }
        client.write(0, b"ready").await.map_err(Error::Unexpected)
    }
}

impl Clients for Replicas {
    fn client(&self, member: u8) -> Result<Box<dyn Register>, Error> {
        let route = self.routes.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(ReplicaClient::new(&self.addresses.raft(member), route)?))
    }

    fn processes(&mut self) -> Result<Vec<u32>, Error> {
        Ok(self.children.iter().map(Child::id).collect())
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
