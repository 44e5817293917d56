use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use super::config::SslMode;

/// A connection URL taken apart (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>),
/// with one host.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) sslmode: Option<SslMode>,
    pub(super) sslrootcert: Option<String>,
    pub(super) sslcert: Option<String>,
    pub(super) sslkey: Option<String>,
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
        if address.contains(',') {
            return Err("it names several hosts; name one".to_owned());
        }
        let (host, port) = match address.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']').ok_or("`[` is not closed")?;
                (host, after.strip_prefix(':'))
            }
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        url.host = some_text(host, "host")?;
        url.port = match port {
            None | Some("") => None,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(format!("`{port}` is not a port")),
            },
        };
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
            "host" => self.host = Some(value),
            "user" => self.username = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "port" => {
                self.port = Some(value.parse().map_err(|_| format!("`{value}` is not a port"))?);
            }
            _ => return Err(format!("the parameter `{name}` is not known")),
        }
        Ok(())
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
        assert_eq!((url.host.as_deref(), url.port), (Some("::1"), Some(5433)));
        assert_eq!(url.database.as_deref(), Some("my/db"));
        assert_eq!((url.sslmode, url.sslkey.as_deref()), (Some(SslMode::VerifyCa), Some("k")));
        let socket = Url::parse("postgresql:///db?host=/run/postgresql&user=me&port=6000").ok().unwrap();
        assert_eq!(socket.host.as_deref(), Some("/run/postgresql"));
        assert_eq!((socket.username.as_deref(), socket.port), (Some("me"), Some(6000)));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for bad in [
            "host=x",
            "postgres://u:sEcret@h:port/d",
            "postgres://u:sEcret@h:0/d",
            "postgres://u:sEcret@h,i/d",
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
