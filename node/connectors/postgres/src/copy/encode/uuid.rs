/// The bytes of a UUID in the forms that PostgreSQL reads: 32 hexadecimal digits, with or without braces, with a hyphen
/// or not after every four of them.
pub(super) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut rest = match text.as_bytes() {
        [b'{', inside @ .., b'}'] => inside,
        plain => plain,
    };
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
        rest = match after {
            [b'-', after @ ..] if at % 2 == 1 && at < 15 => after,
            after => after,
        };
    }
    rest.is_empty().then_some(bytes)
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
