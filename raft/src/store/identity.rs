use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use uuid::Uuid;

use super::text;
use crate::{Error, NodeId};

/// Who a node is: written once, before it takes part in anything, and checked with every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub cluster: Uuid,
    pub node: NodeId,
    /// The store-id of the data directory it was written for.
    pub store: Uuid,
}

impl Identity {
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(fields) = text::read(path)? else { return Ok(None) };
        Ok(Some(Self {
            cluster: field(path, &fields, "cluster")?,
            node: field(path, &fields, "node")?,
            store: field(path, &fields, "store")?,
        }))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        text::write(
            path,
            &[
                ("cluster", self.cluster.to_string()),
                ("node", self.node.to_string()),
                ("store", self.store.to_string()),
            ],
        )
    }
}

/// One field of a small text file, parsed.
pub(super) fn field<T: FromStr>(
    path: &Path,
    fields: &BTreeMap<String, String>,
    name: &str,
) -> Result<T, Error> {
    fields.get(name).and_then(|value| value.parse().ok()).ok_or_else(|| Error::Damaged {
        path: path.to_owned(),
        problem: format!("it has no readable `{name}`"),
    })
}
