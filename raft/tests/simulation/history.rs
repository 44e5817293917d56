//! What clients saw of one key, and whether a single register that does one thing at a time could have done that.
//!
//! Just-in-time linearization (Lowe, "Testing for linearizability", 2017): after each return the possible states are those in
//! which the call that returned, and perhaps some that have not returned, have taken effect.

use std::collections::BTreeSet;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Versioned {
    /// 1 for the first value, one more for each after it.
    pub version: u64,
    /// No two calls write the same.
    pub value: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Read,
    /// Puts a value, when the version is the expected one, if one is expected.
    Put {
        value: u64,
        expected: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Found(Option<Versioned>),
    Written {
        version: u64,
    },
    /// It has another version.
    Conflict {
        actual: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub input: Input,
    /// Absent when it is not known; it may have taken effect at any time since it was called, or never.
    pub output: Option<Output>,
    /// Moments at which nothing else happens.
    pub called: u64,
    pub returned: u64,
}

type State = Option<Versioned>;

fn version(state: State) -> u64 {
    state.map_or(0, |state| state.version)
}

/// The state after a call that may have taken effect on this one.
fn step(state: State, call: &Call) -> Option<State> {
    match (call.input, call.output) {
        (Input::Read, Some(Output::Found(found))) => (found == state).then_some(state),
        (Input::Read, _) => Some(state),
        (Input::Put { value, expected }, output) => {
            let fits = expected.is_none_or(|expected| expected == version(state));
            let written = Versioned { version: version(state) + 1, value };
            match output {
                None if fits => Some(Some(written)),
                Some(Output::Written { version }) if fits && version == written.version => {
                    Some(Some(written))
                }
                Some(Output::Conflict { actual }) if !fits && actual == version(state) => Some(state),
                _ => None,
            }
        }
    }
}

/// The version after this call, when its answer tells.
fn told(call: &Call) -> Option<u64> {
    match call.output? {
        Output::Found(found) => Some(version(found)),
        Output::Written { version } | Output::Conflict { actual: version } => Some(version),
    }
}

/// A state that is possible, and the calls that led to it without having returned.
type Possible = (State, BTreeSet<usize>);

/// The calls in the order in which they were made.
///
/// # Errors
/// The call that cannot have had its answer.
pub fn check(calls: &[Call]) -> Result<(), String> {
    let mut moments: Vec<(u64, bool, usize)> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        moments.push((call.called, false, number));
        if call.output.is_some() {
            moments.push((call.returned, true, number));
        }
    }
    moments.sort_unstable();
    let mut open = BTreeSet::new();
    let mut possible: BTreeSet<Possible> = [(None, BTreeSet::new())].into();
    for (_, is_return, number) in moments {
        if !is_return {
            open.insert(number);
            continue;
        }
        let after = with_effect(calls, &open, possible.clone(), number);
        if after.is_empty() {
            let states: Vec<State> = possible.into_iter().map(|(state, _)| state).take(5).collect();
            return Err(format!("call {number}, {:?}, cannot be; before it: {states:?}", calls[number]));
        }
        possible = after;
        open.remove(&number);
    }
    Ok(())
}

/// The states in which `number` has taken effect.
fn with_effect(
    calls: &[Call],
    open: &BTreeSet<usize>,
    possible: BTreeSet<Possible>,
    number: usize,
) -> BTreeSet<Possible> {
    let most = told(&calls[number]).unwrap_or(u64::MAX);
    let mut after = BTreeSet::new();
    let mut seen = possible.clone();
    let mut left: Vec<Possible> = possible.into_iter().collect();
    while let Some((state, mut done)) = left.pop() {
        if done.remove(&number) {
            after.insert((state, done));
            continue;
        }
        for call in open.difference(&done) {
            let Some(next) = step(state, &calls[*call]) else { continue };
            if version(next) > most {
                continue;
            }
            let mut done = done.clone();
            done.insert(*call);
            if seen.insert((next, done.clone())) {
                left.push((next, done));
            }
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(called: u64, returned: u64, input: Input, output: Option<Output>) -> Call {
        Call { input, output, called, returned }
    }

    fn read(called: u64, returned: u64, found: Option<(u64, u64)>) -> Call {
        let found = found.map(|(version, value)| Versioned { version, value });
        call(called, returned, Input::Read, Some(Output::Found(found)))
    }

    fn put(called: u64, returned: u64, value: u64, version: Option<u64>) -> Call {
        let output = version.map(|version| Output::Written { version });
        call(called, returned, Input::Put { value, expected: None }, output)
    }

    fn put_if(called: u64, returned: u64, expected: u64, output: Output) -> Call {
        call(called, returned, Input::Put { value: called, expected: Some(expected) }, Some(output))
    }

    #[test]
    fn what_a_register_can_do_is_accepted() {
        for history in [
            vec![],
            vec![put(0, 1, 7, Some(1)), read(2, 3, Some((1, 7))), put(4, 5, 8, Some(2))],
            vec![put(0, 10, 7, Some(1)), read(1, 2, None), read(3, 4, Some((1, 7)))],
            vec![put(0, 1, 7, None), read(2, 3, None), read(4, 5, Some((1, 7)))],
            vec![put(0, 1, 7, None), read(2, 3, None), read(4, 5, None)],
            vec![
                put_if(0, 9, 0, Output::Written { version: 1 }),
                put_if(1, 8, 0, Output::Conflict { actual: 1 }),
            ],
        ] {
            assert_eq!(check(&history), Ok(()), "{history:?}");
        }
    }

    #[test]
    fn what_it_cannot_do_is_noticed() {
        for history in [
            vec![put(0, 1, 7, Some(1)), read(2, 3, None)],
            vec![put(0, 1, 7, Some(1)), put(2, 3, 8, Some(2)), read(4, 5, Some((1, 7)))],
            vec![put(0, 10, 7, Some(1)), read(1, 2, Some((1, 7))), read(3, 4, None)],
            vec![put(0, 1, 7, None), read(2, 3, Some((1, 7))), read(4, 5, None)],
            vec![put(0, 1, 7, None), read(2, 3, Some((2, 7)))],
            vec![
                put_if(0, 9, 0, Output::Written { version: 1 }),
                put_if(1, 8, 0, Output::Written { version: 1 }),
            ],
            vec![put_if(0, 1, 0, Output::Conflict { actual: 0 })],
        ] {
            assert!(check(&history).is_err(), "{history:?}");
        }
    }
}
