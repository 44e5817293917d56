/// A member's id; bit `id` of a [`Voters`].
pub type Id = u8;
/// A set of members.
pub type Voters = u8;

/// Where a member lives, and the store it has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Home {
    pub place: usize,
    pub store: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// One set, or the old and the new.
    pub sets: Vec<Voters>,
    /// By id.
    pub homes: Vec<Option<Home>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    Nothing,
    Written(u8),
    Config(Config),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    pub term: u8,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    Follower,
    Candidate {
        votes: Voters,
    },
    /// How many entries each member is known to have, by id.
    Leader {
        matched: Vec<usize>,
    },
}

/// A machine with the member that lives there, if any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub id: Option<Id>,
    pub store: u8,
    pub term: u8,
    pub voted_for: Option<Id>,
    pub log: Vec<Entry>,
    /// Entries that it knows to be committed.
    pub committed: usize,
    pub role: Role,
}

impl Machine {
    /// What a machine is with an empty disk.
    pub fn empty(store: u8) -> Self {
        Self {
            id: None,
            store,
            term: 0,
            voted_for: None,
            log: Vec::new(),
            committed: 0,
            role: Role::Follower,
        }
    }

    /// The newest configuration in the log, committed or not, and how many entries there are up to it.
    pub fn config(&self) -> Option<(usize, &Config)> {
        self.log.iter().enumerate().rev().find_map(|(at, entry)| match &entry.content {
            Content::Config(config) => Some((at + 1, config)),
            _ => None,
        })
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Adopts a later term: whatever it was before, it follows now.
    pub fn see_term(&mut self, term: u8) {
        if term > self.term {
            self.term = term;
            self.voted_for = None;
            self.role = Role::Follower;
        }
    }

    /// By which logs are compared in an election.
    pub fn last(&self) -> (u8, usize) {
        (self.log.last().map_or(0, |entry| entry.term), self.log.len())
    }
}

impl Config {
    /// Whether `members` are a majority of each set.
    pub fn is_quorum(&self, members: Voters) -> bool {
        self.sets.iter().all(|set| (set & members).count_ones() * 2 > set.count_ones())
    }

    pub fn is_voter(&self, id: Id) -> bool {
        self.sets.iter().any(|set| set & bit(id) != 0)
    }

    pub fn home(&self, id: Id) -> Option<Home> {
        self.homes.get(usize::from(id)).copied().flatten()
    }
}

pub fn bit(id: Id) -> Voters {
    1 << id
}
