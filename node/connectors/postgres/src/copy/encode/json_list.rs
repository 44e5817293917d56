use super::cell_writer::{CellWriter, Nulls, Writer};
use super::fault::Outcome;
use super::json_value::JSON_NULL;
use super::lists::Lists;

/// A list.
pub(super) struct Items<'a> {
    pub(super) lists: Lists<'a>,
    pub(super) item: Writer<'a>,
}

impl CellWriter for Items<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        let Some(elements) = self.lists.elements(row) else { return Nulls(JSON_NULL).write(row, out) };
        let first = elements.start;
        out.push(b'[');
        for at in elements {
            if at > first {
                out.push(b',');
            }
            self.item.write(at, out).map_err(|fault| fault.inside(&format!("[{}]", at - first)))?;
        }
        out.push(b']');
        Ok(())
    }
}
