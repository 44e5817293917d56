use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use etl_raft_state::{Command, Envelope, Response, Session, State};
use uuid::Uuid;

use crate::ghost::{Deed, Ghost};
use crate::guards::Guard;
use crate::scene::{Play, Scene, TIME_MS, View};

/// A command that was sent. From then on it can be committed at any time.
#[derive(Debug, Clone)]
pub struct Sent {
    pub envelope: Envelope,
    /// To its first commitment.
    pub answer: Option<Response>,
    /// Of the first commitment.
    index: u64,
    commits: u8,
    has_acted: bool,
    /// Names the command.
    print: u64,
    /// Names the answer.
    told: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct World {
    pub state: Arc<State>,
    /// Of the state.
    digest: u64,
    /// By actor.
    sent: Vec<Vec<Sent>>,
    repetitions: u8,
    pub ghost: Ghost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// An actor looks at the state and sends what follows.
    Act(usize),
    /// A command gets into the log, for the first time or again: whose it is, and the number that it has among those of its author.
    Commit(usize, usize),
}

fn print(of: &impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{of:?}").hash(&mut hasher);
    hasher.finish()
}

impl World {
    pub fn new(scene: &Scene) -> Self {
        Self {
            digest: scene.beginning.digest(),
            state: Arc::new(scene.beginning.clone()),
            sent: scene.actors.iter().map(|_| Vec::new()).collect(),
            repetitions: 0,
            ghost: Ghost::default(),
        }
    }

    pub fn possible(&self, scene: &Scene, actions: &mut Vec<Action>) {
        for (actor, sent) in self.sent.iter().enumerate() {
            if self.next_command(scene, actor).is_some() {
                actions.push(Action::Act(actor));
            }
            for (number, sent) in sent.iter().enumerate() {
                if sent.commits == 0 || sent.commits == 1 && self.repetitions < scene.repetitions {
                    actions.push(Action::Commit(actor, number));
                }
            }
        }
    }

    pub fn after(&self, play: &Play, action: Action) -> Option<Self> {
        let mut world = self.clone();
        match action {
            Action::Act(actor) => {
                let command = self.next_command(&play.scene, actor)?;
                let seq = self.sent[actor].len() as u64 + 1;
                let client = Uuid::from_u128(0xac00 + actor as u128);
                // Nothing is acknowledged: any of them may still come again.
                let session = Session { client, seq, acknowledged_below: 0 };
                let session = (!play.scene.is_read_again).then_some(session);
                let envelope = Envelope { time_ms: TIME_MS, session, command };
                let print = print(&envelope);
                let sent = Sent {
                    envelope,
                    answer: None,
                    index: 0,
                    commits: 0,
                    has_acted: false,
                    print,
                    told: None,
                };
                world.sent[actor].push(sent);
            }
            Action::Commit(actor, number) => world.commit(play, actor, number),
        }
        Some(world)
    }

    fn next_command(&self, scene: &Scene, actor: usize) -> Option<Command> {
        let mine = &self.sent[actor];
        let step = scene.actors[actor].get(mine.len())?;
        step(&View { state: &self.state, mine })
    }

    fn commit(&mut self, play: &Play, actor: usize, number: usize) {
        let sent = &mut self.sent[actor][number];
        let envelope = match play.missing {
            Some(guard) => guard.go_around(&sent.envelope, &self.state),
            None => sent.envelope.clone(),
        };
        let before = self.state.clone();
        let mut after = State::clone(&before);
        let (there, back) =
            play.missing.map(|guard| guard.detour(&envelope.command, &before)).unwrap_or_default();
        bring(&mut after, there);
        after.take_changes();
        let next = after.meta().last_index().unwrap_or(0) + 1;
        let is_old = play.scene.is_read_again && sent.commits > 0 && play.missing != Some(Guard::Index);
        let index = if is_old { sent.index } else { next };
        let response = after.apply(index, &envelope);
        let changed = after.take_changes().iter().any(|(key, _)| is_content(key));
        bring(&mut after, back);
        after.take_changes();
        self.ghost.witness(&Deed {
            print: sent.print,
            command: &sent.envelope.command,
            response: &response,
            before: &before,
            after: &after,
            changed,
            acted_before: sent.has_acted,
        });
        self.repetitions += u8::from(sent.commits > 0);
        sent.commits += 1;
        sent.has_acted |= changed;
        if sent.answer.is_none() {
            sent.index = index;
            sent.told = Some(print(&response));
            sent.answer = Some(response);
        }
        self.digest = after.digest();
        self.state = Arc::new(after);
    }

    /// All that makes two worlds different.
    fn content(&self) -> impl Hash + Eq + '_ {
        let sent: Vec<Vec<_>> = (self.sent.iter())
            .map(|sent| sent.iter().map(|s| (s.print, s.index, s.commits, s.has_acted, s.told)).collect())
            .collect();
        (self.digest, self.repetitions, &self.ghost, sent)
    }
}

/// Applies what is not part of the play.
fn bring(state: &mut State, commands: Vec<Command>) {
    for command in commands {
        let index = state.meta().last_index().unwrap_or(0) + 1;
        state.apply(index, &Envelope { time_ms: TIME_MS, session: None, command });
    }
}

/// Sessions, index and time change with every entry.
fn is_content(key: &[u8]) -> bool {
    !bookkeeping().contains(&key[0])
}

/// The kinds of rows that a command changes which is refused.
fn bookkeeping() -> &'static [u8] {
    static KINDS: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    KINDS.get_or_init(|| {
        let mut state = crate::scene::after(crate::scene::nodes());
        let session = Session { client: Uuid::from_u128(7), seq: 1, acknowledged_below: 0 };
        let refused = Command::Batch(vec![Command::Batch(Vec::new())]);
        let index = state.meta().last_index().unwrap() + 1;
        state.apply(index, &Envelope { time_ms: TIME_MS + 1, session: Some(session), command: refused });
        state.take_changes().into_iter().map(|(key, _)| key[0]).collect()
    })
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        print_of(self) == print_of(other)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.content().hash(hasher);
    }
}

fn print_of(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}
