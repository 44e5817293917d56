use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use etl_api::Diff;
use etl_model::StepName;
use serde_json::Value;

use crate::commands::test::comparison::{canonical, lines};

/// Where records are in the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Destination(StepName),
    /// The dead letters of a step.
    Letters(StepName),
}

/// Records by where they are, in no order.
#[derive(Debug, Clone, Default)]
pub(super) struct Found(BTreeMap<Place, Vec<Value>>);

/// Fields whose values are others each time: those of `uuid()` and `now()`.
pub(super) type Passing = BTreeSet<(Place, String)>;

/// Where what was found is not what should be.
#[derive(Debug)]
pub(super) struct Difference {
    pub place: Place,
    /// Records that are missing.
    pub lost: u64,
    /// Records that are there too often, or should not be at all.
    pub doubled: u64,
    pub diff: Diff,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(name) => write!(f, "`{name}`"),
            Self::Letters(step) => write!(f, "the dead letters of `{step}`"),
        }
    }
}

impl Found {
    /// Adds records.
    pub fn add(&mut self, place: Place, records: Vec<Value>) {
        let records = records.iter().map(canonical);
        self.0.entry(place).or_default().extend(records);
    }

    /// The fields in which this and another are not the same.
    pub fn passing(&self, other: &Self) -> Passing {
        let values = |found: &Self| {
            let mut values: BTreeMap<(Place, String), Vec<String>> = BTreeMap::new();
            for (place, record) in
                found.0.iter().flat_map(|(place, all)| all.iter().map(move |one| (place, one)))
            {
                for (name, value) in fields(place, record) {
                    values.entry((place.clone(), name.clone())).or_default().push(value.to_string());
                }
            }
            values.values_mut().for_each(|values| values.sort_unstable());
            values
        };
        let (these, those) = (values(self), values(other));
        let both: BTreeSet<&(Place, String)> = these.keys().chain(those.keys()).collect();
        both.into_iter().filter(|field| these.get(*field) != those.get(*field)).cloned().collect()
    }

    /// The records of a place in an order that does not depend on theirs, without what passes.
    fn sorted(&self, place: &Place, passing: &Passing) -> Vec<String> {
        let kept = |record: &Value| {
            let mut record = record.clone();
            for (_, field) in passing.iter().filter(|(at, _)| at == place) {
                let fields = match place {
                    Place::Destination(_) => record.as_object_mut(),
                    Place::Letters(_) => record.get_mut("record").and_then(Value::as_object_mut),
                };
                fields.map(|fields| fields.remove(field));
            }
            record.to_string()
        };
        let mut sorted: Vec<String> = self.0.get(place).into_iter().flatten().map(kept).collect();
        sorted.sort_unstable();
        sorted
    }

    /// How something that was found differs from this in the places that are asked for.
    pub fn differences(
        &self,
        found: &Self,
        passing: &Passing,
        names: (&str, &str),
        is_asked: impl Fn(&Place) -> bool,
    ) -> Vec<Difference> {
        let places: BTreeSet<&Place> =
            self.0.keys().chain(found.0.keys()).filter(|place| is_asked(place)).collect();
        let difference = |place: &Place| {
            let (wanted, arrived) = (self.sorted(place, passing), found.sorted(place, passing));
            let (lost, doubled) = (missing(&wanted, &arrived), missing(&arrived, &wanted));
            let diff = Diff::new(names.0, &lines(&wanted), names.1, &lines(&arrived));
            (lost + doubled > 0).then(|| Difference { place: place.clone(), lost, doubled, diff })
        };
        places.into_iter().filter_map(difference).collect()
    }
}

fn fields<'a>(place: &Place, record: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let fields = match place {
        Place::Destination(_) => record.as_object(),
        Place::Letters(_) => record.get("record").and_then(Value::as_object),
    };
    fields.into_iter().flatten()
}

/// How many of these are not among those, each as often as it is there.
fn missing(these: &[String], those: &[String]) -> u64 {
    let mut left: BTreeMap<&str, u64> = BTreeMap::new();
    for one in those {
        *left.entry(one).or_default() += 1;
    }
    let is_missing = |one: &&String| match left.get_mut(one.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    these.iter().filter(is_missing).count() as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place() -> Place {
        Place::Letters(StepName::new("step").unwrap())
    }

    fn found(records: &[Value]) -> Found {
        let mut found = Found::default();
        found.add(place(), records.iter().map(|record| json!({ "code": "c", "record": record })).collect());
        found
    }

    #[test]
    fn records_are_counted_as_often_as_they_are_there() {
        let wanted = found(&[json!({"id": 1}), json!({"id": 1}), json!({"id": 2})]);
        let arrived = found(&[json!({"id": 2.0}), json!({"id": 1}), json!({"id": 2}), json!({"id": 2})]);
        let of = |found: &Found, asked: bool| {
            let differences = wanted.differences(found, &Passing::new(), ("a", "b"), |_| asked);
            differences.into_iter().map(|found| (found.lost, found.doubled)).collect::<Vec<_>>()
        };
        assert_eq!(of(&arrived, true), [(1, 2)]);
        assert!(of(&arrived, false).is_empty() && of(&wanted, true).is_empty());
        assert_eq!(of(&Found::default(), true), [(3, 0)]);
    }

    #[test]
    fn fields_that_pass_are_found_and_not_compared() {
        let one = found(&[json!({"id": 1, "at": "x"}), json!({"id": 2, "at": "y"})]);
        let other = found(&[json!({"id": 2, "at": "v"}), json!({"id": 1, "at": "w"})]);
        let passing = one.passing(&other);
        assert_eq!(passing, Passing::from([(place(), "at".to_owned())]));
        assert!(one.differences(&other, &passing, ("a", "b"), |_| true).is_empty());
    }
}
