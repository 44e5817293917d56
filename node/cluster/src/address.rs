use crate::refusal::Malformed;

/// Refuses what is not HOST:PORT with a host and a port that others can dial.
pub(crate) fn check(field: &'static str, address: &str) -> Result<(), Malformed> {
    let problem = match address.rsplit_once(':') {
        None => "it has no port",
        Some(("", _)) => "it has no host",
        Some((host, port)) => match port.parse::<u16>() {
            Err(_) => "its port is not a number from 1 to 65535",
            Ok(0) => "port 0 cannot be dialled",
            Ok(_) if is_everywhere(host) => {
                "this host means every interface; name the one that others can reach"
            }
            Ok(_) if host.chars().any(char::is_whitespace) => "its host contains a space",
            Ok(_) => return Ok(()),
        },
    };
    Err(Malformed { field, problem: format!("`{address}` is not HOST:PORT: {problem}") })
}

fn is_everywhere(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "[::]" | "::")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_dialled_is_accepted() {
        for good in ["localhost:1", "10.0.0.7:65535", "[::1]:7002", "etl-0.etl.svc:7001"] {
            assert_eq!(check("address", good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_the_reason() {
        let cases = [
            ("", "no port"),
            ("host", "no port"),
            (":7001", "no host"),
            ("host:", "not a number"),
            ("host:65536", "not a number"),
            ("host:0", "port 0"),
            ("0.0.0.0:7001", "every interface"),
            ("[::]:7001", "every interface"),
            ("a b:7001", "a space"),
        ];
        for (bad, reason) in cases {
            let malformed = check("address", bad).unwrap_err();
            assert!(malformed.problem.contains(reason), "{malformed}");
        }
    }
}
