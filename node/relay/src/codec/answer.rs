use bytes::Bytes;
use etl_model::{Marker, RecordError};
use etl_proto::Message as _;
use etl_proto::relay as wire;
use etl_proto::relay::answer::Outcome;
use etl_sdk::{Account, ConnectorError};

use super::connector_error::{error_from_wire, error_to_wire};
use super::marker::{marker_from_wire, marker_to_wire};
use super::record_error::{record_errors_from_wire, record_errors_to_wire};
use super::step_error::{step_error_from_wire, step_error_to_wire};
use crate::RelayError;

/// What a call has led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// An error of the step.
    Error(ConnectorError),
    /// The stored marker, or the one in force after a fence.
    Marker(Option<Marker>),
    /// Rows that are not part of the staged unit: those that the destination refused, and what became of others.
    Refused(Vec<RecordError>, Account),
    /// What became of a batch; the rows still encoded.
    Processed { rows: Bytes, filtered: Vec<u64>, errors: Vec<RecordError> },
    /// Nothing to tell.
    Done,
}

/// The body of an answer.
pub(crate) fn answer_to_body(answer: Answer) -> Result<Bytes, RelayError> {
    let outcome = match answer {
        Answer::Error(error) => Outcome::Error(error_to_wire(&error)),
        Answer::Marker(marker) => {
            let marker = marker.as_ref().map(marker_to_wire).transpose()?;
            Outcome::Marker(wire::FoundMarker { marker })
        }
        Answer::Refused(errors, account) => Outcome::Refused(refused_to_wire(errors, account)?),
        Answer::Processed { rows, filtered, errors } => {
            let errors = record_errors_to_wire(errors)?;
            Outcome::Processed(wire::ProcessedRows { rows, filtered, errors })
        }
        Answer::Done => Outcome::Done(wire::Done {}),
    };
    Ok(wire::Answer { outcome: Some(outcome) }.encode_to_vec().into())
}

/// Reads the body of an answer.
pub(crate) fn answer_from_body(body: Bytes) -> Result<Answer, RelayError> {
    let answer = wire::Answer::decode(body).map_err(|error| RelayError::malformed("answer", error))?;
    Ok(match answer.outcome {
        Some(Outcome::Error(error)) => Answer::Error(error_from_wire(error)?),
        Some(Outcome::Marker(found)) => Answer::Marker(found.marker.map(marker_from_wire).transpose()?),
        Some(Outcome::Refused(refused)) => refused_from_wire(refused)?,
        Some(Outcome::Processed(wire::ProcessedRows { rows, filtered, errors })) => {
            Answer::Processed { rows, filtered, errors: record_errors_from_wire(errors)? }
        }
        Some(Outcome::Done(_)) => Answer::Done,
        None => return Err(RelayError::malformed("answer", "its outcome is missing")),
    })
}

fn refused_to_wire(errors: Vec<RecordError>, account: Account) -> Result<wire::RefusedRows, RelayError> {
    let Account { filtered, dead_lettered, failed, created, letters, fatal, bytes } = account;
    Ok(wire::RefusedRows {
        errors: record_errors_to_wire(errors)?,
        bytes,
        filtered,
        dead_lettered,
        failed,
        created,
        letters: letters.into_iter().map(step_error_to_wire).collect::<Result<_, _>>()?,
        fatal: fatal.map(step_error_to_wire).transpose()?,
    })
}

fn refused_from_wire(refused: wire::RefusedRows) -> Result<Answer, RelayError> {
    let wire::RefusedRows { errors, bytes, filtered, dead_lettered, failed, letters, fatal, created } =
        refused;
    let letters = letters.into_iter().map(step_error_from_wire).collect::<Result<_, _>>()?;
    let fatal = fatal.map(step_error_from_wire).transpose()?;
    let account = Account { filtered, dead_lettered, failed, created, letters, fatal, bytes };
    Ok(Answer::Refused(record_errors_from_wire(errors)?, account))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_model::StepName;
    use etl_sdk::StepError;

    use super::*;

    #[test]
    fn answers_survive() {
        let errors = vec![RecordError::new(1, "bad", "bad")];
        let processed = Answer::Processed { rows: Bytes::from_static(b"rows"), filtered: vec![0, 7], errors };
        let at = |step: &str, ordinal| StepError {
            step: StepName::new(step).unwrap(),
            error: RecordError::new(ordinal, "bad", "bad").with_record(serde_json::json!({ "a": 0.1 })),
        };
        let account = Account {
            filtered: 1,
            dead_lettered: 2,
            created: 5,
            failed: u64::MAX,
            letters: vec![at("mask", 3), at("trim", 4)],
            fatal: Some(at("mask", 5)),
            bytes: Some(0),
        };
        for answer in [Answer::Error(ConnectorError::internal("x")), Answer::Marker(None), Answer::Done] {
            let body = answer_to_body(match &answer {
                Answer::Error(error) => Answer::Error(error.clone()),
                Answer::Marker(_) => Answer::Marker(None),
                _ => Answer::Done,
            });
            assert_eq!(answer_from_body(body.unwrap()).unwrap(), answer);
        }
        let body = answer_to_body(processed).unwrap();
        assert!(matches!(
            answer_from_body(body).unwrap(),
            Answer::Processed { rows, filtered, errors }
                if rows == "rows" && filtered == [0, 7] && errors[0].code == "bad"
        ));
        for account in [account, Account::default()] {
            let errors = || vec![RecordError::new(2, "worse", "worse")];
            let body = answer_to_body(Answer::Refused(errors(), account.clone())).unwrap();
            assert_eq!(answer_from_body(body).unwrap(), Answer::Refused(errors(), account));
        }
        assert!(answer_from_body(Bytes::new()).is_err());
    }
}
