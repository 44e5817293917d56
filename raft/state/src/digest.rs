/// FNV-1a with 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv) over pieces, each with its length before it so that
/// pieces cannot run into each other. The same on every machine and in every version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    pub fn add(&mut self, piece: &[u8]) {
        self.mix(&(piece.len() as u64).to_be_bytes());
        self.mix(piece);
    }

    pub fn finish(self) -> u64 {
        self.0
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.0 =
            bytes.iter().fold(self.0, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_vectors_hold() {
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut digest = Digest::default();
            digest.mix(text.as_bytes());
            assert_eq!(digest.finish(), hash, "{text}");
        }
    }

    #[test]
    fn pieces_do_not_run_into_each_other() {
        let of = |pieces: [&[u8]; 2]| {
            let mut digest = Digest::default();
            pieces.iter().for_each(|piece| digest.add(piece));
            digest.finish()
        };
        assert_ne!(of([b"ab", b"c"]), of([b"a", b"bc"]));
    }
}
