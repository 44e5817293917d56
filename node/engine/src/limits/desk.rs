use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use etl_model::{CircuitBreaker, RateLimit, RunId, StepName};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::entry::{BudgetEntry, CircuitEntry, Entry};
use super::gate::{StepGate, StepLimits, WaitingPartition};
use super::grants::{Grants, LocalGrants};
use super::lease::{BudgetRequest, CircuitRequest, LeaseAnswer, LeaseRequest};
use super::{ASK, TERM};

/// The shortest time between two questions.
const REST: Duration = Duration::from_millis(20);
/// Budgets, and breakers, of one question.
const AT_ONCE: usize = 300;
/// How often it is asked about breakers at which nothing happens: often enough that one which others have opened is known
/// within a term.
const QUIET: Duration = TERM.saturating_sub(Duration::from_millis(200));

/// The limits of all steps that run in this process, whatever runs they belong to. Clones are the same.
#[derive(Clone)]
pub struct Desk {
    asking: Arc<Asking>,
}

/// Asks for leases until it is dropped.
pub(super) struct Asking {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    grants: Arc<dyn Grants>,
    known: Mutex<Known>,
    /// Rung when there is something to ask at once.
    wake: Notify,
    waiting: Mutex<Waiting>,
}

/// Partitions that wait, by the order in which they have begun to.
#[derive(Default)]
struct Waiting {
    last: u64,
    partitions: BTreeMap<u64, WaitingPartition>,
}

/// By key and figures: two workflows may give other ones for a moment, and which are right is not decided here.
#[derive(Default)]
struct Known {
    budgets: BTreeMap<(String, String), Weak<BudgetEntry>>,
    circuits: BTreeMap<(String, String), Weak<CircuitEntry>>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asking {
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// A partition begins to wait; with the number that is returned it ends to.
    pub fn wait(&self, partition: WaitingPartition) -> u64 {
        let mut waiting = self.shared.waiting();
        waiting.last += 1;
        let number = waiting.last;
        waiting.partitions.insert(number, partition);
        number
    }

    pub fn go_on(&self, number: u64) {
        self.shared.waiting().partitions.remove(&number);
    }
}

impl Desk {
    /// Gets its leases from `grants`. Needs a tokio runtime.
    pub fn new(grants: Arc<dyn Grants>) -> Self {
        let (known, waiting) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { grants, known, wake: Notify::new(), waiting });
        let task = tokio::spawn(drive(Arc::clone(&shared)));
        Self { asking: Arc::new(Asking { shared, task }) }
    }

    /// For a process that runs a workflow alone. Needs a tokio runtime.
    pub fn local() -> Self {
        Self::new(Arc::new(LocalGrants::default()))
    }

    /// What the chains of a run await at a step. A limit without a name is the run's and step's own.
    pub fn gate(&self, run: RunId, step: &StepName, limits: &StepLimits) -> StepGate {
        let own = |figures: &dyn fmt::Display| format!("run/{run}/{step}/{figures}");
        let mut known = self.asking.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = limits.rate.as_ref().map(|limit| {
            let figures = RateLimit { name: None, ..limit.clone() };
            let key = limit.name.clone().map_or_else(|| own(&figures), |name| format!("name/{name}"));
            let name = limit.name.clone().unwrap_or_else(|| step.to_string());
            self.entry(&mut known.budgets, key, name, figures)
        });
        let breaker = limits.breaker.as_ref().map(|policy| {
            let figures = CircuitBreaker { name: None, ..policy.clone() };
            let key = policy.name.clone().map_or_else(|| own(&figures), |name| format!("name/{name}"));
            let name = policy.name.clone().unwrap_or_else(|| step.to_string());
            self.entry(&mut known.circuits, key, name, figures)
        });
        drop(known);
        self.asking.wake();
        StepGate::new(step.clone(), rate, breaker, limits)
    }

    /// The partitions of a run that wait here for a breaker which is open.
    pub fn waiting_of(&self, run: RunId) -> Vec<WaitingPartition> {
        let waiting = self.asking.shared.waiting();
        waiting.partitions.values().filter(|partition| partition.run == run).cloned().collect()
    }

    /// The circuit breakers of this process, by name: whether each is open as far as is known here, and how many partitions
    /// wait for it.
    pub fn breakers(&self) -> BTreeMap<String, (bool, usize)> {
        let known = self.asking.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut breakers: BTreeMap<String, (bool, usize)> = BTreeMap::new();
        for entry in known.circuits.values().filter_map(Weak::upgrade) {
            let (is_open, waiting) = entry.with(|switch| (switch.is_open(), switch.waiting().unwrap_or(0)));
            let known = breakers.entry(entry.name.clone()).or_default();
            *known = (known.0 || is_open, known.1 + waiting);
        }
        breakers
    }

    /// Sentences about partitions of this process that wait for a breaker which is open.
    pub fn waiting(&self) -> Vec<String> {
        let known = self.asking.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = known.circuits.values().filter_map(Weak::upgrade);
        let waiting = entries.filter_map(|entry| Some((entry.with(|switch| switch.waiting())?, entry)));
        waiting
            .map(|(count, entry)| {
                let (partitions, verb) = if count == 1 { ("partition", "waits") } else { ("partitions", "wait") };
                format!(
                    "{count} {partitions} {verb} for circuit breaker `{}`, which is open because what is behind it fails; \
                     `runs logs` tells how",
                    entry.name
                )
            })
            .collect()
    }

    fn entry<S: Default, F: Clone + fmt::Display>(
        &self,
        known: &mut BTreeMap<(String, String), Weak<Entry<S, F>>>,
        key: String,
        name: String,
        figures: F,
    ) -> Arc<Entry<S, F>> {
        known.retain(|_, entry| entry.strong_count() > 0);
        let place = known.entry((key.clone(), figures.to_string())).or_default();
        place.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Entry::new(key, name, figures, Arc::clone(&self.asking)));
            *place = Arc::downgrade(&made);
            made
        })
    }
}

/// What is asked in one question, and by whom.
#[derive(Default)]
struct Question {
    budgets: Vec<(Arc<BudgetEntry>, BudgetRequest)>,
    circuits: Vec<(Arc<CircuitEntry>, CircuitRequest)>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn question(&self) -> Question {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let budgets = known.budgets.values().filter_map(Weak::upgrade);
        let circuits = known.circuits.values().filter_map(Weak::upgrade);
        Question {
            budgets: budgets.filter_map(|entry| Some((Arc::clone(&entry), entry.request(now)?))).collect(),
            circuits: circuits.map(|entry| (Arc::clone(&entry), entry.request(now))).collect(),
        }
    }
}

impl Question {
    /// The same in parts that are not too large for a message.
    fn parts(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        while self.budgets.len() > AT_ONCE || self.circuits.len() > AT_ONCE {
            let rest = Self {
                budgets: self.budgets.split_off(AT_ONCE.min(self.budgets.len())),
                circuits: self.circuits.split_off(AT_ONCE.min(self.circuits.len())),
            };
            parts.push(std::mem::replace(&mut self, rest));
        }
        parts.push(self);
        parts
    }

    fn request(&self) -> LeaseRequest {
        LeaseRequest {
            budgets: self.budgets.iter().map(|(_, request)| request.clone()).collect(),
            circuits: self.circuits.iter().map(|(_, request)| request.clone()).collect(),
        }
    }

    /// Takes in the answer; one that does not fit is as good as none.
    fn take(&self, answer: &LeaseAnswer, asked: Instant) {
        if answer.budgets.len() != self.budgets.len() || answer.circuits.len() != self.circuits.len() {
            tracing::warn!("an answer about limits does not fit to the question");
            return;
        }
        for ((entry, _), answer) in self.budgets.iter().zip(&answer.budgets) {
            entry.take(answer, asked);
        }
        for ((entry, request), answer) in self.circuits.iter().zip(&answer.circuits) {
            entry.take(request, answer);
        }
    }

    /// When to ask again, unless somebody wakes it.
    fn pause(&self) -> Duration {
        let is_busy = !self.budgets.is_empty()
            || self.circuits.iter().any(|(entry, _)| entry.with(|switch| switch.is_busy()));
        if is_busy { ASK } else { QUIET }
    }
}

async fn drive(shared: Arc<Shared>) {
    loop {
        let begin = Instant::now();
        let question = shared.question();
        if question.request().is_empty() {
            drop(question);
            shared.wake.notified().await;
            continue;
        }
        let mut pause = QUIET;
        // Nothing of a run is kept alive by this while it rests.
        for part in question.parts() {
            let asked = Instant::now();
            // What takes longer would have run out when it comes.
            if let Ok(Some(answer)) = timeout(TERM, shared.grants.ask(&part.request())).await {
                part.take(&answer, asked);
            }
            pause = pause.min(part.pause());
        }
        // Woken or not, it asks again.
        let _ = timeout(pause, shared.wake.notified()).await;
        sleep_until(begin + REST).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use async_trait::async_trait;
    use etl_model::{RateAmount, Span};

    use super::super::lease::{BudgetAnswer, CircuitAnswer};
    use super::*;

    fn rate(records: u64, name: Option<&str>) -> StepLimits {
        let (amount, per) = (RateAmount::Records(records), Span(Duration::from_secs(1)));
        let rate = RateLimit { amount, per, name: name.map(str::to_owned) };
        StepLimits { rate: Some(rate), ..StepLimits::default() }
    }

    fn step(name: &str) -> StepName {
        StepName::new(name).unwrap()
    }

    #[tokio::test]
    async fn batches_are_cut_where_they_would_wait_for_long() {
        let desk = Desk::local();
        let gate = |limits| desk.gate(RunId::generate(), &step("sink"), &limits);
        assert_eq!(gate(rate(800, None)).piece_rows(1000, 50_000), 100, "what an eighth of a second brings");
        assert_eq!(gate(rate(1, None)).piece_rows(1000, 50_000), 1);
        assert_eq!(gate(StepLimits::default()).piece_rows(1000, 50_000), 1000);
        let bytes = RateLimit {
            amount: RateAmount::Bytes(etl_model::ByteSize(80_000)),
            per: Span(Duration::from_secs(1)),
            name: None,
        };
        let bytes = StepLimits { rate: Some(bytes), ..StepLimits::default() };
        assert_eq!(gate(bytes.clone()).piece_rows(1000, 50_000), 200);
        assert_eq!(gate(rate(800, None)).chunk_bytes(1 << 20), 16 << 10);
        assert_eq!(gate(rate(8_000_000, None)).chunk_bytes(1 << 20), 1 << 20);
        assert_eq!(gate(bytes).chunk_bytes(1 << 20), 16 << 10);
    }

    /// Grants whatever is asked for, and notes how much is asked at once.
    #[derive(Default)]
    struct Generous(Mutex<Vec<usize>>);

    #[async_trait]
    impl Grants for Generous {
        async fn ask(&self, request: &LeaseRequest) -> Option<LeaseAnswer> {
            self.0.lock().unwrap().push(request.budgets.len());
            let budgets = request.budgets.iter().map(|budget| BudgetAnswer::Granted(budget.demand)).collect();
            Some(LeaseAnswer { budgets, circuits: vec![CircuitAnswer::Closed; request.circuits.len()] })
        }
    }

    #[tokio::test]
    async fn many_limits_are_asked_for_in_parts() {
        let grants = Arc::new(Generous::default());
        let desk = Desk::new(Arc::clone(&grants) as _);
        let gates: Vec<StepGate> = (0..700)
            .map(|n| desk.gate(RunId::generate(), &step("sink"), &rate(10, Some(&format!("b{n}")))))
            .collect();
        let passed = futures::future::join_all(gates.iter().map(|gate| gate.pass(5, 0))).await;
        assert!(passed.iter().all(Result::is_ok));
        let asked = grants.0.lock().unwrap().clone();
        assert!(asked.iter().all(|at_once| *at_once <= AT_ONCE), "{asked:?}");
        assert!(asked.iter().sum::<usize>() >= 700);
    }
}
