use std::net::IpAddr;

use rustls::pki_types::{DnsName, ServerName};

use crate::Error;

/// The host of `HOST:PORT`, without the brackets of an IPv6 address; `None` when there is no host or no port.
pub fn host_of(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.is_empty()).then_some(host)
}

/// The name that the certificate of whoever answers at `HOST:PORT` must have.
pub(crate) fn server_name(address: &str) -> Result<ServerName<'static>, Error> {
    let wrong = |problem: &str| Error::Name { name: address.to_owned(), problem: problem.to_owned() };
    let host = host_of(address).ok_or_else(|| wrong("is not HOST:PORT"))?;
    ServerName::try_from(host.to_owned())
        .map_err(|_| wrong("has neither an IP address nor a DNS name as its host"))
}

/// Refuses what can be neither an IP address nor a DNS name in a certificate.
pub(crate) fn check_host(host: &str) -> Result<(), Error> {
    let fits = host.parse::<IpAddr>().is_ok()
        || DnsName::try_from(host).is_ok()
        || host.strip_prefix("*.").is_some_and(|rest| DnsName::try_from(rest).is_ok());
    match fits {
        true => Ok(()),
        false => Err(Error::Name {
            name: host.to_owned(),
            problem: "is neither an IP address nor a DNS name; give it without a port".to_owned(),
        }),
    }
}

/// Refuses what cannot be the name of a file in a folder of certificates.
pub(crate) fn check_file_name(name: &str) -> Result<(), Error> {
    let wrong = |problem: &str| Err(Error::Name { name: name.to_owned(), problem: problem.to_owned() });
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_' | b'.');
    match name {
        "" => wrong("cannot be a name"),
        "ca" => wrong("is the authority's name; choose another"),
        _ if name.len() > 64 => wrong("is longer than 64 characters"),
        _ if name.starts_with(['.', '-']) || !name.bytes().all(plain) => {
            wrong("has other characters than a-z, 0-9, `-`, `_` and `.`")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found() {
        assert_eq!(host_of("example.org:7001"), Some("example.org"));
        assert_eq!(host_of("127.0.0.1:0"), Some("127.0.0.1"));
        assert_eq!(host_of("[::1]:7001"), Some("::1"));
        for wrong in
            ["", ":", ":7001", "example.org", "example.org:", "a:70000", "::1:7001", "[::1:7001", "[]:1"]
        {
            assert_eq!(host_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_of_servers_are_addresses_or_dns_names() {
        assert!(matches!(server_name("[::1]:1").unwrap(), ServerName::IpAddress(_)));
        assert!(matches!(server_name("node-1.example:1").unwrap(), ServerName::DnsName(_)));
        assert!(server_name("node 1:1").is_err());
        assert!(server_name("node").unwrap_err().to_string().contains("HOST:PORT"));
    }

    #[test]
    fn hosts_and_files_are_checked() {
        for host in ["10.0.0.1", "::1", "localhost", "node-1.example", "*.example.org"] {
            check_host(host).unwrap();
        }
        for host in ["", "10.0.0.1:7001", "a b", "http://x"] {
            assert!(check_host(host).is_err(), "{host}");
        }
        for name in ["n1", "node-1.example", "a_b"] {
            check_file_name(name).unwrap();
        }
        for name in ["", "ca", "../x", "a/b", ".x", "-x", "N1", "é", "x".repeat(65).as_str()] {
            assert!(check_file_name(name).is_err(), "{name}");
        }
    }
}
