use std::path::{Path, PathBuf};

use etl_model::{Route, RunId, WorkflowName};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// What a workflow's `path` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One file.
    File(PathBuf),
    /// A directory of part files.
    Directory(PathBuf),
}

/// Where everything lies. Staging is beside the target file or inside the target directory, so that it is on the
/// same file system and a hard link can publish it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    target: Target,
}

impl Layout {
    /// The layout around a target.
    pub fn new(target: Target) -> Self {
        Self { target }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The path of the target, for messages.
    pub fn path(&self) -> &Path {
        match &self.target {
            Target::File(path) | Target::Directory(path) => path,
        }
    }

    /// The directory that will hold what becomes visible.
    pub fn visible(&self) -> &Path {
        match &self.target {
            Target::File(path) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            },
            Target::Directory(path) => path,
        }
    }

    /// Staging of one workflow: a folder per destination step.
    pub fn workflow(&self, workflow: &WorkflowName) -> PathBuf {
        let root = match &self.target {
            Target::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.visible().join(format!(".{name}.etl"))
            }
            Target::Directory(path) => path.join(".etl"),
        };
        root.join(workflow.as_str())
    }

    /// Staging of one destination step: a folder per route.
    pub fn destination(&self, route: &Route) -> PathBuf {
        self.workflow(&route.workflow).join(route.destination.as_str())
    }

    /// Staging of one route. Partition names are any text, so the folder carries their hash.
    pub fn route(&self, route: &Route) -> PathBuf {
        let hash = xxh3_128(route.partition.0.as_bytes());
        let shard = route.shard.map(|shard| format!(".{shard}")).unwrap_or_default();
        self.destination(route).join(format!("{}-{hash:032x}{shard}", route.source))
    }
}

/// Names of part files in a target directory: `part-RUN-ROUTE-UNIT-ID.EXT`, in the order of the rows of a run.
/// The id tells workflows and partitions apart, so that no two of them ever meet in one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartNames {
    scope: String,
    id: String,
    extension: String,
}

impl PartNames {
    /// The names of a route's parts; the extension without a leading dot.
    pub fn new(route: &Route, extension: &str) -> Self {
        let scope = short(&[route.workflow.as_str(), route.destination.as_str()]);
        let shard = route.shard.map(|shard| shard.to_string());
        let mut words = vec![route.source.as_str(), &route.partition.0];
        words.extend(shard.as_deref());
        let partition = short(&words);
        Self { id: format!("{scope}{partition}"), scope, extension: extension.to_owned() }
    }

    /// The name of one unit's file.
    pub fn name(&self, run: RunId, index: usize, seq: u64) -> String {
        format!("part-{}-{index:05}-{seq:08}-{}.{}", run.short(), self.id, self.extension)
    }

    /// Whether a file is a part that this workflow's destination step wrote in any run, of any route.
    pub fn is_of_same_destination(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix("part-") else { return false };
        let stem = rest.split_once('.').map_or(rest, |(stem, _)| stem);
        let fields: Vec<&str> = stem.split('-').collect();
        let digits = |text: &str, least| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
        let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        match fields.as_slice() {
            [run, index, seq, id] => {
                hex(run, 8)
                    && digits(index, 5)
                    && digits(seq, 8)
                    && hex(id, 16)
                    && id.starts_with(&self.scope)
            }
            _ => false,
        }
    }
}

fn short(words: &[&str]) -> String {
    let text = words.join("\n");
    format!("{:08x}", xxh3_64(text.as_bytes()) as u32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_model::{PartitionId, Shard, StepName};

    use super::*;

    fn route(workflow: &str, partition: &str) -> Route {
        Route {
            workflow: WorkflowName::new(workflow).unwrap(),
            source: StepName::new("source").unwrap(),
            partition: PartitionId(partition.to_owned()),
            destination: StepName::new("destination").unwrap(),
            shard: None,
        }
    }

    #[test]
    fn staging_is_hidden_and_on_the_same_file_system() {
        let file = Layout::new(Target::File("out/a.csv".into()));
        assert_eq!(file.workflow(&route("w", "p").workflow), Path::new("out/.a.csv.etl/w"));
        let here = Layout::new(Target::File("a.csv".into()));
        assert_eq!(here.visible(), Path::new("."));
        let directory = Layout::new(Target::Directory("out/".into()));
        assert_eq!(directory.workflow(&route("w", "p").workflow), Path::new("out/.etl/w"));
    }

    #[test]
    fn any_partition_name_is_one_folder() {
        let layout = Layout::new(Target::File("a.csv".into()));
        let odd = layout.route(&route("w", "../../etc/passwd\0x"));
        assert!(odd.file_name().unwrap().to_str().unwrap().starts_with("source-"));
        assert_eq!(odd.components().count(), 5);
        assert_ne!(odd, layout.route(&route("w", "../../etc/passwd")));
    }

    #[test]
    fn shards_of_a_partition_have_a_folder_and_names_of_their_own() {
        let (layout, run) = (Layout::new(Target::Directory("out/".into())), RunId::generate());
        let of = |number| Route { shard: Shard::new(number, 8).ok(), ..route("w", "p") };
        let whole = layout.route(&route("w", "p"));
        assert_eq!(layout.route(&of(3)), whole.with_added_extension("3of8"));
        let name = |route: &Route| PartNames::new(route, "csv").name(run, 1, 1);
        assert!(name(&of(3)) != name(&of(4)) && name(&of(3)) != name(&route("w", "p")));
        assert!(PartNames::new(&route("w", "p"), "csv").is_of_same_destination(&name(&of(3))));
    }

    #[test]
    fn parts_of_other_workflows_are_not_ours() {
        let run = RunId::generate();
        let ours = PartNames::new(&route("w", "a"), "csv.gz");
        let other_partition = PartNames::new(&route("w", "b"), "json").name(run, 100_000, 3);
        let other_workflow = PartNames::new(&route("x", "a"), "csv.gz").name(run, 0, 1);
        assert!(ours.is_of_same_destination(&ours.name(run, 0, 1)));
        assert!(ours.is_of_same_destination(&other_partition));
        assert!(!ours.is_of_same_destination(&other_workflow));
        for name in ["part-1.csv", "orders.csv", "part-", "part-00000000-00000-00000001-zz.csv"] {
            assert!(!ours.is_of_same_destination(name));
        }
    }
}
