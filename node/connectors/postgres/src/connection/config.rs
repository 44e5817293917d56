use std::path::PathBuf;
use std::time::Duration;

use etl_model::Span;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;

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
            /// Name or address of the server, or the directory of its Unix socket.
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
    pub(crate) host: String,
    pub(crate) port: u16,
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
        ];
        for (field, _) in doubled.iter().filter(|(_, given)| raw.url.is_some() && *given) {
            errors.push(
                FieldError::new("url_and_fields", format!("`{field}` is given beside `url`"))
                    .at(*field)
                    .with_help("keep one of them"),
            );
        }
        let text = |field: Option<&str>, from_url: Option<String>| field.map(str::to_owned).or(from_url);
        let host = text(raw.host, url.host);
        let username = text(raw.username, url.username);
        for (field, value) in [("host", &host), ("username", &username)] {
            let missing = value.as_ref().is_none_or(String::is_empty);
            if missing {
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
        let (host, username) = (host.unwrap_or_default(), username.unwrap_or_default());
        (errors.len() == before).then(|| Self {
            database: text(raw.database, url.database).unwrap_or_else(|| username.clone()),
            host,
            port: raw.port.or(url.port).unwrap_or(5432),
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

    /// For messages: host, port and database.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
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
