//! A deadline that costs a store to move.
//!
//! A proxied request passes several deadlines (head, connect, answer, write, idle) and reaches none of
//! them. Arming and disarming a timer for each would cost more than parsing the request does. So a
//! connection owns one timer, armed lazily: moving the deadline later only stores the new moment, and when
//! the timer fires early it is armed again for what is then due.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::Sleep;

/// One movable deadline.
#[derive(Debug, Default)]
pub struct Deadline {
    at: Option<Instant>,
    armed: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who the timer wakes: it need not be told again.
    wakes: Option<Waker>,
}

impl Deadline {
    /// From now on the deadline is this moment.
    pub const fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    /// From now on there is none.
    pub const fn clear(&mut self) {
        self.at = None;
    }

    /// Forgets the timer too, which belongs to the runtime in which it was first waited on: to be called
    /// before the deadline goes to another one.
    pub fn detach(&mut self) {
        *self = Self::default();
    }

    /// Whether the deadline has passed; if not, the task is woken when it has.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        loop {
            // Only an earlier deadline touches the timer; a later one is found when it fires.
            if self.armed.is_none_or(|armed| armed > at) {
                self.arm(at);
            }
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            if !timer.is_elapsed() && self.wakes.as_ref().is_some_and(|wakes| wakes.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if timer.as_mut().poll(cx).is_pending() {
                self.wakes = Some(cx.waker().clone());
                return Poll::Pending;
            }
            self.wakes = None;
            if self.armed.is_some_and(|armed| armed >= at) {
                // Fired for this very deadline. It has to be armed anew for another.
                self.armed = None;
                return Poll::Ready(());
            }
            self.armed = None;
        }
    }

    fn arm(&mut self, at: Instant) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(at.into()),
            None => self.timer = Some(Box::pin(tokio::time::sleep_until(at.into()))),
        }
        // The timer registers itself anew when it is polled next.
        self.wakes = None;
        self.armed = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn it_passes_at_its_moment_however_often_it_was_moved() {
        paused().block_on(async {
            let begun = now();
            let mut deadline = Deadline::default();
            deadline.set(begun + Duration::from_secs(10));
            poll_fn(|cx| {
                assert!(deadline.poll_passed(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            deadline.set(begun + Duration::from_secs(60));
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!((now() - begun).as_secs(), 60, "moved later");
            deadline.set(now() + Duration::from_secs(100));
            poll_fn(|cx| {
                assert!(deadline.poll_passed(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            let begun = now();
            deadline.set(begun + Duration::from_secs(5));
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!((now() - begun).as_secs(), 5, "moved earlier");
        });
    }

    #[test]
    fn detached_it_serves_another_runtime_after_the_end_of_its_first() {
        let mut deadline = Deadline::default();
        for _ in 0..2 {
            paused().block_on(async {
                deadline.set(now() + Duration::from_secs(1));
                poll_fn(|cx| deadline.poll_passed(cx)).await;
            });
            deadline.detach();
        }
    }

    #[test]
    fn cleared_it_never_passes() {
        paused().block_on(async {
            let mut deadline = Deadline::default();
            deadline.set(now());
            deadline.clear();
            let never = poll_fn(|cx| deadline.poll_passed(cx));
            assert!(tokio::time::timeout(Duration::from_secs(3600), never).await.is_err());
        });
    }
}
