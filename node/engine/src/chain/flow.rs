use arrow::array::RecordBatch;
use etl_model::Batch;

use super::plan::Input;

/// What leaves a node for one chunk.
pub(super) enum Flow {
    /// In front of a repartition.
    Whole(Vec<Batch>),
    /// By the numbers of the shards.
    Divided(Vec<Vec<Batch>>),
}

impl Flow {
    /// Nothing yet, for so many shards or undivided.
    pub fn new(shards: Option<usize>) -> Self {
        match shards {
            None => Self::Whole(Vec::new()),
            Some(shards) => Self::Divided(vec![Vec::new(); shards]),
        }
    }

    /// The rows of a shard, or the undivided ones. A plan never mixes the two.
    pub fn of(&self, shard: Option<usize>) -> &[Batch] {
        match (self, shard) {
            (Self::Whole(batches), None) => batches,
            (Self::Divided(shards), Some(shard)) => shards.get(shard).map_or(&[], Vec::as_slice),
            (Self::Whole(_), Some(_)) | (Self::Divided(_), None) => &[],
        }
    }

    /// Appends rows that are not none.
    pub fn push(&mut self, shard: Option<usize>, batch: Batch) {
        let batches = match (self, shard) {
            (Self::Whole(batches), None) => Some(batches),
            (Self::Divided(shards), Some(shard)) => shards.get_mut(shard),
            (Self::Whole(_), Some(_)) | (Self::Divided(_), None) => None,
        };
        if let Some(batches) = batches.filter(|_| !batch.is_empty()) {
            batches.push(batch);
        }
    }

    /// The shards, or the one `None` of undivided rows.
    pub fn shards(&self) -> impl Iterator<Item = Option<usize>> + use<> {
        let (whole, shards) = match self {
            Self::Whole(_) => (Some(None), 0),
            Self::Divided(shards) => (None, shards.len()),
        };
        whole.into_iter().chain((0..shards).map(Some))
    }
}

/// The batches of all inputs; where several paths meet, rows are put back in the order of their ordinals.
pub(super) fn gather(
    inputs: &[Input],
    source: &[Batch],
    results: &[Flow],
    shard: Option<usize>,
) -> Vec<Batch> {
    let of = |input: &Input| match input {
        Input::Source => source.to_vec(),
        Input::Node(index) => results[*index].of(shard).to_vec(),
    };
    let mut batches: Vec<Batch> = inputs.iter().flat_map(of).collect();
    if inputs.len() > 1 {
        batches.sort_by_key(|batch| batch.ordinals().values().first().copied());
    }
    batches.retain(|batch| RecordBatch::num_rows(batch.records()) > 0);
    batches
}
