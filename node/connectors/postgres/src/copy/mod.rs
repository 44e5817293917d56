//! The binary form of COPY (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").

pub mod decode;
pub mod encode;

/// What the data of a COPY begins with: signature, flags, length of the header's extension.
pub const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with: a tuple of -1 fields.
pub const TRAILER: [u8; 2] = [0xff, 0xff];

/// Days from 1970-01-01, where Arrow counts from, to 2000-01-01, where PostgreSQL does.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;
/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// The value of a field of a tuple: `None` when the tuple has no such field or is cut off, `Some(None)` when it is null.
pub fn field(tuple: &[u8], at: usize) -> Option<Option<&[u8]>> {
    let (_count, mut rest) = tuple.split_at_checked(2)?;
    for i in 0..=at {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        let (value, after) = match usize::try_from(length) {
            Ok(length) => {
                let (value, after) = after.split_at_checked(length)?;
                (Some(value), after)
            }
            Err(_) => (None, after),
        };
        if i == at {
            return Some(value);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_or_missing() {
        let tuple = [0, 3, 0, 0, 0, 1, b'x', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(field(&tuple, 0), Some(Some(&b"x"[..])));
        assert_eq!(field(&tuple, 1), Some(None));
        assert_eq!(field(&tuple, 2), Some(Some(&b""[..])));
        assert_eq!(field(&tuple, 3), None);
        assert_eq!(field(&tuple[..6], 0), None);
        assert_eq!(field(&[], 0), None);
    }
}
