//! What evaluation may cost.

use std::cell::Cell;

/// One rule may take so many steps. A step is about what it takes to look at one byte: a nanosecond or less, up to a
/// few in the worst case of a regular expression.
pub const RULE_STEPS_MAX: u64 = 12 << 20;

/// All rules of one run together may take so many steps: about 50 ms at three nanoseconds a step. Whoever has many rules
/// begins a new run long before that, and measures the time of all.
pub const RUN_STEPS_MAX: u64 = 16 << 20;

/// A search of a regular expression takes so many steps for each byte, as long as it meets sets of states that are
/// remembered.
const STEPS_A_BYTE_SEARCHED: u64 = 2;

/// What it takes to find out a set of states that was not remembered, for each byte in which it is then: a search that
/// fills a megabyte has taken ten milliseconds.
const STEPS_A_BYTE_REMEMBERED: u64 = 4;

/// A search that follows each state on its own takes so many steps for each byte and each state: seven nanoseconds.
const STEPS_A_STATE: u64 = 3;

/// A rule would cost more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget;

/// Counts steps down, for one rule and for the run.
#[derive(Debug)]
pub struct Meter {
    rule: Cell<u64>,
    run: Cell<u64>,
    /// What a rule may have.
    rule_max: u64,
    run_max: u64,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter::of(RULE_STEPS_MAX, RUN_STEPS_MAX)
    }
}

impl Meter {
    /// One with these bounds.
    #[must_use]
    pub fn of(rule_max: u64, run_max: u64) -> Meter {
        Meter { rule: Cell::new(rule_max.min(run_max)), run: Cell::new(run_max), rule_max, run_max }
    }

    /// A new rule begins.
    pub fn next_rule(&self) {
        let run = self.run.get() - (self.rule_max.min(self.run.get()) - self.rule.get());
        self.run.set(run);
        self.rule.set(self.rule_max.min(run));
    }

    /// Takes these steps, before they are done.
    ///
    /// # Errors
    /// There are not so many left. None is taken then: what is not done costs nothing.
    #[inline]
    pub fn spend(&self, steps: u64) -> Result<(), OverBudget> {
        match self.rule.get().checked_sub(steps) {
            Some(left) => {
                self.rule.set(left);
                Ok(())
            }
            None => Err(OverBudget),
        }
    }

    /// Takes what looking at these bytes costs.
    ///
    /// # Errors
    /// As [`Meter::spend`].
    #[inline]
    pub fn look(&self, bytes: usize) -> Result<(), OverBudget> {
        self.spend(bytes as u64 + 1)
    }

    /// Takes what searching these bytes for a pattern costs, if the sets of states that it meets are remembered.
    ///
    /// # Errors
    /// As [`Meter::spend`].
    #[inline]
    pub fn search(&self, bytes: usize) -> Result<(), OverBudget> {
        self.spend((bytes as u64 + 1).saturating_mul(STEPS_A_BYTE_SEARCHED))
    }

    /// Takes what it has cost to find out sets of states of so many bytes.
    ///
    /// # Errors
    /// As [`Meter::spend`], but what is left is taken then: this has been done already.
    pub fn remembered(&self, bytes: usize) -> Result<(), OverBudget> {
        let spent = self.spend((bytes as u64).saturating_mul(STEPS_A_BYTE_REMEMBERED));
        if spent.is_err() {
            self.rule.set(0);
        }
        spent
    }

    /// Takes what searching these bytes costs if each of so many states is followed on its own.
    ///
    /// # Errors
    /// As [`Meter::spend`].
    pub fn follow(&self, bytes: usize, states: usize) -> Result<(), OverBudget> {
        self.spend((bytes as u64 + 1).saturating_mul(states as u64 + 1).saturating_mul(STEPS_A_STATE))
    }

    /// Steps that all rules have taken.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.run_max - self.run.get() + (self.rule_max.min(self.run.get()) - self.rule.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_over_its_budget_leaves_the_next_its_own() {
        let meter = Meter::of(10, 25);
        assert_eq!(meter.spend(10), Ok(()));
        assert_eq!(meter.spend(1), Err(OverBudget));
        meter.next_rule();
        assert_eq!(meter.spend(11), Err(OverBudget));
        assert_eq!(meter.spent(), 10);
        meter.next_rule();
        assert_eq!(meter.spend(10), Ok(()));
        meter.next_rule();
        assert_eq!(meter.spend(6), Err(OverBudget));
        assert_eq!(meter.spend(5), Ok(()));
        assert_eq!(meter.spend(1), Err(OverBudget));
        meter.next_rule();
        assert_eq!(meter.spend(1), Err(OverBudget));
        assert_eq!(meter.spent(), 25);
    }
}
