//! When to stand for election.
//!
//! openraft 0.9 draws one election timeout per start of the process, adds it to the leader's lease, has no pre-vote, and looks at
//! its timer before it looks at the messages that have arrived. A node whose disk or CPU stalls for a moment would then depose a
//! healthy leader, and a node that comes back from a partition always would. Its elections are therefore switched off, and
//! started from here:
//!
//! - Silence is the time since a message of the leader *arrived*, counted only while this process runs ([`Timer`]): after a
//!   pause a node listens for a whole timeout again before it suspects anyone.
//! - A new timeout is drawn each time, between the two of the settings.
//! - Before it stands, a node asks a quorum whether they would vote for it (pre-vote; Ongaro, "Consensus: Bridging Theory and
//!   Practice", §9.6). They would not while they hear from a leader, or when they have more of the log ([`Ballot`]). A node
//!   that has more of the log and has not heard from a leader either stands itself at once.
//! - A leader whose machine refuses connections has died and is not waited for any longer than the vote lease.
//!
//! A pre-vote is a vote request of term 0, which nobody ever stands for; it changes nothing at the one who is asked.

mod ballot;
mod elector;
mod pulse;
mod timer;

pub(crate) use ballot::{Asked, Ballot};
pub(super) use elector::Elector;
pub(crate) use pulse::Pulse;
use timer::{Role, Timer};
