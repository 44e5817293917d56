/// Finds a pattern in a stream of pieces, by the algorithm of Knuth, Morris and Pratt; how much of the pattern the
/// pieces so far end with is kept by the caller, for each stream.
#[derive(Debug)]
pub struct Matcher {
    pattern: Vec<u8>,
    /// For each length of a matched prefix, but 0: the length of its longest proper prefix that is also its end.
    shorter: Vec<usize>,
}

impl Matcher {
    pub fn new(pattern: Vec<u8>) -> Self {
        let mut shorter = vec![0; pattern.len()];
        let mut length = 0;
        for at in 1..pattern.len() {
            // Lengths are below `at`, which is below the pattern's length.
            while length > 0 && pattern[at] != pattern[length] {
                length = shorter[length - 1];
            }
            if pattern[at] == pattern[length] {
                length += 1;
            }
            shorter[at] = length;
        }
        Self { pattern, shorter }
    }

    /// Length of the pattern.
    pub fn len(&self) -> usize {
        self.pattern.len()
    }

    /// Takes the next byte of a stream that ends with `matched` bytes of the pattern; whether it completes an
    /// occurrence. Occurrences may overlap.
    pub fn completes(&self, matched: &mut usize, byte: u8) -> bool {
        loop {
            match self.pattern.get(*matched) {
                Some(&wanted) if wanted == byte => {
                    *matched += 1;
                    break;
                }
                None if self.pattern.is_empty() => return true,
                _ if *matched == 0 => break,
                // A matched length is at most that of the pattern.
                _ => *matched = self.shorter[*matched - 1],
            }
        }
        if *matched < self.pattern.len() {
            return false;
        }
        *matched = self.shorter.last().copied().unwrap_or(0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The positions after each occurrence.
    fn ends(pattern: &[u8], text: &[u8]) -> Vec<usize> {
        let matcher = Matcher::new(pattern.to_vec());
        let mut matched = 0;
        (1..=text.len()).filter(|&end| matcher.completes(&mut matched, text[end - 1])).collect()
    }

    #[test]
    fn occurrences_are_found_wherever_they_are() {
        assert_eq!(ends(b"COMMIT", b"COMMIT; COMCOMMIT"), [6, 17]);
        assert_eq!(ends(b"aba", b"ababa"), [3, 5]);
        assert_eq!(ends(b"x", b"axx"), [2, 3]);
        assert_eq!(ends(b"", b"ab"), [1, 2]);
        assert_eq!(ends(b"abc", b""), []);
    }

    #[test]
    fn it_agrees_with_a_search_by_comparison() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..3000 {
            let mut bytes = |length: usize| -> Vec<u8> {
                (0..length).map(|_| if random.bool() { b'a' } else { b'b' }).collect()
            };
            let (pattern, text) = (bytes(1 + fastrand::usize(..6)), bytes(40));
            let expected: Vec<usize> =
                (pattern.len()..=text.len()).filter(|&end| text[..end].ends_with(&pattern)).collect();
            assert_eq!(ends(&pattern, &text), expected, "{pattern:?} in {text:?}");
        }
    }
}
