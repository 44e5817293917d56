use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etl_proto::admin::admin_client::AdminClient as Stub;
use etl_raft::network::{Dialer, channel};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::address;
use super::dialing::{LastDial, RememberingDialer};
use crate::error::{Attempt, Error};
use crate::refusal::{Kind, Refusal};

/// Largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// Pauses between rounds through the servers.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a call does when it is made more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes nothing.
    Read,
    /// The second time it changes nothing.
    Repeatable,
    /// It may act a second time.
    Once,
}

/// How much of the time one server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// As much as leaves the same to those not asked yet.
    Fair,
    /// All that is left: the work itself takes long.
    Whole,
}

struct Server {
    address: String,
    stub: Stub<Channel>,
    last_dial: LastDial,
}

/// What became of one attempt.
enum Ended<A> {
    Answered(A),
    /// No connection could be made.
    NotSent(String),
    /// The node says that nothing was done, and that it may be tried again.
    NotDone(String),
    /// Nobody knows.
    Lost(String),
    Refused(Refusal),
}

/// Makes calls at whichever server answers.
#[derive(Clone)]
pub(super) struct Caller {
    servers: Arc<[Server]>,
    /// The one that answered last; asked first.
    preferred: Arc<AtomicUsize>,
    timeout: Duration,
}

impl Caller {
    /// Connects to nobody yet. Needs a tokio runtime.
    pub fn new(servers: &[String], dialer: &Arc<dyn Dialer>, timeout: Duration) -> Result<Self, Error> {
        if servers.is_empty() {
            return Err(Error::Usage("no server was named".to_owned()));
        }
        if timeout.is_zero() {
            return Err(Error::Usage("no time was given for an answer".to_owned()));
        }
        servers.iter().try_for_each(|server| address::check(server))?;
        let server = |address: &String| {
            let last_dial = LastDial::default();
            let dialer = RememberingDialer { inner: Arc::clone(dialer), last: last_dial.clone() };
            let stub = Stub::new(channel(Arc::new(dialer), address.clone()));
            let stub = stub.max_decoding_message_size(MAX_ANSWER_BYTES);
            Server { address: address.clone(), stub, last_dial }
        };
        Ok(Self { servers: servers.iter().map(server).collect(), preferred: Arc::default(), timeout })
    }

    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same servers and connections with another time for one call.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Asks one server after the other, and all of them again, until one answers or the time is over. `send` is given
    /// the time that is left for the call. Returns the server's name with the answer.
    pub async fn call<A, S, F>(&self, effect: Effect, share: Share, send: S) -> Result<(&str, A), Error>
    where
        S: Fn(Stub<Channel>, Duration) -> F,
        F: Future<Output = Result<A, Status>>,
    {
        let deadline = Instant::now() + self.timeout;
        let mut attempts: Vec<Option<String>> = vec![None; self.servers.len()];
        let mut lost = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let mut again = false;
            let first = self.preferred.load(Ordering::Relaxed);
            let order = (0..self.servers.len()).map(|offset| (first + offset) % self.servers.len());
            for (asked, index) in order.enumerate() {
                let (Some(server), Some(attempt)) = (self.servers.get(index), attempts.get_mut(index)) else {
                    continue;
                };
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let limit = match share {
                    Share::Fair => left / u32::try_from(self.servers.len() - asked).unwrap_or(1),
                    Share::Whole => left,
                };
                let failure = match server.attempt(limit, &send).await {
                    Ended::Answered(answer) => {
                        self.preferred.store(index, Ordering::Relaxed);
                        return Ok((&server.address, answer));
                    }
                    Ended::Refused(refusal) => {
                        let server = server.address.clone();
                        return Err(Error::Refused { server, refusal: Box::new(refusal) });
                    }
                    Ended::NotSent(failure) => failure,
                    Ended::NotDone(failure) => {
                        again = true;
                        failure
                    }
                    Ended::Lost(failure) => {
                        (lost, again) = (true, true);
                        failure
                    }
                };
                *attempt = Some(failure);
                if lost && effect == Effect::Once {
                    return Err(self.failed(effect, lost, again, attempts));
                }
            }
            if !again || Instant::now() + pause >= deadline {
                return Err(self.failed(effect, lost, again, attempts));
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    fn failed(&self, effect: Effect, lost: bool, reached: bool, attempts: Vec<Option<String>>) -> Error {
        let named = self.servers.iter().zip(attempts);
        let attempts = named
            .filter_map(|(server, failure)| {
                Some(Attempt { server: server.address.clone(), failure: failure? })
            })
            .collect();
        match (effect, lost, reached) {
            (Effect::Repeatable | Effect::Once, true, _) => {
                Error::Unanswered { after: self.timeout, attempts }
            }
            (_, _, true) => Error::Unavailable { attempts },
            _ => Error::Unreachable { attempts },
        }
    }
}

impl Server {
    async fn attempt<A, S, F>(&self, limit: Duration, send: &S) -> Ended<A>
    where
        S: Fn(Stub<Channel>, Duration) -> F,
        F: Future<Output = Result<A, Status>>,
    {
        let status = match timeout(limit, send(self.stub.clone(), limit)).await {
            Ok(Ok(answer)) => return Ended::Answered(answer),
            Ok(Err(status)) => status,
            Err(_) => {
                let failure = format!("no answer within {:.1} s", limit.as_secs_f64());
                return self.last_dial.failure().map_or(Ended::Lost(failure), Ended::NotSent);
            }
        };
        // A node says why in details; without them it is the connection that speaks, or something on the way.
        if status.details().is_empty() {
            if let Some(failure) = self.last_dial.failure() {
                return Ended::NotSent(failure);
            }
            if matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal) {
                return Ended::Lost(format!("the connection broke: {}", cause(&status)));
            }
        }
        let refusal = Refusal::from_status(&status);
        match refusal.kind {
            Kind::Unavailable => Ended::NotDone(refusal.message),
            Kind::Unknown => Ended::Lost(refusal.message),
            _ => Ended::Refused(refusal),
        }
    }
}

/// What stands behind a status that the transport made.
fn cause(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => cause.to_string(),
    }
}
