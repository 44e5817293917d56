use uuid::Uuid;

use crate::content_hash::ContentHash;
use crate::keys::{EpochKey, PartitionKey, RouteKey};

/// A key whose bytes sort as the key itself does and end where the key ends, so that keys can be put one after the
/// other.
///
/// Numbers are big-endian. Text ends with `00 01`, and a zero byte inside it is written as `00 FF` (the ordered encoding
/// of CockroachDB, pkg/util/encoding), because other keys may follow.
pub(crate) trait RowKey: Ord + Clone {
    fn write(&self, out: &mut Vec<u8>);
    /// Takes the key from the front of `bytes`; absent when it is not one.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

impl RowKey for () {
    fn write(&self, _out: &mut Vec<u8>) {}

    fn read(_bytes: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl RowKey for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(u64::from_be_bytes(*number))
    }
}

impl RowKey for Uuid {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        *bytes = rest;
        Some(Uuid::from_bytes(*id))
    }
}

impl RowKey for ContentHash {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk::<32>()?;
        *bytes = rest;
        Some(ContentHash(*hash))
    }
}

impl RowKey for String {
    fn write(&self, out: &mut Vec<u8>) {
        for &byte in self.as_bytes() {
            out.push(byte);
            if byte == 0 {
                out.push(0xFF);
            }
        }
        out.extend_from_slice(&[0, 1]);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            let zero = bytes.iter().position(|&byte| byte == 0)?;
            let (plain, rest) = bytes.split_at_checked(zero)?;
            text.extend_from_slice(plain);
            let (&[_, mark], rest) = rest.split_first_chunk::<2>()?;
            *bytes = rest;
            match mark {
                1 => return String::from_utf8(text).ok(),
                0xFF => text.push(0),
                _ => return None,
            }
        }
    }
}

impl<A: RowKey, B: RowKey> RowKey for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl RowKey for PartitionKey {
    fn write(&self, out: &mut Vec<u8>) {
        self.run.write(out);
        self.source.write(out);
        self.partition.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { run: Uuid::read(bytes)?, source: String::read(bytes)?, partition: String::read(bytes)? })
    }
}

impl RowKey for RouteKey {
    fn write(&self, out: &mut Vec<u8>) {
        self.partition.write(out);
        self.destination.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { partition: PartitionKey::read(bytes)?, destination: String::read(bytes)? })
    }
}

impl RowKey for EpochKey {
    fn write(&self, out: &mut Vec<u8>) {
        self.workflow.write(out);
        self.source.write(out);
        self.partition.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            workflow: String::read(bytes)?,
            source: String::read(bytes)?,
            partition: String::read(bytes)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(key: &impl RowKey) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.write(&mut bytes);
        bytes
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), any::<char>()], 0..6)
            .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn bytes_sort_as_keys_do(
            a in (text(), text(), any::<u64>()),
            b in (text(), text(), any::<u64>()),
        ) {
            let key = |(text, other, number): (String, String, u64)| (text, (other, number));
            let (a, b) = (key(a), key(b));
            prop_assert_eq!(written(&a).cmp(&written(&b)), a.cmp(&b));
        }

        #[test]
        fn a_key_is_read_back_and_what_follows_is_left(
            key in (text(), text(), any::<u64>()),
            tail in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            let key = (key.0, (key.1, key.2));
            let mut bytes = written(&key);
            bytes.extend_from_slice(&tail);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(<(String, (String, u64))>::read(&mut rest), Some(key));
            prop_assert_eq!(rest, tail.as_slice());
        }

        #[test]
        fn random_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = RouteKey::read(&mut bytes.as_slice());
            let _ = <(ContentHash, ())>::read(&mut bytes.as_slice());
        }
    }

    #[test]
    fn text_that_does_not_end_is_no_key() {
        for bytes in [&b"abc"[..], b"abc\0", b"abc\0\x02", b"\xFF\0\x01"] {
            assert_eq!(String::read(&mut &bytes[..]), None, "{bytes:?}");
        }
    }
}
