use std::sync::Arc;

use etl_model::Position;
use etl_sdk::{Fetched, ReadOptions};

use super::block_rows::{BlockRows, OfBlock};
use super::blocks::Blocks;
use super::checks::{file_of, other_key, refuse_nulls, refuse_twins, unchanged};
use super::chunk::RawChunk;
use super::cursor::{Cursor, Place};
use super::plan::{Order, Plan};
use super::progress::Progress;
use super::range::Range;
use super::rows::{Next, Rows};
use super::select;
use super::snapshot::Snapshot;
use crate::PostgresError;
use crate::connection::Session;
use crate::copy::decode::value_to_text;
use crate::copy::field;

/// Leaves the planner nothing but scans that yield rows as they lie in the file, without having to sort them.
const IN_ORDER_OF_THE_FILE: &str = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL synchronize_seqscans = off; \
                                    SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off";

/// A range that is being read.
pub(super) struct Opened {
    plan: Arc<Plan>,
    options: ReadOptions,
    rows: Way,
    progress: Progress,
    /// Keep the transaction and the snapshot open.
    session: Session,
    _snapshot: Arc<Snapshot>,
}

/// How its rows come.
enum Way {
    /// By one COPY.
    Whole(Rows),
    /// By one for each block.
    Blocks(BlockRows),
}

impl Opened {
    /// Starts the COPY of a range behind a position, in a transaction that sees the snapshot.
    pub(super) async fn begin(
        plan: Arc<Plan>,
        range: &Range,
        from: Option<&Position>,
        options: ReadOptions,
        session: Session,
        snapshot: Arc<Snapshot>,
    ) -> Result<Self, PostgresError> {
        let next = from.map_or(0, |position| position.next);
        let found = from.map(|position| Cursor::of(position, &plan)).transpose()?.unwrap_or_default();
        let place = found.place(next, &plan)?;
        let mut cursor = Cursor::new(&plan, &snapshot.visible);
        cursor.key.clone_from(&found.key);
        let by_place = matches!(plan.order, Order::Physical { .. });
        if !by_place && (range.is_of_pages() || found.file.is_some()) {
            return Err(other_key(&plan));
        }
        if next > 0 && by_place {
            unchanged(&plan, &session, &found, &cursor).await?;
        }
        refuse_nulls(&plan, &session).await?;
        if let Place::Key(key) = &place {
            refuse_twins(&plan, &session, key).await?;
        }
        if by_place && plan.condition.is_none() {
            session.execute(IN_ORDER_OF_THE_FILE).await?;
        }
        let (plan, rows) = match *range {
            Range::Blocks { from, to, block, file } => {
                let plan = Arc::new(plan.in_blocks());
                let pages = file_of(&plan, &session, file).await?;
                let blocks =
                    Blocks::behind((from, to, block), next, pages).ok_or_else(|| other_key(&plan))?;
                (plan.clone(), Way::Blocks(BlockRows::new(plan, options, blocks)))
            }
            _ => {
                let sql = select::copy(&plan, range, &place)?;
                let rows = Rows::begin(&session, &sql, &plan.place, &options).await?;
                (plan, Way::Whole(rows))
            }
        };
        let progress = Progress::new(plan.clone(), cursor, next);
        Ok(Self { plan, options, rows, progress, session, _snapshot: snapshot })
    }

    /// The next chunk, or the end.
    pub(super) async fn fetch(&mut self) -> Result<Fetched, PostgresError> {
        let mut chunk = RawChunk::new(self.plan.clone());
        match &mut self.rows {
            Way::Whole(_) => self.fill(&mut chunk).await?,
            Way::Blocks(_) => self.fill_with_blocks(&mut chunk).await?,
        }
        let end = self.progress.position()?;
        if chunk.segments.is_empty() {
            return Ok(Fetched::End(end));
        }
        chunk.end = end;
        Ok(Fetched::Chunk(Box::new(chunk)))
    }

    async fn fill(&mut self, chunk: &mut RawChunk) -> Result<(), PostgresError> {
        let Way::Whole(rows) = &mut self.rows else { return Ok(()) };
        let first = self.progress.next();
        let mut bytes = 0;
        while bytes < self.options.chunk_bytes {
            let segment = match rows.next(self.options.chunk_bytes - bytes).await? {
                Next::Rows(segment) => segment,
                Next::TooLarge(bytes, begin) => return Err(self.too_large(bytes, &begin)),
                Next::CopyEnds => continue,
                Next::End => break,
            };
            if matches!(self.plan.order, Order::Key(_)) {
                segment.bodies().try_for_each(|tuple| self.progress.meet(tuple))?;
            }
            bytes += segment.body_bytes();
            chunk.segments.push(segment);
        }
        if let Some(last) = chunk.segments.last().and_then(|segment| segment.last()) {
            let rows = chunk.rows();
            self.progress.advance(last, rows as u64)?;
            chunk.runs.push((first, rows));
        }
        Ok(())
    }

    async fn fill_with_blocks(&mut self, chunk: &mut RawChunk) -> Result<(), PostgresError> {
        let Way::Blocks(rows) = &mut self.rows else { return Ok(()) };
        while chunk.bytes() < self.options.chunk_bytes {
            match rows.next(&self.session).await? {
                OfBlock::Rows(block, segments) => {
                    let rows = segments.iter().map(|segment| segment.rows()).sum();
                    chunk.runs.push((block.first(), rows));
                    chunk.segments.extend(segments);
                    self.progress.reach(block.end());
                }
                OfBlock::TooLarge(bytes, begin) => return Err(self.too_large(bytes, &begin)),
                OfBlock::End => break,
            }
        }
        Ok(())
    }

    fn too_large(&self, bytes: usize, tuple: &[u8]) -> PostgresError {
        let shown: Vec<String> = self
            .plan
            .key()
            .iter()
            .filter_map(|key| {
                let text = value_to_text(&key.column.ty.kind, field(tuple, key.at)??).ok()?;
                Some(format!("{} = {text}", key.column.name))
            })
            .collect();
        let row = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
        PostgresError::user(
            "record_too_large",
            format!(
                "{}: a record of {bytes} bytes{row}, more than the {} bytes allowed for one",
                self.plan.place, self.options.max_record_bytes
            ),
            "leave the large column out with `columns`, or raise `--memory`, of which a record may have a sixteenth",
        )
    }
}
