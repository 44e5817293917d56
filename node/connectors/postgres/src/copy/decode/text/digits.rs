/// Appends a number without leading zeros.
pub(in super::super) fn push(out: &mut Vec<u8>, number: u64) {
    push_padded(out, number, 1);
}

/// Appends a number with zeros in front of it until it has `width` digits, at most 20.
pub(in super::super) fn push_padded(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut written = 0;
    for place in buffer.iter_mut().rev() {
        if number == 0 {
            break;
        }
        // A remainder of 10 is a digit.
        *place += (number % 10) as u8;
        number /= 10;
        written += 1;
    }
    let start = buffer.len() - written.max(width).min(buffer.len());
    out.extend_from_slice(buffer.get(start..).unwrap_or_default());
}

/// Appends a number with its sign.
pub(in super::super) fn push_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push(out, number.unsigned_abs());
}

/// Appends a point and the digits of a fraction in microseconds, without zeros at the end; nothing if it is 0.
pub(in super::super) fn push_fraction(out: &mut Vec<u8>, micros: u64) {
    if micros == 0 {
        return;
    }
    out.push(b'.');
    push_padded(out, micros, 6);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Appends two hexadecimal digits per byte.
pub(in super::super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len().saturating_mul(2));
    bytes.iter().for_each(|&byte| out.extend_from_slice(&hex(byte)));
}

/// The two hexadecimal digits of a byte.
pub(in super::super) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    // Half a byte is less than 16.
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}
