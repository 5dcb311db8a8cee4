//! When an edge that has died is followed by another, and with what it begins.

use std::time::Duration;

const DELAY_MS_MIN: u64 = 100;
const DELAY_MS_MAX: u64 = 5_000;
/// So many crashes in a row, each soon after a start, are a loop.
const LOOP_CRASHES: u32 = 3;

/// Counts the edges that died soon after their start.
pub(super) struct Crashes {
    window: Duration,
    /// In a row; for the delay.
    in_row: u32,
    /// Since something was changed about it.
    in_loop: u32,
}

/// What to do after a crash.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Restart {
    /// How long to wait: not at all the first time, then twice as long each time.
    pub(super) delay: Duration,
    /// Whether the same again would only crash again.
    pub(super) is_loop: bool,
}

impl Crashes {
    /// An edge that lived for this window, or longer, died of something else than its start.
    pub(super) fn within(window: Duration) -> Self {
        Self { window, in_row: 0, in_loop: 0 }
    }

    /// One more, after a life of so long.
    pub(super) fn after_life_of(&mut self, life: Duration) -> Restart {
        if life >= self.window {
            (self.in_row, self.in_loop) = (0, 0);
        }
        let delay_ms = match self.in_row {
            0 => 0,
            more => DELAY_MS_MIN.saturating_mul(1 << (more - 1).min(16)).min(DELAY_MS_MAX),
        };
        self.in_row = self.in_row.saturating_add(1);
        if life < self.window {
            self.in_loop += 1;
        }
        let is_loop = self.in_loop >= LOOP_CRASHES;
        if is_loop {
            self.in_loop = 0;
        }
        Restart { delay: Duration::from_millis(delay_ms), is_loop }
    }

    /// Whether an edge that has lived for so long has shown that it can.
    pub(super) fn is_outlived_by(&self, life: Duration) -> bool {
        life >= self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lives_ms: &[u64]) -> Vec<(u128, bool)> {
        let mut crashes = Crashes::within(Duration::from_secs(60));
        let restarts = lives_ms.iter().map(|ms| crashes.after_life_of(Duration::from_millis(*ms)));
        restarts.map(|restart| (restart.delay.as_millis(), restart.is_loop)).collect()
    }

    #[test]
    fn the_first_restart_is_at_once_and_later_ones_wait_longer_up_to_five_seconds() {
        let delays: Vec<u128> = after(&[1; 9]).into_iter().map(|(delay, _)| delay).collect();
        assert_eq!(delays, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn the_third_crash_in_a_row_is_a_loop_and_counting_begins_anew() {
        let loops: Vec<bool> = after(&[1; 7]).into_iter().map(|(_, is_loop)| is_loop).collect();
        assert_eq!(loops, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn a_life_as_long_as_the_window_resets_both_and_one_millisecond_less_does_not() {
        assert_eq!(after(&[1, 1, 59_999]), [(0, false), (100, false), (200, true)]);
        let long = after(&[1, 1, 60_000, 1, 1, 1]);
        assert_eq!(long, [(0, false), (100, false), (0, false), (100, false), (200, false), (400, true)]);
    }

    #[test]
    fn the_delay_stays_bounded_however_often_it_dies() {
        let mut crashes = Crashes { in_row: u32::MAX, ..Crashes::within(Duration::from_secs(60)) };
        assert_eq!(crashes.after_life_of(Duration::ZERO).delay.as_millis(), 5000);
    }
}
