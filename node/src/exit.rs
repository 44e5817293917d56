use std::process::ExitCode;

/// How a command ends; stable, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, nothing found.
    Success,
    /// 1: findings: an invalid workflow, records that failed, data or settings the user has to mend.
    Findings,
    /// 2: the command line itself is wrong.
    Usage,
    /// 3: a system outside could not be reached or refused; trying again may help.
    Unreachable,
    /// 70: a defect of this program (`EX_SOFTWARE`).
    Internal,
    /// 128 + number: stopped by this signal, after everything read was committed.
    Signal(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Internal => 70,
            Exit::Signal(number) => 128u8.saturating_add(number),
        })
    }
}
