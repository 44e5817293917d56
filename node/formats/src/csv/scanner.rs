use wide::u8x16;

use super::Dialect;

/// Bytes examined at a time.
pub(super) const BLOCK: usize = 64;

/// Where the scanner stands between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Before the first byte of a field.
    FieldStart,
    /// Inside a field where quotes are ordinary characters.
    Unquoted,
    /// Inside quotes.
    Quoted,
    /// Behind a quote that closes the field unless another quote follows.
    QuoteSeen,
}

/// Structure of one block; bit `i` stands for byte `i`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Structure {
    /// Delimiters outside quotes.
    pub delimiters: u64,
    /// `\n` outside quotes.
    pub line_ends: u64,
}

/// Finds the delimiters and line ends that lie outside quotes.
///
/// Bytes are compared 16 at a time and the quoted regions follow from the parity of quotes. That is right as long as
/// every opening quote stands at the start of a field; a block where one does not is walked byte by byte instead.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    delimiter: u8,
    quote: Option<u8>,
    state: State,
}

impl Scanner {
    pub(super) fn new(dialect: &Dialect) -> Self {
        Self { delimiter: dialect.delimiter(), quote: dialect.quote(), state: State::FieldStart }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Continues with a whole block.
    #[inline]
    pub(super) fn block(&mut self, block: &[u8; BLOCK]) -> Structure {
        let delimiters = equal(block, self.delimiter);
        let line_ends = equal(block, b'\n');
        let quotes = self.quote.map_or(0, |quote| equal(block, quote));
        if quotes == 0 && self.state != State::Quoted {
            let ends = delimiters | line_ends;
            self.state = if ends >> (BLOCK - 1) == 1 { State::FieldStart } else { State::Unquoted };
            return Structure { delimiters, line_ends };
        }
        let carry = if self.state == State::Quoted { u64::MAX } else { 0 };
        let inside = parity(quotes) ^ carry;
        let may_open = matches!(self.state, State::FieldStart | State::QuoteSeen);
        let opening = quotes & inside;
        if opening & !((delimiters | line_ends | quotes) << 1 | u64::from(may_open)) != 0 {
            return self.walk(block);
        }
        let last = 1 << (BLOCK - 1);
        self.state = if inside & last != 0 {
            State::Quoted
        } else if quotes & last != 0 {
            State::QuoteSeen
        } else if (delimiters | line_ends) & last != 0 {
            State::FieldStart
        } else {
            State::Unquoted
        };
        Structure { delimiters: delimiters & !inside, line_ends: line_ends & !inside }
    }

    /// Continues byte by byte with at most a block.
    #[cold]
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Structure {
        let mut found = Structure::default();
        for (i, &b) in bytes.iter().take(BLOCK).enumerate() {
            let quote = Some(b) == self.quote;
            let ends = b == self.delimiter || b == b'\n';
            self.state = match self.state {
                State::Quoted => {
                    if quote {
                        State::QuoteSeen
                    } else {
                        State::Quoted
                    }
                }
                State::FieldStart | State::QuoteSeen if quote => State::Quoted,
                _ if ends => {
                    let mask = if b == b'\n' { &mut found.line_ends } else { &mut found.delimiters };
                    *mask |= 1 << i;
                    State::FieldStart
                }
                _ => State::Unquoted,
            };
        }
        found
    }
}

/// Bit `i` is set where `block[i] == byte`.
#[inline]
pub(super) fn equal(block: &[u8; BLOCK], byte: u8) -> u64 {
    let wanted = u8x16::splat(byte);
    let (lanes, _) = block.as_chunks::<16>();
    lanes
        .iter()
        .rev()
        .fold(0, |mask, lane| mask << 16 | u64::from(u8x16::new(*lane).simd_eq(wanted).to_bitmask()))
}

/// Bit `i` is the parity of bits `0 ..= i`.
#[inline]
pub(super) fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_agree_with_the_walk(text in "[ab,\"\\n\\r]{256}") {
            let (mut fast, mut slow) = (Scanner::new(&Dialect::default()), Scanner::new(&Dialect::default()));
            for block in text.as_bytes().as_chunks::<BLOCK>().0 {
                prop_assert_eq!(fast.block(block), slow.walk(block));
                prop_assert_eq!(fast.state(), slow.state());
            }
        }

        #[test]
        fn blocks_agree_with_the_walk_on_tidy_rows(
            rows in prop::collection::vec(prop::collection::vec("[a-c]{0,9}|\"([a-c,\\n]|\"\"){0,30}\"", 3), 1..60),
        ) {
            let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
            let (mut fast, mut slow) = (Scanner::new(&Dialect::default()), Scanner::new(&Dialect::default()));
            for block in text.as_bytes().as_chunks::<BLOCK>().0 {
                prop_assert_eq!(fast.block(block), slow.walk(block));
                prop_assert_eq!(fast.state(), slow.state());
            }
        }
    }

    #[test]
    fn parity_counts_from_the_lowest_bit() {
        assert_eq!(parity(0b10010), !0u64 << 1 & !(!0u64 << 4));
    }
}
