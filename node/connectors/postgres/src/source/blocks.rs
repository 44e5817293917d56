use super::range::Range;

/// Pages of a block at most.
const PAGES: u64 = 64;
/// Columns up to which a block has so many pages. A row can be many times larger in the protocol than in the table: a
/// null has one bit there and four bytes here.
const COLUMNS: u64 = 32;
/// Blocks that a range should have at least, so that ranges of a small table are of about the same size.
const BLOCKS: u64 = 4;

/// Some pages of a table, from `from` to before `to`. Its rows are read by a statement of their own, so that it is known
/// where they lie although they do not say so: a place that comes with each row makes a row half as expensive again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Block {
    /// The ordinal of its first row; the others follow. A page has fewer rows than there are ordinals for.
    pub(super) fn first(self) -> u64 {
        self.from << 16
    }

    /// The position behind it.
    pub(super) fn end(self) -> u64 {
        self.to << 16
    }
}

/// Pages of a block of a table with so many pages and columns that is cut into so many ranges. It is part of the
/// ranges' names: blocks are the same whenever and by whomever they are read.
pub(super) fn block_pages(pages: u64, columns: usize, ranges: u64) -> u32 {
    let widest = PAGES * COLUMNS / (columns as u64).clamp(COLUMNS, PAGES * COLUMNS);
    let block = (pages / ranges.max(1) / BLOCKS).clamp(1, widest);
    u32::try_from(block).unwrap_or(1)
}

/// Cuts a table of so many pages into ranges of whole blocks.
pub(super) fn cut(pages: u64, wanted: u64, block: u32, file: u32) -> Vec<Range> {
    let size = u64::from(block.max(1));
    let blocks = pages.div_ceil(size);
    let wanted = wanted.min(blocks).max(1);
    let page = |i: u64| u32::try_from(blocks * i / wanted * size).unwrap_or(u32::MAX);
    let range =
        |i: u64| Range::Blocks { from: page(i), to: (i + 1 < wanted).then(|| page(i + 1)), block, file };
    (0..wanted).map(range).collect()
}

/// Blocks one after the other.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    next: u64,
    to: u64,
    size: u64,
}

impl Blocks {
    /// The blocks of a range behind a position, of a table that has so many pages now. `None` when the position is not
    /// between two of them.
    pub(super) fn behind(
        (from, to, block): (u32, Option<u32>, u32),
        position: u64,
        pages: u64,
    ) -> Option<Self> {
        let (begin, size) = (u64::from(from), u64::from(block.max(1)));
        let to = to.map_or_else(|| begin.max(pages.next_multiple_of(size)), u64::from);
        let page = position >> 16;
        let between =
            position & 0xffff == 0 && page.checked_sub(begin).is_some_and(|n| n.is_multiple_of(size));
        match position {
            0 => Some(Self { next: begin, to, size }),
            _ => between.then_some(Self { next: page, to, size }),
        }
    }
}

impl Iterator for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let from = (self.next < self.to).then_some(self.next)?;
        self.next = (from + self.size).min(self.to);
        Some(Block { from, to: self.next })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn blocks(range: &Range, next: u64, pages: u64) -> Vec<Block> {
        let Range::Blocks { from, to, block, .. } = *range else { panic!("{range:?}") };
        Blocks::behind((from, to, block), next, pages).unwrap().collect()
    }

    #[test]
    fn blocks_of_all_ranges_meet_and_cover_every_page() {
        for pages in [1, 2, 63, 64, 65, 1000, 63_732] {
            for (wanted, columns) in [(1, 3), (3, 3), (7, 100), (32, 1600)] {
                let block = block_pages(pages, columns, wanted);
                let ranges = cut(pages, wanted, block, 5);
                assert!(ranges.len() as u64 <= wanted && !ranges.is_empty());
                let all: Vec<Block> = ranges.iter().flat_map(|range| blocks(range, 0, pages)).collect();
                assert_eq!(all[0].from, 0);
                assert!(all.last().unwrap().to >= pages);
                assert!(all.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
                assert!(all.iter().all(|found| found.to - found.from <= u64::from(block)));
            }
        }
        assert_eq!(cut(1000, 3, 64, 5).len(), 3);
    }

    #[test]
    fn a_range_goes_on_behind_every_block_and_nowhere_else() {
        let ranges = cut(1000, 3, 64, 5);
        let all = blocks(&ranges[1], 0, 1000);
        for (i, block) in all.iter().enumerate() {
            assert_eq!(blocks(&ranges[1], block.end(), 1000), all[i + 1..]);
            assert_eq!(block.end(), all.get(i + 1).map_or(block.end(), |next| next.first()));
        }
        let Range::Blocks { from, to, block, .. } = ranges[1] else { panic!() };
        for next in [1, all[0].first() + 1, all[1].first() - 1, (all[0].from + 1) << 16, 1 << 16] {
            assert!(Blocks::behind((from, to, block), next, 1000).is_none(), "{next}");
        }
    }

    #[test]
    fn the_last_range_reaches_as_far_as_the_table_does_now() {
        let ranges = cut(1000, 2, 64, 5);
        assert!(blocks(&ranges[1], 0, 5000).last().unwrap().to >= 5000);
        assert!(blocks(&ranges[1], 0, 0).is_empty());
        assert_eq!(blocks(&ranges[0], 0, 5000).last().unwrap().to, blocks(&ranges[1], 0, 5000)[0].from);
    }

    #[test]
    fn blocks_of_wide_tables_are_small() {
        assert_eq!(block_pages(1 << 20, 3, 32), 64);
        assert_eq!(block_pages(1 << 20, 64, 32), 32);
        assert_eq!(block_pages(1 << 20, 1600, 32), 1);
        assert_eq!(block_pages(3, 3, 32), 1);
    }
}
