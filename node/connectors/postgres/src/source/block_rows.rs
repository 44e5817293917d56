use std::collections::VecDeque;
use std::sync::Arc;

use etl_sdk::ReadOptions;

use super::blocks::{Block, Blocks};
use super::plan::Plan;
use super::rows::{Next, Rows, broken};
use super::select;
use crate::PostgresError;
use crate::connection::Session;
use crate::wire::Segment;

/// Statements that are sent at once, at most, and bytes of them.
const STATEMENTS: usize = 64;
const SQL_BYTES: usize = 64 << 10;

/// Reads the rows of blocks, one COPY for each.
pub(super) struct BlockRows {
    plan: Arc<Plan>,
    options: ReadOptions,
    /// Those whose statements have not been sent.
    blocks: Blocks,
    /// Those whose rows are to come.
    sent: VecDeque<Block>,
    rows: Option<Rows>,
}

/// What the server says next.
pub(super) enum OfBlock {
    /// All rows of a block, if it has any.
    Rows(Block, Vec<Segment>),
    /// A row of so many bytes, which are too many, and what it begins with.
    TooLarge(usize, bytes::Bytes),
    /// There are no more blocks.
    End,
}

impl BlockRows {
    pub(super) fn new(plan: Arc<Plan>, options: ReadOptions, blocks: Blocks) -> Self {
        Self { plan, options, blocks, sent: VecDeque::new(), rows: None }
    }

    /// The rows of the next block.
    pub(super) async fn next(&mut self, session: &Session) -> Result<OfBlock, PostgresError> {
        let mut rows = match self.rows.take() {
            Some(rows) => rows,
            None => match self.send(session).await? {
                Some(rows) => rows,
                None => return Ok(OfBlock::End),
            },
        };
        let mut segments = Vec::new();
        loop {
            match rows.next(usize::MAX).await? {
                Next::Rows(segment) => segments.push(segment),
                Next::CopyEnds => break,
                Next::TooLarge(bytes, begin) => return Ok(OfBlock::TooLarge(bytes, begin)),
                Next::End => return Err(broken(&self.plan.place, "there are fewer COPYs than statements")),
            }
        }
        let block = self.sent.pop_front();
        let block = block.ok_or_else(|| broken(&self.plan.place, "there are more COPYs than statements"))?;
        if !self.sent.is_empty() {
            self.rows = Some(rows);
        } else if !matches!(rows.next(usize::MAX).await?, Next::End) {
            return Err(broken(&self.plan.place, "there are more COPYs than statements"));
        }
        Ok(OfBlock::Rows(block, segments))
    }

    /// Sends the statements of the next blocks together: the server need not wait between them.
    async fn send(&mut self, session: &Session) -> Result<Option<Rows>, PostgresError> {
        let mut sql = String::new();
        while self.sent.len() < STATEMENTS
            && sql.len() < SQL_BYTES
            && let Some(block) = self.blocks.next()
        {
            if !sql.is_empty() {
                sql.push(';');
            }
            sql.push_str(&select::copy_block(&self.plan, block)?);
            self.sent.push_back(block);
        }
        if sql.is_empty() {
            return Ok(None);
        }
        Ok(Some(Rows::begin(session, &sql, &self.plan.place, &self.options).await?))
    }
}
