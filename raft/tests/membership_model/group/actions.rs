use super::machine::{Config, Content, Home, Id, Machine, Role, Voters, bit};
use super::state::{IDS, MACHINES, State};
use super::{Group, Rule};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A machine stands for election.
    Campaign(usize),
    /// A candidate asks one member for its vote, and hears the answer.
    Ask {
        candidate: usize,
        voter: Id,
    },
    /// A candidate asks, and does not hear the answer.
    AskInVain {
        candidate: usize,
        voter: Id,
    },
    /// A leader sends its log to one member, and hears the answer.
    Send {
        leader: usize,
        to: Id,
    },
    /// A leader sends its log, and does not hear the answer.
    SendInVain {
        leader: usize,
        to: Id,
    },
    /// A leader sends one entry to a machine that began with nothing, and does not hear the answer.
    SendOne {
        leader: usize,
        to: Id,
    },
    Write(usize),
    /// A leader begins to change who votes.
    Begin {
        leader: usize,
        voters: Voters,
    },
    /// A leader ends what it or another has begun.
    Finish(usize),
    /// A machine loses its disk and starts again under its old address.
    Wipe(usize),
    /// A leader admits a machine that has no id.
    Admit {
        leader: usize,
        place: usize,
    },
}

impl Group {
    pub fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        for (place, machine) in state.machines.iter().enumerate() {
            let Some(id) = machine.id else { continue };
            let Some((_, config)) = machine.config() else { continue };
            if !machine.is_leader() && machine.term < self.bounds.term && config.is_voter(id) {
                actions.push(Action::Campaign(place));
            }
            let others = (0..IDS).filter(|other| *other != id && config.home(*other).is_some());
            match &machine.role {
                Role::Candidate { votes } => {
                    for voter in others.filter(|voter| votes & bit(*voter) == 0 && config.is_voter(*voter)) {
                        actions.push(Action::Ask { candidate: place, voter });
                        actions.push(Action::AskInVain { candidate: place, voter });
                    }
                }
                Role::Leader { matched } => {
                    for to in others.filter(|to| matched[usize::from(*to)] < machine.log.len()) {
                        actions.push(Action::Send { leader: place, to });
                        actions.push(Action::SendInVain { leader: place, to });
                        let newcomer = config.home(to).map(|home| &state.machines[home.place]);
                        if newcomer.is_some_and(|newcomer| newcomer.store > 0) {
                            actions.push(Action::SendOne { leader: place, to });
                        }
                    }
                    if machine.log.len() < self.bounds.entries {
                        self.proposals(state, place, actions);
                    }
                }
                Role::Follower => {}
            }
        }
        if state.wipes < self.bounds.wipes {
            actions.extend((0..MACHINES).map(Action::Wipe));
        }
    }

    fn proposals(&self, state: &State, leader: usize, actions: &mut Vec<Action>) {
        let machine = &state.machines[leader];
        let (Some((len, config)), Some(id)) = (machine.config(), machine.id) else { return };
        if state.writes < self.bounds.writes {
            actions.push(Action::Write(leader));
        }
        let may_change = machine.committed >= len || !self.has(Rule::OneAtATime);
        if !may_change {
            return;
        }
        if config.sets.len() > 1 {
            actions.push(Action::Finish(leader));
            if self.has(Rule::OneAtATime) {
                return;
            }
        }
        let newest = config.sets.last().copied().unwrap_or_default();
        if state.changes < self.bounds.changes {
            let members = (0..IDS).filter(|id| config.home(*id).is_some()).fold(0, |set, id| set | bit(id));
            let sets = (1..=members).filter(|set| {
                set & !members == 0 && set & bit(id) != 0 && set.count_ones() % 2 == 1 && *set != newest
            });
            actions.extend(sets.map(|voters| Action::Begin { leader, voters }));
        }
        let strangers = state.machines.iter().enumerate().filter(|(place, machine)| {
            let is_known = (0..IDS)
                .filter_map(|id| config.home(id))
                .any(|home| home == Home { place: *place, store: machine.store });
            machine.id.is_none() && !is_known
        });
        actions.extend(strangers.map(|(place, _)| Action::Admit { leader, place }));
    }

    pub fn after(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Campaign(place) => {
                let machine = &mut state.machines[place];
                machine.term += 1;
                machine.voted_for = machine.id;
                machine.role = Role::Candidate { votes: bit(machine.id?) };
                self.count(&mut state, place);
            }
            Action::Ask { candidate, voter } => {
                match (self.ask(&mut state, candidate, voter)?, &mut state.machines[candidate]) {
                    (Ok(()), Machine { role: Role::Candidate { votes }, .. }) => *votes |= bit(voter),
                    (Ok(()), _) => {}
                    (Err(term), machine) => machine.see_term(term),
                }
                self.count(&mut state, candidate);
            }
            Action::AskInVain { candidate, voter } => {
                let _lost = self.ask(&mut state, candidate, voter)?;
            }
            Action::Send { leader, to } => {
                match (self.send(&mut state, leader, to, usize::MAX)?, &mut state.machines[leader]) {
                    (Ok(len), Machine { role: Role::Leader { matched }, .. }) => {
                        matched[usize::from(to)] = len
                    }
                    (Ok(_), _) => {}
                    (Err(term), machine) => machine.see_term(term),
                }
                state.commit(leader);
            }
            Action::SendInVain { leader, to } => {
                let _lost = self.send(&mut state, leader, to, usize::MAX)?;
            }
            Action::SendOne { leader, to } => {
                let _lost = self.send(&mut state, leader, to, 1)?;
            }
            Action::Write(leader) => {
                state.writes += 1;
                let value = state.writes;
                state.append(leader, Content::Written(value));
            }
            Action::Begin { leader, voters } => {
                state.changes += 1;
                let (_, config) = state.machines[leader].config()?;
                let newest = config.sets.last().copied()?;
                let sets = if self.has(Rule::JointStep) { vec![newest, voters] } else { vec![voters] };
                let config = Config { sets, homes: config.homes.clone() };
                state.append(leader, Content::Config(config));
            }
            Action::Finish(leader) => {
                let (_, config) = state.machines[leader].config()?;
                let config = Config { sets: vec![config.sets.last().copied()?], homes: config.homes.clone() };
                state.append(leader, Content::Config(config));
            }
            Action::Wipe(place) => {
                state.wipes += 1;
                let old = state.machines[place].clone();
                state.machines[place] = Machine::empty(old.store + 1);
                if !self.has(Rule::StoreIsChecked) {
                    state.machines[place].id = old.id;
                }
            }
            Action::Admit { leader, place } => {
                let (_, config) = state.machines[leader].config()?;
                let mut homes = config.homes.clone();
                let old = homes.iter().position(|home| home.is_some_and(|home| home.place == place))?;
                let new = homes.iter().position(Option::is_none)?;
                let id = if self.has(Rule::IdsAreNew) { new } else { old };
                homes[id] = Some(Home { place, store: state.machines[place].store });
                let config = Config { sets: config.sets.clone(), homes };
                state.append(leader, Content::Config(config));
            }
        }
        Some(state)
    }

    /// The machine that a request to a member reaches, unless it refuses because it is not the one that is
    /// meant.
    fn receiver(&self, state: &State, from: usize, to: Id) -> Option<usize> {
        let (_, config) = state.machines[from].config()?;
        let home = config.home(to)?;
        let machine = &state.machines[home.place];
        let is_meant = machine.id == Some(to) && machine.store == home.store;
        (is_meant || !self.has(Rule::StoreIsChecked)).then_some(home.place)
    }

    /// A vote, or the term of a voter that refuses; none when it is not reached.
    fn ask(&self, state: &mut State, candidate: usize, voter: Id) -> Option<Result<(), u8>> {
        let receiver = self.receiver(state, candidate, voter)?;
        let Machine { term, id, .. } = state.machines[candidate];
        let last = state.machines[candidate].last();
        let machine = &mut state.machines[receiver];
        machine.see_term(term);
        let is_free = machine.voted_for.is_none() || machine.voted_for == id;
        let is_current = last >= machine.last() || !self.has(Rule::LogIsCompared);
        if machine.term > term || !is_free || !is_current {
            return Some(Err(machine.term));
        }
        machine.voted_for = id;
        Some(Ok(()))
    }

    fn count(&self, state: &mut State, candidate: usize) {
        let machine = &mut state.machines[candidate];
        let (Role::Candidate { votes }, Some((_, config))) = (&machine.role, machine.config()) else {
            return;
        };
        if config.is_quorum(*votes) {
            machine.role = Role::Leader { matched: vec![0; usize::from(IDS)] };
            state.append(candidate, Content::Nothing);
        }
    }

    /// How many entries the receiver then shares with the leader, or its later term; none when it is not
    /// reached.
    fn send(&self, state: &mut State, leader: usize, to: Id, at_most: usize) -> Option<Result<usize, u8>> {
        let receiver = self.receiver(state, leader, to)?;
        let Machine { term, log, .. } = state.machines[leader].clone();
        let machine = &mut state.machines[receiver];
        if machine.term > term {
            return Some(Err(machine.term));
        }
        machine.see_term(term);
        machine.role = Role::Follower;
        if !machine.log.starts_with(&log) {
            let shared = machine.log.iter().zip(&log).take_while(|(mine, sent)| mine == sent).count();
            machine.log = log[..log.len().min(shared.saturating_add(at_most))].to_vec();
        }
        Some(Ok(log.len()))
    }
}
