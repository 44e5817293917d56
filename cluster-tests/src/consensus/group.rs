use std::time::Instant;

use async_trait::async_trait;

use super::register::Register;
use crate::group::Error;

/// Members of one of the systems, counted from 1.
pub trait Clients: Send {
    /// A client of a member.
    fn client(&self, member: u8) -> Result<Box<dyn Register>, Error>;
    /// Processes of the members that run.
    fn processes(&mut self) -> Result<Vec<u32>, Error>;
}

/// Members that come, go and come back.
#[async_trait]
pub trait Group: Clients {
    /// Who leads.
    async fn leader(&mut self) -> Result<u8, Error>;
    /// Starts one member more, which has no data; returns when its process began.
    async fn join(&mut self, member: u8) -> Result<Instant, Error>;
    /// Kills a member with SIGKILL.
    fn kill(&mut self, member: u8) -> Result<(), Error>;
    /// Starts a member again.
    async fn restart(&mut self, member: u8) -> Result<(), Error>;
    /// Waits until all members of so many are up and have what the leader has.
    async fn settled(&mut self, members: u8) -> Result<(), Error>;
}
