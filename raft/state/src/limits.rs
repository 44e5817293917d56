//! How large what is agreed on may be. Whoever proposes checks first; `apply` refuses what is over.

use crate::rejection::Rejection;

/// A workflow's document, in bytes.
pub const MAX_DOCUMENT: usize = 192 * 1024;
/// The name of a workflow, step, schedule, secret, user or role, in bytes.
pub const MAX_NAME: usize = 128;
/// The name of a partition, which may be a file's path, in bytes.
pub const MAX_PARTITION: usize = 4096;
/// HOST:PORT of a listener, in bytes.
pub const MAX_ADDRESS: usize = 300;
/// A short text: a software version, a zone, a cron expression, a time zone, in bytes.
pub const MAX_WORD: usize = 256;
/// A sentence for a person: why a run failed, what an audit event was about, in bytes.
pub const MAX_TEXT: usize = 8 * 1024;
/// An encoded position with the counters beside it, in bytes.
pub const MAX_POSITION: usize = 2048;
/// A secret's envelope, in bytes.
pub const MAX_SECRET: usize = 64 * 1024;
/// What proves who a user is, in bytes.
pub const MAX_CREDENTIAL: usize = 8 * 1024;
/// Parameters of one run.
pub const MAX_PARAMETERS: usize = 64;
/// The value of a parameter of a run, in bytes.
pub const MAX_PARAMETER: usize = 1024;
/// Roles of one user.
pub const MAX_ROLES: usize = 64;

/// Shards of all destinations of one run.
pub const MAX_SHARDS: usize = 4096;

/// Versions of a workflow that are kept.
pub const VERSIONS_KEPT: u64 = 100;
/// Finished runs of a workflow that are kept.
pub const RUNS_KEPT: usize = 100;
/// Times that a node was lost which are kept.
pub const DOWNS_KEPT: usize = 8;
/// Audit events that are kept.
pub const AUDIT_KEPT: usize = 10_000;
/// Sessions that are kept; the one unused for longest is dropped first.
pub const SESSIONS_KEPT: usize = 10_000;
/// Answers that are kept of one session; the oldest is dropped first, and can then not be asked for again.
pub const ANSWERS_KEPT: usize = 4096;
/// A session that is unused for so long is dropped, in milliseconds of the sessions' clock.
pub const SESSION_IDLE_MS: u64 = 60 * 60 * 1000;
/// How far one entry moves the sessions' clock at most, in milliseconds, so that a leader whose clock is hours ahead
/// does not end the sessions of commands that are being retried at that moment.
pub const SESSION_STEP_MS: u64 = 60 * 1000;

/// Refuses what is over a limit.
pub(crate) fn within(what: &str, size: usize, limit: usize) -> Result<(), Rejection> {
    if size > limit {
        return Err(Rejection::TooLarge { what: what.to_owned(), size: size as u64, limit: limit as u64 });
    }
    Ok(())
}

/// Refuses a name that does not match `^[a-z0-9_-]+$` or is too long.
pub(crate) fn name(what: &str, name: &str) -> Result<(), Rejection> {
    within(what, name.len(), MAX_NAME)?;
    let valid = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if valid {
        return Ok(());
    }
    let problem = format!("`{name}` is not a name: use lower-case letters, digits, `_` and `-`");
    Err(Rejection::Invalid { what: what.to_owned(), problem })
}
