use bytes::Bytes;
use etl_model::{Claim, Counters, Marker, Position, RunId};
use etl_proto::Message as _;
use etl_proto::relay as wire;
use uuid::Uuid;

use super::ids::uuid;
use super::json::{json_from_bytes, json_to_bytes};
use crate::RelayError;

fn run_to_wire(run: RunId) -> Bytes {
    Bytes::copy_from_slice(Uuid::from(run).as_bytes())
}

fn position_to_wire(position: &Position) -> Result<wire::Position, RelayError> {
    Ok(wire::Position { next: position.next, cursor: json_to_bytes(&position.cursor)?.into() })
}

fn position_from_wire(position: wire::Position) -> Result<Position, RelayError> {
    Ok(Position { next: position.next, cursor: json_from_bytes(&position.cursor)? })
}

fn counters_to_wire(counters: &Counters) -> wire::Counters {
    let Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written } =
        *counters;
    wire::Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written }
}

fn counters_from_wire(counters: &wire::Counters) -> Counters {
    let wire::Counters {
        read,
        delivered,
        filtered,
        dead_lettered,
        failed,
        created,
        bytes_read,
        bytes_written,
    } = *counters;
    Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written }
}

pub(super) fn marker_to_wire(marker: &Marker) -> Result<wire::Marker, RelayError> {
    Ok(wire::Marker {
        run: run_to_wire(marker.run),
        epoch: marker.epoch,
        seq: marker.seq,
        position: marker.position.as_ref().map(position_to_wire).transpose()?,
        counters: Some(counters_to_wire(&marker.counters)),
        done: marker.done,
    })
}

pub(super) fn marker_from_wire(marker: wire::Marker) -> Result<Marker, RelayError> {
    let counters = marker.counters.ok_or_else(|| RelayError::malformed("marker.counters", "missing"))?;
    Ok(Marker {
        run: uuid("marker.run", &marker.run)?.into(),
        epoch: marker.epoch,
        seq: marker.seq,
        position: marker.position.map(position_from_wire).transpose()?,
        counters: counters_from_wire(&counters),
        done: marker.done,
    })
}

/// The body of staging and committing: the marker that the unit carries.
pub(crate) fn marker_to_body(marker: &Marker) -> Result<Bytes, RelayError> {
    Ok(marker_to_wire(marker)?.encode_to_vec().into())
}

/// Reads the body of staging and committing.
pub(crate) fn marker_from_body(body: Bytes) -> Result<Marker, RelayError> {
    marker_from_wire(wire::Marker::decode(body).map_err(|error| RelayError::malformed("marker", error))?)
}

/// The body of a fence.
pub(crate) fn claim_to_body(claim: &Claim) -> Result<Bytes, RelayError> {
    let claim = wire::Claim {
        run: run_to_wire(claim.run),
        epoch: claim.epoch,
        start: claim.start.as_ref().map(position_to_wire).transpose()?,
        replaces: claim.replaces.iter().copied().map(run_to_wire).collect(),
    };
    Ok(claim.encode_to_vec().into())
}

/// Reads the body of a fence.
pub(crate) fn claim_from_body(body: Bytes) -> Result<Claim, RelayError> {
    let claim = wire::Claim::decode(body).map_err(|error| RelayError::malformed("claim", error))?;
    let replaces = claim.replaces.iter().map(|run| Ok(uuid("claim.replaces", run)?.into()));
    Ok(Claim {
        run: uuid("claim.run", &claim.run)?.into(),
        epoch: claim.epoch,
        start: claim.start.map(position_from_wire).transpose()?,
        replaces: replaces.collect::<Result<_, RelayError>>()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markers_and_claims_survive() {
        let position = Position { next: 7, cursor: json!({ "id": 0.1, "name": "é" }) };
        let counters = Counters {
            read: 1,
            delivered: 2,
            filtered: 3,
            dead_lettered: 4,
            failed: 5,
            created: 6,
            bytes_read: 6,
            bytes_written: u64::MAX,
        };
        for (position, done) in [(Some(position), true), (Some(Position::start()), false), (None, false)] {
            let run = RunId::generate();
            let marker = Marker { run, epoch: 3, seq: 4, position: position.clone(), counters, done };
            assert_eq!(marker_from_body(marker_to_body(&marker).unwrap()).unwrap(), marker);
            let replaces = vec![RunId::generate(), RunId::generate()];
            let claim = Claim { run, epoch: 9, start: position, replaces };
            assert_eq!(claim_from_body(claim_to_body(&claim).unwrap()).unwrap(), claim);
        }
        assert!(marker_from_body(Bytes::new()).is_err());
        assert!(claim_from_body(Bytes::from_static(b"garbage")).is_err());
    }
}
