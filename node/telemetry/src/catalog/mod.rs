//! All metrics of the program in one table: the registry, the page in `docs/metrics.md` and the tests are made from it.

mod entries;
mod metric;
mod page;

pub use entries::*;
pub use metric::{Buckets, Group, Kind, Metric};
pub use page::page;
