use std::time::Duration;

use bytes::Bytes;
use etl_engine::{
    BudgetAnswer, BudgetRequest, CircuitAnswer, CircuitRequest, Conclusion, LeaseAnswer, LeaseRequest, Probe,
};
use etl_model::{ByteSize, CircuitBreaker, RateAmount, RateLimit, Span};
use etl_proto::cluster as wire;
use etl_proto::cluster::budget_answer::Answer as WireBudget;
use etl_proto::cluster::circuit_answer::Answer as WireCircuit;
use etl_proto::cluster::rate_limit::Amount;
use etl_raft::network::Member;

use crate::refusal::Malformed;

fn to_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn missing(field: &'static str) -> Malformed {
    Malformed { field, problem: "is missing".to_owned() }
}

fn rate_to_wire(limit: &RateLimit) -> wire::RateLimit {
    let amount = match limit.amount {
        RateAmount::Records(records) => Amount::Records(records),
        RateAmount::Bytes(ByteSize(bytes)) => Amount::Bytes(bytes),
    };
    wire::RateLimit { amount: Some(amount), per_ns: to_ns(limit.per.0) }
}

fn rate_from_wire(limit: Option<wire::RateLimit>) -> Result<RateLimit, Malformed> {
    let wire::RateLimit { amount, per_ns } = limit.ok_or_else(|| missing("limit"))?;
    let amount = match amount.ok_or_else(|| missing("amount"))? {
        Amount::Records(records) => RateAmount::Records(records),
        Amount::Bytes(bytes) => RateAmount::Bytes(ByteSize(bytes)),
    };
    if amount.number() == 0 || per_ns == 0 {
        return Err(Malformed { field: "limit", problem: "is 0".to_owned() });
    }
    Ok(RateLimit { amount, per: Span(Duration::from_nanos(per_ns)), name: None })
}

fn policy_to_wire(policy: &CircuitBreaker) -> wire::CircuitPolicy {
    wire::CircuitPolicy {
        failures: policy.failures,
        within_ns: to_ns(policy.within.0),
        open_for_ns: to_ns(policy.open_for.0),
    }
}

fn policy_from_wire(policy: Option<wire::CircuitPolicy>) -> Result<CircuitBreaker, Malformed> {
    let wire::CircuitPolicy { failures, within_ns, open_for_ns } = policy.ok_or_else(|| missing("policy"))?;
    if failures == 0 {
        return Err(Malformed { field: "policy", problem: "has no failures".to_owned() });
    }
    let span = |ns| Span(Duration::from_nanos(ns));
    Ok(CircuitBreaker { failures, within: span(within_ns), open_for: span(open_for_ns), name: None })
}

pub(super) fn request_to_wire(me: &Member, request: &LeaseRequest) -> wire::LeaseRequest {
    let budget = |request: &BudgetRequest| wire::BudgetRequest {
        key: request.key.clone(),
        limit: Some(rate_to_wire(&request.limit)),
        demand: request.demand,
    };
    let circuit = |request: &CircuitRequest| wire::CircuitRequest {
        key: request.key.clone(),
        policy: Some(policy_to_wire(&request.policy)),
        failures: request.failures,
        heard: request.heard,
        open_left_ns: request.open_left.map(to_ns),
        waits: request.waits,
        probe: request.probe.map(probe_to_wire),
    };
    wire::LeaseRequest {
        cluster_id: Bytes::copy_from_slice(me.cluster.as_bytes()),
        node: me.node,
        store: Bytes::copy_from_slice(me.store.as_bytes()),
        incarnation: me.incarnation,
        budgets: request.budgets.iter().map(budget).collect(),
        circuits: request.circuits.iter().map(circuit).collect(),
    }
}

/// What a node asks and tells.
pub(crate) fn request_from_wire(
    budgets: Vec<wire::BudgetRequest>,
    circuits: Vec<wire::CircuitRequest>,
) -> Result<LeaseRequest, Malformed> {
    let budget = |request: wire::BudgetRequest| {
        let limit = rate_from_wire(request.limit)?;
        Ok(BudgetRequest { key: request.key, limit, demand: request.demand })
    };
    let circuit = |request: wire::CircuitRequest| {
        Ok(CircuitRequest {
            policy: policy_from_wire(request.policy)?,
            key: request.key,
            failures: request.failures,
            heard: request.heard,
            open_left: request.open_left_ns.map(Duration::from_nanos),
            waits: request.waits,
            probe: request.probe.map(probe_from_wire).transpose()?,
        })
    };
    Ok(LeaseRequest {
        budgets: budgets.into_iter().map(budget).collect::<Result<_, Malformed>>()?,
        circuits: circuits.into_iter().map(circuit).collect::<Result<_, Malformed>>()?,
    })
}

fn probe_to_wire(probe: Probe) -> wire::ProbeReport {
    let conclusion = match probe.conclusion {
        None => wire::ProbeConclusion::Unspecified,
        Some(Conclusion::Succeeded) => wire::ProbeConclusion::Succeeded,
        Some(Conclusion::Failed) => wire::ProbeConclusion::Failed,
        Some(Conclusion::Abandoned) => wire::ProbeConclusion::Abandoned,
    };
    wire::ProbeReport { id: probe.id, conclusion: conclusion.into() }
}

fn probe_from_wire(probe: wire::ProbeReport) -> Result<Probe, Malformed> {
    let conclusion = match wire::ProbeConclusion::try_from(probe.conclusion) {
        Ok(wire::ProbeConclusion::Unspecified) => None,
        Ok(wire::ProbeConclusion::Succeeded) => Some(Conclusion::Succeeded),
        Ok(wire::ProbeConclusion::Failed) => Some(Conclusion::Failed),
        Ok(wire::ProbeConclusion::Abandoned) => Some(Conclusion::Abandoned),
        Err(unknown) => {
            return Err(Malformed { field: "conclusion", problem: format!("is unknown: {unknown}") });
        }
    };
    Ok(Probe { id: probe.id, conclusion })
}

/// What a node is given and told.
pub(crate) fn response_to_wire(answer: &LeaseAnswer) -> wire::LeaseResponse {
    let budget = |answer: &BudgetAnswer| match answer {
        BudgetAnswer::Granted(granted) => WireBudget::Granted(*granted),
        BudgetAnswer::Mismatch(limit) => WireBudget::Mismatch(rate_to_wire(limit)),
    };
    let circuit = |answer: &CircuitAnswer| match answer {
        CircuitAnswer::Closed => WireCircuit::Closed(wire::CircuitClosed {}),
        CircuitAnswer::Open { left } => WireCircuit::OpenLeftNs(to_ns(*left)),
        CircuitAnswer::Probe { id } => WireCircuit::Probe(*id),
        CircuitAnswer::Mismatch(policy) => WireCircuit::Mismatch(policy_to_wire(policy)),
    };
    let budgets = answer.budgets.iter().map(|each| wire::BudgetAnswer { answer: Some(budget(each)) });
    let circuits = answer.circuits.iter().map(|each| wire::CircuitAnswer { answer: Some(circuit(each)) });
    wire::LeaseResponse { budgets: budgets.collect(), circuits: circuits.collect() }
}

pub(super) fn answer_from_wire(answer: wire::LeaseResponse) -> Result<LeaseAnswer, Malformed> {
    let budget = |answer: wire::BudgetAnswer| {
        Ok(match answer.answer.ok_or_else(|| missing("budgets"))? {
            WireBudget::Granted(granted) => BudgetAnswer::Granted(granted),
            WireBudget::Mismatch(limit) => BudgetAnswer::Mismatch(rate_from_wire(Some(limit))?),
        })
    };
    let circuit = |answer: wire::CircuitAnswer| {
        Ok(match answer.answer.ok_or_else(|| missing("circuits"))? {
            WireCircuit::Closed(_) => CircuitAnswer::Closed,
            WireCircuit::OpenLeftNs(ns) => CircuitAnswer::Open { left: Duration::from_nanos(ns) },
            WireCircuit::Probe(id) => CircuitAnswer::Probe { id },
            WireCircuit::Mismatch(policy) => CircuitAnswer::Mismatch(policy_from_wire(Some(policy))?),
        })
    };
    Ok(LeaseAnswer {
        budgets: answer.budgets.into_iter().map(budget).collect::<Result<_, Malformed>>()?,
        circuits: answer.circuits.into_iter().map(circuit).collect::<Result<_, Malformed>>()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn rates() -> [RateLimit; 2] {
        let per = Span(Duration::from_millis(1500));
        [RateAmount::Records(7), RateAmount::Bytes(ByteSize(1 << 40))].map(|amount| RateLimit {
            amount,
            per,
            name: None,
        })
    }

    fn policy() -> CircuitBreaker {
        let span = |s| Span(Duration::from_secs(s));
        CircuitBreaker { failures: 3, within: span(30), open_for: span(10), name: None }
    }

    #[test]
    fn questions_and_answers_keep_everything_on_their_way() {
        let conclusions =
            [None, Some(Conclusion::Succeeded), Some(Conclusion::Failed), Some(Conclusion::Abandoned)];
        let circuit = |(id, conclusion)| CircuitRequest {
            key: "name/crm".to_owned(),
            policy: policy(),
            failures: 9,
            heard: 8,
            open_left: Some(Duration::from_millis(id)),
            waits: id % 2 == 0,
            probe: Some(Probe { id, conclusion }),
        };
        let budgets = rates().map(|limit| BudgetRequest { key: "k".to_owned(), limit, demand: u64::MAX });
        let mut circuits: Vec<_> = (1..).zip(conclusions).map(circuit).collect();
        circuits.push(CircuitRequest { open_left: None, probe: None, ..circuits[0].clone() });
        let request = LeaseRequest { budgets: budgets.into(), circuits };
        let me = Member {
            cluster: Uuid::from_u128(1),
            node: 2,
            store: Uuid::from_u128(3),
            incarnation: 4,
            address: String::new(),
        };
        let sent = request_to_wire(&me, &request);
        assert_eq!((sent.node, sent.incarnation), (2, 4));
        assert_eq!(request_from_wire(sent.budgets, sent.circuits).unwrap(), request);
        let [records, bytes] = rates();
        let answer = LeaseAnswer {
            budgets: vec![
                BudgetAnswer::Granted(5),
                BudgetAnswer::Mismatch(records),
                BudgetAnswer::Mismatch(bytes),
            ],
            circuits: vec![
                CircuitAnswer::Closed,
                CircuitAnswer::Open { left: Duration::from_nanos(1) },
                CircuitAnswer::Probe { id: 1 << 40 },
                CircuitAnswer::Mismatch(policy()),
            ],
        };
        assert_eq!(answer_from_wire(response_to_wire(&answer)).unwrap(), answer);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let budget = |limit| {
            let request = wire::BudgetRequest { key: String::new(), limit, demand: 1 };
            request_from_wire(vec![request], Vec::new()).unwrap_err().field
        };
        let amount = Some(Amount::Records(1));
        assert_eq!(budget(None), "limit");
        assert_eq!(budget(Some(wire::RateLimit { amount: None, per_ns: 1 })), "amount");
        assert_eq!(budget(Some(wire::RateLimit { amount, per_ns: 0 })), "limit");
        assert_eq!(budget(Some(wire::RateLimit { amount: Some(Amount::Bytes(0)), per_ns: 1 })), "limit");
        let circuit = |policy, conclusion| {
            let probe = Some(wire::ProbeReport { id: 1, conclusion });
            let request = wire::CircuitRequest { policy, probe, ..Default::default() };
            request_from_wire(Vec::new(), vec![request]).unwrap_err().field
        };
        assert_eq!(circuit(None, 0), "policy");
        assert_eq!(circuit(Some(wire::CircuitPolicy::default()), 0), "policy");
        assert_eq!(circuit(Some(policy_to_wire(&policy())), 99), "conclusion");
        let empty =
            wire::LeaseResponse { budgets: vec![wire::BudgetAnswer { answer: None }], circuits: vec![] };
        assert_eq!(answer_from_wire(empty).unwrap_err().field, "budgets");
    }
}
