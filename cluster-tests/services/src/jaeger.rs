use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;

use crate::ServiceError;
use crate::port::free_port;
use crate::single::{Single, get, local, program};

const HELP: &str = "run `.ci/test`, which builds it, or name the program by ACTIX_ETL_TEST_JAEGER";

/// A private Jaeger that keeps traces in memory.
#[derive(Debug)]
pub struct JaegerServer {
    otlp: SocketAddr,
    query: SocketAddr,
    server: Single,
}

fn cached() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let named = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = if geteuid().is_root() { Some(PathBuf::from("/var/cache")) } else { named().or_else(home) };
    Some(cache?.join("actix-etl/jaeger/v1.76.0/jaeger-all-in-one"))
}

impl JaegerServer {
    /// Starts a server.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> Result<Self, ServiceError> {
        let jaeger = program("ACTIX_ETL_TEST_JAEGER", "jaeger-all-in-one", cached().as_deref(), HELP)?;
        let directory = tempfile::tempdir().map_err(ServiceError::io("a temporary directory"))?;
        let mut command = Command::new("env");
        command.arg("SPAN_STORAGE_TYPE=memory").arg(jaeger).arg("--collector.otlp.enabled=true");
        // All of them: the defaults are ports on all interfaces.
        let flags = [
            "collector.otlp.grpc.host-port",
            "query.http-server.host-port",
            "admin.http.host-port",
            "collector.otlp.http.host-port",
            "query.grpc-server.host-port",
            "collector.http-server.host-port",
            "collector.grpc-server.host-port",
        ];
        let mut addresses = Vec::new();
        for flag in flags {
            let mut port = free_port()?;
            while addresses.contains(&local(port)) {
                port = free_port()?;
            }
            command.arg(format!("--{flag}={}", local(port)));
            addresses.push(local(port));
        }
        let [otlp, query, admin, ..] = addresses[..] else {
            return Err(ServiceError::Refused("Jaeger needs three addresses at least".to_owned()));
        };
        let server = Single::start("Jaeger", directory, &command, (admin, "/"))?;
        Ok(Self { otlp, query, server })
    }

    /// Where it takes OTLP over gRPC.
    pub fn otlp(&self) -> SocketAddr {
        self.otlp
    }

    /// The answer of its query API to a path such as `/api/services`, as JSON.
    ///
    /// # Errors
    /// It does not answer, or with an error.
    pub fn ask(&self, path: &str) -> Result<String, ServiceError> {
        match get(self.query, path)? {
            (200, body) => Ok(body),
            (status, body) => Err(ServiceError::Refused(format!(
                "Jaeger answers {path} with {status}: {body}; its log:\n{}",
                self.server.log()
            ))),
        }
    }
}
