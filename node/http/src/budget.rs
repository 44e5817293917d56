use std::sync::{Mutex, PoisonError};

/// How many calls may be tried again: a fifth of those that were made, and a few to begin with. Without it a server that
/// fails would be asked several times as often as one that works, by all who use it at the same time.
///
/// Source: the retry budget of Twitter's Finagle (`RetryBudget`, deposits and withdrawals).
#[derive(Debug)]
pub(crate) struct RetryBudget(Mutex<u32>);

/// What a call brings, and what trying again costs.
const DEPOSIT: u32 = 1;
const COST: u32 = 5;
/// What there is to begin with, and at most.
const RESERVE: u32 = 50 * COST;
const MOST: u32 = 1000 * COST;

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(RESERVE))
    }
}

impl RetryBudget {
    /// A call was made for the first time.
    pub fn deposit(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + DEPOSIT).min(MOST);
    }

    /// Whether a call may be tried again.
    pub fn withdraw(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match left.checked_sub(COST) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_tried_again_once_the_reserve_is_used_up() {
        let budget = RetryBudget::default();
        assert_eq!((0..1000).filter(|_| budget.withdraw()).count(), 50);
        let again = (0..1000).filter(|_| {
            budget.deposit();
            budget.withdraw()
        });
        assert_eq!(again.count(), 200);
    }
}
