use std::path::PathBuf;
use std::time::Duration;

use etl_model::Span;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;

use super::host::{Host, TargetSessionAttrs};
use super::url::Url;

/// Declares the raw configuration of a source or destination: the fields of a connection and then its own.
macro_rules! with_connection_fields {
    ($(#[$doc:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            /// Where the database is, as `postgres://user:password@host:port/database?sslmode=require`; instead of
            /// `host`, `port`, `database`, `username` and `password`.
            url: Option<String>,
            /// Name or address of the server, or the directory of its Unix socket. Several, with commas between them, are
            /// tried in their order: a primary and its standbys.
            host: Option<String>,
            /// Port of the server; 5432 when left out.
            #[schemars(range(min = 1))]
            port: Option<u16>,
            /// The database; the same as `username` when left out.
            database: Option<String>,
            /// The role to log in as.
            username: Option<String>,
            /// Its password; better `${secret:...}` or `${VAR}` than the text itself.
            password: Option<String>,
            /// Whether the connection is encrypted and the server's certificate verified, as in libpq; `prefer` when left
            /// out.
            sslmode: Option<$crate::connection::SslModeField>,
            /// File with the certificates (PEM) that the server's one must descend from; the public ones when left out.
            sslrootcert: Option<String>,
            /// File with this client's certificate (PEM).
            sslcert: Option<String>,
            /// File with the key (PEM) of `sslcert`.
            sslkey: Option<String>,
            /// Which of several servers is taken: the first that answers (`any`; what a source does when it is left out), that
            /// takes writes (`read-write`; a destination) or that takes none (`read-only`).
            target_session_attrs: Option<$crate::connection::TargetSessionAttrsField>,
            /// Schemas in which names without a schema are looked up, in this order.
            #[serde(default)]
            search_path: Vec<String>,
            /// How long a connection may take; `10s` when left out.
            #[schemars(with = "Option<String>", extend("format" = "time-span"))]
            connect_timeout: Option<etl_model::Span>,
            /// How long one statement may take on the server; without limit when left out.
            #[schemars(with = "Option<String>", extend("format" = "time-span"))]
            statement_timeout: Option<etl_model::Span>,
            /// How long a statement may wait for a lock; `30s` when left out.
            #[schemars(with = "Option<String>", extend("format" = "time-span"))]
            lock_timeout: Option<etl_model::Span>,
            $($own)*
        }

        impl $name {
            fn connection(&self) -> $crate::connection::RawConnection<'_> {
                $crate::connection::RawConnection {
                    url: self.url.as_deref(),
                    host: self.host.as_deref(),
                    port: self.port,
                    database: self.database.as_deref(),
                    username: self.username.as_deref(),
                    password: self.password.as_deref(),
                    sslmode: self.sslmode,
                    sslrootcert: self.sslrootcert.as_deref(),
                    sslcert: self.sslcert.as_deref(),
                    sslkey: self.sslkey.as_deref(),
                    target_session_attrs: self.target_session_attrs,
                    search_path: &self.search_path,
                    connect_timeout: self.connect_timeout,
                    statement_timeout: self.statement_timeout,
                    lock_timeout: self.lock_timeout,
                }
            }
        }
    };
}
pub(crate) use with_connection_fields;

/// How a connection is secured (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server demands it.
    Allow,
    /// Encrypted when the server can.
    #[default]
    Prefer,
    /// Always encrypted; the certificate is verified only when `sslrootcert` is given.
    Require,
    /// The certificate must descend from a trusted one.
    VerifyCa,
    /// It must carry the name of the host, too.
    VerifyFull,
}

/// The fields of a connection as they were written.
pub(crate) struct RawConnection<'a> {
    pub(crate) url: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) port: Option<u16>,
    pub(crate) database: Option<&'a str>,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) sslmode: Option<SslMode>,
    pub(crate) sslrootcert: Option<&'a str>,
    pub(crate) sslcert: Option<&'a str>,
    pub(crate) sslkey: Option<&'a str>,
    pub(crate) target_session_attrs: Option<TargetSessionAttrs>,
    pub(crate) search_path: &'a [String],
    pub(crate) connect_timeout: Option<Span>,
    pub(crate) statement_timeout: Option<Span>,
    pub(crate) lock_timeout: Option<Span>,
}

/// Where the certificate and key of this client are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// How to connect, checked. Not `Debug`: it holds the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ConnectionConfig {
    /// At least one, in the order in which they are tried.
    pub(crate) hosts: Vec<Host>,
    /// Which of them is taken, if that was said.
    pub(crate) target_session_attrs: Option<TargetSessionAttrs>,
    pub(crate) database: String,
    pub(crate) username: String,
    pub(crate) password: Option<String>,
    pub(crate) sslmode: SslMode,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) search_path: Vec<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Duration,
}

impl ConnectionConfig {
    /// Checks the fields; faults are added to `errors`.
    pub(crate) fn parse(raw: &RawConnection<'_>, errors: &mut Vec<FieldError>) -> Option<Self> {
        let before = errors.len();
        let url = match raw.url.map(Url::parse) {
            Some(Ok(url)) => url,
            Some(Err(message)) => {
                errors.push(FieldError::new("invalid_url", message).at("url").with_help(
                    "write postgres://user:password@host:port/database, with %XX for special characters",
                ));
                return None;
            }
            None => Url::default(),
        };
        let doubled = [
            ("host", raw.host.is_some()),
            ("port", raw.port.is_some()),
            ("database", raw.database.is_some()),
            ("username", raw.username.is_some() && url.username.is_some()),
            ("password", raw.password.is_some() && url.password.is_some()),
            ("sslmode", raw.sslmode.is_some() && url.sslmode.is_some()),
            (
                "target_session_attrs",
                raw.target_session_attrs.is_some() && url.target_session_attrs.is_some(),
            ),
        ];
        for (field, _) in doubled.iter().filter(|(_, given)| raw.url.is_some() && *given) {
            errors.push(
                FieldError::new("url_and_fields", format!("`{field}` is given beside `url`"))
                    .at(*field)
                    .with_help("keep one of them"),
            );
        }
        let text = |field: Option<&str>, from_url: Option<String>| field.map(str::to_owned).or(from_url);
        let named = match raw.host {
            Some(list) => list.split(',').map(|name| (name.trim().to_owned(), None)).collect(),
            None => url.hosts,
        };
        let username = text(raw.username, url.username);
        let has_host = !named.is_empty() && named.iter().all(|(name, _)| !name.is_empty());
        let has_username = username.as_ref().is_some_and(|name| !name.is_empty());
        for (field, is_given) in [("host", has_host), ("username", has_username)] {
            if !is_given {
                let message = format!("`{field}` is missing");
                let error = FieldError::new("missing_field", message)
                    .with_help(format!("give `{field}`, or a `url` that holds it"));
                errors.push(if raw.url.is_some() { error.at("url") } else { error });
            }
        }
        let path = |field: Option<&str>, from_url: Option<String>| text(field, from_url).map(PathBuf::from);
        let certificate = path(raw.sslcert, url.sslcert);
        let key = path(raw.sslkey, url.sslkey);
        let client_certificate = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (given, _) => {
                let (field, missing) =
                    if given.is_some() { ("sslcert", "sslkey") } else { ("sslkey", "sslcert") };
                let message = format!("`{field}` needs `{missing}` beside it");
                errors.push(FieldError::new("missing_field", message).at(field));
                None
            }
        };
        for (i, schema) in raw.search_path.iter().enumerate() {
            if schema.is_empty() || schema.contains('\0') {
                let message = "this cannot be the name of a schema";
                errors.push(FieldError::new("invalid_name", message).at("search_path").at(i));
            }
        }
        let port = raw.port.or(url.port).unwrap_or(5432);
        let with_port = |(name, own): (String, Option<u16>)| Host { name, port: own.unwrap_or(port) };
        let hosts: Vec<Host> = named.into_iter().map(with_port).collect();
        if hosts.len() > 1 && hosts.iter().any(Host::is_socket) {
            let message = "the directory of a Unix socket cannot be one of several hosts";
            let error = FieldError::new("socket_among_hosts", message)
                .with_help("name one host, or only servers of a network");
            errors.push(error.at(if raw.host.is_some() { "host" } else { "url" }));
        }
        let username = username.unwrap_or_default();
        (errors.len() == before).then(|| Self {
            database: text(raw.database, url.database).unwrap_or_else(|| username.clone()),
            hosts,
            target_session_attrs: raw.target_session_attrs.or(url.target_session_attrs),
            username,
            password: text(raw.password, url.password),
            sslmode: raw.sslmode.or(url.sslmode).unwrap_or_default(),
            root_certificates: path(raw.sslrootcert, url.sslrootcert),
            client_certificate,
            search_path: raw.search_path.to_vec(),
            connect_timeout: span(raw.connect_timeout).unwrap_or(Duration::from_secs(10)),
            statement_timeout: span(raw.statement_timeout),
            lock_timeout: span(raw.lock_timeout).unwrap_or(Duration::from_secs(30)),
        })
    }

    /// For somebody who writes: of several servers the one that takes writes, unless another was asked for.
    pub(crate) fn for_writing(mut self) -> Self {
        if self.hosts.len() > 1 {
            self.target_session_attrs.get_or_insert(TargetSessionAttrs::ReadWrite);
        }
        self
    }

    /// For messages: hosts, ports and database.
    pub(crate) fn place(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("{}/{}", hosts.join(","), self.database)
    }

    /// For messages: one of the hosts, its port and the database.
    pub(crate) fn place_of(&self, host: &Host) -> String {
        format!("{host}/{}", self.database)
    }
}

fn span(field: Option<Span>) -> Option<Duration> {
    field.map(|span| span.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn raw<'a>() -> RawConnection<'a> {
        RawConnection {
            url: None,
            host: None,
            port: None,
            database: None,
            username: None,
            password: None,
            sslmode: None,
            sslrootcert: None,
            sslcert: None,
            sslkey: None,
            target_session_attrs: None,
            search_path: &[],
            connect_timeout: None,
            statement_timeout: None,
            lock_timeout: None,
        }
    }

    fn codes(raw: &RawConnection<'_>) -> Vec<&'static str> {
        let mut errors = Vec::new();
        assert!(ConnectionConfig::parse(raw, &mut errors).is_none());
        errors.iter().map(|error| error.code).collect()
    }

    #[test]
    fn fields_and_url_mean_the_same() {
        let fields = RawConnection {
            host: Some("db.example"),
            database: Some("sales"),
            username: Some("etl"),
            password: Some("p@ss/word"),
            sslmode: Some(SslMode::VerifyFull),
            sslrootcert: Some("/etc/ca.pem"),
            ..raw()
        };
        let url =
            "postgresql://etl:p%40ss%2Fword@db.example/sales?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem";
        let url = RawConnection { url: Some(url), ..raw() };
        let mut errors = Vec::new();
        let (fields, url) =
            (ConnectionConfig::parse(&fields, &mut errors), ConnectionConfig::parse(&url, &mut errors));
        assert!(errors.is_empty(), "{errors:?}");
        assert!(fields.is_some() && fields == url);
    }

    #[test]
    fn several_hosts_are_tried_in_their_order() {
        let mut errors = Vec::new();
        let fields = RawConnection { host: Some("a, b"), port: Some(6000), username: Some("u"), ..raw() };
        let fields = ConnectionConfig::parse(&fields, &mut errors).unwrap();
        assert_eq!(fields.place(), "a:6000,b:6000/u");
        assert_eq!(fields.clone().for_writing().target_session_attrs, Some(TargetSessionAttrs::ReadWrite));
        assert_eq!(fields.target_session_attrs, None);
        let url = RawConnection { url: Some("postgres://u@a:1,b/d?target_session_attrs=any"), ..raw() };
        let url = ConnectionConfig::parse(&url, &mut errors).unwrap().for_writing();
        assert_eq!(
            (url.place().as_str(), url.target_session_attrs),
            ("a:1,b:5432/d", Some(TargetSessionAttrs::Any))
        );
        assert!(errors.is_empty(), "{errors:?}");
        let with = |host| RawConnection { host: Some(host), username: Some("u"), ..raw() };
        assert_eq!(codes(&with("a,,b")), ["missing_field"]);
        assert_eq!(codes(&with("a,/run/postgresql")), ["socket_among_hosts"]);
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        assert_eq!(codes(&raw()), ["missing_field", "missing_field"]);
        let both = RawConnection { url: Some("postgres://u@h/d"), host: Some("x"), port: Some(1), ..raw() };
        assert_eq!(codes(&both), ["url_and_fields", "url_and_fields"]);
        let bad = RawConnection { url: Some("mysql://u@h/d"), ..raw() };
        assert_eq!(codes(&bad), ["invalid_url"]);
        let schemas = [String::new()];
        let half = RawConnection {
            url: Some("postgres://u@h/d"),
            sslkey: Some("k"),
            search_path: &schemas,
            ..raw()
        };
        assert_eq!(codes(&half), ["missing_field", "invalid_name"]);
    }
}
