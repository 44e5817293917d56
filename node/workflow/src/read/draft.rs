use etl_model::OnError;

use super::limits::Limits;
use crate::source::Mark;
use crate::yaml::Node;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    Source,
    Transformation,
    Destination,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Transformation => "transformation",
            Self::Destination => "destination",
        }
    }
}

/// A step as far as it could be read.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'t> {
    pub role: Role,
    /// Where its `config` stands, for messages: `workflow.source.config`.
    pub config_path: String,
    /// Whether the name was given and not made.
    pub named: bool,
    /// As given or made, valid or not.
    pub name: String,
    /// Where the name or, if it was made, the step stands.
    pub mark: Mark,
    pub kind: Option<(&'t str, Mark)>,
    pub inputs: Vec<Input>,
    /// The key `config` and its value.
    pub config: Option<(Mark, &'t Node)>,
    /// What it does with records that it cannot process, and where that is said.
    pub on_error: (OnError, Option<Mark>),
    /// Whether it stands for the errors of the step it reads.
    pub takes_errors: bool,
    /// How it is held back.
    pub limits: Limits,
    /// The node that carries it out, with the place of the number.
    pub node: Option<(u64, Mark)>,
}

/// An entry of `inputs`.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The whole entry.
    pub text: String,
    pub step: String,
    /// What follows the step's name after a dot.
    pub port: Option<String>,
    pub mark: Mark,
}

impl Input {
    pub fn new(text: &str, mark: Mark) -> Self {
        let (step, port) = match text.split_once('.') {
            Some((step, port)) => (step, Some(port.to_owned())),
            None => (text, None),
        };
        Self { text: text.to_owned(), step: step.to_owned(), port, mark }
    }
}
