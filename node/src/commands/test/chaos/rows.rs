use std::collections::BTreeMap;

use etl_sdk::FAILPOINTS;

use super::life::Crash;

/// Every so many crashes the next process dies as well.
const TWICE: usize = 5;

/// What the crashes at one crash row have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its name, as in [`etl_sdk::FAILPOINTS`].
    pub name: &'static str,
    /// How often a run without a crash passes it.
    pub passages: u64,
    /// Processes that died there.
    pub crashes: u64,
    /// Records that were missing in the end.
    pub lost: u64,
    /// Records that were there too often.
    pub doubled: u64,
    /// Records that came again at destinations that do not promise anything else.
    pub repeated: u64,
}

/// The crash rows that a run without a crash passes, in the order of their table.
pub(super) fn rows(passages: &BTreeMap<&'static str, u64>) -> Vec<Row> {
    let row = |name: &&'static str| {
        let passages = *passages.get(name)?;
        Some(Row { name, passages, crashes: 0, lost: 0, doubled: 0, repeated: 0 })
    };
    FAILPOINTS.iter().filter_map(row).collect()
}

/// Where the processes of each trial die, one after the other, with at most so many trials per row: at passages that are
/// evenly far apart, now and then twice.
pub(super) fn trials(rows: &[Row], most: u64) -> Vec<Vec<Crash>> {
    let of = |row: &Row| {
        let count = row.passages.min(most);
        let crash = |passage| Crash { row: row.name, passage };
        let one = move |number: u64| {
            let passage = match count {
                0 | 1 => 1,
                count => 1 + number * (row.passages - 1) / (count - 1),
            };
            match number as usize % TWICE {
                0 => vec![crash(passage), crash(1)],
                1 => vec![crash(passage), crash(2)],
                _ => vec![crash(passage)],
            }
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_chosen_evenly() {
        let rows = rows(&BTreeMap::from([("commit_done", 3), ("chunk_read", 100), ("completed", 1)]));
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names, ["chunk_read", "commit_done", "completed"]);
        let trials = trials(&rows, 4);
        let first = |row: &str| -> Vec<u64> {
            trials.iter().filter(|trial| trial[0].row == row).map(|trial| trial[0].passage).collect()
        };
        assert_eq!(first("chunk_read"), [1, 34, 67, 100]);
        assert_eq!(first("commit_done"), [1, 2, 3]);
        assert_eq!(first("completed"), [1]);
        assert_eq!(
            trials[0],
            [Crash { row: "chunk_read", passage: 1 }, Crash { row: "chunk_read", passage: 1 }]
        );
        assert_eq!(trials[2].len(), 1);
    }
}
