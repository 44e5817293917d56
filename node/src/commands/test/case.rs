use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use etl_workflow::Place;
use serde_json::{Map, Value};

/// One test.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub name: String,
    /// What `now()` is; without it the time at which the test is carried out.
    pub now: Option<DateTime<Utc>>,
    pub given: Given,
    /// Servers, each with the variable that has its address.
    pub http: Vec<(String, Vec<Endpoint>)>,
    /// Records that come out of a source, or to a transformation.
    pub inputs: Vec<AtStep<Records>>,
    /// Records that come out of a step, or to a destination.
    pub expect: Vec<AtStep<Expected>>,
    /// Records that are set aside, in any order.
    pub letters: Vec<AtStep<Failed>>,
    /// What a run would end with.
    pub fails: Option<AtStep<Failed>>,
}

/// What belongs to a step.
#[derive(Debug, Clone)]
pub(super) struct AtStep<T> {
    pub step: String,
    /// Where it is named.
    pub place: Place,
    pub what: T,
}

/// What the workflow is given instead of what a run would have.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub parameters: BTreeMap<String, String>,
    pub variables: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
}

impl Given {
    /// These over those of the whole file.
    pub fn over(self, file: &Self) -> Self {
        let merge = |file: &BTreeMap<String, String>, own: BTreeMap<String, String>| {
            file.clone().into_iter().chain(own).collect()
        };
        Self {
            parameters: merge(&file.parameters, self.parameters),
            variables: merge(&file.variables, self.variables),
            secrets: merge(&file.secrets, self.secrets),
        }
    }
}

/// Records that are given.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    pub rows: Vec<Value>,
    /// Types by column, as `cast` knows them.
    pub schema: Map<String, Value>,
}

/// Records that are expected.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    pub rows: Vec<Value>,
    pub any_order: bool,
}

/// A record that fails.
#[derive(Debug, Clone, Default)]
pub(super) struct Failed {
    pub code: Option<String>,
    /// Fields that its record has, among others.
    pub record: Map<String, Value>,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub place: Place,
    pub method: String,
    /// With the query.
    pub path: String,
    /// What the request must have for it to be meant.
    pub headers: BTreeMap<String, String>,
    pub body: Option<Value>,
    pub response: Response,
    /// How often it answers, and must be asked; without it as often as it is asked.
    pub times: Option<u64>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Text as it stands, all else as JSON.
    pub body: Value,
}
