use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::budget::RetryBudget;
use crate::{HttpClient, HttpError, Request, Response};

/// What a status that may go away is called.
const UNAVAILABLE: &str = "http_unavailable";

/// The longest time that a server's wish to be left alone is heeded within a call; beyond it the call fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes calls that are tried again, within one budget. Clones share it.
#[derive(Debug, Clone)]
pub struct Calls {
    client: HttpClient,
    budget: Arc<RetryBudget>,
}

impl Calls {
    /// Calls over this client.
    pub fn new(client: HttpClient) -> Self {
        Self { client, budget: Arc::default() }
    }

    /// Makes a call, and again after a failure that may go away, as the client's policy has it. What the last attempt has
    /// brought is returned, so that a status may still tell of a failure. `before` is awaited before each attempt.
    ///
    /// # Errors
    /// The last attempt has brought no answer, or one that cannot be used; or `before` failed.
    pub async fn call<E: From<HttpError>>(
        &self,
        request: &Request,
        before: impl AsyncFn() -> Result<(), E>,
    ) -> Result<Response, E> {
        let policy = &self.client.config.retry;
        let mut pauses = policy.pauses();
        let begun = Instant::now();
        self.budget.deposit();
        loop {
            before().await?;
            let result = self.client.send(request).await;
            let (code, wish) = match &result {
                Ok(answer) if answer.may_go_away() => (UNAVAILABLE, answer.retry_after),
                Err(error) if error.may_go_away() => (error.code(), None),
                _ => return Ok(result?),
            };
            if wish.is_some_and(|wish| wish > PATIENCE) || !policy.covers(code) {
                return Ok(result?);
            }
            let pause = pauses.next().map(|pause| wish.map_or(pause, |wish| wish.max(pause)));
            let fits = |pause: &Duration| policy.allows(begun.elapsed(), *pause) && self.budget.withdraw();
            match pause.filter(fits) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok(result?),
            }
        }
    }
}
