use etl_raft_state::State;
use etl_raft_state::parts::Schedule;

/// What is due, and when something will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    /// By name.
    pub due: Vec<Due>,
    /// The next tick of the schedules that are not due, in milliseconds since 1970.
    pub next_ms: Option<u64>,
}

/// A schedule with at least one tick that has not fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub name: String,
    pub schedule: Schedule,
    /// Whether its workflow has no run that is not finished.
    pub is_free: bool,
}

impl Scene {
    pub fn of(state: &State, now_ms: u64) -> Self {
        let mut scene = Self::default();
        for (name, schedule) in state.schedules().iter() {
            let tick = schedule.next_fire_ms;
            if tick > now_ms {
                scene.next_ms = Some(scene.next_ms.map_or(tick, |next| next.min(tick)));
                continue;
            }
            let (runs, workflow) = (state.runs(), &schedule.workflow);
            let is_free = runs.active(workflow).is_none() && runs.queued(workflow).is_none();
            scene.due.push(Due { name: name.to_owned(), schedule: schedule.clone(), is_free });
        }
        scene
    }
}
