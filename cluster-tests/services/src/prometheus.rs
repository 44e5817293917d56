use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::ServiceError;
use crate::port::free_port;
use crate::single::{Single, get, local, percent_encoded, program};

const HELP: &str = "install the package `prometheus` (`.ci/test` does), or name the programs by ACTIX_ETL_TEST_PROMETHEUS and \
                    ACTIX_ETL_TEST_PROMTOOL";

/// A private Prometheus that scrapes what it is told to.
#[derive(Debug)]
pub struct PrometheusServer {
    address: SocketAddr,
    server: Single,
}

impl PrometheusServer {
    /// Starts a server that scrapes `/metrics` of these targets as the job `actix-etl` four times a second, and knows the rules in
    /// a file.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(targets: &[SocketAddr], rules: Option<&Path>) -> Result<Self, ServiceError> {
        let prometheus = program("ACTIX_ETL_TEST_PROMETHEUS", "prometheus", None, HELP)?;
        let directory = tempfile::tempdir().map_err(ServiceError::io("a temporary directory"))?;
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let rules = rules.map_or_else(String::new, |rules| format!("rule_files: ['{}']\n", rules.display()));
        let settings = format!(
            "global: {{ scrape_interval: 250ms, evaluation_interval: 1s }}\n{rules}scrape_configs:\n  - job_name: actix-etl\n    \
             static_configs: [ {{ targets: [{}] }} ]\n",
            targets.join(", ")
        );
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, settings).map_err(ServiceError::at(&file))?;
        let address = local(free_port()?);
        let mut command = Command::new(prometheus);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let server = Single::start("Prometheus", directory, &command, (address, "/-/ready"))?;
        Ok(Self { address, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a query comes to now: the answer of `/api/v1/query`, as JSON.
    ///
    /// # Errors
    /// The query cannot be read; with what the server says.
    pub fn query(&self, query: &str) -> Result<String, ServiceError> {
        self.ask(&format!("/api/v1/query?query={}", percent_encoded(query)))
    }

    /// The rules it knows: the answer of `/api/v1/rules`, as JSON.
    ///
    /// # Errors
    /// It does not answer.
    pub fn rules(&self) -> Result<String, ServiceError> {
        self.ask("/api/v1/rules")
    }

    /// The targets it scrapes: the answer of `/api/v1/targets`, as JSON.
    ///
    /// # Errors
    /// It does not answer.
    pub fn targets(&self) -> Result<String, ServiceError> {
        self.ask("/api/v1/targets")
    }

    fn ask(&self, path: &str) -> Result<String, ServiceError> {
        match get(self.address, path)? {
            (200, body) => Ok(body),
            (status, body) => Err(ServiceError::Refused(format!(
                "{} answers {path} with {status}: {body}",
                self.server.name()
            ))),
        }
    }
}

/// Has `promtool` check a file: `config` or `rules`.
///
/// # Errors
/// It is not installed, or the file is not right.
pub fn promtool_check(what: &str, file: &Path) -> Result<(), ServiceError> {
    let promtool = program("ACTIX_ETL_TEST_PROMTOOL", "promtool", None, HELP)?;
    crate::program::output(Command::new(promtool).args(["check", what]).arg(file), "").map(drop)
}
