use std::sync::Arc;

use serde_json::Value;

use super::Opener;
use crate::Destination;

/// An empty place that a destination under test writes to, and a way to look at it from outside.
pub struct Site {
    open: Box<Opener>,
    rows: Box<dyn Fn() -> Vec<Value>>,
}

impl Site {
    /// `open` configures the destination, each time for the same place, as another process would. `rows` reads what
    /// is visible there as JSON objects, in any order, as somebody else would read it: called only after the
    /// destination was completed. Every row has the fields `id` (a number) and `name` (a string), and `score` (a number,
    /// absent or null).
    pub fn new(
        open: impl Fn() -> Arc<dyn Destination> + 'static,
        rows: impl Fn() -> Vec<Value> + 'static,
    ) -> Self {
        Self { open: Box::new(open), rows: Box::new(rows) }
    }

    pub(super) fn open(&self) -> Arc<dyn Destination> {
        (self.open)()
    }

    pub(super) fn rows(&self) -> Vec<Value> {
        (self.rows)()
    }
}
