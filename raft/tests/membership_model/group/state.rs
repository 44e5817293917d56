use super::machine::{Config, Content, Entry, Home, Id, Machine, Role, bit};

/// All machines, and what an observer knows who sees everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub machines: Vec<Machine>,
    /// The longest log that any leader has ever seen committed.
    pub committed: Vec<Entry>,
    /// Two leaders have seen different logs committed.
    pub has_diverged: bool,
    pub writes: u8,
    pub changes: u8,
    pub wipes: u8,
}

/// Members that there can be: one for each machine, and one that registers after a wipe.
pub const IDS: u8 = 4;
pub const MACHINES: usize = 3;
const ALL: u8 = 0b111;

impl State {
    /// Three members, of which the first has founded the group and leads; everybody has the whole log.
    pub fn founded() -> Self {
        let homes: Vec<_> =
            (0..usize::from(IDS)).map(|id| (id < MACHINES).then_some(Home { place: id, store: 0 })).collect();
        let config = |voters| Config { sets: vec![voters], homes: homes.clone() };
        let log =
            [bit(0), ALL].map(|voters| Entry { term: 1, content: Content::Config(config(voters)) }).to_vec();
        let machine = |id: Id| Machine {
            id: Some(id),
            store: 0,
            term: 1,
            voted_for: Some(0),
            log: log.clone(),
            committed: log.len(),
            role: if id == 0 { Role::Leader { matched: vec![2, 2, 2, 0] } } else { Role::Follower },
        };
        Self {
            machines: vec![machine(0), machine(1), machine(2)],
            committed: log.clone(),
            has_diverged: false,
            writes: 0,
            changes: 0,
            wipes: 0,
        }
    }

    /// Adds an entry to the log of a leader.
    pub fn append(&mut self, place: usize, content: Content) {
        let machine = &mut self.machines[place];
        machine.log.push(Entry { term: machine.term, content });
        let (len, id) = (machine.log.len(), machine.id);
        if let (Role::Leader { matched }, Some(id)) = (&mut machine.role, id) {
            matched[usize::from(id)] = len;
        }
        self.commit(place);
    }

    /// A leader counts who has what. Only an entry of its own term commits what is before it.
    pub fn commit(&mut self, place: usize) {
        let machine = &mut self.machines[place];
        let (Role::Leader { matched }, Some((_, config))) = (&machine.role, machine.config()) else { return };
        let reached = (machine.committed + 1..=machine.log.len()).rev().find(|len| {
            let holders =
                (0..IDS).filter(|id| matched[usize::from(*id)] >= *len).fold(0, |set, id| set | bit(id));
            machine.log[len - 1].term == machine.term && config.is_quorum(holders)
        });
        let Some(len) = reached else { return };
        machine.committed = len;
        let log = &machine.log[..len];
        let shared = len.min(self.committed.len());
        self.has_diverged |= log[..shared] != self.committed[..shared];
        if len > self.committed.len() {
            self.committed = log.to_vec();
        }
        self.tell_newcomers(place);
    }

    /// Whose registration is committed learns its id.
    fn tell_newcomers(&mut self, leader: usize) {
        let known = self.machines[leader].committed;
        let homes: Vec<(Id, Home)> = (self.machines[leader].log[..known].iter())
            .filter_map(|entry| match &entry.content {
                Content::Config(config) => Some(config),
                _ => None,
            })
            .flat_map(|config| (0..IDS).filter_map(|id| Some((id, config.home(id)?))))
            .collect();
        for (id, home) in homes {
            let machine = &mut self.machines[home.place];
            if machine.id.is_none() && machine.store == home.store {
                machine.id = Some(id);
            }
        }
    }

    pub fn has_one_leader_a_term(&self) -> bool {
        let terms = |skip: usize| {
            self.machines.iter().skip(skip).filter(|machine| machine.is_leader()).map(|machine| machine.term)
        };
        (self.machines.iter().enumerate())
            .all(|(at, machine)| !machine.is_leader() || terms(at + 1).all(|term| term != machine.term))
    }

    pub fn has_leader_in_later_term(&self) -> bool {
        self.machines.iter().any(|machine| machine.is_leader() && machine.term > 1)
    }

    pub fn has_committed_other_voters(&self) -> bool {
        self.committed.iter().any(|entry| {
            matches!(&entry.content, Content::Config(config)
                if config.sets.len() == 1 && ![bit(0), ALL].contains(&config.sets[0]))
        })
    }

    pub fn has_newcomer(&self) -> bool {
        self.machines.iter().any(|machine| machine.store > 0 && !machine.log.is_empty())
    }
}
