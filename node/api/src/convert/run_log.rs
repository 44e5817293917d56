use etl_proto::admin as wire;

use super::{Malformed, uuid};
use crate::model::{LogEvent, LogLevel, RunLogTold, SilentNode};

/// The level that a request asks for; the ordinary one when it asks for none.
pub(crate) fn level_of_request(level: i32) -> Result<LogLevel, Malformed> {
    match wire::LogLevel::try_from(level) {
        Ok(wire::LogLevel::Unspecified) => Ok(LogLevel::Info),
        Ok(level) => Ok(level_from_wire(level)),
        Err(_) => Err(Malformed::unknown("least", level)),
    }
}

pub(crate) fn level_to_wire(level: LogLevel) -> wire::LogLevel {
    match level {
        LogLevel::Trace => wire::LogLevel::Trace,
        LogLevel::Debug => wire::LogLevel::Debug,
        LogLevel::Info => wire::LogLevel::Info,
        LogLevel::Warn => wire::LogLevel::Warn,
        LogLevel::Error => wire::LogLevel::Error,
    }
}

/// One that is not known here is taken for an ordinary one.
fn level_from_wire(level: wire::LogLevel) -> LogLevel {
    match level {
        wire::LogLevel::Trace => LogLevel::Trace,
        wire::LogLevel::Debug => LogLevel::Debug,
        wire::LogLevel::Unspecified | wire::LogLevel::Info => LogLevel::Info,
        wire::LogLevel::Warn => LogLevel::Warn,
        wire::LogLevel::Error => LogLevel::Error,
    }
}

impl From<RunLogTold> for wire::ReadRunLogResponse {
    fn from(told: RunLogTold) -> Self {
        let event = |event: LogEvent| {
            let LogEvent { node, incarnation, number, at_us, level, target, message, fields } = event;
            let fields = fields.into_iter().map(|(name, value)| wire::LogField { name, value }).collect();
            let level = level_to_wire(level).into();
            wire::LogEvent { node, incarnation, number, at_us, level, target, message, fields }
        };
        let silent = |SilentNode { node, reason }: SilentNode| wire::SilentNode { node, reason };
        Self {
            run: told.run.to_string(),
            events: told.events.into_iter().map(event).collect(),
            silent: told.silent.into_iter().map(silent).collect(),
        }
    }
}

impl TryFrom<wire::ReadRunLogResponse> for RunLogTold {
    type Error = Malformed;

    fn try_from(told: wire::ReadRunLogResponse) -> Result<Self, Malformed> {
        let event = |event: wire::LogEvent| {
            let level = level_from_wire(event.level());
            let wire::LogEvent { node, incarnation, number, at_us, target, message, fields, .. } = event;
            let fields = fields.into_iter().map(|wire::LogField { name, value }| (name, value)).collect();
            LogEvent { node, incarnation, number, at_us, level, target, message, fields }
        };
        let silent = |wire::SilentNode { node, reason }| SilentNode { node, reason };
        Ok(Self {
            run: uuid("run", &told.run)?,
            events: told.events.into_iter().map(event).collect(),
            silent: told.silent.into_iter().map(silent).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_keep_everything_on_their_way() {
        let event = |level| LogEvent {
            node: 2,
            incarnation: 3,
            number: 4,
            at_us: 1_795_386_601_000_001,
            level,
            target: "etl_engine".to_owned(),
            message: "retrying".to_owned(),
            fields: vec![("partition".to_owned(), "ä".to_owned())],
        };
        let told = RunLogTold {
            run: Uuid::from_u128(7),
            events: LogLevel::ALL.map(event).into(),
            silent: vec![SilentNode { node: 3, reason: "it is down".to_owned() }],
        };
        assert_eq!(RunLogTold::try_from(wire::ReadRunLogResponse::from(told.clone())), Ok(told));
        for level in LogLevel::ALL {
            assert_eq!(level_of_request(level_to_wire(level).into()), Ok(level));
        }
        assert_eq!(level_of_request(0), Ok(LogLevel::Info));
        assert_eq!(level_of_request(77).map_err(|error| error.field), Err("least"));
    }
}
