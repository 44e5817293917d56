use crate::Error;

/// Checks that a server is named as HOST:PORT; a host is a name, an IPv4 address or an IPv6 address in brackets.
pub(super) fn check(server: &str) -> Result<(), Error> {
    let wrong = |problem: &str| {
        Err(Error::Usage(format!("`{server}` is not HOST:PORT of a node's admin listener: {problem}")))
    };
    let Some((host, port)) = server.rsplit_once(':') else { return wrong("there is no port") };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return wrong("the port is not a number from 1 to 65535");
    }
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match literal {
        Some(literal) if literal.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        Some(_) => wrong("what is in brackets is no IPv6 address"),
        None if host.is_empty() => wrong("there is no host"),
        None if host.contains(':') => wrong("an IPv6 address stands in brackets, without a scheme in front"),
        None if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) => Ok(()),
        None => wrong("a host has letters, digits, `-`, `.` and `_` only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:7002", "node-1.example.org:7002", "a_b:1", "[::1]:65535", "localhost:7002"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let bad =
            ["", "localhost", ":7002", "a:0", "a:65536", "a:+1", "a:", "::1:7002", "[::1:7002", "[x]:7002"];
        for bad in bad.into_iter().chain(["http://a:7002", "a b:7002", "a/b:7002", "ä:7002"]) {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
