use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use etl_raft_state::{Command, Envelope, Rejection, Response};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::leader::{Leader, ServerMetrics};
use super::router::Router;
use super::session::{Sessions, Ticket};
use super::writer::Pending;
use crate::error::Error;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// Writes that go into one entry. They are proposed again and again, in the same session, until the answer is known or nobody
/// waits for it any more.
pub(super) struct Batch {
    router: Arc<Router>,
    /// Never changed once it may have had an effect: a number of a session stands for one command.
    envelope: Envelope,
    /// Whether the command is a batch of the commands of `waiting`, in their order.
    shared: bool,
    /// Who has had an answer leaves an empty place.
    waiting: Vec<Option<Waiting>>,
    /// Keeps the number of the session in flight. Absent when the session is the caller's.
    ticket: Option<Ticket>,
    /// Why it cannot be told whether an attempt has had its effect.
    unknown: Option<String>,
}

/// Someone who waits for the answer.
struct Waiting {
    until: Instant,
    answer: oneshot::Sender<Result<Response, Error>>,
}

impl Batch {
    /// Of at least one.
    pub fn new(router: Arc<Router>, pending: Vec<Pending>, sessions: &Arc<Sessions>) -> Self {
        let own_session = pending.first().and_then(|first| first.session);
        let ticket = own_session.is_none().then(|| sessions.begin());
        let session = own_session.or_else(|| ticket.as_ref().map(Ticket::session));
        let (mut commands, waiting): (Vec<Command>, Vec<Option<Waiting>>) = pending
            .into_iter()
            .map(|Pending { command, until, answer, .. }| (command, Some(Waiting { until, answer })))
            .unzip();
        let shared = commands.len() != 1;
        let command = match commands.pop() {
            Some(only) if !shared => only,
            last => {
                commands.extend(last);
                Command::Batch(commands)
            }
        };
        let envelope = Envelope { time_ms: 0, session, command };
        Self { router, envelope, shared, waiting, ticket, unknown: None }
    }

    pub async fn run(mut self) {
        let leaders = self.router.leaders.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let seen = leaders.now();
            let error = match self.attempt(&seen).await {
                None => return,
                Some(Ok(response)) => return self.answer(response),
                Some(Err(error)) => error,
            };
            match &error {
                Error::NoLeader(_) | Error::Misdirected(_) => {}
                Error::Unknown(reason) => self.unknown = Some(reason.clone()),
                _ => return self.fail(&error),
            }
            let rest = self.router.links.chance.between(pause / 2, pause);
            pause = (pause * 2).min(LAST_PAUSE);
            tokio::select! {
                () = leaders.change(&seen) => {}
                () = tokio::time::sleep(rest) => {}
            }
            self.dismiss_late(&error);
        }
    }

    /// Proposes once. `None` when nobody waits any more.
    async fn attempt(&mut self, seen: &ServerMetrics) -> Option<Result<Response, Error>> {
        let (router, leader, envelope) = (self.router.clone(), Leader::of(seen), self.envelope.clone());
        let mut attempt = pin!(async {
            tokio::select! {
                biased;
                answer = router.propose(&leader, &envelope) => answer,
                () = router.leaders.change(seen) => {
                    Err(Error::Unknown("another leader was elected before there was an answer".to_owned()))
                }
            }
        });
        loop {
            let first_late = self.waiting.iter().flatten().map(|waiting| waiting.until).min()?;
            tokio::select! {
                biased;
                answer = &mut attempt => return Some(answer),
                () = tokio::time::sleep_until(first_late) => {
                    let late = "there was no answer in time".to_owned();
                    self.unknown.get_or_insert_with(|| late.clone());
                    self.dismiss_late(&Error::Unknown(late));
                }
            }
        }
    }

    /// Tells those whose time is up how the last attempt has failed, and goes on without them.
    fn dismiss_late(&mut self, error: &Error) {
        let now = Instant::now();
        for at in (0..self.waiting.len()).rev() {
            let Some(place) = self.waiting.get_mut(at) else { continue };
            let Some(late) = place.take_if(|waiting| waiting.until <= now) else { continue };
            late.tell(Err(self.to_one(error)));
            if let (true, None, Command::Batch(commands)) =
                (self.shared, &self.unknown, &mut self.envelope.command)
            {
                // Its command need not be proposed any more.
                commands.remove(at);
                self.waiting.remove(at);
            }
        }
    }

    /// What one of them is told when an attempt has failed and there will be no other.
    fn to_one(&self, error: &Error) -> Error {
        match (&self.unknown, error) {
            (Some(unknown), _) => Error::Unknown(unknown.clone()),
            (None, Error::NoLeader(reason)) => Error::NoLeader(reason.clone()),
            (None, Error::Misdirected(reason)) => Error::Misdirected(reason.clone()),
            (None, Error::Stopped(node)) => Error::Stopped(*node),
            (None, Error::TooLarge { size, limit }) => Error::TooLarge { size: *size, limit: *limit },
            (None, other) => Error::Unknown(other.to_string()),
        }
    }

    fn answer(self, response: Response) {
        match response {
            Response::Rejected(expired @ Rejection::SessionExpired { .. }) if self.ticket.is_some() => {
                // That there are sessions is no business of the caller.
                self.fail(&Error::Unknown(expired.to_string()));
            }
            Response::Batch(responses) if self.shared && responses.len() == self.waiting.len() => {
                for (waiting, response) in self.waiting.into_iter().zip(responses) {
                    if let Some(waiting) = waiting {
                        waiting.tell(Ok(response));
                    }
                }
            }
            // One command's, or a refusal of all of them.
            response => {
                for waiting in self.waiting.into_iter().flatten() {
                    waiting.tell(Ok(response.clone()));
                }
            }
        }
    }

    fn fail(mut self, error: &Error) {
        for waiting in std::mem::take(&mut self.waiting).into_iter().flatten() {
            waiting.tell(Err(self.to_one(error)));
        }
    }
}

impl Waiting {
    fn tell(self, answer: Result<Response, Error>) {
        // Who has stopped waiting needs no answer.
        let _ = self.answer.send(answer);
    }
}
