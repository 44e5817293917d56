use etl_proto::cluster as wire;

/// How a node says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Of the file system that the data directory is on.
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub log_bytes: u64,
    pub state_bytes: u64,
    /// Up to which entry it has applied the log; set by the sender of heartbeats.
    pub applied_index: u64,
    /// Each a sentence that says what is wrong and what to do.
    pub problems: Vec<String>,
}

/// Looks at what a node keeps on disk.
pub trait Probe: Send + Sync + 'static {
    /// May block for as long as a disk takes.
    fn look(&self) -> Health;
}

/// More than so many problems of one node are not told, nor longer ones.
const MOST_PROBLEMS: usize = 16;
const LONGEST_PROBLEM: usize = 512;

impl From<Health> for wire::NodeHealth {
    fn from(health: Health) -> Self {
        Self {
            disk_free_bytes: health.disk_free_bytes,
            disk_total_bytes: health.disk_total_bytes,
            log_bytes: health.log_bytes,
            state_bytes: health.state_bytes,
            applied_index: health.applied_index,
            problems: health.problems,
        }
    }
}

impl From<wire::NodeHealth> for Health {
    fn from(health: wire::NodeHealth) -> Self {
        let shortened = |mut problem: String| {
            problem.truncate(problem.floor_char_boundary(LONGEST_PROBLEM));
            problem
        };
        Self {
            disk_free_bytes: health.disk_free_bytes,
            disk_total_bytes: health.disk_total_bytes,
            log_bytes: health.log_bytes,
            state_bytes: health.state_bytes,
            applied_index: health.applied_index,
            problems: health.problems.into_iter().take(MOST_PROBLEMS).map(shortened).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_goes_over_the_wire_and_back() {
        let health = Health {
            disk_free_bytes: 1,
            disk_total_bytes: 2,
            log_bytes: 3,
            state_bytes: 4,
            applied_index: 5,
            problems: vec!["the disk is slow".to_owned()],
        };
        assert_eq!(Health::from(wire::NodeHealth::from(health.clone())), health);
    }

    #[test]
    fn a_leader_does_not_keep_novels() {
        let problems = vec!["ä".repeat(400); 100];
        let kept = Health::from(wire::NodeHealth { problems, ..wire::NodeHealth::default() });
        assert_eq!(kept.problems.len(), MOST_PROBLEMS);
        assert!(kept.problems.iter().all(|problem| problem.len() <= LONGEST_PROBLEM));
    }
}
