use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use etl_security::host_of;

/// How others reach a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Advertised {
    /// At the address it listens on.
    AsListening,
    /// At a host, with the port it listens on.
    Host(String),
    /// At HOST:PORT, behind a translation of addresses for example.
    Exactly(String),
}

impl Advertised {
    /// HOST:PORT for a listener that is bound to this address.
    pub fn address(&self, bound: SocketAddr) -> String {
        match self {
            Self::AsListening => bound.to_string(),
            Self::Host(host) => format!("{host}:{}", bound.port()),
            Self::Exactly(address) => address.clone(),
        }
    }

    /// Reads `HOST` or `HOST:PORT`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ip: Option<IpAddr> = text.parse().ok();
        if let Some(ip) = ip {
            let host = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
            return if ip.is_unspecified() { Err(nowhere(text)) } else { Ok(Self::Host(host)) };
        }
        match host_of(text) {
            Some(host) if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) => Err(nowhere(text)),
            Some(_) if text.ends_with(":0") => {
                Err(format!("`{text}`: others cannot dial port 0; leave the port out"))
            }
            Some(host) if is_host(host) => Ok(Self::Exactly(text.to_owned())),
            None if is_host(text) => Ok(Self::Host(text.to_owned())),
            _ => Err(format!("`{text}` is neither HOST nor HOST:PORT")),
        }
    }
}

fn nowhere(text: &str) -> String {
    format!("`{text}` is no address that others can dial; give the one at which this machine is reached")
}

fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.len() <= 253 && host.chars().all(plain))
}

/// Reads an address to listen on: `IP:PORT` or `localhost:PORT`.
pub(in crate::node) fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match port {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().map_err(|_| {
            format!("`{text}` is not IP:PORT, such as 127.0.0.1:7001, or 0.0.0.0:7001 for all interfaces")
        }),
    }
}

/// Whether only this machine can reach the address.
pub(super) fn is_local(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsListening => f.write_str("as it listens"),
            Self::Host(text) | Self::Exactly(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on_are_numbers() {
        assert_eq!(listen("localhost:7001").unwrap(), "127.0.0.1:7001".parse().unwrap());
        assert_eq!(listen("[::]:0").unwrap(), "[::]:0".parse().unwrap());
        for wrong in
            ["", "7001", "127.0.0.1", "example.org:7001", "localhost:", "localhost:70000", "::1:7001"]
        {
            assert!(listen(wrong).unwrap_err().contains("IP:PORT"), "{wrong}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for local in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local(&local.parse().unwrap()), "{local}");
        }
        for open in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
            assert!(!is_local(&open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn others_are_told_an_address_they_can_dial() {
        let bound = "0.0.0.0:7001".parse().unwrap();
        let cases = [
            ("10.0.0.1", "10.0.0.1:7001"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("node-1.example", "node-1.example:7001"),
            ("etl_1:443", "etl_1:443"),
            ("::1", "[::1]:7001"),
            ("[::1]:80", "[::1]:80"),
        ];
        for (text, address) in cases {
            assert_eq!(Advertised::parse(text).unwrap().address(bound), address, "{text}");
        }
        assert_eq!(Advertised::AsListening.address(bound), "0.0.0.0:7001");
        for wrong in
            ["", "0.0.0.0", "[::]:1", "0.0.0.0:7001", "host:0", "host:x", "a b", "http://x:1", "a:1:2", ":1"]
        {
            assert!(Advertised::parse(wrong).is_err(), "{wrong}");
        }
    }
}
