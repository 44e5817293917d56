use bytes::Bytes;
use etl_proto::cluster as wire;
use tonic::Status;

use super::run_logs::{LogEvent, LogLevel, Numbered};
use super::show_log::LogOrder;
use crate::candidate::uuid;

/// What another node asks of the log.
///
/// # Errors
/// A field that is missing or no good, by its name.
pub(crate) fn log_order(request: &wire::ReadRunLogRequest) -> Result<LogOrder, Status> {
    let least = level(request.least()).ok_or_else(|| Status::invalid_argument("least is not known here"))?;
    Ok(LogOrder { run: uuid("run", &request.run)?, least, follow: request.follow })
}

/// The same, to be asked of another node.
pub(super) fn log_request(order: LogOrder) -> wire::ReadRunLogRequest {
    wire::ReadRunLogRequest {
        run: Bytes::copy_from_slice(order.run.as_bytes()),
        least: level_to_wire(order.least).into(),
        follow: order.follow,
    }
}

fn level(level: wire::LogLevel) -> Option<LogLevel> {
    Some(match level {
        wire::LogLevel::Trace => LogLevel::Trace,
        wire::LogLevel::Debug => LogLevel::Debug,
        wire::LogLevel::Info => LogLevel::Info,
        wire::LogLevel::Warn => LogLevel::Warn,
        wire::LogLevel::Error => LogLevel::Error,
        wire::LogLevel::Unspecified => return None,
    })
}

fn level_to_wire(level: LogLevel) -> wire::LogLevel {
    match level {
        LogLevel::Trace => wire::LogLevel::Trace,
        LogLevel::Debug => wire::LogLevel::Debug,
        LogLevel::Info => wire::LogLevel::Info,
        LogLevel::Warn => wire::LogLevel::Warn,
        LogLevel::Error => wire::LogLevel::Error,
    }
}

pub(super) fn to_wire(numbered: &Numbered) -> wire::LogEvent {
    let LogEvent { at_us, level, target, message, fields } = numbered.event.as_ref();
    let field =
        |(name, value): &(String, String)| wire::LogField { name: name.clone(), value: value.clone() };
    wire::LogEvent {
        number: numbered.number,
        at_us: *at_us,
        level: level_to_wire(*level).into(),
        target: target.clone(),
        message: message.clone(),
        fields: fields.iter().map(field).collect(),
    }
}

/// A level that is not known here is taken for an ordinary one.
pub(super) fn from_wire(event: wire::LogEvent) -> (u64, LogEvent) {
    let level = level(event.level()).unwrap_or(LogLevel::Info);
    let wire::LogEvent { number, at_us, target, message, fields, .. } = event;
    let fields = fields.into_iter().map(|wire::LogField { name, value }| (name, value)).collect();
    (number, LogEvent { at_us, level, target, message, fields })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn orders_and_events_keep_everything_on_their_way() {
        for level in [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error] {
            let order = LogOrder { run: Uuid::from_u128(7), least: level, follow: level == LogLevel::Info };
            assert_eq!(log_order(&log_request(order)).unwrap(), order);
            let event = LogEvent {
                at_us: 1_795_386_601_000_001,
                level,
                target: "etl_engine".to_owned(),
                message: "retrying".to_owned(),
                fields: vec![("partition".to_owned(), "ä".to_owned())],
            };
            let numbered = Numbered { number: 9, event: Arc::new(event.clone()) };
            assert_eq!(from_wire(to_wire(&numbered)), (9, event));
        }
        let unknown = wire::ReadRunLogRequest { run: Bytes::from_static(&[1; 16]), least: 77, follow: false };
        assert!(log_order(&unknown).unwrap_err().message().contains("least"));
    }
}
