use std::net::SocketAddr;

/// Reads an address for a process that has no certificates: `IP:PORT` or `localhost:PORT`, which only this machine reaches.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = crate::node::listen_address(text)?;
    match address.ip().to_canonical().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "{address} can be reached from other machines and would speak without TLS; give a loopback address such as \
             127.0.0.1:{}",
            address.port()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_reach_it() {
        for fine in ["127.0.0.1:0", "localhost:9000", "[::1]:1"] {
            assert!(loopback(fine).is_ok(), "{fine}");
        }
        for wrong in ["0.0.0.0:9000", "10.0.0.1:9000", "[::]:1", "9000", "example.org:80"] {
            assert!(loopback(wrong).is_err(), "{wrong}");
        }
    }
}
