use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ServiceError;
use crate::guard::{GLANCE, Guard};

/// The longest time a start may take.
const START: Duration = Duration::from_secs(60);
/// The longest time an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes of the log that an error carries.
const LOG_TAIL: usize = 4000;

/// A server of one process with a page that tells when it is ready: stopped, with its data removed, when dropped and when this
/// process dies.
#[derive(Debug)]
pub(crate) struct Single {
    name: &'static str,
    log: PathBuf,
    guard: Guard,
}

impl Single {
    /// Starts `command` and waits until `ready`, a path at `address`, answers with 200.
    pub fn start(
        name: &'static str,
        directory: tempfile::TempDir,
        command: &Command,
        (address, ready): (SocketAddr, &str),
    ) -> Result<Self, ServiceError> {
        let log = directory.path().join("log");
        let guard = Guard::new(directory, &log, "KILL", command)?;
        let mut server = Self { name, log, guard };
        server.guard.start()?;
        let began = Instant::now();
        while !get(address, ready).is_ok_and(|(status, _)| status == 200) {
            if let Some(status) = server.guard.ended()? {
                return Err(ServiceError::Ended {
                    server: name,
                    status: status.to_string(),
                    log: server.log(),
                });
            }
            if began.elapsed() > START {
                return Err(ServiceError::TimedOut { what: format!("the start of {name}"), limit: START });
            }
            std::thread::sleep(GLANCE);
        }
        Ok(server)
    }

    /// The end of what it has logged.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text[text.floor_char_boundary(text.len().saturating_sub(LOG_TAIL))..].to_owned()
    }

    /// Its name, for messages.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// A program by the variable that names it, by PATH, or at a place.
pub(crate) fn program(
    variable: &str,
    name: &str,
    place: Option<&Path>,
    help: &str,
) -> Result<PathBuf, ServiceError> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let known = named.or_else(|| crate::program::in_path(name)).or_else(|| place.map(Path::to_path_buf));
    known
        .filter(|path| path.is_file())
        .ok_or_else(|| ServiceError::Missing { program: name.to_owned(), help: help.to_owned() })
}

/// Where it listens on a port of this machine alone.
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Asks for a page by HTTP/1.0; the status and the body.
///
/// # Errors
/// Nobody answers there, or not by HTTP.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String), ServiceError> {
    let failed = || ServiceError::io(format!("http://{address}{path}"));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).map_err(failed())?;
    stream.set_read_timeout(Some(ANSWER)).map_err(failed())?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n\r\n").map_err(failed())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed())?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let refused =
        || ServiceError::Refused(format!("http://{address}{path} does not answer by HTTP: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(refused)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(refused)?;
    Ok((status, body.to_owned()))
}

/// A text as part of a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}
