use std::time::{Duration, Instant};

use etl_test_services::{Direction, Moment, Trigger};

use serde_json::Value;

use super::error::Error;
use super::postgres::Postgres;
use super::process::{Ended, Node};
use super::site::Site;

/// What the client sends to commit, and what the server answers; both with type and length, as they go over the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
/// The most commits to let by before one is cut.
const SPARED: u64 = 6;
/// Codes of errors that say that the server could not be used, and nothing else.
const EXCUSES: &[&str] =
    &["postgres_connection", "postgres_unavailable", "postgres_unreachable", "snapshot_gone", "copy_broken"];

/// What the log says of a chain that is opened again.
const RETRYING: &str = "\"retrying\"";

/// What happens to the server or to the connections to it while a node is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outage {
    /// The server crashes at a random moment and comes back.
    ServerCrash,
    /// All connections are reset at a random moment.
    Reset,
    /// A connection is cut before the server has the whole of a COMMIT.
    CommitUnsent,
    /// A connection is cut when the server has committed and the client does not know it yet.
    CommitUnanswered,
}

/// How a process fared.
pub struct Struck {
    pub ended: Ended,
    /// Whether the outage met it at work.
    pub bit: bool,
}

impl Outage {
    /// Those that need nothing but a server.
    pub const ANYWHERE: [Self; 2] = [Self::ServerCrash, Self::Reset];
    /// Those that need a destination on the server.
    pub const IN_COMMITS: [Self; 2] = [Self::CommitUnsent, Self::CommitUnanswered];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerCrash => "server crash",
            Self::Reset => "connections reset",
            Self::CommitUnsent => "COMMIT not sent",
            Self::CommitUnanswered => "COMMIT not answered",
        }
    }

    fn trigger(self) -> Option<Trigger> {
        match self {
            Self::ServerCrash | Self::Reset => None,
            Self::CommitUnsent => Some(Trigger::new(COMMIT, Direction::ToServer, Moment::Before)),
            Self::CommitUnanswered => Some(Trigger::new(COMMITTED, Direction::ToClient, Moment::Before)),
        }
    }

    /// Starts a node, lets this happen to it, and waits for its end. `whole` is how long a run takes.
    pub fn strike(
        self,
        site: &Site<'_>,
        postgres: &Postgres,
        random: &mut fastrand::Rng,
        whole: Duration,
    ) -> Result<Struck, Error> {
        let before = postgres.proxy.cuts();
        let Some(trigger) = self.trigger() else {
            let node = site.start("")?;
            return self.interrupt(node, postgres, whole.mul_f64(random.f64() * 0.8));
        };
        postgres.proxy.cut_when(trigger.after(random.u64(0..=SPARED)));
        // The process survives this one, and is killed some units later.
        let node =
            site.start(&format!("commit_done={}*off->return(kill)", random.u64(SPARED..4 * SPARED)))?;
        let ended = node.wait();
        postgres.proxy.disarm();
        Ok(Struck { ended: ended?, bit: postgres.proxy.cuts() > before })
    }

    fn interrupt(self, mut node: Node, postgres: &Postgres, delay: Duration) -> Result<Struck, Error> {
        let began = Instant::now();
        while began.elapsed() < delay && !node.has_ended()? {
            Node::glance();
        }
        let in_time = !node.has_ended()?;
        match self {
            _ if !in_time => {}
            Self::ServerCrash => {
                postgres.server.stop_immediate()?;
                postgres.server.start_again()?;
            }
            _ => postgres.proxy.cut_all(),
        }
        let ended = node.wait()?;
        // A process that had done with the server did not notice.
        let noticed = !ended.is_completed() || ended.retries() > 0;
        Ok(Struck { bit: in_time && noticed, ended })
    }
}

impl Ended {
    /// Whether it gave up because the server could not be used.
    pub fn has_given_up(&self) -> bool {
        let mut codes = self.failure_codes();
        // What fails before the run begins is told in another form.
        codes.extend(self.field("/error").and_then(Value::as_str));
        !self.is_completed() && !codes.is_empty() && codes.iter().all(|code| EXCUSES.contains(code))
    }

    /// How often a chain was opened again, as the log tells.
    pub fn retries(&self) -> usize {
        self.log.lines().filter(|line| line.contains(RETRYING)).count()
    }

    /// How often that was because of a row that the server refused.
    pub fn refusals(&self) -> usize {
        let refused = |line: &&str| line.contains(RETRYING) && line.contains("violates");
        self.log.lines().filter(refused).count()
    }
}
