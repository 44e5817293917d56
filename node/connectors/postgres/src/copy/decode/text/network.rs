use super::super::malformed::Flaw;
use super::digits::push;

/// Appends an `inet`: address, and prefix length unless it is all of it.
pub(in super::super) fn write_inet(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    write(bytes, false, out)
}

/// Appends a `cidr`: address and prefix length.
pub(in super::super) fn write_cidr(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    write(bytes, true, out)
}

/// The value is as `inet_send` writes it: family (2 or 3), prefix length, 1 if it is a `cidr`, length of the address
/// (one byte each), address.
fn write(bytes: &[u8], always_prefix: bool, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let whole = match *bytes {
        [2, _, 0 | 1, 4, a, b, c, d] => {
            octets(out, [a, b, c, d]);
            32
        }
        [3, _, 0 | 1, 16, ref address @ ..] => {
            groups(out, address.try_into().map_err(|_| Flaw::Inet)?);
            128
        }
        _ => return Err(Flaw::Inet),
    };
    match bytes.get(1) {
        Some(&prefix) if prefix < whole || (prefix == whole && always_prefix) => {
            out.push(b'/');
            push(out, u64::from(prefix));
            Ok(())
        }
        Some(&prefix) if prefix == whole => Ok(()),
        _ => Err(Flaw::Inet),
    }
}

fn octets(out: &mut Vec<u8>, [a, b, c, d]: [u8; 4]) {
    push(out, u64::from(a));
    for octet in [b, c, d] {
        out.push(b'.');
        push(out, u64::from(octet));
    }
}

/// Appends an IPv6 address by the rules of `pg_inet_net_ntop`: the first of the longest runs of at least two zero groups
/// becomes `::`, and an IPv4 address that is embedded is written as one.
fn groups(out: &mut Vec<u8>, address: [u8; 16]) {
    let [.., a, b, c, d] = address;
    let (pairs, _) = address.as_chunks::<2>();
    let groups: Vec<u16> = pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect();
    let (start, length) = longest_zeros(&groups);
    let ipv4 = start == 0 && (length == 6 || (length == 5 && groups.get(5) == Some(&0xffff)));
    let run = if length < 2 { 0..0 } else { start..start + length };
    for (index, &group) in groups.iter().enumerate() {
        if run.contains(&index) {
            if index == run.start {
                out.push(b':');
            }
            continue;
        }
        if index > 0 {
            out.push(b':');
        }
        if ipv4 && index == 6 {
            return octets(out, [a, b, c, d]);
        }
        out.extend_from_slice(format!("{group:x}").as_bytes());
    }
    if !run.is_empty() && run.end == groups.len() {
        out.push(b':');
    }
}

/// Start and length of the first of the longest runs of zeros.
fn longest_zeros(groups: &[u16]) -> (usize, usize) {
    let (mut best, mut start) = ((0, 0), 0);
    for (index, &group) in groups.iter().enumerate() {
        if group != 0 {
            start = index + 1;
        } else if index + 1 - start > best.1 {
            best = (start, index + 1 - start);
        }
    }
    best
}
