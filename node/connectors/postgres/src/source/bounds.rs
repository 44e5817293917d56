use super::blocks;
use super::config::Config;
use super::plan::{Order, Plan};
use super::range::Range;
use super::select::{column, key_names, relation};
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;

/// Bytes of a table that one range should have.
const RANGE_BYTES: u64 = 32 << 20;
/// Ranges a table is cut into by itself.
const MOST_RANGES: u64 = 32;
/// Pages looked at to find the keys that cut a table into ranges.
const SAMPLED_PAGES: f64 = 400.0;
/// Bytes of a key's text above which it is not used as a bound: it goes into names and positions.
const LONGEST_BOUND: usize = 200;
const PAGE_BYTES: u64 = 8 << 10;

/// Cuts what the plan reads into ranges.
pub(super) async fn cut(
    config: &Config,
    plan: &Plan,
    session: &Session,
) -> Result<Vec<Range>, PostgresError> {
    let bytes = plan.table.as_ref().map_or(0, |table| table.bytes);
    let wanted = match config.partitions {
        Some(n) => u64::from(n.get()),
        None => (bytes / RANGE_BYTES).clamp(1, MOST_RANGES),
    };
    let pages = bytes.div_ceil(PAGE_BYTES);
    if let Some(table) = plan.table.as_ref().filter(|_| bytes > 0 && plan.may_be_read_in_blocks()) {
        let block = blocks::block_pages(pages, plan.width(), wanted);
        return Ok(blocks::cut(pages, wanted, block, table.file_node));
    }
    if wanted == 1 || bytes == 0 && stored(plan) {
        return Ok(vec![Range::Whole]);
    }
    match &plan.order {
        Order::Unordered => Ok(vec![Range::Whole]),
        Order::Physical { .. } | Order::Blocks => Ok(page_ranges(pages, wanted)),
        Order::Integer(_) | Order::Key(_) => Ok(keys(&sample(plan, bytes, session).await?, wanted)),
    }
}

/// Whether the rows lie in pages of the relation itself.
fn stored(plan: &Plan) -> bool {
    plan.table.as_ref().is_some_and(|table| matches!(table.kind, 'r' | 'm' | 'p'))
}

fn page_ranges(pages: u64, wanted: u64) -> Vec<Range> {
    let wanted = wanted.min(pages).max(1);
    let page = |i: u64| u32::try_from(pages * i / wanted).unwrap_or(u32::MAX);
    let cut = |i: u64| Range::Pages { from: page(i), to: (i + 1 < wanted).then(|| page(i + 1)) };
    (0..wanted).map(cut).collect()
}

/// Keys of some rows, in order.
async fn sample(plan: &Plan, bytes: u64, session: &Session) -> Result<Vec<Vec<String>>, PostgresError> {
    let mut texts = Vec::new();
    for key in plan.key() {
        texts.push(format!("{}::text", column(&key.column.name)?));
    }
    let sampling = if stored(plan) {
        let percent = (SAMPLED_PAGES * 100.0 * PAGE_BYTES as f64 / bytes.max(1) as f64).min(100.0);
        // The same pages every time, so that an unchanged table is cut the same way again.
        format!(" TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)")
    } else {
        String::new()
    };
    let condition = plan.condition.as_ref().map_or_else(String::new, |text| format!(" WHERE ({text}\n)"));
    let sql = format!(
        "SELECT {} FROM {}{sampling}{condition} ORDER BY {}",
        texts.join(", "),
        relation(plan)?,
        key_names(plan)?
    );
    let rows = session.client().query(&sql, &[]).await.at(&plan.place)?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut key: Vec<String> = Vec::with_capacity(texts.len());
        for i in 0..texts.len() {
            match row.try_get::<_, Option<String>>(i).at(&plan.place)? {
                Some(text) => key.push(text),
                None => break,
            }
        }
        let short = key.iter().map(String::len).sum::<usize>() <= LONGEST_BOUND;
        if key.len() == texts.len() && short {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Ranges of about the same number of sampled keys.
fn keys(sample: &[Vec<String>], wanted: u64) -> Vec<Range> {
    let mut bounds: Vec<&Vec<String>> = Vec::new();
    for i in 1..wanted {
        let at = (sample.len() as u64 * i / wanted) as usize;
        if let Some(key) = sample.get(at)
            && bounds.last() != Some(&key)
        {
            bounds.push(key);
        }
    }
    let mut ranges = Vec::with_capacity(bounds.len() + 1);
    let mut after: Option<Vec<String>> = None;
    for bound in bounds {
        ranges.push(Range::Keys { after: after.take(), upto: Some(bound.clone()) });
        after = Some(bound.clone());
    }
    match after {
        None => vec![Range::Whole],
        Some(_) => {
            ranges.push(Range::Keys { after, upto: None });
            ranges
        }
    }
}

/// Whether ranges cover everything exactly once, so that they can be read again as they are.
pub(super) fn cover(ranges: &[Range]) -> bool {
    match ranges {
        [] => false,
        [Range::Whole] => true,
        [
            Range::Keys { after: None, .. } | Range::Pages { from: 0, .. } | Range::Blocks { from: 0, .. },
            ..,
        ] => {
            let meets = ranges.windows(2).all(|pair| match pair {
                [Range::Keys { upto: Some(end), .. }, Range::Keys { after: Some(begin), .. }] => end == begin,
                [Range::Pages { to: Some(end), .. }, Range::Pages { from, .. }] => end == from,
                [
                    Range::Blocks { to: Some(end), block: one, file: same, .. },
                    Range::Blocks { from, block: other, file, .. },
                ] => (end, one, same) == (from, other, file),
                _ => false,
            });
            let open = matches!(
                ranges.last(),
                Some(
                    Range::Keys { upto: None, .. }
                        | Range::Pages { to: None, .. }
                        | Range::Blocks { to: None, .. }
                )
            );
            meets && open
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(keys: &[i32]) -> Vec<Vec<String>> {
        keys.iter().map(|key| vec![key.to_string()]).collect()
    }

    #[test]
    fn ranges_meet_and_leave_nothing_out() {
        let many = sample(&(0..1000).collect::<Vec<_>>());
        for wanted in [1, 2, 3, 7, 64, 2000] {
            assert!(cover(&keys(&many, wanted)), "{wanted}");
            assert!(cover(&keys(&sample(&[5, 5, 5]), wanted)));
            assert!(cover(&keys(&[], wanted)));
            for size in [0, 1, 5, 100_000] {
                assert!(cover(&page_ranges(size, wanted)), "{size} in {wanted}");
            }
        }
        assert_eq!(keys(&many, 4).len(), 4);
    }

    #[test]
    fn gaps_are_seen() {
        let mut ranges = keys(&sample(&[1, 2, 3, 4, 5, 6]), 3);
        assert!(cover(&ranges));
        ranges.remove(1);
        assert!(!cover(&ranges));
        assert!(!cover(&[]));
        assert!(!cover(&page_ranges(100, 4)[1..]));
        assert!(!cover(&page_ranges(100, 4)[..3]));
    }
}
