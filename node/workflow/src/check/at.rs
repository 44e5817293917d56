use std::fmt;

use crate::source::Mark;

/// Where a check is: the way from the workflow to a value, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    name: Name<'a>,
    /// The key, or the value where there is no key.
    pub mark: Mark,
}

#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// A way that begins here.
    pub fn root(name: &'a str, mark: Mark) -> Self {
        Self { parent: None, name: Name::Key(name), mark }
    }

    pub fn key(&'a self, name: &'a str, mark: Mark) -> At<'a> {
        At { parent: Some(self), name: Name::Key(name), mark }
    }

    /// The same way, pointing to another place.
    pub fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    pub fn index(&'a self, index: usize, mark: Mark) -> At<'a> {
        At { parent: Some(self), name: Name::Index(index), mark }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.name {
            Name::Key(key) if self.parent.is_some() => write!(f, ".{key}"),
            Name::Key(key) => f.write_str(key),
            Name::Index(index) => write!(f, "[{index}]"),
        }
    }
}
