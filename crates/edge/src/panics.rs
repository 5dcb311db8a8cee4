//! Panics: kept to what they concern, and told with their place.
//!
//! On a worker's thread every panic is caught by somebody who knows what it cost and says so in one line.
//! There the standard library's own message would be a second line without release, zone and stage, so the
//! hook keeps it for the one who catches.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is kept of a panic's text. It may hold what a visitor sent.
const TEXT_BYTES_MAX: usize = 300;

/// Panics of this process, wherever.
static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// The panic that is on its way to whoever catches it.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub struct Panic {
    /// What it said, and where in the source; cut where it is long.
    pub text: String,
}

/// Panics of this process so far.
#[must_use]
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Has panics counted from now on. Once a process.
pub fn watch() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        if !keep(info) {
            before(info);
        }
    }));
}

/// Promises that on this thread every panic is caught by [`caught`] or [`catch`], and told.
pub fn guard_this_thread() {
    IS_GUARDED.set(true);
}

/// Keeps a panic's text for the one who catches it; `false` if nobody will. That is so too while another one
/// is on its way: two at once end the process.
fn keep(info: &PanicHookInfo<'_>) -> bool {
    let is_guarded = IS_GUARDED.try_with(Cell::get).unwrap_or(false);
    is_guarded
        && LAST.try_with(|last| match last.try_borrow_mut() {
            Ok(mut last) if last.is_none() => {
                *last = Some(text(info));
                true
            }
            Ok(_) | Err(_) => false,
        }) == Ok(true)
}

fn text(info: &PanicHookInfo<'_>) -> String {
    let mut text = info.payload_as_str().unwrap_or("no text").to_owned();
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    if let Some(place) = info.location() {
        text.push_str(&format!(" ({}:{})", place.file(), place.line()));
    }
    text
}

/// Runs this to its end, or to its panic.
///
/// Whatever it was about to change may be half changed: the caller gives up what belongs to this one
/// exchange, and keeps only what no panic can tear (cells, counters, whole pointers).
///
/// # Errors
/// It panicked.
pub fn catch<T>(act: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|payload| Panic::of(payload.as_ref()))
}

/// The same for a future: `Err` once it panics, and it is not polled again. It is pinned by the caller, so
/// that it takes room only once.
pub fn caught<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Result<F::Output, Panic>> {
    poll_fn(move |cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
}

impl Panic {
    #[cold]
    fn of(payload: &(dyn Any + Send)) -> Self {
        let kept = LAST.with_borrow_mut(Option::take);
        let text = kept.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Self { text: text.unwrap_or_else(|| "no text".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_future_that_panics_ends_and_what_surrounds_it_goes_on() {
        let mut polls = 0;
        let future = pin!(poll_fn(|_| -> Poll<()> {
            polls += 1;
            assert!(polls < 2, "the second time");
            Poll::Pending
        }));
        let mut guarded = pin!(caught(future));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(guarded.as_mut().poll(&mut cx).is_pending());
        let Poll::Ready(Err(_)) = guarded.as_mut().poll(&mut cx) else { panic!("it ends") };
    }
}
