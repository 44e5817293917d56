use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::access::Access;
use super::certificates::Certificates;
use super::programs::{HELP, Programs};
use super::server::PostgresServer;
use crate::account::Account;
use crate::guard::Guard;
use crate::port::free_port;
use crate::{ServiceError, program};

/// Ports that are tried when another process is faster to take one.
const ATTEMPTS: usize = 5;

/// Whether what is committed survives a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// For tests: nothing is synced, and little memory is taken. What is committed survives the crash of a process.
    #[default]
    Off,
    /// For benchmarks: PostgreSQL's defaults, with 1 GB of `shared_buffers` and 4 GB of `max_wal_size`.
    On,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authentication {
    /// By password, SCRAM-SHA-256.
    #[default]
    Scram,
    /// By password, MD5.
    Md5,
    /// By password, in clear.
    Password,
    /// Everyone is believed.
    Trust,
    /// By a certificate of the server's authority, which [`PostgresServer::client_certificate`] names; only with
    /// [`PostgresBuilder::tls`].
    Certificate,
}

/// What the server's certificate is issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// 127.0.0.1 and localhost.
    OfThisHost,
    /// Some other host, so that a client that looks refuses.
    OfAnotherHost,
}

/// Settings of a server that is to be started.
#[derive(Debug, Clone, Default)]
pub struct PostgresBuilder {
    durability: Durability,
    authentication: Authentication,
    certificate: Option<Certificate>,
    only_tls: bool,
    settings: Vec<String>,
    parent: Option<PathBuf>,
}

/// Where a server is to be.
struct Site {
    account: Account,
    root: PathBuf,
    data: PathBuf,
    guard: Guard,
}

impl PostgresBuilder {
    /// Whether what is committed survives a crash of the machine; by default not.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How clients prove who they are; by default with SCRAM-SHA-256.
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// Lets clients use TLS, with a certificate from an authority that is made for this server and whose certificate
    /// [`PostgresServer::ca_file`] names. By default there is no TLS.
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Refuses connections without TLS.
    pub fn only_tls(mut self) -> Self {
        self.only_tls = true;
        self
    }

    /// Adds a line of `postgresql.conf`, such as `wal_level = logical`; the last line for a setting counts.
    pub fn setting(mut self, line: impl Into<String>) -> Self {
        self.settings.push(line.into());
        self
    }

    /// Puts the data below this directory instead of where the system keeps temporary files.
    pub fn data_in(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Makes a cluster, starts it, and waits until it accepts connections.
    ///
    /// # Errors
    /// [`ServiceError::Missing`] names the package of a program that is not installed; [`ServiceError::Ended`]
    /// carries the log of a server that did not like its settings.
    pub fn start(self) -> Result<PostgresServer, ServiceError> {
        let programs = Programs::find()?;
        let Site { account, root, data, guard } = self.site(&programs)?;
        let password: String = std::iter::repeat_with(fastrand::alphanumeric).take(20).collect();
        self.make_cluster(account, &programs, &root, &data, &password)?;
        let certificates = match self.certificate {
            Some(certificate) => Some(self.make_certificates(account, &root, certificate)?),
            None => None,
        };
        write(&data.join("pg_hba.conf"), &self.client_authentication())?;
        let of_client = |made: &Certificates| (made.client_certificate.clone(), made.client_key.clone());
        let certificate = match self.authentication {
            Authentication::Certificate => certificates.as_ref().map(of_client),
            _ => None,
        };
        let access = Access { psql: programs.psql, port: 0, password, certificate };
        self.start_on_a_free_port(PostgresServer::new(
            access,
            root,
            guard,
            certificates,
            programs.pg_basebackup,
        ))
    }

    /// Starts a standby that follows `primary` and takes reads. The other settings of this builder are its own.
    ///
    /// # Errors
    /// As [`PostgresBuilder::start`].
    pub fn start_standby_of(self, primary: &PostgresServer) -> Result<PostgresServer, ServiceError> {
        let missing = || ServiceError::Missing { program: "pg_basebackup".to_owned(), help: HELP.to_owned() };
        let copier = primary.pg_basebackup.as_ref().ok_or_else(missing)?;
        let programs = Programs::find()?;
        let Site { account, root, data, guard } = self.site(&programs)?;
        let mut copy = account.command(copier, "KILL");
        copy.args([
            "-h",
            Access::HOST,
            "-U",
            Access::USER,
            "-p",
            &primary.port().to_string(),
            "-w",
            "-R",
            "-D",
        ]);
        copy.arg(&data).args(["-X", "stream", "-c", "fast"]).current_dir(&root);
        program::output(copy.env("PGPASSWORD", primary.password()), "")?;
        let access = Access { port: 0, psql: programs.psql, ..primary.access.clone() };
        let certificates = primary.certificates.clone();
        self.start_on_a_free_port(PostgresServer::new(
            access,
            root,
            guard,
            certificates,
            programs.pg_basebackup,
        ))
    }

    /// A place for a server that is not started yet. From here on its guard removes everything when this process is killed.
    fn site(&self, programs: &Programs) -> Result<Site, ServiceError> {
        let account = Account::of(Access::USER, HELP)?;
        let directory = account.directory(self.parent.as_deref(), "postgres-")?;
        let root = directory.path().to_path_buf();
        let data = root.join("data");
        let mut server = account.command(&programs.postgres, "QUIT");
        server.arg("-D").arg(&data);
        let guard = Guard::new(directory, &root.join("log"), "QUIT", &server)?;
        Ok(Site { account, root, data, guard })
    }

    fn start_on_a_free_port(&self, mut server: PostgresServer) -> Result<PostgresServer, ServiceError> {
        for attempt in 1.. {
            server.access.port = free_port()?;
            let settings = self.settings(server.access.port, server.certificates.as_ref());
            write(&server.root.join("data/test.conf"), &settings)?;
            match server.start_again() {
                Err(ServiceError::Ended { log, .. }) if attempt < ATTEMPTS && is_about_the_port(&log) => {}
                result => return result.map(|()| server),
            }
        }
        Err(ServiceError::Refused("no port was tried".to_owned()))
    }

    fn make_cluster(
        &self,
        account: Account,
        programs: &Programs,
        root: &Path,
        data: &Path,
        password: &str,
    ) -> Result<(), ServiceError> {
        let password_file = root.join("password");
        write(&password_file, password)?;
        let mut command = account.command(&programs.initdb, "KILL");
        command.args(["-U", Access::USER, "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", "-D"]);
        command.arg(data).arg("--pwfile").arg(&password_file).current_dir(root);
        if self.durability == Durability::Off {
            command.arg("-N");
        }
        program::output(&mut command, "")?;
        let file = data.join("postgresql.conf");
        let mut settings = fs::read_to_string(&file).map_err(ServiceError::at(&file))?;
        settings.push_str("\ninclude = 'test.conf'\n");
        write(&file, &settings)
    }

    fn make_certificates(
        &self,
        account: Account,
        root: &Path,
        certificate: Certificate,
    ) -> Result<Certificates, ServiceError> {
        let made = Certificates::make(root, certificate)?;
        // The server takes a key only from its owner and closed for others.
        fs::set_permissions(&made.key, fs::Permissions::from_mode(0o600))
            .map_err(ServiceError::at(&made.key))?;
        account.give(&made.key)?;
        Ok(made)
    }

    fn client_authentication(&self) -> String {
        let needs_tls = self.only_tls || self.authentication == Authentication::Certificate;
        let kind = if needs_tls { "hostssl" } else { "host" };
        let method = match self.authentication {
            Authentication::Scram => "scram-sha-256",
            Authentication::Md5 => "md5",
            Authentication::Password => "password",
            Authentication::Trust => "trust",
            Authentication::Certificate => "cert",
        };
        ["all", "replication"]
            .map(|database| format!("{kind} {database} all 127.0.0.1/32 {method}\n"))
            .concat()
    }

    fn settings(&self, port: u16, certificates: Option<&Certificates>) -> String {
        let mut lines = vec![
            format!("port = {port}"),
            format!("listen_addresses = '{}'", Access::HOST),
            "unix_socket_directories = ''".to_owned(),
            "timezone = 'UTC'".to_owned(),
            "log_timezone = 'UTC'".to_owned(),
        ];
        let by_durability: &[&str] = match self.durability {
            Durability::Off => &[
                "fsync = off",
                "full_page_writes = off",
                "shared_buffers = 32MB",
                "wal_level = logical",
                "max_wal_senders = 10",
                "max_replication_slots = 10",
                "max_prepared_transactions = 10",
            ],
            Durability::On => &["shared_buffers = 1GB", "max_wal_size = 4GB"],
        };
        lines.extend(by_durability.iter().map(|&line| line.to_owned()));
        if self.authentication == Authentication::Md5 {
            lines.push("password_encryption = md5".to_owned());
        }
        if let Some(made) = certificates {
            let quoted = |path: &Path| path.display().to_string().replace('\'', "''");
            lines.push("ssl = on".to_owned());
            lines.push(format!("ssl_cert_file = '{}'", quoted(&made.certificate)));
            lines.push(format!("ssl_key_file = '{}'", quoted(&made.key)));
            lines.push(format!("ssl_ca_file = '{}'", quoted(&made.authority)));
        }
        lines.extend(self.settings.iter().cloned());
        lines.join("\n") + "\n"
    }
}

fn is_about_the_port(log: &str) -> bool {
    log.contains("Address already in use")
}

/// Writes a file that the account of the server can read.
fn write(path: &Path, text: &str) -> Result<(), ServiceError> {
    fs::write(path, text).map_err(ServiceError::at(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).map_err(ServiceError::at(path))
}
