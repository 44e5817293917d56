use etl_proto::relay as wire;
use etl_sdk::StepError;

use super::ids::step_name;
use super::record_error::{record_error_from_wire, record_error_to_wire};
use crate::RelayError;

pub(super) fn step_error_to_wire(error: StepError) -> Result<wire::StepError, RelayError> {
    let StepError { step, error } = error;
    Ok(wire::StepError { step: step.to_string(), error: Some(record_error_to_wire(error)?) })
}

pub(super) fn step_error_from_wire(error: wire::StepError) -> Result<StepError, RelayError> {
    let wire::StepError { step, error } = error;
    let error = error.ok_or_else(|| RelayError::malformed("error of a step", "it is missing"))?;
    Ok(StepError { step: step_name("step", step)?, error: record_error_from_wire(error)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_error_of_a_step_is_refused() {
        let full = || wire::StepError { step: "mask".to_owned(), error: Some(wire::RecordError::default()) };
        assert!(step_error_from_wire(full()).is_ok());
        assert!(step_error_from_wire(wire::StepError { step: "Not a name".to_owned(), ..full() }).is_err());
        assert!(step_error_from_wire(wire::StepError { error: None, ..full() }).is_err());
    }
}
