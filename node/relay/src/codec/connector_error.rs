use bytes::Bytes;
use etl_model::Retry;
use etl_proto::Message as _;
use etl_proto::relay as wire;
use etl_proto::relay::error::Kind;
use etl_sdk::ConnectorError;

use super::codes::fixed;
use crate::RelayError;

pub(super) fn error_to_wire(error: &ConnectorError) -> wire::Error {
    let kind = match error.clone() {
        ConnectorError::User { code, message, help } => {
            Kind::User(wire::UserError { code: code.to_owned(), message, help })
        }
        ConnectorError::External { code, message, retry } => {
            let backoff = retry == Retry::Backoff;
            Kind::External(wire::ExternalError { code: code.to_owned(), message, backoff })
        }
        ConnectorError::Fenced { place, found, held, run } => {
            Kind::Fenced(wire::FencedError { place, found, held, run })
        }
        ConnectorError::Internal { message } => Kind::Internal(wire::InternalError { message }),
    };
    wire::Error { kind: Some(kind) }
}

pub(super) fn error_from_wire(error: wire::Error) -> Result<ConnectorError, RelayError> {
    Ok(match error.kind {
        Some(Kind::User(wire::UserError { code, message, help })) => {
            ConnectorError::User { code: fixed(&code), message, help }
        }
        Some(Kind::External(wire::ExternalError { code, message, backoff })) => {
            let retry = if backoff { Retry::Backoff } else { Retry::Never };
            ConnectorError::External { code: fixed(&code), message, retry }
        }
        Some(Kind::Fenced(wire::FencedError { place, found, held, run })) => {
            ConnectorError::Fenced { place, found, held, run }
        }
        Some(Kind::Internal(wire::InternalError { message })) => ConnectorError::Internal { message },
        None => return Err(RelayError::malformed("error", "its kind is missing")),
    })
}

/// The body of a closing frame.
pub(crate) fn error_to_body(error: &ConnectorError) -> Bytes {
    Bytes::from(error_to_wire(error).encode_to_vec())
}

/// Reads the body of a closing frame.
pub(crate) fn error_from_body(body: Bytes) -> Result<ConnectorError, RelayError> {
    let error = wire::Error::decode(body).map_err(|error| RelayError::malformed("error", error))?;
    error_from_wire(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_error_survives() {
        let errors = [
            ConnectorError::user("no_table", "table `a` is missing", "create it"),
            ConnectorError::external("full", "disk full"),
            ConnectorError::transient("reset", ""),
            ConnectorError::Fenced { place: "é".to_owned(), found: u64::MAX, held: 0, run: "r".to_owned() },
            ConnectorError::internal("impossible"),
        ];
        for error in errors {
            assert_eq!(error_from_body(error_to_body(&error)).unwrap(), error);
        }
        assert!(error_from_body(Bytes::new()).is_err());
        assert!(error_from_body(Bytes::from_static(&[255, 255])).is_err());
    }
}
