use std::collections::HashMap;

use super::operation::{Input, Operation, Output, Versioned};

/// What answers tell of the writes that had none. Every write has a value of its own and makes the next version, so that
/// an answer that names a version names the write that made it.
pub struct Unanswered {
    /// The value of each version that an answer names.
    value_of: HashMap<u64, u64>,
    /// The version of each value that an answer names.
    version_of: HashMap<u64, u64>,
    /// The value that each call writes.
    writes: Vec<Option<u64>>,
    /// For each unconditional write whose value nobody was told: the one of that kind that was called just before it.
    before: Vec<Option<usize>>,
}

impl Unanswered {
    pub fn of(history: &[Operation]) -> Self {
        let writes: Vec<Option<u64>> = history
            .iter()
            .map(|operation| match operation.input {
                Input::Put { value } | Input::PutIf { value, .. } => Some(value),
                Input::Get => None,
            })
            .collect();
        let mut this = Self {
            value_of: HashMap::new(),
            version_of: HashMap::new(),
            before: vec![None; history.len()],
            writes,
        };
        for (operation, written) in history.iter().zip(&this.writes) {
            let told = match (operation.output, written) {
                (Some(Output::Written { version }), &Some(value)) => Versioned { version, value },
                (Some(Output::Read { found: Some(found) }), _) => found,
                _ => continue,
            };
            this.value_of.insert(told.version, told.value);
            this.version_of.insert(told.value, told.version);
        }
        let mut unseen: Vec<usize> = (0..history.len())
            .filter(|&call| {
                let Operation { input, output, .. } = history[call];
                matches!(input, Input::Put { value } if output.is_none() && !this.version_of.contains_key(&value))
            })
            .collect();
        unseen.sort_by_key(|&call| (history[call].called, call));
        for pair in unseen.windows(2) {
            this.before[pair[1]] = Some(pair[0]);
        }
        this
    }

    /// Whether it is worth trying that this call without an answer takes effect now and leads from one state to another.
    ///
    /// A call that changes nothing need not be tried. Of writes whose values nobody was told, each could stand where a
    /// later one does, so that it is enough to try them in the order of their calls.
    pub fn may_take_effect(
        &self,
        call: usize,
        state: Option<Versioned>,
        next: Option<Versioned>,
        is_placed: impl Fn(usize) -> bool,
    ) -> bool {
        let (Some(value), Some(made)) = (self.writes[call], next) else { return false };
        next != state
            && self.value_of.get(&made.version).is_none_or(|&told| told == value)
            && self.version_of.get(&value).is_none_or(|&told| told == made.version)
            && self.before[call].is_none_or(is_placed)
    }
}
