use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use super::config::SslMode;
use super::host::TargetSessionAttrs;

/// A connection URL taken apart (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
#[derive(Default, PartialEq, Eq)]
pub(super) struct Url {
    /// Names or addresses, each with its own port where it has one.
    pub(super) hosts: Vec<(String, Option<u16>)>,
    /// The port of the hosts without one.
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) sslmode: Option<SslMode>,
    pub(super) sslrootcert: Option<String>,
    pub(super) sslcert: Option<String>,
    pub(super) sslkey: Option<String>,
    pub(super) target_session_attrs: Option<TargetSessionAttrs>,
}

impl Url {
    /// Takes a URL apart; the message of an error never holds the password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or("it does not begin with `postgres://`")?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, database) =
            rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
        let (user, address) =
            authority.rsplit_once('@').map_or((None, authority), |(user, address)| (Some(user), address));
        let mut url = Self::default();
        if let Some(user) = user {
            let (name, password) =
                user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
            url.username = some_text(name, "username")?;
            url.password = password.map(|password| decoded(password, "password")).transpose()?;
        }
        for part in address.split(',').filter(|_| !address.is_empty()) {
            let (host, port) = match part.strip_prefix('[') {
                Some(v6) => {
                    let (host, after) = v6.split_once(']').ok_or("`[` is not closed")?;
                    (host, after.strip_prefix(':'))
                }
                None => part.split_once(':').map_or((part, None), |(host, port)| (host, Some(port))),
            };
            let host = some_text(host, "host")?.ok_or("a host has no name")?;
            let port = port.filter(|port| !port.is_empty()).map(port_number).transpose()?;
            url.hosts.push((host, port));
        }
        url.database = database.map_or(Ok(None), |name| some_text(name, "database"))?;
        for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` has no value"))?;
            url.parameter(name, decoded(value, name)?)?;
        }
        Ok(url)
    }

    fn parameter(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "sslmode" => {
                let mode = SslMode::deserialize(value.as_str().into_deserializer());
                self.sslmode = Some(mode.map_err(|error: ValueError| format!("sslmode: {error}"))?);
            }
            "sslrootcert" => self.sslrootcert = Some(value),
            "sslcert" => self.sslcert = Some(value),
            "sslkey" => self.sslkey = Some(value),
            "host" => self.hosts = value.split(',').map(|host| (host.to_owned(), None)).collect(),
            "user" => self.username = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "port" => self.port = Some(port_number(&value)?),
            "target_session_attrs" => {
                let wanted = TargetSessionAttrs::deserialize(value.as_str().into_deserializer());
                self.target_session_attrs =
                    Some(wanted.map_err(|error: ValueError| format!("target_session_attrs: {error}"))?);
            }
            _ => return Err(format!("the parameter `{name}` is not known")),
        }
        Ok(())
    }
}

fn port_number(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        // Without the text: where a password was not encoded it may be a part of it.
        _ => Err("the port is not a number from 1 to 65535".to_owned()),
    }
}

fn some_text(part: &str, name: &str) -> Result<Option<String>, String> {
    if part.is_empty() { Ok(None) } else { decoded(part, name).map(Some) }
}

fn decoded(part: &str, name: &str) -> Result<String, String> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| format!("the {name} is not UTF-8"))?;
    if text.contains('\0') {
        return Err(format!("the {name} contains a NUL character"));
    }
    Ok(text.into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_decoded() {
        let url =
            Url::parse("postgres://u%20x:a:b%40@[::1]:5433/my%2Fdb?sslmode=verify-ca&sslkey=k").ok().unwrap();
        assert_eq!(url.username.as_deref(), Some("u x"));
        assert_eq!(url.password.as_deref(), Some("a:b@"));
        assert_eq!(url.hosts, [("::1".to_owned(), Some(5433))]);
        assert_eq!(url.database.as_deref(), Some("my/db"));
        assert_eq!((url.sslmode, url.sslkey.as_deref()), (Some(SslMode::VerifyCa), Some("k")));
        let socket = Url::parse("postgresql:///db?host=/run/postgresql&user=me&port=6000").ok().unwrap();
        assert_eq!(socket.hosts, [("/run/postgresql".to_owned(), None)]);
        assert_eq!((socket.username.as_deref(), socket.port), (Some("me"), Some(6000)));
    }

    #[test]
    fn several_hosts_are_taken_apart() {
        let url =
            Url::parse("postgres://u@a:1,[::2],c:3/d?port=4&target_session_attrs=read-write").ok().unwrap();
        let expected = [("a".to_owned(), Some(1)), ("::2".to_owned(), None), ("c".to_owned(), Some(3))];
        assert_eq!((url.hosts.as_slice(), url.port), (&expected[..], Some(4)));
        assert_eq!(url.target_session_attrs, Some(TargetSessionAttrs::ReadWrite));
        let listed = Url::parse("postgres:///d?host=a,b").ok().unwrap();
        assert_eq!(listed.hosts, [("a".to_owned(), None), ("b".to_owned(), None)]);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for bad in [
            "host=x",
            "postgres://u:sEcret@h:port/d",
            "postgres://u:sEcret@h:0/d",
            "postgres://u:sEcret@h,,i/d",
            "postgres://u:sEcret@h,i:0/d",
            "postgres://u:sEcret@h/d?port=0",
            "postgres://u:sEcret@h/d?target_session_attrs=best",
            "postgres://u:sEcret@h/d?sslmode=yes",
            "postgres://u:sEcret@h/d?nonsense=1",
            "postgres://u:sEcret@h/d?sslmode",
            "postgres://u:sEcret%FF@h/d",
            "postgres://u:sEcret@[::1/d",
            "postgres://u:sEcret%00@h/d",
        ] {
            let message = Url::parse(bad).err().unwrap();
            assert!(!message.contains("sEcret"), "{message}");
        }
    }
}
