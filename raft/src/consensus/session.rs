use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use etl_raft_state::Session;
use uuid::Uuid;

/// The session of one handle: numbers what is proposed, so that a repetition is known as one.
#[derive(Debug)]
pub(super) struct Sessions {
    client: Uuid,
    numbers: Mutex<Numbers>,
}

#[derive(Debug)]
struct Numbers {
    next: u64,
    in_flight: BTreeSet<u64>,
}

/// One number, in flight as long as this lives.
#[derive(Debug)]
pub(super) struct Ticket {
    sessions: Arc<Sessions>,
    seq: u64,
    acknowledged_below: u64,
}

impl Sessions {
    pub fn new(client: Uuid) -> Arc<Self> {
        let numbers = Mutex::new(Numbers { next: 1, in_flight: BTreeSet::new() });
        Arc::new(Self { client, numbers })
    }

    /// A new number. Answers to all below the lowest that is in flight need not be remembered any more.
    pub fn begin(self: &Arc<Self>) -> Ticket {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = numbers.next;
        numbers.next += 1;
        numbers.in_flight.insert(seq);
        let acknowledged_below = numbers.in_flight.first().copied().unwrap_or(seq);
        Ticket { sessions: self.clone(), seq, acknowledged_below }
    }
}

impl Ticket {
    pub fn session(&self) -> Session {
        Session { client: self.sessions.client, seq: self.seq, acknowledged_below: self.acknowledged_below }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut numbers = self.sessions.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.in_flight.remove(&self.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_answered_is_acknowledged() {
        let sessions = Sessions::new(Uuid::from_u128(1));
        let of = |ticket: &Ticket| (ticket.session().seq, ticket.session().acknowledged_below);
        let first = sessions.begin();
        let second = sessions.begin();
        assert_eq!((of(&first), of(&second)), ((1, 1), (2, 1)));
        drop(second);
        assert_eq!(of(&sessions.begin()), (3, 1));
        drop(first);
        assert_eq!(of(&sessions.begin()), (4, 4));
    }
}
