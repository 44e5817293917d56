use comfy_table::{CellAlignment, Table, presets};

/// The best and the median of some rounds, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Times {
    pub best: f64,
    pub median: f64,
}

/// What was measured of one case.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Figure {
    pub transformation: &'static str,
    pub case: &'static str,
    pub rows: u64,
    pub ours: Times,
    pub duckdb: Option<Times>,
    pub polars: Option<Times>,
    /// Our best time over that of the faster one of the others.
    pub times_of_better: Option<f64>,
    /// What that may be at most.
    pub goal: Option<f64>,
}

impl Times {
    /// Those of rounds, of which there is at least one.
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |place: usize| seconds.get(place).copied().unwrap_or(f64::NAN);
        Self { best: at(0), median: at(seconds.len() / 2) }
    }
}

impl Figure {
    /// Compares with the faster one of the others.
    pub fn compared(mut self, duckdb: Option<Times>, polars: Option<Times>) -> Self {
        let better = duckdb.iter().chain(&polars).map(|times| times.best).min_by(f64::total_cmp);
        self.times_of_better = better.map(|best| self.ours.best / best);
        (self.duckdb, self.polars) = (duckdb, polars);
        self
    }

    /// Whether the others are further ahead than they may be.
    pub fn is_behind(&self) -> bool {
        self.goal.zip(self.times_of_better).is_some_and(|(goal, times)| times > goal)
    }
}

/// The figures for people, in millions of rows per second.
pub fn text(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "CASE",
        "OURS, BEST",
        "MEDIAN",
        "DUCKDB, BEST",
        "MEDIAN",
        "POLARS, BEST",
        "MEDIAN",
        "x BETTER",
        "GOAL",
    ]);
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    for figure in figures {
        let rate = |seconds: f64| figure.rows as f64 / seconds / 1e6;
        let both = |times: Option<Times>| {
            [times.map(|times| rate(times.best)), times.map(|times| rate(times.median))].map(optional)
        };
        let mut line = vec![figure.case.to_owned()];
        line.extend([Some(figure.ours), figure.duckdb, figure.polars].into_iter().flat_map(both));
        line.extend([optional(figure.times_of_better), optional(figure.goal)]);
        table.add_row(line);
    }
    for column in 1..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\nin millions of rows read per second, on one thread")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_one_of_the_others_counts() {
        let ours = Times::of(vec![0.5, 0.3, 0.4]);
        assert_eq!(ours, Times { best: 0.3, median: 0.4 });
        let figure = Figure {
            transformation: "filter",
            case: "filter",
            rows: 10,
            ours,
            duckdb: None,
            polars: None,
            times_of_better: None,
            goal: Some(1.5),
        };
        let times = |best| Some(Times { best, median: 1.0 });
        assert!(!figure.clone().compared(None, None).is_behind());
        assert!(!figure.clone().compared(times(0.2), times(0.9)).is_behind());
        assert!(figure.compared(times(0.9), times(0.19)).is_behind());
    }
}
