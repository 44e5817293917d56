use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::ServiceError;

/// Below the ports that the system gives to outgoing connections: one of those would be taken while a server is
/// stopped to be started again.
const PORTS: Range<u16> = 12_000..32_000;
/// Ports that are tried before it is given up.
const ATTEMPTS: usize = 200;

/// A port of 127.0.0.1 on which nobody listens at this moment.
pub fn free_port() -> Result<u16, ServiceError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let port = fastrand::u16(PORTS);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(ServiceError::io(format!("none of {ATTEMPTS} ports of 127.0.0.1 is free"))(error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!(PORTS.contains(&port));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
