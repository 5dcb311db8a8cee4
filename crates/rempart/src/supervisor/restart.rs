//! When an edge that has died is started again.

use std::time::Duration;

const DELAY_MS_MIN: u64 = 100;
const DELAY_MS_MAX: u64 = 5_000;
/// An edge that lived so long died of something else than its start.
const HEALTHY_LIFE_MS: u64 = 60_000;

/// At once the first time, then with delays that double.
#[derive(Default)]
pub(crate) struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// How long to wait before the next start, after an edge that lived for so long.
    pub(crate) fn after_life_of(&mut self, life: Duration) -> Duration {
        if life >= Duration::from_millis(HEALTHY_LIFE_MS) {
            self.deaths = 0;
        }
        let delay_ms = match self.deaths {
            0 => 0,
            deaths => DELAY_MS_MIN.saturating_mul(1 << (deaths - 1).min(16)).min(DELAY_MS_MAX),
        };
        self.deaths = self.deaths.saturating_add(1);
        Duration::from_millis(delay_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays_ms(backoff: &mut Backoff, lives_ms: &[u64]) -> Vec<u128> {
        lives_ms.iter().map(|ms| backoff.after_life_of(Duration::from_millis(*ms)).as_millis()).collect()
    }

    #[test]
    fn the_first_restart_is_at_once_and_later_ones_wait_longer_up_to_five_seconds() {
        let delays = delays_ms(&mut Backoff::default(), &[1; 9]);
        assert_eq!(delays, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn a_life_of_a_minute_resets_the_delay_and_one_millisecond_less_does_not() {
        let delays = delays_ms(&mut Backoff::default(), &[1, 1, 59_999, 60_000, 1]);
        assert_eq!(delays, [0, 100, 200, 0, 100]);
    }

    #[test]
    fn the_delay_stays_bounded_however_often_it_dies() {
        let mut backoff = Backoff { deaths: u32::MAX };
        assert_eq!(backoff.after_life_of(Duration::ZERO).as_millis(), 5000);
    }
}
