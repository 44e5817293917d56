use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::content_hash::ContentHash;
use crate::encoding_error::EncodingError;
use crate::limits::VERSIONS_KEPT;
use crate::table::{Record, RowKind, Rows, Table};

/// Workflows, their versions and the documents of these. A document is stored once per content, however many versions
/// and runs refer to it, and goes with the last of them.
#[derive(Debug, Clone, Default)]
pub struct Workflows {
    heads: Table<Head>,
    versions: Table<Version>,
    documents: Table<Document>,
    /// How many versions and unfinished runs refer to a document.
    references: BTreeMap<ContentHash, u64>,
}

/// The version in force of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workflow<'a> {
    pub name: &'a str,
    pub version: u64,
    pub hash: ContentHash,
    /// Milliseconds since 1970.
    pub changed_at_ms: u64,
}

/// One version of a workflow that is or was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowVersion {
    pub version: u64,
    pub hash: ContentHash,
    /// When it came into force, in milliseconds since 1970.
    pub changed_at_ms: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The last version that was given.
    version: u64,
    deleted_at_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    hash: ContentHash,
    changed_at_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    text: String,
}

impl Record for Head {
    type Key = String;
    const KIND: RowKind = RowKind::Workflow;
}

impl Record for Version {
    type Key = (String, u64);
    const KIND: RowKind = RowKind::WorkflowVersion;
}

impl Record for Document {
    type Key = ContentHash;
    const KIND: RowKind = RowKind::Document;
}

impl Workflows {
    /// A workflow that is not deleted.
    pub fn get(&self, name: &str) -> Option<Workflow<'_>> {
        let (name, head) = self.heads.range(name.to_owned()..).next().filter(|(found, _)| *found == name)?;
        self.in_force(name, head)
    }

    /// All workflows that are not deleted, by name.
    pub fn iter(&self) -> impl Iterator<Item = Workflow<'_>> {
        self.heads.iter().filter_map(|(name, head)| self.in_force(name, head))
    }

    /// The version in force; 0 when there is none.
    pub fn current_version(&self, name: &str) -> u64 {
        self.heads
            .get(&name.to_owned())
            .filter(|head| head.deleted_at_ms.is_none())
            .map_or(0, |head| head.version)
    }

    /// When a workflow was deleted, in milliseconds since 1970; absent when it never existed or is in force.
    pub fn deleted_at_ms(&self, name: &str) -> Option<u64> {
        self.heads.get(&name.to_owned())?.deleted_at_ms
    }

    /// A version that is kept, also of a deleted workflow.
    pub fn version(&self, name: &str, version: u64) -> Option<WorkflowVersion> {
        let Version { hash, changed_at_ms } = *self.versions.get(&(name.to_owned(), version))?;
        Some(WorkflowVersion { version, hash, changed_at_ms })
    }

    /// The last [`VERSIONS_KEPT`] versions, newest first, also of a deleted workflow.
    pub fn history(&self, name: &str) -> impl Iterator<Item = WorkflowVersion> {
        let range = (name.to_owned(), 0)..=(name.to_owned(), u64::MAX);
        self.versions.range(range).rev().map(|((_, version), row)| WorkflowVersion {
            version: *version,
            hash: row.hash,
            changed_at_ms: row.changed_at_ms,
        })
    }

    /// The text of a document that a version or an unfinished run refers to.
    pub fn document(&self, hash: &ContentHash) -> Option<&str> {
        self.documents.get(hash).map(|document| document.text.as_str())
    }

    fn in_force<'a>(&'a self, name: &'a str, head: &Head) -> Option<Workflow<'a>> {
        if head.deleted_at_ms.is_some() {
            return None;
        }
        let WorkflowVersion { version, hash, changed_at_ms } = self.version(name, head.version)?;
        Some(Workflow { name, version, hash, changed_at_ms })
    }

    /// Puts the next version into force and gives its number.
    pub(crate) fn put(&mut self, name: &str, hash: ContentHash, text: &str, now_ms: u64) -> u64 {
        let last = self.heads.get(&name.to_owned()).map_or(0, |head| head.version);
        let version = last.saturating_add(1);
        if self.documents.get(&hash).is_none() {
            self.documents.set(hash, Document { text: text.to_owned() });
        }
        self.hold(hash);
        self.versions.set((name.to_owned(), version), Version { hash, changed_at_ms: now_ms });
        self.heads.set(name.to_owned(), Head { version, deleted_at_ms: None });
        if let Some(old) = version.checked_sub(VERSIONS_KEPT)
            && let Some(removed) = self.versions.remove(&(name.to_owned(), old))
        {
            self.release(removed.hash);
        }
        version
    }

    pub(crate) fn delete(&mut self, name: &str, now_ms: u64) {
        if let Some(head) = self.heads.get(&name.to_owned()).copied() {
            self.heads.set(name.to_owned(), Head { deleted_at_ms: Some(now_ms), ..head });
        }
    }

    /// Keeps a document for one more user.
    pub(crate) fn hold(&mut self, hash: ContentHash) {
        let references = self.references.entry(hash).or_insert(0);
        *references = references.saturating_add(1);
    }

    /// Gives a document back; the last user takes it away.
    pub(crate) fn release(&mut self, hash: ContentHash) {
        let Some(references) = self.references.get_mut(&hash) else { return };
        *references = references.saturating_sub(1);
        if *references == 0 {
            self.references.remove(&hash);
            self.documents.remove(&hash);
        }
    }

    /// Counts the references again after loading. `held` are those of unfinished runs.
    pub(crate) fn index(&mut self, held: impl Iterator<Item = ContentHash>) -> Result<(), EncodingError> {
        self.references.clear();
        let hashes: Vec<ContentHash> = self.versions.iter().map(|(_, row)| row.hash).chain(held).collect();
        hashes.into_iter().for_each(|hash| self.hold(hash));
        let what = RowKind::Document.what();
        if let Some(hash) = self.references.keys().find(|hash| self.documents.get(*hash).is_none()) {
            return Err(EncodingError::Malformed {
                what,
                problem: format!("the document {hash} is missing"),
            });
        }
        if self.references.len() != self.documents.len() {
            let problem = "there is a document that nothing refers to".to_owned();
            return Err(EncodingError::Malformed { what, problem });
        }
        for (name, head) in self.heads.iter() {
            if self.version(name, head.version).is_none() {
                let what = RowKind::WorkflowVersion.what();
                let problem = format!("version {} of workflow `{name}` is missing", head.version);
                return Err(EncodingError::Malformed { what, problem });
            }
        }
        Ok(())
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 3] {
        [&self.heads, &self.versions, &self.documents]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 3] {
        [&mut self.heads, &mut self.versions, &mut self.documents]
    }
}
