use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use etl_proto::admin::Consistency;

use super::group::{Clients, Group};
use super::register::Register;
use crate::group::{Addresses, Client, Error, Members, voters};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Entries that a member may be behind and count as having everything.
const BEHIND: u64 = 100;

/// Members of actix-etl, whose keys are workflows.
pub struct Ours(Members);

impl Ours {
    /// Founds so many below an empty directory.
    pub async fn found(root: &Path, members: u8) -> Result<Self, Error> {
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        Ok(Self(Members::new(root, addresses, None, Vec::new()).found(members).await?))
    }
}

impl Clients for Ours {
    fn client(&self, member: u8) -> Result<Box<dyn Register>, Error> {
        Ok(Box::new(Workflows(self.0.client(member, PATIENCE)?)))
    }

    fn processes(&mut self) -> Result<Vec<u32>, Error> {
        let running: Vec<u8> = self.0.running().collect();
        running.into_iter().map(|member| Ok(self.0.process(member)?.id())).collect()
    }
}

#[async_trait]
impl Group for Ours {
    async fn leader(&mut self) -> Result<u8, Error> {
        self.0.leader().await
    }

    async fn join(&mut self, member: u8) -> Result<Instant, Error> {
        let began = Instant::now();
        self.0.start(member)?;
        Ok(began)
    }

    fn kill(&mut self, member: u8) -> Result<(), Error> {
        self.0.kill(member)
    }

    async fn restart(&mut self, member: u8) -> Result<(), Error> {
        self.0.start(member)
    }

    async fn settled(&mut self, members: u8) -> Result<(), Error> {
        let all = usize::from(members);
        let settled = self.0.wait_for("all members have everything", move |status| {
            voters(status).count() == all
                && status.nodes.iter().all(|node| node.lag.is_none_or(|lag| lag < BEHIND))
        });
        settled.await.map(drop)
    }
}

/// A client of one member.
struct Workflows(Client);

fn name(key: u64) -> String {
    format!("k{key}")
}

#[async_trait]
impl Register for Workflows {
    async fn write(&mut self, key: u64, value: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(value);
        let written = self.0.put(&name(key), &text, None).await;
        written.map(drop).map_err(|failure| format!("{failure:?}"))
    }

    async fn read(&mut self, key: u64) -> Result<(), String> {
        let found = self.0.get(&name(key), Consistency::Linearizable).await;
        found.map(drop).map_err(|failure| format!("{failure:?}"))
    }

    async fn has(&mut self, key: u64) -> Result<bool, String> {
        let found = self.0.get(&name(key), Consistency::Stale).await;
        found.map(|found| found.is_some()).map_err(|failure| format!("{failure:?}"))
    }
}
