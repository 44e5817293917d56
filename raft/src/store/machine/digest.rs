/// Sums up rows independently of their order, so that a change costs as much as the rows it touches. It tells a set of
/// rows from one with a row missing, left over or altered; it is no protection against someone who makes rows fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub rows: u64,
    /// Of keys and values.
    pub bytes: u64,
    pub sum: u64,
}

impl Digest {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add((key.len() + value.len()) as u64);
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.bytes = self.bytes.wrapping_sub((key.len() + value.len()) as u64);
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>) over the key's length, the key and the value, and then the
/// finalizer of SplitMix64, so that sums of similar rows do not cancel out. Part of what is stored: never to be changed.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    let length = (key.len() as u64).to_be_bytes();
    let fnv = length.iter().chain(key).chain(value).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(&[u8], &[u8])]) -> Digest {
        let mut digest = Digest::default();
        for (key, value) in rows {
            digest.add(key, value);
        }
        digest
    }

    #[test]
    fn order_does_not_count_but_everything_else_does() {
        let a: (&[u8], &[u8]) = (b"a", b"1");
        let b: (&[u8], &[u8]) = (b"b", b"2");
        assert_eq!(of(&[a, b]), of(&[b, a]));
        assert_ne!(of(&[a, b]), of(&[a]));
        assert_ne!(of(&[a, b]), of(&[(b"a", b"2"), (b"b", b"1")]));
        assert_ne!(of(&[(b"ab", b"c")]), of(&[(b"a", b"bc")]));
        let mut digest = of(&[a, b]);
        digest.remove(b.0, b.1);
        assert_eq!(digest, of(&[a]));
    }

    /// What is stored must mean the same for ever.
    #[test]
    fn the_hash_stays_the_same() {
        assert_eq!(hash(b"", b""), 0x813f_0174_a236_7c13);
        assert_eq!(hash(b"key", b"value"), 0x2bb2_849c_a2d7_0539);
    }
}
