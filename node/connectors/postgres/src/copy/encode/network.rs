use std::net::IpAddr;

use super::cell_writer::put;
use super::fault::{Fault, Outcome};

/// The address families of `inet_send` (PostgreSQL's `network.c`).
const IPV4: u8 = 2;
const IPV6: u8 = 3;

/// Appends `192.168.0.1/24` or `::1` to an `inet` or a `cidr` column: family, prefix length, whether it is `cidr`,
/// length of the address, address.
pub(super) fn put_network(out: &mut Vec<u8>, text: &str, cidr: bool) -> Outcome {
    let refused = || {
        Fault::invalid(
            "invalid_inet",
            text,
            "a network address",
            "write it as 192.168.0.1/24 or 2001:db8::1/64",
        )
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let bits = match prefix {
        None => longest,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse::<u8>().ok().filter(|bits| *bits <= longest).ok_or_else(refused)?
        }
        Some(_) => return Err(refused()),
    };
    let number = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    // For `::/0` the limit would be 2^128, and every bit is behind the prefix.
    let behind = number & 1u128.checked_shl(u32::from(longest - bits)).map_or(u128::MAX, |limit| limit - 1);
    if cidr && behind != 0 {
        return Err(Fault::new(
            "invalid_inet",
            format!("`{text}` has bits set to the right of its prefix, which cidr does not allow"),
            "make the table's column `inet`, or clear these bits with a mapping",
        ));
    }
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            put(out, [IPV4, bits, u8::from(cidr), 4, a, b, c, d]);
        }
        IpAddr::V6(address) => {
            out.extend_from_slice(&20i32.to_be_bytes());
            out.extend_from_slice(&[IPV6, bits, u8::from(cidr), 16]);
            out.extend_from_slice(&address.octets());
        }
    }
    Ok(())
}
