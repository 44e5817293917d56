use std::time::Duration;

/// What a client asked of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Sets the value, whatever there is.
    Put {
        value: u64,
    },
    /// Sets the value if the key has this version; 0 stands for a key that does not exist.
    PutIf {
        version: u64,
        value: u64,
    },
    Get,
}

/// What a client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The version that a write made.
    Written {
        version: u64,
    },
    /// Another version was there.
    Conflict,
    Read {
        found: Option<Versioned>,
    },
}

/// A key's value and how often it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versioned {
    pub version: u64,
    pub value: u64,
}

/// One call of a client, as the client saw it.
#[derive(Debug, Clone)]
pub struct Operation {
    pub input: Input,
    /// `None` when no answer came: it may have taken effect at any time since, or never.
    pub output: Option<Output>,
    /// Since the history began.
    pub called: Duration,
    pub returned: Duration,
}

/// The register as it should be: what a call in this state leads to, or `None` if it cannot be answered so.
pub fn step(state: Option<Versioned>, input: Input, output: Option<Output>) -> Option<Option<Versioned>> {
    let version = state.map_or(0, |state| state.version);
    let (next, answer) = match input {
        Input::Get => (state, Output::Read { found: state }),
        Input::PutIf { version: expected, .. } if expected != version => (state, Output::Conflict),
        Input::Put { value } | Input::PutIf { value, .. } => {
            let version = version + 1;
            (Some(Versioned { version, value }), Output::Written { version })
        }
    };
    output.is_none_or(|output| output == answer).then_some(next)
}
