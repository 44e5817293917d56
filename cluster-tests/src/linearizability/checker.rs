//! Whether a history of one key could have come from a single register that does one thing at a time.
//!
//! The algorithm of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the memory of Lowe ("Testing for
//! linearizability", 2017): places in the order are tried one after another, and a set of calls that led to a state is not
//! tried again. Writes without an answer, whose places nothing bounds, would make that exponential; what the answers to
//! others tell of them ([`Unanswered`]) leaves few choices.

use std::collections::HashSet;
use std::time::Duration;

use super::operation::{Operation, Versioned, step};
use super::unanswered::Unanswered;

/// The calls that have found their place, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Placed(Vec<u64>);

impl Placed {
    fn set(&mut self, call: usize, placed: bool) {
        let (word, bit) = (call / 64, 1 << (call % 64));
        if placed { self.0[word] |= bit } else { self.0[word] &= !bit }
    }

    fn has(&self, call: usize) -> bool {
        self.0[call / 64] & (1 << (call % 64)) != 0
    }
}

/// Calls and returns in the order of time, as a list from which calls that found their place are taken out.
struct Timeline {
    /// The operation and whether it is its return; the first and last entries are no events.
    events: Vec<(usize, bool)>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where the return of an operation stands.
    returns: Vec<usize>,
}

impl Timeline {
    fn of(history: &[Operation]) -> Self {
        // Who called at the moment of another's return may still come before it: calls first.
        let mut moments: Vec<(Duration, bool, usize)> = Vec::with_capacity(2 * history.len());
        for (number, operation) in history.iter().enumerate() {
            let end = if operation.output.is_some() { operation.returned } else { Duration::MAX };
            moments.push((operation.called, false, number));
            moments.push((end, true, number));
        }
        moments.sort_unstable();
        let mut events = vec![(usize::MAX, true)];
        events.extend(moments.iter().map(|&(_, is_return, number)| (number, is_return)));
        let mut returns = vec![0; history.len()];
        for (place, &(number, is_return)) in events.iter().enumerate().skip(1) {
            if is_return {
                returns[number] = place;
            }
        }
        let count = events.len();
        Self {
            events,
            next: (1..=count).collect(),
            previous: (0..=count).map(|place| place.saturating_sub(1)).collect(),
            returns,
        }
    }

    fn unlink(&mut self, place: usize) {
        let (before, after) = (self.previous[place], self.next[place]);
        self.next[before] = after;
        self.previous[after] = before;
    }

    fn link(&mut self, place: usize) {
        let (before, after) = (self.previous[place], self.next[place]);
        self.next[before] = place;
        self.previous[after] = place;
    }

    fn take_out(&mut self, call: usize) {
        self.unlink(call);
        self.unlink(self.returns[self.events[call].0]);
    }

    fn put_back(&mut self, call: usize) {
        self.link(self.returns[self.events[call].0]);
        self.link(call);
    }
}

/// `Ok` when an order exists, else the most calls that could be given a place before it got stuck.
pub fn check(history: &[Operation]) -> Result<(), usize> {
    let unanswered = Unanswered::of(history);
    let answered = history.iter().filter(|operation| operation.output.is_some()).count();
    let mut timeline = Timeline::of(history);
    let mut placed = Placed(vec![0; history.len().div_ceil(64)]);
    let mut seen: HashSet<(Placed, Option<Versioned>)> = HashSet::new();
    let mut path: Vec<(usize, Option<Versioned>)> = Vec::new();
    let (mut state, mut most, mut answered_placed) = (None, 0, 0);
    let mut place = timeline.next[0];
    // Calls without an answer need no place: they may never have happened.
    while answered_placed < answered {
        let (number, is_return) = timeline.events[place];
        if is_return {
            // This one has returned, so it should have had its place: the last choice was wrong.
            let Some((call, before)) = path.pop() else { return Err(most) };
            let undone = timeline.events[call].0;
            placed.set(undone, false);
            answered_placed -= usize::from(history[undone].output.is_some());
            state = before;
            timeline.put_back(call);
            place = timeline.next[call];
            continue;
        }
        let operation = &history[number];
        let next = step(state, operation.input, operation.output);
        let next = next.filter(|&next| {
            operation.output.is_some()
                || unanswered.may_take_effect(number, state, next, |call| placed.has(call))
        });
        if let Some(next) = next {
            placed.set(number, true);
            if seen.insert((placed.clone(), next)) {
                path.push((place, state));
                most = most.max(path.len());
                answered_placed += usize::from(operation.output.is_some());
                state = next;
                timeline.take_out(place);
                place = timeline.next[0];
                continue;
            }
            placed.set(number, false);
        }
        place = timeline.next[place];
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::operation::{Input, Output};
    use super::*;

    fn operation(called: u64, returned: u64, input: Input, output: Option<Output>) -> Operation {
        let [called, returned] = [called, returned].map(Duration::from_millis);
        Operation { input, output, called, returned }
    }

    fn read(called: u64, returned: u64, found: Option<(u64, u64)>) -> Operation {
        let found = found.map(|(version, value)| Versioned { version, value });
        operation(called, returned, Input::Get, Some(Output::Read { found }))
    }

    fn put(called: u64, returned: u64, value: u64, version: Option<u64>) -> Operation {
        operation(called, returned, Input::Put { value }, version.map(|version| Output::Written { version }))
    }

    #[test]
    fn one_after_the_other() {
        assert_eq!(check(&[put(0, 1, 7, Some(1)), read(2, 3, Some((1, 7))), put(4, 5, 8, Some(2))]), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn a_stale_read_is_seen() {
        assert_eq!(check(&[put(0, 1, 7, Some(1)), read(2, 3, None)]), Err(1));
        let twice = [put(0, 1, 7, Some(1)), put(2, 3, 8, Some(2)), read(4, 5, Some((1, 7)))];
        assert_eq!(check(&twice), Err(2));
    }

    #[test]
    fn calls_that_overlap_may_come_in_any_order() {
        let overlapping = [put(0, 10, 7, Some(1)), read(1, 2, None), read(3, 4, Some((1, 7)))];
        assert_eq!(check(&overlapping), Ok(()));
        let back_again = [put(0, 10, 7, Some(1)), read(1, 2, Some((1, 7))), read(3, 4, None)];
        assert!(check(&back_again).is_err(), "once seen, a write stays");
    }

    #[test]
    fn a_write_without_an_answer_happened_late_or_never() {
        let unknown = put(0, 1, 7, None);
        assert_eq!(check(&[unknown.clone(), read(2, 3, None), read(4, 5, Some((1, 7)))]), Ok(()));
        assert_eq!(check(&[unknown.clone(), read(2, 3, None), read(4, 5, None)]), Ok(()));
        assert!(check(&[unknown, read(2, 3, Some((1, 7))), read(4, 5, None)]).is_err());
    }

    /// Forty writes without an answer, of which any may have happened: all subsets and orders of them are too many.
    #[test]
    fn many_writes_without_an_answer_are_judged_at_once() {
        let mut history: Vec<Operation> = (0..40).map(|i| put(i, i + 1, i, None)).collect();
        for i in 0..20 {
            history.push(put(100 + 10 * i, 105 + 10 * i, 100 + i, Some(2 * i + 2)));
        }
        assert_eq!(check(&history), Ok(()));
        let mut seen = history.clone();
        seen.push(read(1_000, 1_001, Some((40, 119))));
        seen.push(read(1_002, 1_003, Some((41, 7))));
        assert_eq!(check(&seen), Ok(()));
        let mut stale = seen.clone();
        stale.push(read(1_004, 1_005, Some((40, 119))));
        assert!(check(&stale).is_err());
        let mut twice = seen;
        twice.push(read(1_004, 1_005, Some((42, 7))));
        assert!(check(&twice).is_err(), "no write happens twice");
        history.push(put(1_000, 1_001, 500, Some(100)));
        assert!(check(&history).is_err(), "there are not so many writes");
    }

    #[test]
    fn a_conditional_write_without_an_answer_fits_only_its_version() {
        let unknown = |version| operation(0, 1, Input::PutIf { version, value: 9 }, None);
        assert_eq!(check(&[unknown(0), put(2, 3, 7, Some(2))]), Ok(()));
        assert_eq!(check(&[unknown(1), put(2, 3, 7, Some(1)), put(4, 5, 8, Some(3))]), Ok(()));
        assert!(check(&[unknown(1), put(2, 3, 7, Some(2))]).is_err());
    }

    #[test]
    fn only_one_of_two_conditional_writes_succeeds() {
        let conditional = |called, returned, output| {
            operation(called, returned, Input::PutIf { version: 0, value: called }, Some(output))
        };
        let written = Output::Written { version: 1 };
        assert_eq!(check(&[conditional(0, 9, written), conditional(1, 8, Output::Conflict)]), Ok(()));
        assert!(check(&[conditional(0, 9, written), conditional(1, 8, written)]).is_err(), "both cannot win");
        assert!(check(&[conditional(0, 9, Output::Conflict)]).is_err(), "nobody was there to conflict with");
    }

    #[test]
    fn a_lost_write_is_seen_among_many() {
        let mut history: Vec<Operation> =
            (0..200).map(|i| put(10 * i, 10 * i + 25, i, Some(i + 1))).collect();
        assert_eq!(check(&history), Ok(()));
        history.push(read(5_000, 5_001, Some((199, 198))));
        assert!(check(&history).is_err());
    }

    /// Whether any order of any of the calls without an answer and all others fits, tried one by one.
    fn exists(history: &[Operation], placed: &mut Vec<usize>, state: Option<Versioned>) -> bool {
        let is_open = |call: &usize| !placed.contains(call);
        let answered = |call: &usize| history[*call].output.is_some();
        let open: Vec<usize> = (0..history.len()).filter(is_open).collect();
        if !open.iter().any(answered) {
            return true;
        }
        let first_return =
            open.iter().filter(|call| answered(call)).map(|&call| history[call].returned).min();
        for call in open {
            let Operation { input, output, called, .. } = history[call];
            let Some(next) =
                step(state, input, output).filter(|_| first_return.is_none_or(|end| called <= end))
            else {
                continue;
            };
            placed.push(call);
            let found = exists(history, placed, next);
            placed.pop();
            if found {
                return true;
            }
        }
        false
    }

    #[test]
    fn the_verdict_is_that_of_all_orders() {
        let mut verdicts = [0, 0];
        for seed in 0..20_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let history: Vec<Operation> = (0..random.u64(3..8))
                .map(|value| {
                    let version = random.u64(0..4);
                    let input = match random.u8(0..3) {
                        0 => Input::Get,
                        1 => Input::Put { value },
                        _ => Input::PutIf { version, value },
                    };
                    let output = match input {
                        _ if input != Input::Get && random.u8(0..2) == 0 => None,
                        Input::Get if version == 0 => Some(Output::Read { found: None }),
                        Input::Get => {
                            Some(Output::Read { found: Some(Versioned { version, value: random.u64(0..8) }) })
                        }
                        _ if random.u8(0..3) == 0 => Some(Output::Conflict),
                        _ => Some(Output::Written { version: version + 1 }),
                    };
                    let called = random.u64(0..20);
                    operation(called, called + random.u64(0..15), input, output)
                })
                .collect();
            let expected = exists(&history, &mut Vec::new(), None);
            assert_eq!(check(&history).is_ok(), expected, "seed {seed}: {history:#?}");
            verdicts[usize::from(expected)] += 1;
        }
        assert!(verdicts.iter().all(|&count| count > 1_000), "{verdicts:?}");
    }

    /// Random histories that come from a register are accepted; the same with one answer falsified mostly are not.
    #[test]
    fn what_a_register_did_is_accepted() {
        let mut falsified = 0;
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut state = None;
            let mut history = Vec::new();
            for moment in 0..60_u64 {
                let version = state.map_or(0, |state: Versioned| state.version);
                let input = match random.u8(0..3) {
                    0 => Input::Get,
                    1 => Input::Put { value: moment },
                    _ => Input::PutIf { version: version.saturating_sub(random.u64(0..2)), value: moment },
                };
                let outputs = [
                    Output::Read { found: state },
                    Output::Conflict,
                    Output::Written { version: version + 1 },
                ];
                let (output, next) = outputs
                    .into_iter()
                    .find_map(|output| step(state, input, Some(output)).map(|next| (output, next)))
                    .unwrap();
                state = next;
                // Each took effect in the middle of its call.
                let (early, late) = (random.u64(0..40), random.u64(0..40));
                history.push(operation(
                    1_000 + 10 * moment - early,
                    1_000 + 10 * moment + late,
                    input,
                    Some(output),
                ));
            }
            assert_eq!(check(&history), Ok(()), "seed {seed}");
            let victim = random.usize(0..history.len());
            history[victim].output = Some(Output::Written { version: 1_000 });
            falsified += usize::from(check(&history).is_err());
        }
        assert_eq!(falsified, 200);
    }
}
