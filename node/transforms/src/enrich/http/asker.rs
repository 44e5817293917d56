use bytes::Bytes;
use etl_http::{Calls, HttpClient, HttpError, Request};
use etl_sdk::{Brake, ConnectorError};
use moka::future::Cache;
use tokio::sync::Semaphore;

use super::answer::{Answer, Refusal, read, read_batch};
use super::requests::Ask;
use crate::enrich::config::HttpRules;

type Identity = (String, Option<Bytes>);

/// Asks a server, no more at once than it may, and remembers what it has said. Shared by all partitions.
pub(super) struct Asker {
    calls: Calls,
    turns: Semaphore,
    cache: Option<Cache<Identity, Answer>>,
}

/// Bytes that an entry of the cache takes beside what it holds.
const ENTRY: usize = 128;

impl Asker {
    /// Reads certificates; blocks.
    pub fn new(rules: &HttpRules) -> Result<Self, HttpError> {
        let weight = |(url, body): &Identity, answer: &Answer| {
            let held = match answer {
                Answer::Known(document) => document.len(),
                Answer::Nothing => 0,
            };
            let bytes = ENTRY + url.len() + body.as_ref().map_or(0, Bytes::len) + held;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let cache = rules.cache.map(|(ttl, size)| {
            Cache::builder().weigher(weight).max_capacity(size.0).time_to_live(ttl.0).build()
        });
        let calls = Calls::new(HttpClient::new(&rules.http)?);
        Ok(Self { calls, turns: Semaphore::new(rules.concurrency), cache })
    }

    /// The answers for the rows of a request, in their order.
    pub async fn ask(&self, rules: &HttpRules, ask: &Ask, brake: &dyn Brake) -> Result<Vec<Answer>, Refusal> {
        let Some(cache) = &self.cache else { return self.call(rules, ask, brake).await };
        loop {
            // Partitions that ask for the same at the same time share the call.
            let made = cache.try_get_with(ask.request.identity(), async {
                let answers = self.call(rules, ask, brake).await?;
                answers.into_iter().next().ok_or(Refusal::Ended)
            });
            match made.await {
                Ok(answer) => return Ok(vec![answer; ask.rows.len()]),
                // It may be another partition that is to end.
                Err(refusal) if *refusal == Refusal::Ended && brake.pass(0, 0).await.is_ok() => {}
                Err(refusal) => return Err(refusal.as_ref().clone()),
            }
        }
    }

    async fn call(&self, rules: &HttpRules, ask: &Ask, brake: &dyn Brake) -> Result<Vec<Answer>, Refusal> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let bytes = length(&ask.request);
        let before = async || match brake.pass(1, bytes).await {
            Ok(()) => Ok(()),
            Err(ConnectorError::Internal { .. }) => Err(Refusal::Ended),
            Err(error) => Err(Refusal::Unavailable { code: error.code(), message: error.to_string() }),
        };
        let response = self.calls.call(&ask.request, before).await?;
        match &rules.batch {
            Some(batch) => read_batch(rules, &batch.results, &response, ask.rows.len()),
            None => Ok(vec![read(rules, &response)?]),
        }
    }
}

fn length(request: &Request) -> u64 {
    request.identity().1.map_or(0, |body| body.len() as u64)
}
