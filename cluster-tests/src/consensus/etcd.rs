use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::etcd_client::EtcdClient;
use super::group::{Clients, Group};
use super::register::Register;
use crate::group::{Addresses, Error};

/// How long members may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_millis(5);
/// A key for asking whether a member answers.
const PROBE: u64 = u64::MAX;

/// Members of etcd, as the distribution packages it, with its defaults.
pub struct Etcd {
    children: BTreeMap<u8, Child>,
    addresses: Addresses,
    root: PathBuf,
    /// Members that belong to the group.
    members: Vec<u8>,
}

impl Etcd {
    /// Founds a group of so many below an existing directory and waits until it takes writes.
    pub async fn found(root: &Path, members: u8) -> Result<Self, Error> {
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        let members: Vec<u8> = (1..=members).collect();
        let mut this =
            Self { children: BTreeMap::new(), addresses, root: root.to_owned(), members: members.clone() };
        for &member in &members {
            this.spawn(member, "new")?;
        }
        for &member in &members {
            this.until_ready(member).await?;
        }
        Ok(this)
    }

    fn peer(&self, member: u8) -> String {
        format!("http://{}", self.addresses.raft(member))
    }

    fn spawn(&mut self, member: u8, state: &str) -> Result<(), Error> {
        let (peer, client) = (self.peer(member), format!("http://{}", self.addresses.admin(member)));
        let all: Vec<_> =
            self.members.iter().map(|&member| format!("m{member}={}", self.peer(member))).collect();
        let path = self.root.join(format!("etcd-{member}.log"));
        let log = File::options().create(true).append(true).open(&path).map_err(Error::file(&path))?;
        let child = Command::new("etcd")
            .args(["--name", &format!("m{member}"), "--data-dir"])
            .arg(self.root.join(format!("etcd-{member}")))
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--initial-cluster", &all.join(","), "--initial-cluster-state", state])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| Error::Command { command: "etcd".to_owned(), problem: error.to_string() })?;
        self.children.insert(member, child);
        Ok(())
    }

    fn connect(&self, member: u8) -> Result<EtcdClient, Error> {
        EtcdClient::new(&self.addresses.admin(member))
    }

    async fn until_ready(&self, member: u8) -> Result<(), Error> {
        let began = Instant::now();
        let mut client = self.connect(member)?;
        loop {
            match tokio::time::timeout(Duration::from_secs(1), client.read(PROBE)).await {
                Ok(Ok(())) => return Ok(()),
                _ if began.elapsed() > PATIENCE => {
                    return Err(Error::Unexpected(format!("etcd's member {member} does not answer")));
                }
                _ => tokio::time::sleep(GLANCE).await,
            }
        }
    }
}

impl Clients for Etcd {
    fn client(&self, member: u8) -> Result<Box<dyn Register>, Error> {
        Ok(Box::new(self.connect(member)?))
    }

    fn processes(&mut self) -> Result<Vec<u32>, Error> {
        Ok(self.children.values().map(Child::id).collect())
    }
}

#[async_trait]
impl Group for Etcd {
    async fn leader(&mut self) -> Result<u8, Error> {
        let began = Instant::now();
        loop {
            for &member in self.children.keys() {
                if self.connect(member)?.leads().await == Ok(true) {
                    return Ok(member);
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::Unexpected("no member of etcd leads".to_owned()));
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn join(&mut self, member: u8) -> Result<Instant, Error> {
        let asked = Instant::now();
        loop {
            let leader = self.leader().await?;
            match self.connect(leader)?.add_member(self.peer(member)).await {
                Ok(()) => break,
                Err(refused) if asked.elapsed() > PATIENCE => return Err(Error::Unexpected(refused)),
                // It takes nobody in soon after a member has come back.
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
        }
        self.members.push(member);
        let began = Instant::now();
        self.spawn(member, "existing")?;
        Ok(began)
    }

    fn kill(&mut self, member: u8) -> Result<(), Error> {
        if let Some(mut child) = self.children.remove(&member) {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    async fn restart(&mut self, member: u8) -> Result<(), Error> {
        self.spawn(member, "existing")
    }

    async fn settled(&mut self, _members: u8) -> Result<(), Error> {
        for &member in &self.members {
            self.until_ready(member).await?;
        }
        Ok(())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
