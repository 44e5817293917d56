use etl_sdk::ConnectorError;

/// The same error, saying on which node it happened.
pub(super) fn located(error: ConnectorError, node: u64) -> ConnectorError {
    let on = |text: String| format!("node {node}: {text}");
    match error {
        ConnectorError::User { code, message, help } => {
            ConnectorError::User { code, message: on(message), help }
        }
        ConnectorError::External { code, message, retry } => {
            ConnectorError::External { code, message: on(message), retry }
        }
        ConnectorError::Fenced { place, found, held, run } => {
            ConnectorError::Fenced { place: on(place), found, held, run }
        }
        ConnectorError::Internal { message } => ConnectorError::Internal { message: on(message) },
    }
}
