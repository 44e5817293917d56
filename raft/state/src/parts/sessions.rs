use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::encoding_error::EncodingError;
use crate::envelope::Session;
use crate::limits::{ANSWERS_KEPT, SESSION_IDLE_MS, SESSIONS_KEPT};
use crate::moment::Moment;
use crate::response::Response;
use crate::table::{Record, RowKind, Rows, Table};

/// The answers that clients may still ask for again, so that a command that is sent twice acts once.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    clients: Table<Client>,
    answers: Table<Response>,
    /// Clients by the index of their last command, the one unused for longest first.
    by_use: BTreeMap<u64, Uuid>,
    /// How many answers are kept of each client.
    kept: BTreeMap<Uuid, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    acknowledged_below: u64,
    /// By the sessions' clock.
    used_at_ms: u64,
    used_index: u64,
}

/// What is known of a session's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has to act.
    New,
    /// It has acted, with this answer.
    Answered(Response),
    /// It may have acted; its answer is not kept any more.
    Expired,
}

impl Record for Client {
    type Key = Uuid;
    const KIND: RowKind = RowKind::Client;
}

impl Record for Response {
    type Key = (Uuid, u64);
    const KIND: RowKind = RowKind::Answer;
}

impl Sessions {
    /// Number of clients whose answers are kept.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether no answers are kept.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Number of answers that are kept of a client.
    pub fn answers_of(&self, client: Uuid) -> usize {
        self.kept.get(&client).copied().unwrap_or(0)
    }

    /// Drops the clients that were not heard of for [`SESSION_IDLE_MS`].
    pub(crate) fn drop_idle(&mut self, clock_ms: u64) {
        while let Some((_, client)) = self.by_use.first_key_value()
            && let Some(known) = self.clients.get(client)
            && clock_ms.saturating_sub(known.used_at_ms) >= SESSION_IDLE_MS
        {
            self.drop_client(*client);
        }
    }

    /// Begins a command of a session. A client that is not known is new, or was dropped after so long that nobody
    /// retries any more.
    pub(crate) fn begin(&mut self, session: &Session, clock_ms: u64, at: Moment) -> Seen {
        let Session { client, seq, acknowledged_below } = *session;
        let known = self.clients.get(&client).copied();
        let acknowledged_below = known.map_or(0, |known| known.acknowledged_below).max(acknowledged_below);
        if known.is_none() && seq < acknowledged_below {
            return Seen::Expired;
        }
        if let Some(known) = known {
            self.by_use.remove(&known.used_index);
        }
        self.by_use.insert(at.index, client);
        self.clients.set(client, Client { acknowledged_below, used_at_ms: clock_ms, used_index: at.index });
        self.drop_answers_below(client, acknowledged_below);
        while self.clients.len() > SESSIONS_KEPT
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            self.drop_client(*oldest);
        }
        if seq < acknowledged_below {
            return Seen::Expired;
        }
        match self.answers.get(&(client, seq)) {
            Some(answer) => Seen::Answered(answer.clone()),
            None => Seen::New,
        }
    }

    /// Keeps the answer of a command that [`Self::begin`] found new.
    pub(crate) fn finish(&mut self, session: &Session, answer: Response) {
        let client = session.client;
        self.answers.set((client, session.seq), answer);
        *self.kept.entry(client).or_insert(0) += 1;
        if self.answers_of(client) <= ANSWERS_KEPT {
            return;
        }
        let lowest = self.answers.range((client, 0)..).next().map(|((_, seq), _)| *seq);
        if let (Some(lowest), Some(known)) = (lowest, self.clients.get(&client).copied()) {
            let acknowledged_below = lowest.saturating_add(1);
            self.clients.set(client, Client { acknowledged_below, ..known });
            self.drop_answers_below(client, acknowledged_below);
        }
    }

    fn drop_client(&mut self, client: Uuid) {
        if let Some(known) = self.clients.remove(&client) {
            self.by_use.remove(&known.used_index);
        }
        self.drop_answers_below(client, u64::MAX);
        self.answers.remove(&(client, u64::MAX));
        self.kept.remove(&client);
    }

    fn drop_answers_below(&mut self, client: Uuid, below: u64) {
        let keys: Vec<(Uuid, u64)> =
            self.answers.range((client, 0)..(client, below)).map(|(key, _)| *key).collect();
        for key in &keys {
            self.answers.remove(key);
        }
        if let Some(kept) = self.kept.get_mut(&client) {
            *kept = kept.saturating_sub(keys.len());
        }
    }

    /// Finds the order of use again after loading.
    pub(crate) fn index(&mut self) -> Result<(), EncodingError> {
        self.by_use = self.clients.iter().map(|(client, known)| (known.used_index, *client)).collect();
        self.kept.clear();
        for ((client, _), _) in self.answers.iter() {
            *self.kept.entry(*client).or_insert(0) += 1;
        }
        if self.by_use.len() != self.clients.len() {
            let problem = "two clients were last used by the same entry".to_owned();
            return Err(EncodingError::Malformed { what: RowKind::Client.what(), problem });
        }
        if let Some(client) = self.kept.keys().find(|client| self.clients.get(*client).is_none()) {
            let problem = format!("there are answers of client {client}, which is missing");
            return Err(EncodingError::Malformed { what: RowKind::Client.what(), problem });
        }
        Ok(())
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 2] {
        [&self.clients, &self.answers]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 2] {
        [&mut self.clients, &mut self.answers]
    }
}
