use std::path::PathBuf;
use std::process::Command;

use crate::{ServiceError, program};

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct Access {
    pub psql: PathBuf,
    pub port: u16,
    pub password: String,
    /// Certificate and key to log in with instead of the password.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl Access {
    /// Where the server listens.
    pub const HOST: &'static str = "127.0.0.1";
    /// The superuser.
    pub const USER: &'static str = "postgres";

    /// A URL of a database.
    pub fn url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{}:{password}@{}:{port}/{}", Self::USER, Self::HOST, percent_encoded(database))
    }

    /// `psql` on a database, without SQL and output options.
    pub fn command(&self, database: &str) -> Command {
        let mut command = Command::new(&self.psql);
        // What is set for the user's own databases must not reach these.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command
            .args(["-X", "-w", "-v", "ON_ERROR_STOP=1", "-h", Self::HOST, "-U", Self::USER])
            .args(["-p", &self.port.to_string(), "-d", &connection_string(database)])
            .env("PGPASSWORD", &self.password)
            .env("PGCLIENTENCODING", "UTF8");
        if let Some((certificate, key)) = &self.certificate {
            command.env("PGSSLMODE", "require").env("PGSSLCERT", certificate).env("PGSSLKEY", key);
        }
        command
    }

    /// Runs SQL and returns the rows, without the last line's end.
    pub fn run(&self, database: &str, sql: &str) -> Result<String, ServiceError> {
        let mut command = self.command(database);
        let mut rows = program::output(command.args(["-q", "-A", "-t", "-f", "-"]), sql)?;
        if rows.ends_with('\n') {
            rows.pop();
        }
        Ok(rows)
    }
}

/// A connection string in which any name of a database is only that.
fn connection_string(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// An identifier as SQL.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_where_they_stand() {
        assert_eq!(percent_encoded("a/b é?"), "a%2Fb%20%C3%A9%3F");
        assert_eq!(connection_string("a' host=x \\"), "dbname='a\\' host=x \\\\'");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn the_url_names_everything() {
        let access =
            Access { psql: "psql".into(), port: 5000, password: "secret".to_owned(), certificate: None };
        assert_eq!(access.url("my db"), "postgres://postgres:secret@127.0.0.1:5000/my%20db");
    }
}
