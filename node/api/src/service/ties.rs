use std::collections::BTreeMap;

use etl_raft_state::NodeId;
use etl_workflow::Workflow;

/// Finds what of a workflow is tied to one node.
pub type Locality = dyn Fn(&Workflow) -> Ties + Send + Sync;

/// The node to which something is tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// The one that is asked to run the workflow: it has the files.
    Asked,
    /// The one that the workflow names.
    Node(NodeId),
}

/// What of a workflow is carried out on one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// Its partitions, because a source can be read on one node only.
    pub partitions: Option<Tie>,
    /// Transformations and destinations, by name.
    pub steps: BTreeMap<String, Tie>,
}

/// The same when it is known which node was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tied {
    /// Where the partitions are worked on.
    pub pinned: Option<NodeId>,
    /// Who carries out a step, unless that is where all partitions are anyway.
    pub hosts: BTreeMap<String, NodeId>,
}

impl Ties {
    pub(super) fn seen_from(&self, asked: NodeId) -> Tied {
        let node = |tie: Tie| match tie {
            Tie::Asked => asked,
            Tie::Node(node) => node,
        };
        let pinned = self.partitions.map(node);
        let hosts = self.steps.iter().map(|(step, tie)| (step.clone(), node(*tie)));
        Tied { pinned, hosts: hosts.filter(|(_, host)| Some(*host) != pinned).collect() }
    }

    /// Whether a run that is tied like that can go on with this workflow: files stay where they are, and what the workflow
    /// names is what the run has.
    pub(super) fn fit(&self, run: &Tied) -> bool {
        let fits = |tie: Tie, has: Option<NodeId>| match (tie, has) {
            (_, None) => false,
            (Tie::Asked, Some(_)) => true,
            (Tie::Node(node), Some(has)) => node == has,
        };
        let host = |step: &String| run.hosts.get(step).copied().or(run.pinned);
        self.partitions.is_none_or(|tie| fits(tie, run.pinned))
            && self.steps.iter().all(|(step, tie)| fits(*tie, host(step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties(partitions: Option<Tie>, sink: Tie) -> Ties {
        Ties { partitions, steps: [("sink".to_owned(), sink)].into() }
    }

    #[test]
    fn files_are_on_the_node_that_was_asked_and_steps_where_the_workflow_says() {
        let shared = ties(None, Tie::Asked).seen_from(2);
        assert_eq!(shared, Tied { pinned: None, hosts: [("sink".to_owned(), 2)].into() });
        let apart = ties(Some(Tie::Asked), Tie::Node(3)).seen_from(2);
        assert_eq!(apart, Tied { pinned: Some(2), hosts: [("sink".to_owned(), 3)].into() });
        let together = ties(Some(Tie::Node(3)), Tie::Node(3)).seen_from(2);
        assert_eq!(together, Tied { pinned: Some(3), hosts: BTreeMap::new() });
        assert_eq!(Ties::default().seen_from(2), Tied::default());
    }

    #[test]
    fn a_run_goes_on_where_its_files_are() {
        let here = ties(Some(Tie::Asked), Tie::Asked);
        let [one, two] = [1, 2].map(|node| here.seen_from(node));
        assert!(here.fit(&one) && here.fit(&two) && Ties::default().fit(&one));
        assert!(!here.fit(&Tied::default()), "it may have been on several nodes");
        assert!(!ties(None, Tie::Asked).fit(&Tied::default()));
        assert!(ties(None, Tie::Node(2)).fit(&two) && !ties(None, Tie::Node(2)).fit(&one));
        let hosted = ties(None, Tie::Node(3)).seen_from(1);
        assert!(ties(None, Tie::Asked).fit(&hosted) && !ties(Some(Tie::Asked), Tie::Node(3)).fit(&hosted));
    }
}
